"""Samplers compared: the best of 25, 50 and 100 trials, and what one suggestion costs.

Each method has the same seeds and the same spaces; the table has the median over the seeds. Run it
with `python -m benchmarks.samplers`; peers that are not installed are left out and named. With
`--store` the runs are kept in a file as they end, and those that it holds are not run again.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from app.search.design import key_of
from benchmarks.sampler_methods import METHODS, missing
from benchmarks.sampler_problems import PROBLEMS

# Each run is done by a process that starts anew and reads these when it loads numpy.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
_SPAWN = multiprocessing.get_context("spawn")

OURS = "Sweepfront"
AT = (25, 50, 100)
SIZES = (100, 300, 1000)
SUGGESTIONS = 10
PATIENCE = 240
"""A method that takes more seconds of CPU than this is not timed at larger sizes."""

BATCH = 8

Run = tuple[str, str, int, int, int]
"""Method, problem, seed, budget and how many trials run at once."""


def main() -> None:
    """Print the tables."""
    options = _options()
    console = Console(width=160)
    methods = []
    for method in options.methods or METHODS:
        absent = missing(method)
        if absent:
            console.print(f"{method} is left out: {', '.join(absent)} not installed")
        else:
            methods.append(method)
    problems = options.only or list(PROBLEMS)
    runs = [
        (method, problem, seed, options.budget, parallel)
        for parallel in (1, BATCH)
        for method, problem, seed in itertools.product(methods, problems, range(options.seeds))
        if method == OURS or parallel == 1
    ]
    losses = _all_losses(runs, options.store)
    console.print(_qualities(losses, methods, problems, options.seeds, options.budget))
    if OURS in methods:
        console.print(_concurrency(losses, problems, options.seeds, options.budget))
    if options.costs:
        console.print(_costs(methods))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.samplers", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--only", nargs="*", choices=list(PROBLEMS), help="these problems")
    parser.add_argument("--methods", nargs="*", choices=list(METHODS), help="these methods")
    parser.add_argument("--store", type=Path, help="a file that keeps the runs")
    parser.add_argument("--costs", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


def _all_losses(runs: Sequence[Run], store: Path | None) -> dict[Run, tuple[list[float], int]]:
    """The losses of every run and how many of its trials repeat an earlier one."""
    done: dict[Run, tuple[list[float], int]] = {}
    if store is not None and store.exists():
        for line in store.read_text(encoding="utf-8").splitlines():
            run, losses, repeated = json.loads(line)
            done[tuple(run)] = (losses, repeated)
    with ProcessPoolExecutor(2, _SPAWN) as pool:
        futures = {pool.submit(losses_of, run): run for run in runs if run not in done}
        for future in as_completed(futures):
            run = futures[future]
            done[run] = future.result()
            if store is not None:
                with store.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([run, *done[run]]) + "\n")
    return done


def losses_of(run: Run) -> tuple[list[float], int]:
    """The losses of the trials in order of their end, and how many repeat an earlier trial.

    With several at once the one that ends next is drawn at random, and the next trial starts then.
    """
    method, name, seed, budget, parallel = run
    problem = PROBLEMS[name]
    sampler = METHODS[method][1](problem.space, seed, budget)
    generator = np.random.default_rng(seed)
    running: dict[int, float] = {}
    losses: list[float] = []
    seen = set()
    for number in range(budget):
        if len(running) == parallel:
            ended = int(generator.choice(list(running)))
            losses.append(running.pop(ended))
            sampler.tell(ended, losses[-1])
        parameters = dict(sampler.ask(number))
        seen.add(key_of(parameters))
        running[number] = problem.loss(parameters)
    return losses + list(running.values()), budget - len(seen)


def _qualities(
    losses: dict[Run, tuple[list[float], int]],
    methods: Sequence[str],
    problems: Sequence[str],
    seeds: int,
    budget: int,
) -> Table:
    table = Table("problem", "after", *methods, title="Median of the best loss")
    wins = dict.fromkeys(methods, 0)
    for problem, after in itertools.product(problems, [at for at in AT if at <= budget]):
        medians = {
            method: statistics.median(
                min(losses[method, problem, seed, budget, 1][0][:after]) for seed in range(seeds)
            )
            for method in methods
        }
        best = min(medians.values())
        first = {m for m, median in medians.items() if median <= best + 1e-4 * abs(best)}
        for method in first:
            wins[method] += 1
        cells = (f"[bold]{v:.5g}[/bold]" if m in first else f"{v:.5g}" for m, v in medians.items())
        table.add_row(problem, str(after), *cells, end_section=after == max(AT))
    table.add_row("best in", "", *(str(count) for count in wins.values()))
    return table


def _concurrency(
    losses: dict[Run, tuple[list[float], int]], problems: Sequence[str], seeds: int, budget: int
) -> Table:
    table = Table("problem", "after", "one at once", f"{BATCH} at once", "repeated points")
    for problem, after in itertools.product(problems, [at for at in AT if at <= budget]):
        cells = []
        for parallel in (1, BATCH):
            runs = [losses[OURS, problem, seed, budget, parallel] for seed in range(seeds)]
            cells.append(f"{statistics.median(min(run[0][:after]) for run in runs):.5g}")
        repeated = sum(run[1] for run in runs)
        table.add_row(problem, str(after), *cells, str(repeated), end_section=after == max(AT))
    return table


def _costs(methods: Sequence[str]) -> Table:
    table = Table("one suggestion, ms of CPU", *map(str, SIZES), title="6 mixed hyperparameters")
    with ProcessPoolExecutor(1, _SPAWN) as pool:
        for method, costs in zip(methods, pool.map(_cost, methods), strict=True):
            table.add_row(method, *(f"{cost:.1f}" for cost in costs))
    return table


def _cost(method: str) -> list[float]:
    """CPU milliseconds of one suggestion after so many trials, drawn by the method itself."""
    problem = PROBLEMS["mixed"]
    sampler = METHODS[method][1](problem.space, 1, max(SIZES) + SUGGESTIONS)
    taken: list[float] = []
    costs: list[float] = []
    for number in range(max(SIZES) + SUGGESTIONS):
        started = time.process_time()
        parameters = sampler.ask(number)
        taken.append(1000 * (time.process_time() - started))
        sampler.tell(number, problem.loss(parameters))
        if number + 1 - SUGGESTIONS in SIZES:
            costs.append(statistics.median(taken[-SUGGESTIONS:]))
        if sum(taken) > 1000 * PATIENCE:
            break
    return costs


if __name__ == "__main__":
    main()
