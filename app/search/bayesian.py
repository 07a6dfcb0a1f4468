"""Bayesian sampling: the next trial where a model of the finished ones promises most.

Everything is a function of the space, the seed, the trial's number and what has finished or runs,
so the trials are the same after a restart. What an object keeps from one call to the next only
saves time.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from app.search.acquisition import Search, log_improvement
from app.search.candidates import drawn, everywhere, trusted
from app.search.design import Design, Key, every_point, key_of
from app.search.draw import Space, dimensions, parameters_at
from app.search.encoding import Array, Encoding
from app.search.gaussian_process import Hyperparameters, Posterior, fitted
from app.search.targets import chosen, learnt_size, targets
from app.sweep.search_space import Scalar, cardinality

_FEWEST_INITIAL, _MOST_INITIAL = 5, 20
_SMALL = 2048
"""A space with no more points than this is looked through whole."""

_LEARNT = 250
"""No more trials than this enter the model."""

_FITTED = 150
"""No more trials than this decide its hyperparameters."""

_LOCAL_OF = 3
"""One trial of so many is looked for in the whole space, the others near the best."""

_SPREAD = 64
"""Points of the design among the candidates: they are allowed, however few points are."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A finished trial.

    Attributes:
        parameters: its active hyperparameters, flat.
        loss: smaller is better; None when it failed or has no finite value.

    Raises:
        ValueError: the loss is not finite.
    """

    parameters: Mapping[str, Scalar]
    loss: float | None

    def __post_init__(self) -> None:
        if self.loss is not None and not math.isfinite(self.loss):
            raise ValueError(f"a loss of {self.loss} is none; it is to be given as None")


@dataclass(frozen=True, slots=True)
class _Model:
    """What is known when a trial is drawn.

    Attributes:
        posterior: running trials taken as if they had come out as expected.
        best: the least expected target of a finished or running trial.
        ranked: the coordinates of the finished trials it has learnt from, the best first.
        targets: of all finished trials.
        given: the hyperparameters.
    """

    posterior: Posterior
    best: float
    ranked: Array
    targets: Array
    given: Hyperparameters


def _anything(_: Mapping[str, Scalar]) -> bool:
    return True


class BayesianSampler:
    """Draws the trials of one sweep.

    Args:
        space: the search space; every expression is taken.
        seed: of the sweep.
        base: the base of the log expressions.
        allowed: whether parameters satisfy the constraints.

    Attributes:
        initial: trials numbered below this depend on the seed and their number only.
    """

    slow: ClassVar[bool] = True

    def __init__(
        self,
        space: Space,
        seed: int,
        base: float = math.e,
        allowed: Callable[[Mapping[str, Scalar]], bool] = _anything,
    ) -> None:
        self._space, self._seed, self._base, self._allowed = space, seed, base, allowed
        self._encoding = Encoding(space, base)
        self._design = Design(space, seed, base, allowed)
        self._coordinates: dict[Key, list[float]] = {}
        self._fit: tuple[object, Hyperparameters] | None = None
        self._listed: tuple[list[dict[str, Scalar]], list[Key], Array] | None = None
        wanted = dimensions(space) + 2
        self.initial = min(max(wanted, _FEWEST_INITIAL), _MOST_INITIAL)

    def draw(
        self,
        number: int,
        finished: Sequence[Observation],
        pending: Sequence[Mapping[str, Scalar]],
    ) -> dict[str, Scalar] | None:
        """The parameters of a trial.

        Args:
            number: of the trial, from 0.
            finished: the trials that have ended, in the order in which they did.
            pending: the parameters of those that run, in the order of their numbers.

        Returns:
            The active hyperparameters, flat; from `initial` on none that is finished or pending.
            None when every allowed point is, or when no allowed point is found any more.

        Raises:
            ValueError: a trial's parameters are not of this space.
        """
        if number < self.initial:
            return self._design.point(number)
        used = {key_of(trial.parameters) for trial in finished} | set(map(key_of, pending))
        if all(trial.loss is None for trial in finished):
            return self._design.unused(number, used)
        model = self._model(finished, pending)
        size = cardinality(self._space, self._base)
        if size is not None and size <= _SMALL:
            return self._best_listed(model, used)
        return self._best_found(number, model, used) or self._design.unused(number, used)

    def _model(
        self, finished: Sequence[Observation], pending: Sequence[Mapping[str, Scalar]]
    ) -> _Model:
        categorical = self._encoding.categorical
        points = self._points([trial.parameters for trial in finished])
        losses = [trial.loss for trial in finished]
        given = self._hyperparameters(points, losses)
        wanted = targets(losses)
        kept = chosen(wanted, _LEARNT)
        seen, known = points[kept], wanted[kept]
        features = self._encoding.features(seen)
        posterior = Posterior(features, known, categorical, given)
        expected, _ = posterior.at(features)
        ranked = seen[np.argsort(expected, kind="stable")]
        best = float(expected.min())
        if pending:
            running = self._encoding.features(self._points(pending))
            believed, _ = posterior.at(running)
            together = np.concatenate([features, running])
            posterior = Posterior(together, np.concatenate([known, believed]), categorical, given)
            best = min(best, float(believed.min()))
        return _Model(posterior, best, ranked, wanted, given)

    def _points(self, trials: Sequence[Mapping[str, Scalar]]) -> Array:
        for trial in trials:
            key = key_of(trial)
            if key not in self._coordinates:
                self._coordinates[key] = self._encoding.point(trial)
        return np.array([self._coordinates[key_of(trial)] for trial in trials])

    def _hyperparameters(self, points: Array, losses: Sequence[float | None]) -> Hyperparameters:
        """Fitted to the trials that had ended at the last size of the series; kept until then."""
        size = learnt_size(len(losses))
        while all(loss is None for loss in losses[:size]):
            size += 1
        basis = (points[:size].tobytes(), tuple(losses[:size]))
        if self._fit is None or self._fit[0] != basis:
            wanted = targets(losses[:size])
            kept = chosen(wanted, _FITTED)
            features = self._encoding.features(points[kept])
            self._fit = basis, fitted(features, wanted[kept], self._encoding.categorical)
        return self._fit[1]

    def _best_listed(self, model: _Model, used: Collection[Key]) -> dict[str, Scalar] | None:
        """The best of all points of a small space."""
        if self._listed is None:
            points = [p for p in every_point(self._space, self._base) if self._allowed(p)]
            features = self._encoding.features(self._points(points))
            self._listed = points, [key_of(point) for point in points], features
        points, keys, features = self._listed
        left = [place for place, key in enumerate(keys) if key not in used]
        if not left:
            return None
        values, _ = log_improvement(*model.posterior.at(features[left]), model.best)
        return dict(points[left[int(np.argmax(values))]])

    def _best_found(
        self, number: int, model: _Model, used: Collection[Key]
    ) -> dict[str, Scalar] | None:
        """The best point that a search finds: in the trust region or everywhere."""
        categorical = self._encoding.categorical
        generator = np.random.default_rng(np.random.SeedSequence([self._seed, number]))

        def accept(point: Array) -> bool:
            parameters = self._parameters(point)
            return key_of(parameters) not in used and self._allowed(parameters)

        boxes = [everywhere(len(categorical))]
        if number % _LOCAL_OF:
            scales = model.given.scales
            boxes.insert(0, trusted(model.targets, model.ranked[0], scales, categorical))
        for box in boxes:
            candidates = drawn(box, model.ranked, categorical, generator)
            if box.centre is None:
                candidates = np.concatenate([candidates, self._spread(number)])
            search = Search(self._encoding, model.posterior, model.best, box, accept, generator)
            point = search.best_of(candidates)
            if point is not None:
                return self._parameters(point)
        return None

    def _spread(self, number: int) -> Array:
        points = [self._design.point(place) for place in range(number, number + _SPREAD)]
        coordinates = [self._encoding.point(point) for point in points if point is not None]
        return np.array(coordinates).reshape(-1, len(self._encoding.columns))

    def _parameters(self, point: Array) -> dict[str, Scalar]:
        return parameters_at(self._space, [float(u) for u in point], self._base)
