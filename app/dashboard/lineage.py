"""Where model versions came from: which of a model is the champion, which sweeps are still there."""

from collections.abc import Sequence

from app.sweep.record import ModelVersion, SweepRecord
from app.sweep.state import better

_DOCUMENT = "sweepfront.document_hash"


def champion(versions: Sequence[ModelVersion]) -> ModelVersion | None:
    """The best of the versions that were chosen as the newest one was; ties go to the newer.

    Args:
        versions: the newest first.
    """
    best: ModelVersion | None = None
    for each in versions:
        same = (each.primary_metric, each.goal) == (versions[0].primary_metric, versions[0].goal)
        if same and (best is None or better(each.value, best.value, each.goal)):
            best = each
    return best


def document_hash(version: ModelVersion) -> str:
    """The hash of the document of its sweep; outlives the sweep. Empty where it is not known."""
    return version.tags.get(_DOCUMENT, "")


def of_this(version: ModelVersion, sweep: SweepRecord | None) -> bool:
    """Whether the sweep is the one that the version came from.

    One that was purged may have left its name to another, of another document.
    """
    return sweep is not None and document_hash(version) in ("", sweep.document_hash)
