"""Fits the data transformer and a baseline model, and writes the split as folders.

The step before a sweep: its outputs are what `optimize.py` takes as --train_X, --train_y,
--test_X, --test_y, --data_transformer and --model.
"""

import argparse
import pickle
from pathlib import Path

from concrete_data import SEED, read_csv, split, write_folder
from data_transformer_builder import build_data_transformer
from scoring import rmse
from sklearn.ensemble import BaggingRegressor


def main(arguments: list[str] | None = None) -> None:
    """Run the step with the given command-line arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data/concrete.csv"), metavar="CSV")
    parser.add_argument("--output", type=Path, default=Path("outputs"), metavar="DIR")
    options = parser.parse_args(arguments)

    parts = split(*read_csv(options.data))
    for name, data in parts._asdict().items():
        write_folder(options.output / name, data)

    transformer = build_data_transformer().fit(parts.train_X)
    model = BaggingRegressor(random_state=SEED)
    model.fit(transformer.transform(parts.train_X), parts.train_y)
    for name, fitted in (("data_transformer", transformer), ("concrete_model", model)):
        with (options.output / f"{name}.pkl").open("wb") as file:
            pickle.dump(fitted, file)

    error = rmse(parts.test_y, model.predict(transformer.transform(parts.test_X)))
    print(f"baseline: held-out RMSE {error:.3f} MPa; written to {options.output}")


if __name__ == "__main__":
    main()
