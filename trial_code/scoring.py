"""How good a model is: always judged on rows that it was not fitted on."""

from collections.abc import Iterator

import numpy as np
from concrete_data import SEED, Array
from sklearn.base import clone
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline

FOLDS = 5


def rmse(truth: Array, predicted: Array) -> float:
    """The root of the mean squared error, in the unit of the data."""
    return float(np.sqrt(np.mean((truth - predicted) ** 2)))


def running_errors(model: Pipeline, features: Array, strengths: Array) -> Iterator[float]:
    """The mean RMSE over the folds so far, after each of five folds; always the same folds.

    A fresh copy of the whole pipeline is fitted for each fold, so that the rows it is judged on
    are new to the transformer, too.
    """
    errors: list[float] = []
    for fitted, held_out in KFold(FOLDS, shuffle=True, random_state=SEED).split(features):
        candidate = clone(model).fit(features[fitted], strengths[fitted])
        errors.append(rmse(strengths[held_out], candidate.predict(features[held_out])))
        yield float(np.mean(errors))
