"""Replaying a sweep: what another early-termination policy would have done, at no cost."""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from app.search.replay import Replay, replayed
from app.store import sweeps, trials
from app.store.database import Database
from app.sweep.document import SweepDocument
from app.sweep.early_termination import EarlyTermination
from app.sweep.errors import ConflictError, InvalidDocumentError
from app.sweep.faults import faults
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
    alone = "type" in body and _KEY not in body
    whole = {_KEY: body} if alone else body
    try:
        return ReplayRequest.model_validate(whole)
    except ValidationError as error:
        found = faults(error, whole, ReplayRequest)
        if alone:
            found = [
                replace(fault, pointer=fault.pointer.removeprefix(f"/{_KEY}")) for fault in found
            ]
        raise InvalidDocumentError(found) from error


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
