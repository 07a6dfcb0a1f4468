"""The concrete data: read from the CSV or from folders, split the same way everywhere."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

Array = NDArray[np.float64]
SEED = 42
_MOST_CEMENT = 540.0
"""kg per cubic metre: the largest value in the data."""
_STRATA = 5
_FILE = "data.txt"


class Split(NamedTuple):
    """Features (rows of the eight raw columns) and strengths (vectors), 80 % and 20 %."""

    train_X: Array  # noqa: N815 - the names of the folders
    test_X: Array  # noqa: N815
    train_y: Array
    test_y: Array


def read_csv(path: Path) -> tuple[Array, Array]:
    """The features and the strengths of concrete.csv: eight columns, and the last one.

    Raises:
        ValueError: the file is no such table.
    """
    table = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
    return table[:, :-1], table[:, -1]


def split(features: Array, strengths: Array) -> Split:
    """Hold a fifth out, stratified by cement in five classes, always the same one."""
    strata = np.ceil(features[:, 0] / _MOST_CEMENT * _STRATA)
    parts = train_test_split(features, strengths, test_size=0.2, stratify=strata, random_state=SEED)
    return Split(*parts)


def write_folder(folder: Path, data: Array) -> None:
    """Write the rows to folder/data.txt, comma-separated and without a header."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savetxt(folder / _FILE, data, fmt="%.17g", delimiter=",")


def read_features(folder: Path) -> Array:
    """The rows of folder/data.txt."""
    return np.loadtxt(folder / _FILE, delimiter=",", ndmin=2)


def read_strengths(folder: Path) -> Array:
    """The vector in folder/data.txt, which has one column."""
    return read_features(folder).ravel()
