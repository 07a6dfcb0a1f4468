"""The data plane's run history: discovery, runs, children, cancelling one trial."""

from typing import Any

from fastapi import APIRouter, HTTPException

from app.sweep.state import SweepStatus, Trial
from tests.azure_emulator.sweeps import TRIAL_WORDS, RunsSweeps

Json = dict[str, Any]


class History:
    """Its routes."""

    def __init__(self, base: str, sweeps: RunsSweeps) -> None:
        self._base = base
        self._sweeps = sweeps
        self.discovery = APIRouter()
        self.discovery.add_api_route("/discovery", self._discovery)
        self.router = APIRouter(prefix="/history/v1.0/{scope:path}")
        self.router.add_api_route("/runs/{name}/children", self._children)
        self.router.add_api_route("/runs/{name}", self._run)
        self.router.add_api_route("/runs/{name}/details", self._details)
        self.router.add_api_route("/runs/{name}/cancel", self._cancel, methods=["POST"])

    def _discovery(self) -> Json:
        return dict.fromkeys(("api", "history", "catalog", "experimentation"), self._base)

    def _children(self, scope: str, name: str) -> Json:  # noqa: ARG002 - a part of the path
        if name not in self._sweeps.names():
            raise HTTPException(404, name)
        trials = self._sweeps.look(name).trials.values()
        return {"value": [_shown(name, trial) for trial in trials]}

    def _run(self, scope: str, name: str) -> Json:  # noqa: ARG002
        sweep, trial = self._trial(name)
        return _shown(sweep, trial)

    def _details(self, scope: str, name: str) -> Json:  # noqa: ARG002
        """Of a sweep; the reason of one that failed stands here and nowhere else."""
        if name not in self._sweeps.names():
            raise HTTPException(404, name)
        seen = self._sweeps.look(name).latest
        shown: Json = {"runId": name, "logFiles": {}}
        if seen is not None and seen.status is SweepStatus.FAILED:
            words = f"the sweep failed: {seen.status_reason}"
            shown["error"] = {"error": {"code": "UserError", "message": words}}
        return shown

    def _cancel(self, scope: str, name: str) -> Json:  # noqa: ARG002
        sweep, trial = self._trial(name)
        self._sweeps.cancel_trial(sweep, trial.number)
        return {}

    def _trial(self, name: str) -> tuple[str, Trial]:
        sweep, _, number = name.rpartition("_")
        if sweep in self._sweeps.names() and number.isdigit():
            trial = self._sweeps.look(sweep).trials.get(int(number))
            if trial is not None:
                return sweep, trial
        raise HTTPException(404, name)


def _shown(sweep: str, trial: Trial) -> Json:
    return {
        "runId": f"{sweep}_{trial.number}",
        "parentRunId": sweep,
        "runNumber": trial.number,
        "status": TRIAL_WORDS[trial.status],
        "startTimeUtc": trial.started_at.isoformat() if trial.started_at else None,
        "endTimeUtc": trial.finished_at.isoformat() if trial.finished_at else None,
        "tags": {},
        "properties": {},
    }
