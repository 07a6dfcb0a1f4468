"""The processes of one data folder, as /proc shows them: service, tracker, engine, fork parent, trials."""

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VICTIMS = ("service", "tracker", "engine", "fork parent", "trial", "service and engine")
_TRIAL = re.compile(r"/sweeps/([A-Za-z0-9_-]+)/trials/(\d+)/code\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process; `started` tells it from a later one with the same id.

    Attributes:
        name: what `top` calls it.
        trial: sweep and number, of a trial's first process.
    """

    pid: int
    parent: int
    started: int
    words: tuple[str, ...]
    name: str
    trial: tuple[str, int] | None = None

    def kill(self) -> bool:
        """SIGKILL; False when it was gone already."""
        if not self.lives():
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
            return True
        return False

    def lives(self) -> bool:
        """True until it is gone or a zombie."""
        stat = _stat(self.pid)
        return stat is not None and stat[0] not in ("Z", "X") and int(stat[19]) == self.started


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Who works for a data folder at this moment."""

    service: Process | None
    keeper: Process | None
    tracker: Process | None
    engine: Process | None
    fork_parent: Process | None
    trials: tuple[Process, ...]
    everybody: tuple[Process, ...]

    def chosen(self, victim: str, dice: float) -> tuple[Process, ...]:
        """Whom to kill; empty when there is no such process. `dice` in [0, 1) picks a trial."""
        match victim:
            case "service":
                found = [self.service]
            case "tracker":
                found = [self.tracker]
            case "engine":
                found = [self.engine]
            case "fork parent":
                found = [self.fork_parent]
            case "trial":
                found = [self.trials[int(dice * len(self.trials))]] if self.trials else [None]
            case _:
                found = [self.service, self.engine]
        there = tuple(process for process in found if process is not None)
        return there if len(there) == len(found) else ()


def house(data: Path) -> House:
    """Look at all processes once."""
    everybody = tuple(_of(data))
    engine = _first(p for p in everybody if "engine" in p.words and "--workspace" in p.words)
    serving = {p.name: p for p in everybody if p.words[-1:] == ("serve",)}
    keeper, tracker = serving.pop("sweep-keeper", None), serving.pop("sweep-tracker", None)
    fork_parent = _first(
        p
        for p in everybody
        if engine and p.parent == engine.pid and "app.engine.fork_parent" in p.words
    )
    trials = tuple(p for p in everybody if p.trial and fork_parent and p.parent == fork_parent.pid)
    return House(
        service=_first(iter(serving.values())),
        keeper=keeper,
        tracker=tracker,
        engine=engine,
        fork_parent=fork_parent,
        trials=trials,
        everybody=everybody,
    )


def _of(data: Path) -> Iterator[Process]:
    mark = str(data).encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes()
            if not line or mark not in line + (folder / "environ").read_bytes():
                continue
            stat = _stat(int(folder.name))
            if stat is not None:
                yield Process(
                    pid=int(folder.name),
                    parent=int(stat[1]),
                    started=int(stat[19]),
                    words=tuple(line.decode(errors="replace").split("\0")[:-1]),
                    name=(folder / "comm").read_text().strip(),
                    trial=_trial_in(folder),
                )


def _trial_in(folder: Path) -> tuple[str, int] | None:
    with contextlib.suppress(OSError):
        found = _TRIAL.search(str((folder / "cwd").readlink()))
        return (found[1], int(found[2])) if found else None
    return None


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _first(found: Iterator[Process]) -> Process | None:
    return next(found, None)
