"""Sweeps and trials as text."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from sweepfront import Sweep, Trial


def print_outcome(sweep: Sweep, console: Console) -> None:
    """Print how a sweep ended, and the parameters of its best trial."""
    reason = f": {sweep.status_reason}" if sweep.status_reason else ""
    _say(console, f"sweep {sweep.name} {sweep.status}{reason}")
    best = sweep.best_trial
    if best is None:
        return
    _say(console, f"best trial {best.number}: {sweep.primary_metric} {best.objective_value:.6g}")
    for name, value in best.parameters.items():
        _say(console, f"  {name} = {value}")


def print_sweeps(sweeps: Iterable[Sweep], console: Console) -> None:
    """Print a table of sweeps, a row each."""
    table = Table("name", "status", "experiment", "trials", "best", "created")
    for sweep in sweeps:
        best = sweep.best_trial
        table.add_row(
            sweep.name,
            sweep.status,
            sweep.experiment_name,
            f"{sweep.trial_counts.ended}/{sweep.expected_trials}",
            _figure(best.objective_value if best else None),
            f"{sweep.created_at:%Y-%m-%d %H:%M:%S}",
        )
    console.print(table)


def print_sweep(sweep: Sweep, trials: Iterable[Trial], console: Console) -> None:
    """Print one sweep with its trials."""
    print_outcome(sweep, console)
    for words in sweep.warnings:
        _say(console, f"warning: {words}")
    if sweep.sync_error:
        _say(console, f"last look failed: {sweep.sync_error}")
    table = Table("trial", "status", "objective", "seconds", "parameters", "reason")
    for trial in trials:
        seconds = trial.duration_seconds
        table.add_row(
            str(trial.number),
            trial.status,
            _figure(trial.objective_value),
            "" if seconds is None else f"{seconds:.1f}",
            " ".join(f"{name}={value}" for name, value in trial.parameters.items()),
            trial.status_reason or "",
        )
    console.print(table)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _say(console: Console, words: str) -> None:
    console.print(words, soft_wrap=True, highlight=False, markup=False)
