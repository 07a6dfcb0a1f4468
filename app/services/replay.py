"""Replaying a sweep: what another early-termination policy would have done, at no cost."""

from collections.abc import Mapping
from dataclasses import replace

from app.search.replay import Replay, replayed
from app.store import sweeps, trials
from app.store.database import Database
from app.sweep.document import SweepDocument
from app.sweep.early_termination import EarlyTermination
from app.sweep.errors import ConflictError, InvalidDocumentError
from app.sweep.faults import read_body
from app.sweep.part import Part

_KEY = "early_termination"


class ReplayRequest(Part):
    """The policy to replay, as it stands in a sweep document."""

    early_termination: EarlyTermination


def parse_request(body: Mapping[str, object]) -> ReplayRequest:
    """Read a decoded body: `{"early_termination": {...}}`, or the policy alone.

    Raises:
        InvalidDocumentError: with one entry per fault, pointing into `body`.
    """
    if "type" not in body or _KEY in body:
        return read_body(ReplayRequest, body)
    try:
        return read_body(ReplayRequest, {_KEY: body})
    except InvalidDocumentError as error:
        raise InvalidDocumentError(
            [
                replace(fault, pointer=fault.pointer.removeprefix(f"/{_KEY}"))
                for fault in error.errors
            ]
        ) from error


def replay(db: Database, name: str, request: ReplayRequest) -> Replay:
    """Run another policy over what a sweep's trials have reported so far.

    Raises:
        NotFoundError: no such sweep.
        ConflictError: its trials have not reported the primary metric.
    """
    document = SweepDocument.stored(sweeps.get(db, name).document)
    objective = document.objective
    reports = trials.reports(db, name, objective.primary_metric)
    if not reports:
        raise ConflictError(
            f"No trial of {name!r} has reported {objective.primary_metric} (yet), so there is "
            "nothing to replay."
        )
    return replayed(request.early_termination, objective.goal, trials.every(db, name), reports)
