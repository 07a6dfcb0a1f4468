"""The engine's folder: where everything lies, who holds it, and what was submitted to it."""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.sweep.document import SweepDocument
from app.sweep.record import Submission

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\Z")
_LINK_FROM = 1024 * 1024
"""Bytes from which a code file is linked into the trial's folder instead of copied."""


class UnknownNameError(Exception):
    """There is no sweep of that name, or none that the call is for."""


@dataclass(frozen=True, slots=True)
class TrialFolder:
    """The folder of one trial."""

    path: Path

    @property
    def code(self) -> Path:
        """The working directory: the trial's own copy of the code snapshot."""
        return self.path / "code"

    @property
    def outputs(self) -> Path:
        """What the script leaves in ./outputs; a link into the working directory."""
        return self.path / "outputs"

    @property
    def artifacts(self) -> Path:
        """The MLflow run's artifacts, ./outputs among them."""
        return self.path / "artifacts"

    def log(self, stream: str) -> Path:
        """stdout.log or stderr.log."""
        return self.path / f"{stream}.log"


class Workspace:
    """The layout of an engine's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    @property
    def control_socket(self) -> Path:
        """Where the engine takes the service's requests."""
        return self.folder / "control.sock"

    @property
    def trial_socket(self) -> Path:
        """Where the engine takes what trials log."""
        return self.folder / "trials.sock"

    @property
    def engine_log(self) -> Path:
        """What the engine process prints."""
        return self.folder / "engine.log"

    def create(self) -> None:
        """Make the folder, readable by its owner only."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.folder / "sweeps").mkdir(mode=0o700, exist_ok=True)

    def lock(self) -> "WorkspaceLock | None":
        """Become the engine of this folder; None when another process is."""
        descriptor = os.open(
            self.folder / "engine.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return WorkspaceLock(descriptor)

    def sweep(self, name: str) -> Path:
        """The folder of a sweep.

        Raises:
            ValueError: the name is not one that a sweep can have.
        """
        if not _NAME.match(name):
            raise ValueError(f"{name!r} is not a sweep's name")
        return self.folder / "sweeps" / name

    def journal(self, name: str) -> Path:
        """The sweep's records."""
        return self.sweep(name) / "journal.jsonl"

    def trial(self, name: str, number: int) -> TrialFolder:
        """The folder of a trial."""
        return TrialFolder(self.sweep(name) / "trials" / str(number))

    def names(self) -> Iterator[str]:
        """The sweeps that were submitted, oldest first."""
        folders = [path.parent for path in (self.folder / "sweeps").glob("*/sweep.json")]
        yield from (path.name for path in sorted(folders, key=lambda p: p.stat().st_ctime_ns))

    def write_submission(self, submission: Submission) -> None:
        """Write the submission down, whole or not at all, and make it outlive a power cut."""
        folder = self.sweep(submission.name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder / "sweep.json.new"
        with draft.open("w", encoding="utf-8") as file:
            json.dump(submission_body(submission), file)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(folder / "sweep.json")

    def read_submission(self, name: str) -> Submission | None:
        """What was submitted under that name; None when nothing was."""
        try:
            return submission_of(json.loads((self.sweep(name) / "sweep.json").read_bytes()))
        except FileNotFoundError:
            return None

    def require(self, name: str) -> None:
        """Raise UnknownNameError unless a sweep of that name was submitted."""
        if self.read_submission(name) is None:
            raise UnknownNameError(f"the local engine has no sweep {name}")

    def fresh_trial(self, name: str, number: int, code: Path | None) -> TrialFolder:
        """An empty folder for a trial's attempt, with its own copy of the code."""
        folder = self.trial(name, number)
        if folder.path.exists():
            shutil.rmtree(folder.path)
        folder.code.mkdir(mode=0o700, parents=True)
        if code is not None:
            _copy_code(code, folder.code)
        (folder.code / "outputs").mkdir(exist_ok=True)
        folder.artifacts.mkdir()
        folder.outputs.symlink_to("code/outputs")
        (folder.artifacts / "outputs").symlink_to("../code/outputs")
        return folder

    def remove_sweep(self, name: str) -> None:
        """Delete everything of a sweep; a kill in between leaves it whole, or gone as a sweep."""
        self._removed.mkdir(mode=0o700, exist_ok=True)
        with suppress(FileNotFoundError):
            self.sweep(name).rename(self._removed / f"{name}-{uuid4().hex}")
        self.finish_removals()

    def finish_removals(self) -> None:
        """Delete what removals that were killed have left; for whoever holds the lock."""
        shutil.rmtree(self._removed, ignore_errors=True)

    @property
    def _removed(self) -> Path:
        return self.folder / "removed"


class WorkspaceLock:
    """Held while this process is the workspace's engine; gone with the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let another process become the engine."""
        os.close(self._descriptor)


def submission_body(submission: Submission) -> dict[str, object]:
    """The submission as JSON values."""
    return {
        "name": submission.name,
        "document": submission.document.normalized(),
        "document_hash": submission.document_hash,
        "code": str(submission.code) if submission.code else None,
        "inputs": {name: str(path) for name, path in submission.inputs.items()},
        "python": str(submission.python) if submission.python else None,
        "request_id": submission.request_id,
    }


def submission_of(body: Mapping[str, Any]) -> Submission:
    """The submission that `submission_body` turned into JSON values."""
    return Submission(
        name=body["name"],
        document=SweepDocument.stored(body["document"]),
        document_hash=body["document_hash"],
        code=Path(body["code"]) if body["code"] else None,
        inputs={name: Path(path) for name, path in body["inputs"].items()},
        python=Path(python) if (python := body.get("python")) else None,
        request_id=body.get("request_id"),
    )


def _copy_code(source: Path, target: Path) -> None:
    """Copy the snapshot; large files are linked, since scripts read them and rarely write."""

    def place(origin: str, copy: str) -> str:
        if Path(origin).stat().st_size >= _LINK_FROM:
            Path(copy).symlink_to(origin)
        else:
            shutil.copyfile(origin, copy)
        return copy

    shutil.copytree(source, target, copy_function=place, dirs_exist_ok=True)
