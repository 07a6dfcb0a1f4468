"""The embedded engine seen as a backend: requests go to its process, records are read from files."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from pydantic import TypeAdapter

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
from app.backends.local_beside import EngineBeside
from app.backends.local_elsewhere import EngineElsewhere
from app.backends.local_engine import EngineLink
from app.backends.local_environment import Find
from app.backends.local_logs import chunks, last_lines
from app.backends.local_options import LocalOptions
from app.backends.local_preparation import Preparation
from app.backends.local_rules import DEFAULTS, capabilities_of, judgement_of, nowhere
from app.engine import journal, leavings
from app.engine.sweep_state import SweepState
from app.engine.workspace import TrialFolder, Workspace, submission_body
from app.sweep.document import BackendName, SweepDocument
from app.sweep.record import Resumption, Retrial, Submission
from app.sweep.state import SweepSnapshot, SweepStatus

LOOK_BYTES = 4 * 1024 * 1024
"""How much of a journal one look reads at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cursor:
    """Where the last look ended, and how the sweep stood there."""

    offset: int = 0
    sweep: SweepState


_BEGINNING = _Cursor(sweep=SweepState(status=SweepStatus.QUEUED))
_CURSOR = TypeAdapter(_Cursor)
_RESUMPTION = TypeAdapter(Resumption)
_VERSION = TypeAdapter(RegisteredVersion)


def journal_offset(cursor: str | None) -> int:
    """How many bytes of a sweep's journal a look with that cursor has read."""
    return _CURSOR.validate_json(cursor).offset if cursor else 0


