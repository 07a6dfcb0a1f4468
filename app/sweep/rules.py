"""The rules that span several fields of a document."""

import math
from collections.abc import Iterator

from app.sweep import command as commands
from app.sweep.constraints import ConstraintError, parse_constraint
from app.sweep.document import SweepDocument
from app.sweep.errors import FieldError
from app.sweep.faults import did_you_mean, pointer
from app.sweep.sampling import RandomSampling, logbase_of, refusal
from app.sweep.search_space import (
    LOG_EXPRESSIONS,
    MAX_HYPERPARAMETERS,
    QUANTISED,
    AnyExpression,
    Choice,
    LogNormal,
    Normal,
    QLogNormal,
    QNormal,
    QUniform,
    Scalar,
    names,
    walk,
)

_TAIL = 9.0
"""Standard deviations beyond which a double's inverse normal never reaches."""


def broken_rules(document: SweepDocument) -> list[FieldError]:
    """Every cross-field rule that the document breaks."""
    return [*_space_rules(document), *_command_rules(document), *_constraint_rules(document)]


def _space_rules(document: SweepDocument) -> Iterator[FieldError]:
    levels = list(walk(document.search_space))
    if len(levels) > MAX_HYPERPARAMETERS:
        yield FieldError(
            pointer="/search_space",
            message=f"has {len(levels)} hyperparameters on all levels; "
            f"at most {MAX_HYPERPARAMETERS} are taken",
        )
        return
    base = logbase_of(document.sampling_algorithm)
    if isinstance(document.sampling_algorithm, RandomSampling) and (base <= 0 or base == 1):
        yield FieldError(
            pointer="/sampling_algorithm/logbase",
            message='must be a positive number other than 1, or "e"',
            value=document.sampling_algorithm.logbase,
        )
        return
    for path, _, expression in levels:
        where = pointer(("search_space", *path))
        if reason := refusal(document.sampling_algorithm, expression):
            yield FieldError(pointer=where, message=reason)
        elif reason := _unbounded(expression, base):
            yield FieldError(pointer=where, message=reason)
    yield from _clashes(document)


def _unbounded(expression: AnyExpression | Scalar, base: float) -> str | None:
    """Why values of this expression would leave the range of a double."""
    largest: float = 0.0
    try:
        if isinstance(expression, LOG_EXPRESSIONS):
            largest = max(base**expression.min_value, base**expression.max_value)
        elif isinstance(expression, LogNormal | QLogNormal):
            largest = math.exp(expression.mu + _TAIL * expression.sigma)
        elif isinstance(expression, Normal | QNormal):
            largest = abs(expression.mu) + _TAIL * expression.sigma
        elif isinstance(expression, QUniform):
            largest = max(abs(expression.min_value), abs(expression.max_value))
        if isinstance(expression, QUANTISED):
            largest = max(float(largest), largest / expression.q)
    except OverflowError:
        largest = math.inf
    if math.isfinite(largest):
        return None
    bounds = "the bounds are those of the logarithm; " if "log" in str(expression) else ""
    return (
        f"{bounds}its values would be larger than any number; choose smaller bounds or a larger q"
    )


def _clashes(document: SweepDocument) -> Iterator[FieldError]:
    """A name may stand once on its level, and on no other level that is active with it."""
    yield from _clashes_below(document.search_space, (), frozenset())


def _clashes_below(
    space: "dict[str, AnyExpression] | dict[str, AnyExpression | Scalar]",
    path: tuple[str | int, ...],
    above: frozenset[str],
) -> Iterator[FieldError]:
    taken = above | frozenset(space)
    for name, expression in space.items():
        where = (*path, name)
        if name in above:
            yield FieldError(
                pointer=pointer(("search_space", *where)),
                message=f"{name!r} is already a hyperparameter of a level above; rename one of them",
            )
        if not isinstance(expression, Choice):
            continue
        others = taken
        for index, branch in enumerate(expression.branches):
            yield from _clashes_below(branch, (*where, "values", index), others)
        for branch in expression.branches:
            taken |= frozenset(names(branch))


def _constraint_rules(document: SweepDocument) -> Iterator[FieldError]:
    """A constraint is readable and speaks of hyperparameters that have values of their own."""
    known = {
        name: expression
        for _, name, expression in walk(document.search_space)
        if not (isinstance(expression, Choice) and expression.branches)
    }
    for index, text in enumerate(document.constraints or ()):
        where = pointer(("constraints", index))
        try:
            constraint = parse_constraint(text)
        except ConstraintError as error:
            yield FieldError(pointer=where, message=str(error), value=text)
            continue
        for name in sorted(constraint.names - known.keys()):
            hint = did_you_mean(name, list(known))
            yield FieldError(
                pointer=where,
                message=f"{name!r} is no hyperparameter with a value{hint}",
                value=text,
            )


def _command_rules(document: SweepDocument) -> Iterator[FieldError]:
    command = document.trial.command
    where = "/trial/command"
    try:
        used = commands.placeholders(command)
        shell = commands.needs_shell(command)
        if not shell:
            commands.words(command)
    except commands.CommandError as error:
        yield FieldError(pointer=where, message=str(error))
        return
    known = {
        "search_space": names(document.search_space),
        "inputs": list(document.inputs),
        "outputs": list(document.outputs),
    }
    for placeholder in dict.fromkeys(used):
        if placeholder.name not in known[placeholder.group]:
            nothing = f"; {placeholder.group} is empty" if not known[placeholder.group] else ""
            hint = nothing or did_you_mean(placeholder.name, known[placeholder.group])
            yield FieldError(
                pointer=where,
                message=f"${{{{{placeholder.group}.{placeholder.name}}}}} names nothing{hint}",
            )
    if shell:
        yield from _shell_rules(document, {placeholder.name for placeholder in used})


def _shell_rules(document: SweepDocument, used: set[str]) -> Iterator[FieldError]:
    for path, name, expression in walk(document.search_space):
        values: list[object] = []
        if isinstance(expression, Choice):
            values = list(expression.values)
        elif isinstance(expression, str):
            values = [expression]
        for index, value in enumerate(values):
            if name in used and isinstance(value, str) and not commands.SHELL_SAFE.match(value):
                spot = (*path, "values", index) if isinstance(expression, Choice) else path
                yield FieldError(
                    pointer=pointer(("search_space", *spot)),
                    message=commands.unsafe(name, value),
                    value=value,
                )
    for name, literal in document.inputs.items():
        if name in used and isinstance(literal, str) and not commands.SHELL_SAFE.match(literal):
            yield FieldError(
                pointer=pointer(("inputs", name)),
                message=commands.unsafe(name, literal),
                value=literal,
            )
