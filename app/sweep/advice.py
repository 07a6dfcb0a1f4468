"""Advice: what is allowed in a document and probably not meant; what, why, and what to do."""

import math
from collections.abc import Iterator

from app.sweep.command import placeholders
from app.sweep.document import SweepDocument
from app.sweep.sampling import GridSampling, logbase_of
from app.sweep.search_space import LOG_EXPRESSIONS, cardinality, walk


def advise(document: SweepDocument) -> list[str]:
    """Warnings about a valid document, in the order of its keys."""
    return [
        *_log_bounds(document),
        *_unused(document),
        *_sampling(document),
        *_early_termination(document),
    ]


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


def _sampling(document: SweepDocument) -> Iterator[str]:
    sampling = document.sampling_algorithm
    points = cardinality(document.search_space, logbase_of(sampling))
    wanted = document.limits.max_total_trials
    if isinstance(sampling, GridSampling):
        if sampling.seed is not None:
            yield "sampling_algorithm.seed has no effect on grid, which takes every point in order"
        if points is not None and points > wanted:
            yield (
                f"the grid has {points} points and limits.max_total_trials ends it after {wanted}; "
                "raise the limit, or use random to spread the trials"
            )
    elif points is not None and wanted > points:
        yield (
            f"limits.max_total_trials is {wanted} and the space has {points} points, so points "
            "are drawn more than once; use grid to run each once"
        )


def _early_termination(document: SweepDocument) -> Iterator[str]:
    policy = document.early_termination
    if policy is not None and "evaluation_interval" not in policy.model_fields_set:
        yield (
            "early_termination.evaluation_interval is not given and taken as 1: every report of "
            f"{document.objective.primary_metric} is judged"
        )
