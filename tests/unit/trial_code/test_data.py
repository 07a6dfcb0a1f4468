"""The data, its split and its transformer."""

import pickle
from pathlib import Path

import numpy as np
import train_baseline
from concrete_data import read_csv, read_features, read_strengths, split
from data_transformer_builder import RAW_COLUMNS, build_data_transformer

CSV = Path(__file__).parents[3] / "trial_code" / "data" / "concrete.csv"


def test_the_columns_are_those_of_the_file() -> None:
    """1,030 rows of eight features and the strength."""
    header = CSV.read_text().splitlines()[0].split(",")
    assert header == [*RAW_COLUMNS, "compressive_strength"]
    features, strengths = read_csv(CSV)
    assert features.shape == (1030, 8)
    assert strengths.shape == (1030,)


def test_the_split_holds_a_stratified_fifth_out() -> None:
    """Each class of cement has its share on both sides, and the split is always the same."""
    parts = split(*read_csv(CSV))
    assert len(parts.test_X) == len(parts.test_y) == 206
    shares = [
        np.bincount(np.ceil(rows[:, 0] / 540 * 5).astype(int), minlength=6) / len(rows)
        for rows in (parts.train_X, parts.test_X)
    ]
    assert np.abs(shares[0] - shares[1]).max() < 0.005
    again = split(*read_csv(CSV))
    assert all(np.array_equal(a, b) for a, b in zip(parts, again, strict=True))


def test_both_aggregates_become_one_standardised_feature() -> None:
    """Seven features, the last of them the sum, each with mean 0 and deviation 1."""
    features, _ = read_csv(CSV)
    transformer = build_data_transformer()
    done = transformer.fit_transform(features)
    assert done.shape == (1030, 7)
    assert np.allclose(done.mean(axis=0), 0)
    assert np.allclose(done.std(axis=0), 1)
    total = features[:, 5] + features[:, 6]
    assert np.allclose(done[:, -1], (total - total.mean()) / total.std())
    assert list(transformer.get_feature_names_out())[-1] == "aggregate"
    copy = pickle.loads(pickle.dumps(transformer))
    assert np.array_equal(copy.transform(features), done)


def test_the_baseline_step_writes_folders_that_read_back_exactly(tmp_path: Path) -> None:
    """data.txt has no header; strengths come back as a vector."""
    train_baseline.main(["--data", str(CSV), "--output", str(tmp_path / "made" / "here")])
    parts = split(*read_csv(CSV))
    folder = tmp_path / "made" / "here"
    assert np.array_equal(read_features(folder / "train_X"), parts.train_X)
    assert np.array_equal(read_features(folder / "test_X"), parts.test_X)
    assert np.array_equal(read_strengths(folder / "train_y"), parts.train_y)
    assert read_strengths(folder / "test_y").shape == (206,)
    assert len((folder / "train_X" / "data.txt").read_text().splitlines()) == len(parts.train_X)
    for name in ("data_transformer", "concrete_model"):
        assert (folder / f"{name}.pkl").is_file()
