"""What the engine's benchmark measures beside the race: starts, slots, many trials, many points."""

import itertools
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.served import FINISHED, Json, Served

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """How the trials of a sweep followed each other, in milliseconds, by the engine's own clock.

    Attributes:
        overhead: of each trial, its time in the slot beyond the fit: from the end of the one
            before it there to its own end, less the seconds that the script itself measured.
        gaps: between the end of one trial and the start of the next one in its slot.
    """

    overhead: Sequence[float]
    gaps: Sequence[float]


def job(script: str, trials: int, slots: int) -> Json:
    """A grid of so many trials of a script, which gets a depth from 1 to 10."""
    return {
        "trial": {"command": f"python {script} ${{{{search_space.depth}}}}", "code": "job"},
        "search_space": {
            "depth": {"type": "choice", "values": list(range(1, 11))},
            "copy": {"type": "choice", "values": list(range(-(-trials // 10)))},
        },
        "sampling_algorithm": "grid",
        "objective": {"primary_metric": "loss", "goal": "minimize"},
        "limits": {"max_total_trials": trials, "max_concurrent_trials": slots},
    }


def run(
    service: Served, body: Json, seen: Callable[[int], None] = lambda _: None
) -> tuple[str, float]:
    """Post a sweep whose trials must all complete; its name, and seconds until it had.

    Args:
        service: where.
        body: the document.
        seen: called with the number of completed trials at each look.
    """
    started = time.perf_counter()
    name = service.submit(body)["name"]
    while (sweep := service.get(f"/v1/sweeps/{name}"))["status"] not in FINISHED:
        seen(sweep["trial_counts"]["completed"])
        time.sleep(_POLL_SECONDS)
    seconds = time.perf_counter() - started
    if sweep["trial_counts"]["completed"] != body["limits"]["max_total_trials"]:
        raise RuntimeError(f"not all trials completed: {sweep}")
    return name, seconds


def first_start(service: Served, body: Json) -> float:
    """Seconds from the POST until the first trial's process was asked for."""
    posted = time.time()
    name, _ = run(service, body)
    trials = service.items(f"/v1/sweeps/{name}/trials")
    return min(_moment(trial["started_at"]) for trial in trials) - posted


def slots_of(service: Served, name: str, slots: int) -> Slots:
    """How a sweep's trials followed each other; each metric `fit_seconds` is a trial's own work."""
    trials = service.items(f"/v1/sweeps/{name}/trials")
    trials.sort(key=lambda trial: trial["started_at"])
    ends: list[float] = []
    gaps, overhead = [], []
    for trial in trials:
        start, end = _moment(trial["started_at"]), _moment(trial["finished_at"])
        gap = 0.0
        if len(ends) == slots:
            before = max((each for each in ends if each <= start), default=min(ends))
            ends.remove(before)
            gap = start - before
            gaps.append(gap * 1000)
        ends.append(end)
        overhead.append((end - start + gap - trial["metrics"]["fit_seconds"]) * 1000)
    return Slots(overhead=overhead, gaps=gaps)


def flatness(service: Served, body: Json) -> tuple[float, float, float]:
    """What a trial costs early and late in a long sweep of tiny ones.

    Returns:
        Milliseconds of CPU of all processes for each trial, from the 100th to the 200th and of the
        last hundred; and trials a second.
    """
    trials = body["limits"]["max_total_trials"]
    looks: list[tuple[int, float]] = []
    _, wall = run(service, body, lambda ended: looks.append((ended, cpu_seconds(service))))
    marks = (100, 200, trials - 100, trials - 5)
    at = [min(look for look in looks if look[0] >= mark or look is looks[-1]) for mark in marks]
    early, late = (
        (end[1] - start[1]) / max(1, end[0] - start[0]) for start, end in (at[:2], at[2:])
    )
    return early * 1000, late * 1000, trials / wall


@contextmanager
def pings(service: Served) -> Iterator[list[float]]:
    """Meanwhile, how many milliseconds the engine took to answer each ping (through /readyz)."""
    found: list[float] = []
    done = threading.Event()

    def ask() -> None:
        while not done.wait(0.05):
            started = time.perf_counter()
            service.client.get("/readyz")
            found.append((time.perf_counter() - started) * 1000)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def cpu_seconds(service: Served) -> float:
    """CPU seconds of the web server, the tracker, the engine, the fork parent, and all trials that have ended."""
    ticks = 0
    for pid in _processes(service).values():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(service: Served) -> dict[str, float]:
    """Megabytes held by each of these processes."""
    return {name: _resident(pid) for name, pid in _processes(service).items()}


def spread(values: Sequence[float]) -> str:
    """Median, and the smallest and largest value."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _processes(service: Served) -> dict[str, int]:
    server, _, tracker = service.pids()
    engine = service.engine_pid()
    return {
        "web server": server,
        "tracker": tracker,
        "engine": engine,
        "fork parent": _children(engine)[0],
    }


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return list(itertools.chain.from_iterable(map(int, t.read_text().split()) for t in tasks))


def _resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
