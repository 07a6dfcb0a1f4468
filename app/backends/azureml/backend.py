"""Azure ML as a backend: a sweep is a sweep job of the workspace, spoken to through the SDK."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from app.backends.azureml.artifacts import Artifacts, sha256
from app.backends.azureml.errors import translated
from app.backends.azureml.health import HealthCheck
from app.backends.azureml.job import HASH_TAG, REQUEST_TAG, job_of
from app.backends.azureml.reading import JobView, changed_metrics, known_of, snapshot_of
from app.backends.azureml.registry import Registry
from app.backends.azureml.rules import CAPABILITIES, judgement_of
from app.backends.azureml.runs import Runs, trial_number
from app.backends.azureml.workspace import Place, Untyped, Workspace
from app.backends.base import (
    Artifact,
    ArtifactNotFoundError,
    BackendError,
    Capabilities,
    Health,
    Judgement,
    Leavings,
    LogStream,
    RegisteredVersion,
    Registration,
    UnknownSweepError,
)
from app.sweep.document import BackendName, SweepDocument
from app.sweep.errors import FieldError
from app.sweep.record import Resumption, Retrial, Submission
from app.sweep.state import SweepSnapshot

_MAX_HISTORIES = 500
"""Metric histories that one look reads at most; the next look reads on."""
_READING_SECONDS = 25.0
"""How long one look goes on reading them."""
_MAX_CONCURRENT = 100
_ARTIFACT = re.compile(r"azureml://jobs/(?P<run>[^/]+)/outputs/artifacts/paths/(?P<path>.+)\Z")
_FINAL = (
    "Azure ML does not run a sweep job or one of its trials again once it has ended; submit the "
    "document as a new sweep"
)
_ENDED = ("Completed", "Failed", "Canceled")


class AzureBackend:
    """Runs sweeps in one workspace."""

    name: ClassVar[BackendName] = "azureml"

    def __init__(
        self, place: Place, cache: Path, *, poll_interval: float, timeout: float = 20.0
    ) -> None:
        """Describe the workspace; nothing is asked of it before the start.

        Args:
            place: which workspace.
            cache: folder for local copies of artifacts.
            poll_interval: seconds between looks at a live sweep.
            timeout: seconds until a request to Azure counts as unanswered.
        """
        self.poll_interval: float | None = poll_interval
        self._place = place
        self._workspace = Workspace(place, timeout=timeout)
        self._health = HealthCheck(self._workspace)
        self._registry = Registry(self._workspace)
        self._runs = Runs(self._workspace)
        self._artifacts = Artifacts(self._workspace, cache)

    def start(self, changed: Callable[[str], None]) -> None:  # noqa: ARG002 - Azure announces nothing
        """See whether the workspace answers; sweeps are looked at by the clock."""
        if self._place.missing() is None:
            self._health.start()

    def close(self) -> None:
        """Jobs go on in Azure."""
        self._health.stop()

    def capabilities(self) -> Capabilities:
        """What it can do."""
        return Capabilities(name="azureml", slots=None, **CAPABILITIES)

    def health(self) -> Health:
        """What the last call said; asking Azure now would make others wait."""
        return self._health.latest()

    def judge(self, document: SweepDocument) -> Judgement:
        """What Azure would refuse or change."""
        judgement = judgement_of(document)
        missing = self._place.missing()
        if missing is None:
            return judgement
        fault = FieldError(pointer="/backend", message=f"azureml cannot be used: {missing}")
        return Judgement(errors=[fault, *judgement.errors], warnings=judgement.warnings)

    def default_concurrency(self, max_total_trials: int) -> int:
        """As many as a document may ask for."""
        return min(max_total_trials, _MAX_CONCURRENT)

    def submit(self, submission: Submission) -> None:
        """Look the job up by its name, then create it: whatever was lost, there is one job."""
        with translated(self._workspace):
            job = self._job(submission.name)
            if job is None:
                self._workspace.client.jobs.create_or_update(job_of(submission, self._place))
            elif not _made_from(job, submission):
                raise BackendError(
                    f"the name {submission.name} is taken in the workspace by another job, perhaps "
                    "an archived one: Azure deletes none; submit the sweep under another name"
                )

    def observe(self, name: str, cursor: str | None) -> SweepSnapshot:
        """One look: the job, a page of runs for every thousand trials, histories that changed."""
        known = known_of(cursor)
        with translated(self._workspace):
            job = self._job(name)
            if job is None:
                raise UnknownSweepError(f"Azure ML has no job {name} (any more)")
            runs = self._runs.of(name, job.experiment_name, job.search_space)
            wanted = [(run, metric) for run in runs for metric in changed_metrics(known, run)]
            histories = {}
            until = time.monotonic() + _READING_SECONDS
            for run, metric in wanted[:_MAX_HISTORIES]:
                histories[run.number, metric] = self._runs.history(run.run_id, metric)
                if time.monotonic() > until:
                    break
            view = self._view(job, name)
        return snapshot_of(
            known,
            view,
            runs,
            histories,
            has_policy=job.early_termination is not None,
            more=len(wanted) > len(histories),
        )

    def cancel(self, name: str) -> None:
        """Ask for the job's end."""
        with translated(self._workspace):
            job = self._job(name)
            if job is None:
                raise UnknownSweepError(f"Azure ML has no job {name} (any more)")
            if job.status not in _ENDED:
                self._workspace.client.jobs.begin_cancel(name)

    def cancel_trial(self, name: str, number: int) -> None:
        """Ask for one run's end, and mark it, since Azure does not say who canceled."""
        run_id = _run_id(name, number)
        with translated(self._workspace):
            # The mark comes first, or a look in between would take it for early termination.
            self._runs.mark_canceled(run_id)
            try:
                self._workspace.client.jobs.begin_cancel(run_id)
            except Exception:
                with contextlib.suppress(Exception):
                    self._runs.unmark_canceled(run_id)
                raise

    def cannot_go_on(self, name: str, resumption: Resumption | None) -> str | None:  # noqa: ARG002 - the same for all
        """Azure ML has no such thing."""
        return _FINAL

    def resume(self, name: str, resumption: Resumption) -> None:  # noqa: ARG002 - likewise
        """Refused.

        Raises:
            BackendError: always.
        """
        raise BackendError(_FINAL)

    def retry_trial(self, name: str, retrial: Retrial) -> None:  # noqa: ARG002 - likewise
        """Refused.

        Raises:
            BackendError: always.
        """
        raise BackendError(_FINAL)

    def register(self, registration: Registration) -> RegisteredVersion:
        """Make the run's artifact a model version; one with the same lineage is found again."""
        run_id = registration.provider_run_id or _run_id(registration.sweep, registration.trial)
        path = f"azureml://jobs/{run_id}/outputs/artifacts/paths/{registration.artifact_path}"
        with translated(self._workspace):
            digest = sha256(self._artifacts.fetch(run_id, registration.artifact_path))
            found = self._registry.version(registration, path, digest)
        return RegisteredVersion(
            version=str(found.version),
            uri=str(found.path),
            sha256=digest,
            lineage=registration.lineage,
        )

    def model_file(self, uri: str) -> Path:
        """A local copy of the file that was registered."""
        match = _ARTIFACT.match(uri)
        if match is None:
            raise ArtifactNotFoundError(f"{uri} is no run's artifact")
        with translated(self._workspace):
            return self._artifacts.fetch(match["run"], match["path"])

    def log(
        self,
        name: str,
        number: int,
        stream: LogStream,
        *,
        tail: int | None = None,
        within: int | None = None,
        offset: int = 0,
    ) -> Iterator[bytes]:
        """The run's log; standard error stands in the same one, so that there is none of its own."""
        if stream == "stderr":
            return iter(())
        with translated(self._workspace):
            data = b"".join(self._artifacts.log(_run_id(name, number), offset, within))
        lines = data.splitlines(keepends=True) if tail is not None else [data]
        return iter(lines if tail is None else lines[len(lines) - min(tail, len(lines)) :])

    def artifacts(self, name: str, number: int) -> list[Artifact]:
        """What the run left behind."""
        with translated(self._workspace):
            return self._artifacts.list(_run_id(name, number))

    def artifact_file(self, name: str, number: int, path: str) -> Path:
        """A local copy of one artifact."""
        with translated(self._workspace):
            return self._artifacts.fetch(_run_id(name, number), path)

    def purge(self, name: str) -> None:
        """Archive the job: Azure deletes none; its runs and files stay with the workspace."""
        with translated(self._workspace):
            if self._job(name) is None:
                raise UnknownSweepError(f"Azure ML has no job {name} (any more)")
            self._workspace.client.jobs.archive(name)

    def prune(
        self,
        name: str,
        *,
        artifacts: bool,
        logs: bool,  # noqa: ARG002 - none are kept here
        dry_run: bool = False,
    ) -> Leavings:
        """Remove our copies of its files; what lies in Azure is the workspace's to remove."""
        if not artifacts:
            return Leavings(files=0, bytes=0)
        files, size = self._artifacts.forget(name, dry_run=dry_run)
        return Leavings(files=files, bytes=size)

    def _job(self, name: str) -> Untyped:
        """The job; None when there is none of that name."""
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 - heavy

        try:
            return self._workspace.client.jobs.get(name)
        except ResourceNotFoundError:
            return None

    def _view(self, job: Untyped, name: str) -> JobView:
        properties = dict(job.properties or {})
        status = _word(job.status)
        return JobView(
            status=status,
            url=getattr(job, "studio_url", None),
            best_trial=trial_number(name, str(properties.get("best_child_run_id", ""))),
            message=self._runs.complaint(name) if status == "Failed" else None,
        )


def _made_from(job: Untyped, submission: Submission) -> bool:
    """True for the job of this very submission: of its document and its request."""
    tags = dict(getattr(job, "tags", None) or {})
    request = tags.get(REQUEST_TAG)
    return tags.get(HASH_TAG) == submission.document_hash and request == submission.request_id


def _word(status: object) -> str:
    return str(getattr(status, "value", status))


def _run_id(name: str, number: int) -> str:
    return f"{name}_{number}"
