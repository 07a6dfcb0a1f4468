"""Constraints: conditions over hyperparameters that every drawn point must fulfil.

A constraint is written in a small part of Python's expression grammar: comparisons (chained ones
too), arithmetic, `and`, `or`, `not`, `in` with a list of constants, and min, max, abs. Python's
own parser reads it; what it may hold is checked node by node and turned into functions, so that
nothing is ever evaluated as code.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.sweep.search_space import Scalar

MAX_LENGTH = 1000
"""Characters of one constraint."""
MAX_DEPTH = 40
"""Levels of its syntax tree."""
MAX_EXPONENT = 64

Value = Scalar | tuple[Scalar, ...]
_Function = Callable[[Mapping[str, Scalar]], Value]

_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Value, Value], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: lambda a, b: _ordered(a, b, operator.lt),
    ast.LtE: lambda a, b: _ordered(a, b, operator.le),
    ast.Gt: lambda a, b: _ordered(a, b, operator.gt),
    ast.GtE: lambda a, b: _ordered(a, b, operator.ge),
    ast.In: lambda a, b: isinstance(b, tuple) and a in b,
    ast.NotIn: lambda a, b: isinstance(b, tuple) and a not in b,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {"min": min, "max": max, "abs": abs}


class ConstraintError(ValueError):
    """The constraint cannot be understood; the message says why and what is allowed."""


class _KindError(Exception):
    """Text where a number belongs, or two values that have no order."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One condition.

    Attributes:
        text: as it was written.
        names: the hyperparameters that it speaks of.
    """

    text: str
    names: frozenset[str]
    _holds: _Function

    def allows(self, parameters: Mapping[str, Scalar]) -> bool:
        """Whether a trial with these parameters may run.

        A constraint that names a hyperparameter which is not active in this trial does not apply.
        A point at which it has no value (a division by zero, an overflow, text compared with a
        number) is not allowed.
        """
        if not self.names <= parameters.keys():
            return True
        try:
            return bool(self._holds(parameters))
        except (_KindError, ArithmeticError, ValueError):
            return False

    def misfit(self, parameters: Mapping[str, Scalar]) -> str | None:
        """Why the constraint makes no sense of values of these kinds; None when it does."""
        if not self.names <= parameters.keys():
            return None
        try:
            self._holds(parameters)
        except _KindError as error:
            return str(error)
        except (ArithmeticError, ValueError):
            return None
        return None


def parse_constraint(text: str) -> Constraint:
    """Read a constraint such as `n_estimators * max_samples <= 20 and kind in ["a", "b"]`.

    Raises:
        ConstraintError: it is too long, malformed, or uses what the language does not have.
    """
    if len(text) > MAX_LENGTH:
        raise ConstraintError(f"a constraint has at most {MAX_LENGTH} characters")
    try:
        body = ast.parse(text.strip(), mode="eval").body
        if _too_deep(body):
            raise ConstraintError("the constraint is nested too deeply; write it as several")
        names: set[str] = set()
        function = _compile(body, names)
    except SyntaxError as error:
        raise ConstraintError(f"{text!r} is no expression: {error.msg}") from error
    except (RecursionError, MemoryError, ValueError) as error:
        if isinstance(error, ConstraintError):
            raise
        raise ConstraintError("the constraint cannot be read: nested too deeply, or NUL") from error
    if not isinstance(body, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Name):
        raise ConstraintError(f"{text!r} is no condition; compare something, as in: a * b <= 20")
    if not names:
        raise ConstraintError(f"{text!r} names no hyperparameter")
    return Constraint(text, frozenset(names), function)


def _too_deep(node: ast.AST) -> bool:
    level = [node]
    for _ in range(MAX_DEPTH):
        level = [child for each in level for child in ast.iter_child_nodes(each)]
        if not level:
            return False
    return True


def _compile(node: ast.expr, names: set[str]) -> _Function:
    """The function that computes the node; the hyperparameters that it names are added."""
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return lambda _: value
        case ast.Name(id=name):
            names.add(name)
            return lambda parameters: parameters[name]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return _listed(items)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            denied = _compile(operand, names)
            return lambda parameters: not denied(parameters)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            inner = _compile(operand, names)
            factor = -1 if isinstance(sign, ast.USub) else 1
            return lambda parameters: factor * _number(inner(parameters))
        case ast.BoolOp(op=op, values=values):
            parts = [_compile(value, names) for value in values]
            join = all if isinstance(op, ast.And) else any
            return lambda parameters: join(part(parameters) for part in parts)
        case ast.BinOp():
            return _arithmetic(node, names)
        case ast.Compare():
            return _comparison(node, names)
        case ast.Call():
            return _call(node, names)
        case _:
            raise ConstraintError(
                f"{ast.unparse(node)!r} is not part of the language; it has comparisons, "
                "+ - * / // % **, and, or, not, in, min, max, abs, numbers, texts and True, False"
            )


def _listed(items: list[ast.expr]) -> _Function:
    values = []
    for item in items:
        try:
            value = ast.literal_eval(item)
        except (ValueError, TypeError) as error:
            raise ConstraintError("a list holds constants only") from error
        if not isinstance(value, bool | int | float | str):
            raise ConstraintError("a list holds numbers, texts, True and False only")
        values.append(value)
    constant = tuple(values)
    return lambda _: constant


def _arithmetic(node: ast.BinOp, names: set[str]) -> _Function:
    left, right = _compile(node.left, names), _compile(node.right, names)
    if isinstance(node.op, ast.Pow):
        return lambda parameters: _power(_number(left(parameters)), _number(right(parameters)))
    compute = _ARITHMETIC.get(type(node.op))
    if compute is None:
        raise ConstraintError(f"{ast.unparse(node)!r}: only + - * / // % and ** are known")
    return lambda parameters: compute(_number(left(parameters)), _number(right(parameters)))


def _power(base: float, exponent: float) -> float:
    if abs(exponent) > MAX_EXPONENT:
        raise OverflowError
    return math.pow(base, exponent)


def _comparison(node: ast.Compare, names: set[str]) -> _Function:
    operands = [_compile(each, names) for each in (node.left, *node.comparators)]
    tests = []
    for op, right in zip(node.ops, node.comparators, strict=True):
        test = _COMPARISONS.get(type(op))
        if test is None:
            raise ConstraintError("compare with == != < <= > >= in or not in")
        if isinstance(op, ast.In | ast.NotIn) and not isinstance(right, ast.List | ast.Tuple):
            raise ConstraintError(
                f"{ast.unparse(node)!r}: what stands right of in is a list of constants, "
                'as in: kind in ["a", "b"]'
            )
        tests.append(test)

    def holds(parameters: Mapping[str, Scalar]) -> bool:
        values = [operand(parameters) for operand in operands]
        pairs = zip(tests, values, values[1:], strict=False)
        return all(test(left, right) for test, left, right in pairs)

    return holds


def _call(node: ast.Call, names: set[str]) -> _Function:
    known = isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS
    if not known or node.keywords or not node.args:
        raise ConstraintError(f"{ast.unparse(node)!r}: the functions are min, max and abs")
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if (len(node.args) == 1) is not (name == "abs"):
        raise ConstraintError(f"{ast.unparse(node)!r}: abs takes one value, min and max several")
    compute = _FUNCTIONS[name]
    arguments = [_compile(argument, names) for argument in node.args]
    return lambda parameters: compute(*(_number(argument(parameters)) for argument in arguments))


def _number(value: Value) -> float:
    if isinstance(value, int | float):
        if not math.isfinite(value):
            raise OverflowError
        return value
    raise _KindError(f"{value!r} is no number, and the constraint calculates with it")


def _ordered(a: Value, b: Value, compare: Callable[..., bool]) -> bool:
    if isinstance(a, str) and isinstance(b, str):
        return compare(a, b)
    if isinstance(a, int | float) and isinstance(b, int | float):
        return compare(a, b)
    raise _KindError(f"{a!r} and {b!r} have no order")
