"""Importance: how much of the differences in the objective goes with each hyperparameter alone.

Measured on the ranks of the objective, so that a few failures with huge losses do not decide: the
share of their variance between classes of the hyperparameter's values, corrected for what classes
explain by chance (epsilon squared: Kelley 1935, doi:10.1073/pnas.21.9.554). It estimates the first
Sobol' index from given data (Plischke, Borgonovo and Smith 2013, doi:10.1016/j.ejor.2012.11.047).
What two hyperparameters do only together is not seen.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from app.sweep.document import SweepDocument
from app.sweep.record import Outcome
from app.sweep.search_space import Scalar
from app.sweep.state import TrialStatus
from app.views.axes import hyperparameters
from app.views.shape import Axis, Row, Series

FEWEST = 5
"""Trials below which nothing is said of a hyperparameter."""
_PER_CLASS = 5
_MOST_CLASSES = 20
_REPEATED = 2
"""Trials for each value of a choice, on average, below which its values say nothing of their own."""
_COUNTED = (TrialStatus.COMPLETED, TrialStatus.EARLY_TERMINATED)
_HYPERPARAMETER = Axis(name="hyperparameter", label="hyperparameter", type="category")
_IMPORTANCE = Axis(name="importance", label="importance", domain=[0, 1])
_CORRELATION = Axis(name="correlation", label="rank correlation", domain=[-1, 1])
_TRIALS = Axis(name="trials", label="trials")

Floats = npt.NDArray[np.float64]


def importance(
    document: SweepDocument, outcomes: Sequence[Outcome]
) -> tuple[list[Axis], list[Series]]:
    """Series "importance": hyperparameter, share from 0 to 1, rank correlation, trials used.

    The share is null where there are fewer than 5 trials, all have the same value, or hardly two
    the same of values without an order; the correlation (Spearman's) is null without an order.
    """
    counted = [each for each in outcomes if each.status in _COUNTED and each.objective is not None]
    rows: list[Row] = []
    axes = hyperparameters(document)
    for axis in axes:
        having = [each for each in counted if axis.label in each.parameters]
        values = [each.parameters[axis.label] for each in having]
        losses = np.array([each.objective for each in having], dtype=float)
        rows.append((axis.label, *_relation(axis, values, losses), len(having)))
    rows.sort(key=lambda row: (row[1] is None, -float(row[1] or 0.0)))
    domain = [axis.label for axis in axes]
    named = Axis(name="hyperparameter", label="hyperparameter", type="category", domain=domain)
    shown = [named, _IMPORTANCE, _CORRELATION, _TRIALS]
    series = Series(name="importance", axes=[axis.name for axis in shown], points=rows)
    return shown, [series]


def explained(classes: npt.NDArray[np.int64], figures: Floats) -> float:
    """Share of the variance of `figures` between classes, from 0 to 1, corrected for chance.

    Args:
        classes: of shape (n,), numbers from 0.
        figures: of shape (n,), not all equal; ranks, of which no difference is lost in squares.
    """
    count = len(figures)
    sizes = np.bincount(classes)
    used = int((sizes > 0).sum())
    if used >= count:
        return 0.0
    means = np.bincount(classes, figures) / np.maximum(sizes, 1)
    total = float(((figures - figures.mean()) ** 2).sum())
    within = float(((figures - means[classes]) ** 2).sum())
    share = 1.0 - (within / (count - used)) / (total / (count - 1))
    return min(1.0, max(0.0, share))


def ranks(figures: Sequence[float] | Floats) -> Floats:
    """Ranks from 0; equal figures share the mean of theirs."""
    _, places, counts = np.unique(np.asarray(figures), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: Floats = (ends - counts + ends - 1) / 2.0
    shared: Floats = means[places]
    return shared


def _relation(
    axis: Axis, values: Sequence[Scalar], losses: Floats
) -> tuple[float | None, float | None]:
    ranked = ranks(losses)
    if len(values) < FEWEST or len(set(values)) == 1 or np.ptp(ranked) == 0:
        return None, None
    numbers = _numbers(values)
    correlation = None if numbers is None else _correlation(ranks(numbers), ranked)
    categories = len(set(map(repr, values)))
    if axis.type == "category" and _REPEATED * categories <= len(values):
        _, classes = np.unique([repr(value) for value in values], return_inverse=True)
    elif numbers is not None:
        classes = _quantiles(numbers)
    else:
        return None, correlation
    return round(explained(classes, ranked), 4), correlation


def _numbers(values: Sequence[Scalar]) -> Floats | None:
    """The values as numbers; None when some are none, too great, or all are one to a float."""
    if any(isinstance(value, str | bool) for value in values):
        return None
    try:
        numbers = np.array([float(value) for value in values])
    except OverflowError:
        return None
    return numbers if numbers.max() > numbers.min() else None


def _correlation(a: Floats, b: Floats) -> float:
    return round(float(np.corrcoef(a, b)[0, 1]), 4)


def _quantiles(numbers: Floats) -> Any:  # noqa: ANN401 - numpy does not tell the type of a cut
    """Classes of about equal size; equal numbers are of one class."""
    count = max(2, min(_MOST_CLASSES, len(numbers) // _PER_CLASS))
    return np.minimum((ranks(numbers) * count / len(numbers)).astype(np.int64), count - 1)
