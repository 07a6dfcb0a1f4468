"""Sweep jobs of the emulated workspace, run for real by the local engine underneath."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from app.backends.base import BackendError, LogStream
from app.backends.local import LocalBackend
from app.engine.mlflow_file import open_store
from app.sweep.document import SweepDocument
from app.sweep.record import Submission
from app.sweep.state import SweepSnapshot, SweepStatus, Trial, TrialStatus
from tests.azure_emulator.blobs import ACCOUNT, BlobStore
from tests.azure_emulator.shelf import Shelf
from tests.azure_emulator.translate import document_of

Json = dict[str, Any]
ARTIFACTS = "azureml"
"""The container in which Azure keeps what runs leave behind."""
_STREAMS: tuple[LogStream, ...] = ("stdout", "stderr")
JOB_WORDS = {
    SweepStatus.SUBMITTING: "NotStarted",
    SweepStatus.QUEUED: "Queued",
    SweepStatus.RUNNING: "Running",
    SweepStatus.CANCELING: "CancelRequested",
    SweepStatus.COMPLETED: "Completed",
    SweepStatus.FAILED: "Failed",
    SweepStatus.CANCELED: "Canceled",
}
TRIAL_WORDS = {
    TrialStatus.QUEUED: "Queued",
    TrialStatus.RUNNING: "Running",
    TrialStatus.COMPLETED: "Completed",
    TrialStatus.EARLY_TERMINATED: "Canceled",
    TrialStatus.FAILED: "Failed",
    TrialStatus.CANCELED: "Canceled",
}


@dataclass(slots=True)
class Seen:
    """What the engine has told of a sweep so far."""

    cursor: str | None = None
    latest: SweepSnapshot | None = None
    trials: dict[int, Trial] = field(default_factory=dict)
    uploaded: set[int] = field(default_factory=set)
    logged: dict[int, dict[LogStream, int]] = field(default_factory=dict)


class RunsSweeps(Protocol):
    """The running part of the workspace, as its routes see it."""

    store: Any
    haste: int
    """How many times faster limits of time run out than they say."""

    def submit(self, name: str, properties: Json) -> None:
        """Run a sweep."""

    def look(self, name: str) -> Seen:
        """What is known of it now."""

    def names(self) -> set[str]:
        """The sweeps there are."""

    def cancel(self, name: str) -> None:
        """End one."""

    def cancel_trial(self, name: str, number: int) -> None:
        """End one trial."""

    def upload_finished(self, name: str) -> None:
        """Put what ended trials leave behind where Azure would."""

    def close(self) -> None:
        """Stop in order."""


class Sweeps:
    """Sweeps run for real, by the local engine underneath."""

    def __init__(self, folder: Path, shelf: Shelf, blobs: BlobStore, *, slots: int) -> None:
        self._folder = folder
        self._shelf = shelf
        self._blobs = blobs
        engine = folder / "engine"
        engine.mkdir(parents=True, exist_ok=True)
        self.store: Any = open_store(engine)
        self._engine = LocalBackend(engine, slots=slots, grace=2.0)
        self._engine.start(lambda _name: None)
        self._lock = threading.RLock()
        self._seen: dict[str, Seen] = {}
        for name in shelf.all("job"):
            self._seen[name] = Seen()
        self.haste = 1
        self._stopping = threading.Event()
        self._uploader = threading.Thread(target=self._upload_for_ever, daemon=True)
        self._uploader.start()

    def submit(self, name: str, properties: Json) -> None:
        """Run the sweep; downloads of code and data come first."""
        inputs = dict(self._inputs(name, properties))
        paths = {key: str(path) for key, path in inputs.items()}
        document = document_of(name, properties, paths, haste=self.haste)
        code_id = properties["trial"].get("codeId")
        code = self._code(name, code_id) if code_id else None
        submission = Submission(
            name=name,
            document=self._complete(document),
            document_hash=document.digest(),
            code=code,
            inputs=inputs,
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                self._engine.submit(submission)
            except BackendError as error:
                if not error.retryable or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                break
        with self._lock:
            self._seen.setdefault(name, Seen())

    def look(self, name: str) -> Seen:
        """What is known of the sweep now."""
        with self._lock:
            seen = self._seen[name]
            while True:
                snapshot = self._engine.observe(name, seen.cursor)
                seen.trials |= {trial.number: trial for trial in snapshot.trials}
                seen.latest, seen.cursor = snapshot, snapshot.cursor
                if not snapshot.more:
                    return seen

    def names(self) -> set[str]:
        """The sweeps there are."""
        return set(self._seen)

    def cancel(self, name: str) -> None:
        """End a sweep."""
        self._engine.cancel(name)

    def cancel_trial(self, name: str, number: int) -> None:
        """End one trial."""
        self._engine.cancel_trial(name, number)

    def upload_finished(self, name: str) -> None:
        """Put logs and artifacts of ended trials where Azure would, before they show as ended."""
        with self._lock:
            seen = self.look(name)
            for number, trial in seen.trials.items():
                if trial.status.finished and number not in seen.uploaded:
                    self._upload(name, number)
                    seen.uploaded.add(number)

    def close(self) -> None:
        """Stop the engine in order."""
        self._stopping.set()
        self._uploader.join(timeout=10)
        self._engine.close()

    def _complete(self, document: SweepDocument) -> SweepDocument:
        return document.completed(
            name=document.name or "",
            backend="local",
            max_concurrent_trials=document.limits.max_concurrent_trials or 1,
            seed=0,
        )

    def _inputs(self, name: str, properties: Json) -> Iterator[tuple[str, Path]]:
        for key, given in (properties.get("inputs") or {}).items():
            if given["jobInputType"] != "literal":
                target = self._folder / "inputs" / name / key
                container, path = self._place(given["uri"])
                yield key, self._blobs.download(container, path, target)

    def _place(self, uri: str) -> tuple[str, str]:
        """Container and path of a data store's address, in either of its forms."""
        _, _, rest = uri.partition("datastores/")
        store, _, path = rest.partition("/paths/")
        container = (self._shelf.get("datastore", store) or {}).get("container", store)
        return container, path

    def _code(self, name: str, code_id: str) -> Path:
        parts = code_id.split("/")
        version = self._shelf.get("code", f"{parts[-3]}/{parts[-1]}")
        assert version is not None, code_id
        _, _, rest = version["properties"]["codeUri"].partition(f"/{ACCOUNT}/")
        container, _, prefix = rest.partition("/")
        return self._blobs.download(container, prefix, self._folder / "code" / name)

    def _upload_for_ever(self) -> None:
        while not self._stopping.wait(0.2):
            for name in list(self._seen):
                try:
                    self.upload_finished(name)
                    self._upload_logs(name)
                except (BackendError, OSError, RuntimeError):
                    continue

    def _upload(self, name: str, number: int) -> None:
        prefix = f"ExperimentRun/dcid.{name}_{number}/"
        for artifact in self._engine.artifacts(name, number):
            path = self._engine.artifact_file(name, number, artifact.path)
            self._blobs.upload(ARTIFACTS, prefix + artifact.path, path.read_bytes())
        self._upload_log(name, number)

    def _upload_logs(self, name: str) -> None:
        """What running trials have printed, as Azure shows it while they run."""
        with self._lock:
            for number, trial in self.look(name).trials.items():
                if trial.status is TrialStatus.RUNNING:
                    self._upload_log(name, number)

    def _upload_log(self, name: str, number: int) -> None:
        """Write on the one log that Azure keeps of a run, from both streams."""
        logged = self._seen[name].logged
        anew = number not in logged
        ends = logged.setdefault(number, dict.fromkeys(_STREAMS, 0))
        news = b""
        for stream in _STREAMS:
            part = b"".join(self._engine.log(name, number, stream, offset=ends[stream]))
            ends[stream] += len(part)
            news += part
        if anew or news:
            path = f"ExperimentRun/dcid.{name}_{number}/user_logs/std_log.txt"
            self._blobs.append(ARTIFACTS, path, news, anew=anew)
