"""The one shape of whoever runs the trials, and the trouble it may have.

Tracker, services and API know backends only through this protocol.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from app.sweep.document import BackendName, SweepDocument
from app.sweep.errors import FieldError, SweepfrontError
from app.sweep.record import Resumption, Retrial, Submission
from app.sweep.state import SweepSnapshot

LogStream = Literal["stdout", "stderr"]
ErrorKind = Literal[
    "refused",
    "unavailable",
    "unknown_sweep",
    "preparing",
    "missing",
    "setting",
    "sign_in",
    "unreachable",
    "throttled",
]
"""What metrics and traces call an error of a backend; docs/monitoring.md says what each means."""


class BackendError(SweepfrontError):
    """The backend could not do what was asked.

    Attributes:
        retryable: the same call may succeed later.
        retry_after: seconds the backend asked us to wait, when it did.
        kind: what metrics and traces call it.
    """

    code = "backend-error"
    _kind: ClassVar[ErrorKind | None] = None

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        kind: ErrorKind | None = None,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after
        self.kind = kind or self._kind or ("unavailable" if retryable else "refused")


class UnknownSweepError(BackendError):
    """The backend has no sweep of that name (any more)."""

    code = "unknown-sweep"
    _kind = "unknown_sweep"


class AbsentBackendError(SweepfrontError):
    """The sweep ran on a backend that this service is not set up for (any more)."""

    code = "backend-absent"


class ArtifactNotFoundError(SweepfrontError):
    """The trial has no artifact or log of that name (yet)."""

    code = "not-found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a backend says of a document before anything is stored."""

    errors: Sequence[FieldError] = ()
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file that a trial left behind; `path` is relative, with forward slashes; size in bytes."""

    path: str
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A request to make a trial's artifact a version of a model; `lineage` identifies the trial."""

    model_name: str
    sweep: str
    trial: int
    provider_run_id: str | None
    artifact_path: str
    type: str
    description: str | None
    tags: Mapping[str, str]
    lineage: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredVersion:
    """A model version in the backend's registry; sha256 (hex) is that of the artifact's bytes."""

    version: str
    uri: str
    sha256: str | None
    lineage: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leavings:
    """What trials left behind that is, or would be, removed; bytes are the files' lengths."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What `GET /v1/backends` says of a backend."""

    name: BackendName
    sampling_algorithms: Sequence[str]
    early_termination: Sequence[str]
    input_types: Sequence[str]
    slots: int | None
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether a backend answers, in words; `busy` is how many of its slots run a trial."""

    ok: bool
    detail: str
    busy: int | None = None


class Backend(Protocol):
    """Runs sweeps elsewhere. Every method blocks; all are safe to call from several threads.

    All but `judge`, `capabilities`, `start` and `close` raise BackendError.
    """

    name: ClassVar[BackendName]
    poll_interval: float | None
    """Seconds between looks at a live sweep; None when the backend announces every change."""

    def start(self, changed: Callable[[str], None]) -> None:
        """Get ready; call `changed(name)` whenever a sweep has news (backends that can)."""
        ...

    def close(self) -> None:
        """Let go in order; work that outlives the service is left in a state to be resumed."""
        ...

    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    def health(self) -> Health:
        """Whether it answers, told within two seconds: by what is known, if need be."""
        ...

    def judge(self, document: SweepDocument) -> Judgement:
        """What it refuses of the document, and what it will not act on; nothing is changed."""
        ...

    def default_concurrency(self, max_total_trials: int) -> int:
        """max_concurrent_trials where the document leaves it open."""
        ...

    def submit(self, submission: Submission) -> None:
        """Have the sweep run; harmless when it already does (the name decides)."""
        ...

    def observe(self, name: str, cursor: str | None) -> SweepSnapshot:
        """What is new since the look that returned `cursor` (None: everything)."""
        ...

    def cancel(self, name: str) -> None:
        """Ask for the sweep's end; harmless when it has ended."""
        ...

    def cancel_trial(self, name: str, number: int) -> None:
        """Ask for one trial's end; harmless when it has ended."""
        ...

    def cannot_go_on(self, name: str, resumption: Resumption | None) -> str | None:
        """Why a finished sweep cannot go on, and what helps; None when it can.

        Args:
            name: the sweep.
            resumption: what is asked for; None: one of its trials is to run again.
        """
        ...

    def resume(self, name: str, resumption: Resumption) -> None:
        """Let a finished sweep go on; harmless when the same was asked for before.

        The next look sees it go on.
        """
        ...

    def retry_trial(self, name: str, retrial: Retrial) -> None:
        """Run a finished trial again; harmless when the same was asked for before.

        The next look sees its new attempt, and a finished sweep go on.
        """
        ...

    def register(self, registration: Registration) -> RegisteredVersion:
        """Make the artifact a model version; the same lineage gets the same version again."""
        ...

    def model_file(self, uri: str) -> Path:
        """A local copy of the registered file of that `RegisteredVersion.uri`.

        Raises:
            ArtifactNotFoundError: the file is gone.
        """
        ...

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
        """The trial's log: whole, its last `tail` lines, or what comes after `offset` bytes.

        `within` is how many bytes of its end are read for the last lines at most; None: all.
        """
        ...

    def artifacts(self, name: str, number: int) -> list[Artifact]:
        """What the trial left behind, sorted by path."""
        ...

    def artifact_file(self, name: str, number: int, path: str) -> Path:
        """A local copy of one artifact.

        Raises:
            ArtifactNotFoundError: there is none of that path inside the trial's artifacts.
        """
        ...

    def purge(self, name: str) -> None:
        """Remove the sweep's records and artifacts; registered models stay."""
        ...

    def prune(self, name: str, *, artifacts: bool, logs: bool, dry_run: bool = False) -> Leavings:
        """Remove what the trials of a finished sweep left on this machine; models stay.

        Args:
            name: the sweep.
            artifacts: remove their files, and their copies of the code.
            logs: remove what they printed.
            dry_run: only count.

        Raises:
            UnknownSweepError: the sweep has not ended, or is not known; nothing was removed.
        """
        ...


def backend_of(backends: Mapping[BackendName, Backend], name: BackendName) -> Backend:
    """The backend of a sweep or model that is on record.

    Raises:
        AbsentBackendError: it is not configured here.
    """
    backend = backends.get(name)
    if backend is None:
        raise AbsentBackendError(
            f"this ran on the backend {name}, which is not configured here; its logs, artifacts "
            "and models can be had again once the settings of that backend are back"
        )
    return backend
