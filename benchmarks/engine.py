"""A sweep of small script trials through HTTP, beside the bare fits: both in one run, as a ratio.

The floor is the same fits, one after the other, in one warm process, divided by the slots: what
the machine needs when nothing but fitting happens. Run it with `make bench`.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.served import Json, Served, served

TRIALS = 40
SLOTS = 2
ROUNDS = 3
FIT = """
import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import cross_val_score
def fit(depth):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 8)); y = X[:, 0] * X[:, 1] + rng.normal(size=400)
    forest = RandomForestRegressor(20, max_depth=depth, random_state=0)
    return -cross_val_score(forest, X, y, cv=5).mean()
"""
TRIAL = (
    FIT
    + """
import sys, mlflow
mlflow.log_metric("loss", fit(int(sys.argv[1])))
"""
)
FLOOR = (
    FIT
    + """
import sys, time
fit(3)
started = time.perf_counter()
for depth in range(int(sys.argv[1])):
    fit(depth % 10 + 1)
print(time.perf_counter() - started)
"""
)


def main() -> None:
    """Print the table."""
    floors: list[float] = []
    sweeps: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "code" / "job").mkdir(parents=True)
        (folder / "code" / "job" / "main.py").write_text(TRIAL)
        with served(folder / "data", code_root=folder / "code", slots=SLOTS) as service:
            _sweep(service, 2)
            for _ in range(ROUNDS):
                floors.append(_floor() / SLOTS)
                sweeps.append(_sweep(service, TRIALS))
    _print(floors, sweeps)


def _floor() -> float:
    """Seconds of the bare fits in one warm process."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", FLOOR, str(TRIALS)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def _sweep(service: Served, trials: int) -> float:
    """Seconds from the POST until the last trial has ended."""
    body: Json = {
        "trial": {"command": "python main.py ${{search_space.depth}}", "code": "job"},
        "search_space": {
            "depth": {"type": "choice", "values": list(range(1, 11))},
            "copy": {"type": "choice", "values": list(range(4))},
        },
        "sampling_algorithm": "grid",
        "objective": {"primary_metric": "loss", "goal": "minimize"},
        "limits": {"max_total_trials": trials, "max_concurrent_trials": SLOTS},
    }
    started = time.perf_counter()
    name = service.submit(body)["name"]
    sweep = service.finished(name, within=600)
    if sweep["trial_counts"]["completed"] != trials:
        raise RuntimeError(json.dumps(sweep, indent=1))
    return time.perf_counter() - started


def _print(floors: list[float], sweeps: list[float]) -> None:
    table = Table("", "median s", "min s", "max s", "ratio of medians")
    floor = statistics.median(floors)
    for name, seconds in (("the fits alone / slots", floors), ("the sweep over HTTP", sweeps)):
        median = statistics.median(seconds)
        figures = (median, min(seconds), max(seconds), median / floor)
        table.add_row(name, *(f"{figure:.2f}" for figure in figures))
    console = Console()
    console.print(f"{TRIALS} trials, {SLOTS} slots, {ROUNDS} rounds")
    console.print(table)


if __name__ == "__main__":
    main()