class LocalBackend:
    """Runs sweeps as processes on this machine, in an engine process of its own."""

    name: ClassVar[BackendName] = "local"
    poll_interval: float | None = None

    def __init__(
        self,
        workspace: Path,
        *,
        slots: int,
        grace: float,
        options: LocalOptions = DEFAULTS,
        find: Find = nowhere,
        runs_on: str | None = None,
        assists: bool = False,
    ) -> None:
        """Describe the engine; nothing happens before `start`.

        Args:
            workspace: the engine's folder.
            slots: how many trials run at once.
            grace: seconds between SIGTERM and SIGKILL of a stopped trial.
            options: what else the service's owner decides.
            find: finds the files that documents name.
            runs_on: the replica that runs the engine; None: this service does.
            assists: another process of this service starts the engine and ends it.
        """
        self._workspace = Workspace(workspace)
        self._options = options
        self._find = find
        self._changed: Callable[[str], None] = lambda _name: None
        self._preparation = Preparation(self._workspace.folder, options, find)
        self._engine: EngineLink | EngineElsewhere | EngineBeside
        if runs_on is not None:
            self._engine = EngineElsewhere(self._workspace, replica=runs_on, slots=slots)
        elif assists:
            self._engine = EngineBeside(self._workspace, slots=slots)
        else:
            self._engine = EngineLink(self._workspace, slots=slots, grace=grace, options=options)

    def start(self, changed: Callable[[str], None]) -> None:
        """Start the engine, or adopt the one that is at work in this folder, if it runs here."""
        self._changed = changed
        self._engine.start(changed)

    def close(self) -> None:
        """Stop the engine in order: interrupted trials wait for the next start."""
        self._preparation.stop()
        self._engine.close()
        self._preparation.close()

    def capabilities(self) -> Capabilities:
        """What it can do."""
        return capabilities_of(self._options, self._engine.slots)

    def health(self) -> Health:
        """Whether the engine answers and can write down what happens."""
        try:
            state = self._engine.state()
        except BackendError as error:
            return Health(ok=False, detail=error.message)
        if state.trouble is not None:
            return Health(
                ok=False,
                detail=f"the engine cannot write to its folder: {state.trouble}; no trial starts "
                "until it can",
                busy=state.busy,
            )
        words = ["the engine answers"] if state.here else []
        return Health(ok=True, detail="; ".join([*words, *state.notes]), busy=state.busy)

    def judge(self, document: SweepDocument) -> Judgement:
        """What cannot run here, and what has no effect here."""
        return judgement_of(document, self._options, self._find)

    def default_concurrency(self, max_total_trials: int) -> int:
        """One trial per slot."""
        return min(self._engine.slots, max_total_trials)

    def submit(self, submission: Submission) -> None:
        """Hand the sweep to the engine; it knows the name afterwards, whatever happens.

        Raises:
            BackendError: what the sweep needs is still being made (then retryable), or cannot be.
        """
        if not self._known(submission.name):
            submission = self._preparation.prepared(submission, self._changed)
        self._engine.call("submit", submission=submission_body(submission))

    def observe(self, name: str, cursor: str | None) -> SweepSnapshot:
        """Read what the engine has written since."""
        if not self._known(name):
            raise UnknownSweepError(f"the local engine has no sweep {name}")
        before = _CURSOR.validate_json(cursor) if cursor else _BEGINNING
        entries, offset, more = journal.read(
            self._workspace.journal(name), before.offset, limit=LOOK_BYTES
        )
        state = before.sweep
        for entry in entries:
            state = entry.sweep or state
        after = _Cursor(offset=offset, sweep=state)
        return SweepSnapshot(
            status=state.status,
            status_reason=state.reason,
            provider_status=state.status.value,
            started_at=state.started_at,
            finished_at=state.finished_at,
            trials=list({e.trial.number: e.trial for e in entries if e.trial}.values()),
            metrics=[entry.metric for entry in entries if entry.metric],
            decisions=[entry.decision for entry in entries if entry.decision],
            cursor=_CURSOR.dump_json(after, exclude_none=True).decode(),
            more=more,
        )

    def cancel(self, name: str) -> None:
        """Ask the engine to end the sweep."""
        self._preparation.forget(name)
        self._engine.call("cancel", name=name)

    def cancel_trial(self, name: str, number: int) -> None:
        """Ask the engine to end one trial."""
        self._engine.call("cancel_trial", name=name, number=number)

    def cannot_go_on(self, name: str, resumption: Resumption | None) -> str | None:
        """A sweep whose time has run out needs more of it; a trial that runs again has its own."""
        if resumption is None or resumption.time_renewed or resumption.limits.timeout is None:
            return None
        entries, _, _ = journal.read(self._workspace.journal(name))
        state = next((entry.sweep for entry in reversed(entries) if entry.sweep), None)
        spent = state.elapsed_seconds - state.time_from if state else 0.0
        if spent < resumption.limits.timeout:
            return None
        return (
            f"limits.timeout, {resumption.limits.timeout} s, has run out; give limits.timeout "
            "in the body: it counts from the resumption"
        )

    def resume(self, name: str, resumption: Resumption) -> None:
        """Ask the engine to go on; it is in the journal afterwards."""
        body = _RESUMPTION.dump_python(resumption, mode="json", exclude_none=True)
        self._engine.call("resume", name=name, resumption=body)

    def retry_trial(self, name: str, retrial: Retrial) -> None:
        """Ask the engine to run the trial again; it is in the journal afterwards."""
        self._engine.call("retry_trial", name=name, retrial=asdict(retrial))

    def register(self, registration: Registration) -> RegisteredVersion:
        """Have the engine copy the artifact and record the version in its MLflow registry."""
        path = self.artifact_file(
            registration.sweep, registration.trial, registration.artifact_path
        )
        result = self._engine.call(
            "register", timeout=120.0, registration=asdict(registration), path=str(path)
        )
        return _VERSION.validate_python(result)

    def model_file(self, uri: str) -> Path:
        """The registered copy."""
        path = Path(unquote(urlsplit(uri).path))
        if not path.is_relative_to(self._workspace.folder) or not path.is_file():
            raise ArtifactNotFoundError("the registered file is no longer in the workspace")
        return path

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
        """The log as it stands now; empty while the trial has printed nothing."""
        path = self._trial(name, number).log(stream)
        if not path.is_file():
            return iter(())
        if tail is None:
            return chunks(path, offset)
        start = 0 if within is None else max(0, path.stat().st_size - within)
        return iter(last_lines(path, tail, start))

    def artifacts(self, name: str, number: int) -> list[Artifact]:
        """The files in ./outputs and those logged through MLflow; links are passed over."""
        folder = self._trial(name, number)
        found = {}
        for root, prefix in ((folder.artifacts, ""), (folder.code / "outputs", "outputs/")):
            for path in sorted(root.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    stat = path.stat()
                    relative = prefix + path.relative_to(root).as_posix()
                    modified = datetime.fromtimestamp(stat.st_mtime, UTC)
                    found[relative] = Artifact(
                        path=relative, size=stat.st_size, modified_at=modified
                    )
        return [found[path] for path in sorted(found)]

    def artifact_file(self, name: str, number: int, path: str) -> Path:
        """The file itself, if it really lies in the trial's artifacts."""
        folder = self._trial(name, number)
        try:
            real = (folder.artifacts / path).resolve(strict=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise ArtifactNotFoundError(f"trial {number} has no artifact {path!r}") from error
        homes = (folder.artifacts.resolve(), (folder.code / "outputs").resolve())
        if not real.is_file() or not any(real.is_relative_to(home) for home in homes):
            raise ArtifactNotFoundError(f"trial {number} has no artifact {path!r}")
        return real

    def purge(self, name: str) -> None:
        """Have the engine remove the sweep's folder."""
        self._engine.call("purge", name=name)

    def prune(self, name: str, *, artifacts: bool, logs: bool, dry_run: bool = False) -> Leavings:
        """Have the engine set it aside, where no trial runs any more, and delete it."""
        files, size = leavings.count(self._workspace, name, artifacts=artifacts, logs=logs)
        if not dry_run and self._known(name):
            self._engine.call("prune", name=name, artifacts=artifacts, logs=logs)
            leavings.remove(self._workspace, name)
        return Leavings(files=files, bytes=size)

    def _known(self, name: str) -> bool:
        return (self._workspace.sweep(name) / "sweep.json").exists()

    def _trial(self, name: str, number: int) -> TrialFolder:
        return self._workspace.trial(name, number)
