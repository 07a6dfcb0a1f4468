"""What the trials of a sweep left behind: counted, and taken away.

It is set aside by renaming first, which is quick and is done by whoever is the engine, so that no
trial runs there meanwhile; deleting takes its time, and is gone on with if it was cut off.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG

from app.engine.journal import read
from app.engine.workspace import TrialFolder, UnknownNameError, Workspace

STREAMS = ("stdout", "stderr")


def set_aside(workspace: Workspace, name: str, *, artifacts: bool, logs: bool) -> None:
    """Move it out of the trials' folders; the sweep is not live, and does not become so meanwhile.

    Raises:
        OSError: the folder cannot be written.
    """
    for trial in _trials(workspace, name):
        for kind, paths in _of(trial, artifacts=artifacts, logs=logs):
            there = [path for path in paths if path.exists() or path.is_symlink()]
            if not there:
                continue
            aside = _fresh(_aside(workspace, name) / kind, trial.path.name)
            for path in there:
                path.rename(aside / path.name)


def remove(workspace: Workspace, name: str) -> None:
    """Delete what was set aside."""
    shutil.rmtree(_aside(workspace, name), ignore_errors=True)


def count(workspace: Workspace, name: str, *, artifacts: bool, logs: bool) -> tuple[int, int]:
    """Files, and their bytes, that the two others take away; what was set aside before is counted."""
    wanted = (("artifacts", artifacts), ("logs", logs))
    places = [_aside(workspace, name) / kind for kind, asked in wanted if asked]
    for trial in _trials(workspace, name):
        places += [
            path for _, paths in _of(trial, artifacts=artifacts, logs=logs) for path in paths
        ]
    sizes = [size for place in places for size in _sizes(place)]
    return len(sizes), sum(sizes)


def require_ended(workspace: Workspace, name: str) -> None:
    """See that a sweep has ended, where no engine is at work that would know.

    Raises:
        UnknownNameError: it has not, or there is no such sweep.
    """
    workspace.require(name)
    entries, _, _ = read(workspace.journal(name))
    states = [entry.sweep for entry in entries if entry.sweep is not None]
    if not (states and states[-1].status.finished):
        raise UnknownNameError(f"sweep {name} has not ended")


def _trials(workspace: Workspace, name: str) -> Iterator[TrialFolder]:
    folder = workspace.sweep(name) / "trials"
    if folder.is_dir():
        yield from (TrialFolder(path) for path in sorted(folder.iterdir()) if path.is_dir())


def _of(trial: TrialFolder, *, artifacts: bool, logs: bool) -> Iterator[tuple[str, list[Path]]]:
    if artifacts:
        yield "artifacts", [trial.artifacts, trial.outputs, trial.code]
    if logs:
        yield "logs", [trial.log(stream) for stream in STREAMS]


def _aside(workspace: Workspace, name: str) -> Path:
    return workspace.sweep(name) / "removed"


def _fresh(folder: Path, name: str) -> Path:
    """A folder that is not there yet."""
    place = 0
    while True:
        try:
            (folder / f"{name}-{place}").mkdir(parents=True)
        except FileExistsError:
            place += 1
        else:
            return folder / f"{name}-{place}"


def _sizes(place: Path) -> Iterator[int]:
    """Of the files at or below a path; links are not followed."""
    if place.is_symlink():
        return
    for path in [place, *place.rglob("*")] if place.is_dir() else [place]:
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue
        if S_ISREG(found.st_mode):
            yield found.st_size
