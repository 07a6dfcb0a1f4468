"""Advice: what is allowed in a document and probably not meant; what, why, and what to do."""

import math
from collections.abc import Iterator

from app.sweep.command import placeholders
from app.sweep.document import SweepDocument
from app.sweep.early_termination import first_judged
from app.sweep.record import Earlier, Predecessor
from app.sweep.sampling import BayesianSampling, GridSampling, logbase_of
from app.sweep.search_space import LOG_EXPRESSIONS, Choice, names, walk

TRIALS_PER_HYPERPARAMETER = 20
"""Azure ML's advice for bayesian sampling
(https://learn.microsoft.com/azure/machine-learning/how-to-tune-hyperparameters)."""
_BATCHES = 4
"""Bayesian sampling learns from one batch for the next; fewer batches than this are too few."""


def advise(document: SweepDocument, points: int | None) -> list[str]:
    """Warnings about a valid document, in the order of its keys.

    Args:
        document: complete, or as its author wrote it.
        points: how many different points can be drawn; None: without end, or not counted.
    """
    return [
        *_log_bounds(document),
        *_mixed_types(document),
        *_unused(document),
        *_sampling(document, points),
        *_bayesian(document),
        *_early_termination(document),
    ]


def advise_from(document: SweepDocument, earlier: Earlier, same: Predecessor | None) -> list[str]:
    """Warnings that rest on earlier sweeps.

    Args:
        document: as its author wrote it.
        earlier: what sweeps of the same code have shown.
        same: the newest sweep of the same document.
    """
    return [*_idle_policy(document, earlier), *_repetition(document, same)]


def _log_bounds(document: SweepDocument) -> Iterator[str]:
    base = logbase_of(document.sampling_algorithm)
    name_of_log = "ln" if base == math.e else f"log_{base:g}"
    for _, name, expression in walk(document.search_space):
        if not isinstance(expression, LOG_EXPRESSIONS):
            continue
        low, high = expression.min_value, expression.max_value
        if low > 0 and high <= 1:
            yield (
                f"search_space.{name}: the bounds of {expression.type} are those of the logarithm, "
                f"so values lie in [{base**low:.6g}, {base**high:.6g}]; for values in "
                f"[{low:g}, {high:g}] give [{name_of_log} {low:g}, {name_of_log} {high:g}] = "
                f"[{math.log(low, base):.6g}, {math.log(high, base):.6g}]"
            )


def _mixed_types(document: SweepDocument) -> Iterator[str]:
    kinds = {bool: "true/false", int: "number", float: "number", str: "text", dict: "object"}
    for _, name, expression in walk(document.search_space):
        if not isinstance(expression, Choice):
            continue
        found = list(dict.fromkeys(kinds[type(value)] for value in expression.values))
        if len(found) > 1:
            yield (
                f"search_space.{name} mixes values of different types ({', '.join(found)}), which "
                "a script's argument parser usually reads as one type; write them alike, or quote "
                "those that are meant as text"
            )


def _unused(document: SweepDocument) -> Iterator[str]:
    used = {(each.group, each.name) for each in placeholders(document.trial.command)}
    levels = {name for path, name, _ in walk(document.search_space) if len(path) == 1}
    for name in document.search_space:
        below = {inner for path, inner, _ in walk(document.search_space) if path[0] == name}
        if name in levels and not any(("search_space", inner) in used for inner in below):
            yield (
                f"search_space.{name} is not used by trial.command, so it has no effect unless the "
                f"script reads AZUREML_SWEEP_{name}; add ${{{{search_space.{name}}}}} to the command"
            )
    for name in document.inputs:
        if ("inputs", name) not in used:
            yield (
                f"inputs.{name} is not used by trial.command; add ${{{{inputs.{name}}}}} or "
                "remove the input"
            )


