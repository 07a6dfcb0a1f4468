"""The trial: fits a BaggingRegressor with the given hyperparameters and logs how good it is.

Logs `sqrt_mse`, the running mean of five-fold cross-validated RMSE over the training part, after
each fold; then fits on the whole training part, logs `held_out_rmse` where there is held-out data,
and writes `outputs/model.pkl`: transformer and regressor together, which predict from raw columns.
"""

import argparse
import pickle
from pathlib import Path
from typing import Any

import mlflow
from concrete_data import SEED, Array, read_csv, read_features, read_strengths, split
from data_transformer_builder import build_data_transformer
from scoring import FOLDS, rmse, running_errors
from sklearn.base import clone
from sklearn.ensemble import BaggingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline

BASE_ESTIMATORS = ("LinearRegression", "RandomForestRegressor", "KNeighborsRegressor")
_TRUE = frozenset({"1", "true", "yes"})
_FALSE = frozenset({"0", "false", "no"})


def main(arguments: list[str] | None = None) -> None:
    """Run one trial with the given command-line arguments."""
    options = _options(arguments)
    train_features, train_strengths, held_out = _data(options)
    model = _model(options)
    mlflow.log_params(
        {
            "base_estimator": options.base_estimator,
            "n_estimators": options.n_estimators,
            "max_samples": options.max_samples,
            "max_features": options.max_features,
            "bootstrap": options.bootstrap,
        }
    )
    for fold, error in enumerate(running_errors(model, train_features, train_strengths), start=1):
        mlflow.log_metric("sqrt_mse", error, step=fold)
        print(f"fold {fold} of {FOLDS}: sqrt_mse {error:.4f}", flush=True)

    model.fit(train_features, train_strengths)
    if held_out is not None:
        held_out_rmse = rmse(held_out[1], model.predict(held_out[0]))
        mlflow.log_metric("held_out_rmse", held_out_rmse)
        print(f"held-out RMSE {held_out_rmse:.4f} MPa", flush=True)
    path = Path("outputs", "model.pkl")
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        pickle.dump(model, file)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--base_estimator", choices=BASE_ESTIMATORS, default="LinearRegression")
    add("--n_estimators", type=_count, default=10, help="models in the bag (default: 10)")
    add("--max_samples", type=_fraction, default=1.0, help="of the rows, for each (default: 1.0)")
    add("--max_features", type=_fraction, default=1.0, help="of the features (default: 1.0)")
    add("--bootstrap", type=_boolean, default=True, help="draw rows with replacement: 1 or 0")
    add("--forest_trees", type=_count, default=10, help="trees in a base forest (default: 10)")
    data = parser.add_argument_group("data", "either the CSV, or the folders of train_baseline.py")
    data.add_argument("--data", type=Path, metavar="CSV", help="split here; a fifth is held out")
    data.add_argument("--train_X", type=Path, metavar="DIR")
    data.add_argument("--train_y", type=Path, metavar="DIR")
    data.add_argument("--test_X", type=Path, metavar="DIR", help="held-out rows, if any")
    data.add_argument("--test_y", type=Path, metavar="DIR")
    registered = parser.add_argument_group("registered models", "copied unfitted; fresh by default")
    registered.add_argument("--data_transformer", type=Path, metavar="PATH")
    registered.add_argument("--model", type=Path, metavar="PATH", help="a BaggingRegressor")
    options = parser.parse_args(arguments)
    folders = (options.train_X, options.train_y)
    if (options.data is None) == (folders == (None, None)):
        parser.error("give either --data CSV or --train_X DIR and --train_y DIR")
    if None in folders and options.data is None:
        parser.error("--train_X and --train_y belong together")
    if (options.test_X is None) != (options.test_y is None):
        parser.error("--test_X and --test_y belong together")
    if options.data is not None and options.test_X is not None:
        parser.error("--data holds its own fifth out; --test_X and --test_y go with the folders")
    return options


def _data(options: argparse.Namespace) -> tuple[Array, Array, tuple[Array, Array] | None]:
    """Training features and strengths, and the held-out ones if there are any."""
    if options.data is not None:
        parts = split(*read_csv(options.data))
        return parts.train_X, parts.train_y, (parts.test_X, parts.test_y)
    held_out = None
    if options.test_X is not None:
        held_out = (read_features(options.test_X), read_strengths(options.test_y))
    return read_features(options.train_X), read_strengths(options.train_y), held_out


def _model(options: argparse.Namespace) -> Pipeline:
    """The unfitted pipeline from raw columns to strengths."""
    fresh = options.data_transformer is None
    transformer = build_data_transformer() if fresh else clone(_load(options.data_transformer))
    bag = BaggingRegressor() if options.model is None else clone(_load(options.model))
    bag.set_params(
        estimator=_base_estimator(options.base_estimator, options.forest_trees),
        n_estimators=options.n_estimators,
        max_samples=options.max_samples,
        max_features=options.max_features,
        bootstrap=options.bootstrap,
        random_state=SEED,
    )
    return Pipeline([("data_transformer", transformer), ("model", bag)])


def _base_estimator(name: str, forest_trees: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
    match name:
        case "LinearRegression":
            return LinearRegression()
        case "KNeighborsRegressor":
            return KNeighborsRegressor()
        case _:
            return RandomForestRegressor(n_estimators=forest_trees)


def _load(path: Path) -> Any:  # noqa: ANN401 - scikit-learn has no types
    with path.open("rb") as file:
        return pickle.load(file)  # noqa: S301 - the author's own registered model  # nosec B301


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise argparse.ArgumentTypeError(f"{text!r} is neither 1 (true, yes) nor 0 (false, no)")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def _fraction(text: str) -> float:
    number = float(text)
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not in (0, 1]")
    return number


if __name__ == "__main__":
    main()
