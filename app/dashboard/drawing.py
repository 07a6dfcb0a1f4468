"""From a view of a sweep, the same that the API answers, to the chart that shows it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.dashboard.charts.curves import POINTS, learning_curves
from app.dashboard.charts.history import history
from app.dashboard.charts.look import Options
from app.dashboard.charts.parallel import parallel
from app.dashboard.charts.relations import importance, slice_of
from app.dashboard.charts.timeline import timeline
from app.parts import State
from app.services.views import ViewOptions
from app.sweep.document import SweepDocument
from app.sweep.record import SweepRecord
from app.views.axes import hyperparameters
from app.views.shape import View, ViewName

TITLES: dict[ViewName, str] = {
    "history": "Optimisation history",
    "learning-curves": "Learning curves",
    "parallel-coordinates": "Parallel coordinates",
    "importance": "Importance",
    "slice": "Slice",
    "timeline": "Timeline",
}
ALL = 100
_FEWEST_POINTS, _MOST_POINTS = 10, 100


@dataclass(slots=True)
class Wanted:
    """What of the charts was chosen; it stands in the address.

    Attributes:
        log: objectives on a logarithmic axis.
        hidden: hyperparameters without an axis in the parallel coordinates.
        top: the best so many per cent of the trials in the parallel coordinates.
        by: the hyperparameter of the slice; empty: the first.
    """

    log: bool = False
    hidden: set[str] = field(default_factory=set)
    top: int = ALL
    by: str = ""

    def address(self) -> dict[str, str]:
        """As words of the address; empty ones are left out of it."""
        return {
            "log": "1" if self.log else "",
            "hide": ",".join(sorted(self.hidden)),
            "top": str(self.top) if self.top != ALL else "",
            "by": self.by,
        }


def names_of(sweep: SweepRecord) -> list[str]:
    """The hyperparameters that trials have: those of every branch, in the document's order."""
    return [axis.label for axis in hyperparameters(SweepDocument.stored(sweep.document))]


def draw(parts: State, sweep: SweepRecord, kind: ViewName, wanted: Wanted) -> Options:
    """The chart of one view as it is now.

    Raises:
        NotFoundError: the sweep is gone.
    """

    def read(options: ViewOptions | None = None) -> View:
        return parts.views.view(sweep.name, kind, options or ViewOptions())

    match kind:
        case "history":
            return history(read(), log=wanted.log)
        case "learning-curves":
            count = max(1, sum(sweep.trial_counts.values()))
            points = max(_FEWEST_POINTS, min(_MOST_POINTS, POINTS // count))
            best = sweep.best_trial.number if sweep.best_trial else None
            return learning_curves(read(ViewOptions(points=points)), best=best, log=wanted.log)
        case "parallel-coordinates":
            return parallel(read(), hidden=wanted.hidden, top=wanted.top)
        case "importance":
            return importance(read())
        case "slice":
            return slice_of(read(ViewOptions(parameter=wanted.by)), wanted.by, log=wanted.log)
        case _:
            return timeline(read(), datetime.now(UTC).isoformat())
