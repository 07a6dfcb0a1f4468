"""The Backend protocol on both backends: the local engine, and Azure's SDK over the wire."""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.backends.azureml.backend import AzureBackend
from app.backends.azureml.workspace import Place, Workspace
from app.backends.base import Backend, BackendError
from app.backends.local import LocalBackend
from app.configured import azure_place
from app.settings import Settings
from app.sweep.parsing import parse_document
from app.sweep.record import Submission
from app.sweep.state import (
    Decision,
    Metric,
    SweepSnapshot,
    SweepStatus,
    Trial,
    TrialStatus,
    with_reports,
)
from tests.azure_emulator.arm import GROUP, SUBSCRIPTION, WORKSPACE
from tests.azure_emulator.running import RunningEmulator
from tests.served import Json, document

_LIVE_PACE = 30


@dataclass
class Seen:
    """A sweep as it is known after some looks."""

    snapshot: SweepSnapshot
    trials: dict[int, Trial] = field(default_factory=dict)
    metrics: list[Metric] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    def reports(self, trial: int, name: str = "loss") -> list[float]:
        """The values that a trial reported, by interval."""
        found = [m for m in self.metrics if (m.trial, m.name) == (trial, name)]
        assert [m.interval for m in found] == list(range(1, len(found) + 1))
        return [metric.value for metric in found]

    def with_status(self, status: TrialStatus) -> list[Trial]:
        """The trials that stand so."""
        return [trial for trial in self.trials.values() if trial.status is status]


class Bench:
    """A backend, and sweeps to try it with."""

    def __init__(
        self,
        backend: Backend,
        code: Path,
        *,
        pace: int = 1,
        timeout: int = 60,
        lose: Callable[[str], object] | None = None,
    ) -> None:
        """Make the bench.

        Args:
            backend: to try.
            code: folder with the small scripts.
            pace: how many times slower than on this machine things go there.
            timeout: the shortest limit of time, in seconds, that can be set there.
            lose: has the backend lose a sweep that it had; None where nobody can.
        """
        self.backend = backend
        self.pace = pace
        self.timeout = timeout
        self.lose = lose
        self.submitted: set[str] = set()
        self._code = code

    def submission(self, command: str, space: Json, **more: Any) -> Submission:  # noqa: ANN401 - keys of the document
        """A complete submission of a small document, under a new name."""
        body = document(command, space, **more)
        body["trial"] |= {"environment": "azureml:concrete_env:1", "code": None}
        parsed = parse_document(body)
        name = f"s-{uuid.uuid4().hex[:10]}"
        concurrent = parsed.limits.max_concurrent_trials or 2
        complete = parsed.completed(
            name=name, backend=self.backend.name, max_concurrent_trials=concurrent, seed=7
        )
        return Submission(
            name=name, document=complete, document_hash=parsed.digest(), code=self._code
        )

    def run(self, command: str, space: Json, **more: Any) -> tuple[Submission, Seen]:  # noqa: ANN401 - keys of the document
        """Submit, and look until the end."""
        submission = self.submission(command, space, **more)
        self.submit(submission)
        return submission, self.finished(submission)

    def submit(self, submission: Submission) -> None:
        """Submit as the tracker does: again, as long as that may help."""
        self.submitted.add(submission.name)
        deadline = time.monotonic() + 30 * self.pace
        while True:
            try:
                self.backend.submit(submission)
            except BackendError as error:
                assert error.retryable, error
                assert time.monotonic() < deadline, error
                time.sleep(0.1)
            else:
                return

    def finished(self, submission: Submission, *, within: float = 60) -> Seen:
        """Look until the sweep has ended."""
        return self.until(submission, lambda seen: seen.snapshot.status.finished, within=within)

    def until(self, submission: Submission, condition: Any, *, within: float = 60) -> Seen:  # noqa: ANN401 - a test's lambda
        """Look from cursor to cursor until the condition holds."""
        objective = submission.document.objective
        seen = Seen(SweepSnapshot(status=SweepStatus.QUEUED))
        deadline = time.monotonic() + within * self.pace
        cursor = None
        while time.monotonic() < deadline:
            snapshot = self.backend.observe(submission.name, cursor)
            cursor = snapshot.cursor
            seen.snapshot = snapshot
            seen.metrics += snapshot.metrics
            seen.decisions += snapshot.decisions
            seen.trials |= {trial.number: trial for trial in snapshot.trials}
            if not snapshot.more and condition(seen):
                for number, trial in seen.trials.items():
                    reports = [m for m in seen.metrics if m.trial == number]
                    seen.trials[number] = with_reports(
                        trial, reports, objective.primary_metric, objective.goal
                    )
                return seen
            time.sleep(0.1 * self.pace)
        raise AssertionError(f"not within {within} s: {seen}")


@pytest.fixture(autouse=True)
def azure_variables(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a test of the Azure backend runs, this process's environment leads to the emulator."""
    if "azureml" in request.node.name and not request.config.getoption("--azure-live"):
        for name, value in request.getfixturevalue("emulator").environment().items():
            monkeypatch.setenv(name, value)


EMULATED = Place(
    subscription_id=SUBSCRIPTION,
    resource_group=GROUP,
    workspace=WORKSPACE,
    instance_discovery=False,
)


def _live_place() -> Place:
    place = azure_place(Settings())
    if missing := place.missing():
        pytest.skip(f"no Azure ML workspace to test against: {missing}")
    return place


def tidy(place: Place, bench: Bench) -> None:
    """Leave nothing running or in the way in a real workspace; what resists is said at the end."""
    left = []
    models = Workspace(place).client.models
    for name in sorted(bench.submitted):
        for step in (bench.backend.cancel, bench.backend.purge):
            try:
                step(name)
            except BackendError as error:
                left.append(f"{step.__name__} {name}: {error}")
        # Most tests register nothing.
        with contextlib.suppress(Exception):
            models.archive(name=f"m-{name}")
    assert not left, left


@pytest.fixture(scope="session", params=["local", "azureml"])
def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, scripts: Path
) -> Iterator[Bench]:
    """Each backend in turn."""
    folder = tmp_path_factory.mktemp(f"bench-{request.param}")
    backend: Backend
    if request.param == "local":
        backend = LocalBackend(folder / "engine", slots=2, grace=1.0)
        backend.start(lambda _name: None)
        yield Bench(backend, scripts / "job", timeout=2, lose=backend.purge)
        backend.close()
    elif request.config.getoption("--azure-live"):
        place = _live_place()
        bench = Bench(
            AzureBackend(place, folder, poll_interval=5), scripts / "job", pace=_LIVE_PACE
        )
        yield bench
        tidy(place, bench)
    else:
        emulator: RunningEmulator = request.getfixturevalue("emulator")
        emulator.pace(haste=30)
        yield Bench(
            AzureBackend(EMULATED, folder, poll_interval=0.2), scripts / "job", lose=emulator.forget
        )
        emulator.pace()
