"""A sweep of real script trials over HTTP, beside the bare fits and beside others, in one run.

The floor is the same fits, one after the other, in one warm process, divided by the slots: what
the machine needs when nothing but fitting happens. Run it with `make bench`; others are measured
when `--peers` names an interpreter in which they and scikit-learn are installed.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.engine_loads import (
    cpu_seconds,
    first_start,
    flatness,
    job,
    memory,
    pings,
    run,
    slots_of,
    spread,
)
from benchmarks.engine_peers import PEERS, seconds
from benchmarks.engine_work import FLOOR, POINTS, TINY, TRIAL
from tests.served import Served

_SCRIPTS = {"main.py": TRIAL, "tiny.py": TINY, "points.py": POINTS}
_FLOOR_NAME = "the fits in one warm process / slots: the floor"
_OURS = "this engine, over HTTP, all recorded"
_MANY = 1000


def main() -> None:
    """Measure and print the tables."""
    options = _options()
    console = Console(width=110)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "code" / "job").mkdir(parents=True)
        for script, text in _SCRIPTS.items():
            (folder / "code" / "job" / script).write_text(text)
        service = Served(folder / "data", code_root=folder / "code", slots=options.slots)
        try:
            started = time.perf_counter()
            service.start()
            first_answer = time.perf_counter() - started
            _warm(service)
            walls, figures = _race(service, options)
            figures["service answering after its start, s"] = [first_answer]
            _print_race(console, walls, options)
            _loads(service, options, figures)
        finally:
            service.stop()
            service.client.close()
    table = Table("measured", "median (least to most)")
    for what, values in figures.items():
        table.add_row(what, spread(values))
    console.print(table)
    console.print(f"load average over 5 minutes at the end: {os.getloadavg()[1]:.1f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--many", type=int, default=_MANY, help="trials of the long sweep")
    peers = os.environ.get("SWEEPFRONT_BENCH_PEERS", "")
    parser.add_argument("--peers", default=peers, help="an interpreter that has the others")
    return parser.parse_args()


def _warm(service: Served) -> None:
    """Run trials until the fork parent and MLflow's store are there."""
    for _ in range(2):
        run(service, job("main.py", 2, 2))


def _race(
    service: Served, options: argparse.Namespace
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Everyone once in each round: seconds by name, and how our trials followed each other."""
    walls: defaultdict[str, list[float]] = defaultdict(list)
    figures: defaultdict[str, list[float]] = defaultdict(list)
    peers = list(PEERS) if options.peers else []
    for _ in range(options.rounds):
        fits, fits_cpu = _floor(options.trials)
        walls[_FLOOR_NAME].append(fits / options.slots)
        before = cpu_seconds(service)
        name, wall = run(service, job("main.py", options.trials, options.slots))
        walls[_OURS].append(wall)
        figures["CPU of all our processes / CPU of the fits"].append(
            (cpu_seconds(service) - before) / fits_cpu
        )
        found = slots_of(service, name, options.slots)
        figures["overhead per trial, ms"].append(statistics.median(found.overhead))
        figures["from one trial's end to the next one's start, ms"].append(
            statistics.median(found.gaps)
        )
        body = job("main.py", 1, options.slots)
        figures["first trial started after the POST, s"].append(first_start(service, body))
        for peer in list(peers):
            took = seconds(peer, options.peers, trials=options.trials, slots=options.slots)
            if took is None:
                peers.remove(peer)
            else:
                print(f"{peer}: {took:.2f} s")
                walls[peer].append(took)
    return dict(walls), dict(figures)


def _floor(trials: int) -> tuple[float, float]:
    """Seconds, and CPU seconds, of the bare fits in one warm process."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", FLOOR, str(trials)], capture_output=True, text=True, check=True
    )
    wall, cpu = map(float, done.stdout.split())
    return wall, cpu


def _loads(service: Served, options: argparse.Namespace, figures: dict[str, list[float]]) -> None:
    before = memory(service)
    early, late, rate = flatness(service, job("tiny.py", options.many, options.slots))
    count = f"{options.many} tiny trials"
    figures[f"{count}: CPU per trial, the 100th to 200th, ms"] = [early]
    figures[f"{count}: the same, the last hundred, ms"] = [late]
    figures[f"{count}: trials a second"] = [rate]
    with pings(service) as found:
        _, wall = run(service, job("points.py", 1, options.slots))
    figures["a trial of 10,000 points, s"] = [wall]
    figures["/readyz, which asks the engine, meanwhile, ms"] = found
    for who, megabytes in memory(service).items():
        figures[f"memory of the {who} before these, MB"] = [before[who]]
        figures[f"memory of the {who} after these, MB"] = [megabytes]


def _print_race(
    console: Console, walls: Mapping[str, Sequence[float]], options: argparse.Namespace
) -> None:
    floor = statistics.median(walls[_FLOOR_NAME])
    ours = statistics.median(walls[_OURS])
    table = Table("", "median s", "min s", "max s", "x floor", "x this engine", "process each")
    for name, taken in walls.items():
        median = statistics.median(taken)
        own_process = name == _OURS or (name in PEERS and PEERS[name][1])
        table.add_row(
            name,
            *(f"{value:.2f}" for value in (median, min(taken), max(taken))),
            f"{median / floor:.2f}",
            f"{median / ours:.2f}",
            "yes" if own_process else "no",
        )
    console.print(
        f"{options.trials} trials, {options.slots} at once, {options.rounds} rounds; "
        f"a fit takes {floor * options.slots / options.trials:.2f} s"
    )
    console.print(table)


if __name__ == "__main__":
    main()
