"""Views of a sweep: read once, kept while nothing has changed, made anew where it has."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from threading import Lock

from cachetools import LRUCache

from app.store import views as records
from app.store.database import Database
from app.store.views import Outcomes, Reports
from app.sweep.errors import FieldError, InvalidDocumentError
from app.sweep.record import Outcome
from app.sweep.state import Decision, Trial, TrialStatus
from app.views.axes import hyperparameters
from app.views.curves import FEWEST_POINTS, curve, learning_curves
from app.views.history import history
from app.views.importance import importance
from app.views.relations import parallel_coordinates, slices
from app.views.shape import Axis, Row, Series, View, ViewName
from app.views.timeline import timeline

MOST_CURVES = 2000
"""Trials that learning curves are drawn of; of more, the last ones."""
MOST_POINTS_OF_ALL = 200_000
"""Points that all curves of an answer have together; of very many curves each has fewer."""
DEFAULT_POINTS = 100
_KEPT_TRIALS = 200_000
_KEPT_POINTS = 300_000
_KEPT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewOptions:
    """What of a view is asked for.

    Attributes:
        after: an earlier view's next_after; only what has changed since. 0: everything.
        metric: of the learning curves; None: the primary one.
        points: of each learning curve at most, but for two or so.
        parameter: the only hyperparameter of the slices; None: all.
    """

    after: int = 0
    metric: str | None = None
    points: int = DEFAULT_POINTS
    parameter: str | None = None


@dataclass(frozen=True, slots=True)
class _Curves:
    """Thinned curves by trial, true after the event `newest`."""

    newest: int
    rows: Mapping[int, Sequence[Row]]


@dataclass(frozen=True, slots=True)
class TrialCurves:
    """What one trial reported.

    Attributes:
        metrics: of each, its rows: step, value, report, seconds since the trial started.
        held: rows of the thresholds that early termination held reports of the first metric
            against: step, threshold, report, None.
    """

    metrics: Mapping[str, Sequence[Row]]
    held: Sequence[Row]


class Views:
    """The views of one database; safe to use from many threads."""

    def __init__(self, db: Database) -> None:
        """Nothing is read before it is asked for."""
        self._db = db
        self._lock = Lock()
        self._loading = Lock()
        self._outcomes: LRUCache[str, Outcomes] = LRUCache(
            _KEPT_TRIALS, getsizeof=lambda found: 1 + len(found.trials)
        )
        self._curves: LRUCache[tuple[int, str, int], _Curves] = LRUCache(
            _KEPT_POINTS, getsizeof=lambda found: 1 + sum(map(len, found.rows.values()))
        )
        self._bodies: LRUCache[tuple[str, ViewName, ViewOptions], tuple[int, bytes]] = LRUCache(
            _KEPT_BYTES, getsizeof=lambda kept: len(kept[1])
        )

    def acting(self, db: Database) -> "Views":
        """The same views as somebody may see them, who reads through `db`."""
        other = copy(self)
        other._db = db  # noqa: SLF001 - one of ours
        return other

    def newest(self, sweep: str) -> int:
        """A number that changes whenever a view of the sweep does.

        Raises:
            NotFoundError: there is no such sweep.
        """
        return records.newest(self._db, sweep)

    def body(
        self, sweep: str, kind: ViewName, options: ViewOptions, encode: Callable[[View], bytes]
    ) -> tuple[int, bytes]:
        """A view as it is answered, and the number of `newest` that it belongs to.

        Raises:
            NotFoundError: there is no such sweep.
            InvalidDocumentError: an option that does not fit the sweep.
        """
        newest = self.newest(sweep)
        key = (sweep, kind, options)
        with self._lock:
            kept = self._bodies.get(key)
        if kept is not None and kept[0] == newest:
            return kept
        shown = self.view(sweep, kind, options)
        made = shown.next_after, encode(shown)
        if len(made[1]) < _KEPT_BYTES:
            with self._lock:
                self._bodies[key] = made
        return made

    def view(self, sweep: str, kind: ViewName, options: ViewOptions) -> View:
        """A view as the records are now.

        Raises:
            NotFoundError: there is no such sweep.
            InvalidDocumentError: an option that does not fit the sweep.
        """
        found = self._read(sweep)
        changed: set[int] | None = None
        if 0 < options.after <= found.newest:
            changed = records.changed(self._db, sweep, options.after)
        axes, series = self._made(sweep, kind, options, found, changed)
        return View(
            view=kind,
            sweep=sweep,
            axes=axes,
            series=series,
            next_after=found.newest,
            complete=changed is None,
        )

    def curves_of_trial(
        self, sweep: str, trial: Trial, metrics: Sequence[str], points: int
    ) -> TrialCurves:
        """Metrics of one trial, the first of which is the one that early termination judges.

        Raises:
            NotFoundError: there is no such sweep.
        """
        sweep_id = records.identified(self._db, sweep)
        curves: dict[str, list[Row]] = {}
        held: list[Row] = []
        for metric in metrics:
            for each in records.reports(self._db, sweep_id, metric, {trial.number}):
                curves[metric] = curve(
                    each.intervals, each.steps, each.values, each.times, trial.started_at, points
                )
                if metric == metrics[0]:
                    held = self._held(sweep_id, trial, each, points)
        return TrialCurves(curves, held)

    def _held(self, sweep_id: int, trial: Trial, judged: Reports, points: int) -> list[Row]:
        steps = dict(zip(judged.intervals, judged.steps, strict=True))
        found = [
            (interval, steps[interval], threshold)
            for interval, threshold in records.thresholds(
                self._db, sweep_id, trial.number, trial.attempt
            )
            if threshold is not None and interval in steps
        ]
        intervals, at, values = zip(*found, strict=True) if found else ((), (), ())
        return curve(intervals, at, values, (), None, points)

    def _made(
        self,
        sweep: str,
        kind: ViewName,
        options: ViewOptions,
        found: Outcomes,
        changed: set[int] | None,
    ) -> tuple[list[Axis], list[Series]]:
        document, trials = found.document, found.trials
        match kind:
            case "history":
                return history(document, trials, changed)
            case "parallel-coordinates":
                return parallel_coordinates(document, trials, changed)
            case "importance":
                return importance(document, trials)
            case "slice":
                _check_parameter(found, options.parameter)
                return slices(document, trials, changed, options.parameter)
            case "timeline":
                return timeline(trials)
            case "learning-curves":
                metric = options.metric or document.objective.primary_metric
                shown = trials[-MOST_CURVES:]
                points = _points_each(options.points, len(shown))
                with self._loading:
                    curves = self._curves_of(sweep, metric, points, found, shown)
                if not curves and options.metric:
                    self._check_metric(found, options.metric)
                stops: Mapping[int, Decision] = {}
                if metric == document.objective.primary_metric:
                    stops = self._stops(found.sweep_id, shown)
                return learning_curves(document, metric, shown, curves, stops, changed)

    def _read(self, sweep: str) -> Outcomes:
        newest = self.newest(sweep)
        with self._lock:
            kept = self._outcomes.get(sweep)
        if kept is not None and kept.newest == newest:
            return kept
        found = records.outcomes(self._db, sweep)
        if len(found.trials) < _KEPT_TRIALS:
            with self._lock:
                self._outcomes[sweep] = found
        return found

    def _curves_of(
        self, sweep: str, metric: str, points: int, found: Outcomes, shown: Sequence[Outcome]
    ) -> Mapping[int, Sequence[Row]]:
        """Thinned curves; only those of trials that have changed are read again."""
        key = (found.sweep_id, metric, points)
        with self._lock:
            kept = self._curves.get(key)
        if kept is not None and kept.newest == found.newest:
            return kept.rows
        started = {each.number: each.started_at for each in shown}
        wanted: set[int] | None = None if len(shown) == len(found.trials) else set(started)
        rows: dict[int, Sequence[Row]] = {}
        if kept is not None and kept.newest < found.newest:
            told = records.changed(self._db, sweep, kept.newest)
            again = started.keys() if told is None else told & started.keys()
            rows = {n: known for n, known in kept.rows.items() if n in started and n not in again}
            wanted = set(again)
        for each in records.reports(self._db, found.sweep_id, metric, wanted):
            if each.trial not in started:
                continue  # it began after its sweep's trials were read
            rows[each.trial] = curve(
                each.intervals, each.steps, each.values, each.times, started[each.trial], points
            )
        if sum(map(len, rows.values())) < _KEPT_POINTS:
            with self._lock:
                self._curves[key] = _Curves(found.newest, rows)
        return rows

    def _stops(self, sweep_id: int, trials: Sequence[Outcome]) -> dict[int, Decision]:
        """The decisions that ended the latest attempts."""
        attempts = {
            each.number: each.attempt
            for each in trials
            if each.status is TrialStatus.EARLY_TERMINATED
        }
        if not attempts:
            return {}
        decisions = records.stops(self._db, sweep_id)
        return {each.trial: each for each in decisions if attempts.get(each.trial) == each.attempt}

    def _check_metric(self, found: Outcomes, metric: str) -> None:
        names = records.metric_names(self._db, found.sweep_id)
        if metric not in names:
            _refuse("/metric", "no trial has reported it (yet)", names, metric)


def _points_each(points: int, curves: int) -> int:
    """Points for each of so many curves.

    Halved where there are too many, not shared out: with each further trial, all curves would be
    read again.
    """
    while points * curves > MOST_POINTS_OF_ALL and points > FEWEST_POINTS:
        points = max(FEWEST_POINTS, points // 2)
    return points


def _check_parameter(found: Outcomes, parameter: str | None) -> None:
    names = [axis.label for axis in hyperparameters(found.document)]
    if parameter is not None and parameter not in names:
        _refuse("/parameter", "the sweep has no such hyperparameter", names, parameter)


def _refuse(pointer: str, words: str, names: Sequence[str], value: str) -> None:
    choices = ", ".join(names[:50]) or "none"
    fault = FieldError(pointer=pointer, message=f"{words}; choose among: {choices}", value=value)
    raise InvalidDocumentError([fault])