def _sampling(document: SweepDocument, points: int | None) -> Iterator[str]:
    sampling = document.sampling_algorithm
    wanted = document.limits.max_total_trials
    if isinstance(sampling, GridSampling):
        if sampling.seed is not None:
            yield (
                "sampling_algorithm.seed has no effect on grid, which takes every point in order; "
                "remove it, or use random"
            )
        if points is not None and points > wanted:
            yield (
                f"the grid has {points} points and limits.max_total_trials ends it after {wanted}; "
                "raise the limit, or use random to spread the trials"
            )
    elif points is not None and wanted > points:
        effect = (
            "so the sweep ends when each has run once; lower the limit"
            if isinstance(sampling, BayesianSampling)
            else "so points are drawn more than once; use grid to run each once"
        )
        yield f"limits.max_total_trials is {wanted} and the space has {points} points, {effect}"


def _bayesian(document: SweepDocument) -> Iterator[str]:
    if not isinstance(document.sampling_algorithm, BayesianSampling):
        return
    limits, count = document.limits, len(names(document.search_space))
    advised = TRIALS_PER_HYPERPARAMETER * count
    if limits.max_total_trials < advised:
        yield (
            f"limits.max_total_trials is {limits.max_total_trials}; Azure ML advises at least "
            f"{TRIALS_PER_HYPERPARAMETER} trials for each of the {count} hyperparameters with "
            f"bayesian sampling ({advised}); raise it, or tune fewer hyperparameters"
        )
    concurrency = limits.max_concurrent_trials or 1
    if concurrency > 1 and concurrency * _BATCHES > limits.max_total_trials:
        yield (
            f"limits.max_concurrent_trials is {concurrency} of {limits.max_total_trials} trials in "
            "all: bayesian sampling learns only from trials that have finished, so most are drawn "
            "before it knows much; lower it, or use random with rule: sobol"
        )


def _early_termination(document: SweepDocument) -> Iterator[str]:
    policy, limits = document.early_termination, document.limits
    if policy is None:
        return
    metric = document.objective.primary_metric
    if "evaluation_interval" not in policy.model_fields_set:
        yield (
            "early_termination.evaluation_interval is not given and taken as 1: every report of "
            f"{metric} is judged; give it to judge less often"
        )
    concurrency = limits.max_concurrent_trials or 1
    if concurrency > 1 and concurrency * 2 > limits.max_total_trials:
        yield (
            f"the first {concurrency} of {limits.max_total_trials} trials start together, so no "
            "finished trial is there to compare them with and early_termination can stop few of "
            "them; lower limits.max_concurrent_trials"
        )


def _idle_policy(document: SweepDocument, earlier: Earlier) -> Iterator[str]:
    policy = document.early_termination
    if policy is None or not earlier.reports:
        return
    metric = document.objective.primary_metric
    most, first = max(earlier.reports), first_judged(policy)
    if first > most:
        yield (
            f"early_termination cannot stop a trial: it first judges at report {first}, and the "
            f"trials of {earlier.sweeps[0]}, with the same code, reported {metric} at most {most} "
            f"time{'s' if most != 1 else ''}; lower delay_evaluation and evaluation_interval, or "
            "log the metric more often"
        )
    elif most == 1:
        yield (
            f"early_termination saves nothing: the trials of {earlier.sweeps[0]}, with the same "
            f"code, reported {metric} once, when their work was done; log it after each epoch, "
            "fold or estimator"
        )


def _repetition(document: SweepDocument, same: Predecessor | None) -> Iterator[str]:
    if same is None:
        return
    result = f"is {same.status}"
    if same.best_trial is not None:
        best = same.best_trial
        result += f", its best trial {best.number} with {best.objective_value:.6g}"
    sampling = document.sampling_algorithm
    seedless = not isinstance(sampling, GridSampling) and sampling.seed is None
    todo = (
        "without a seed this one draws other points"
        if seedless
        else "use its result, or change the seed or the document"
    )
    yield f"the same document ran before: {same.name} {result}; {todo}"
