"""HyperDrive's words: expressions and named objects of Azure ML's SDK v1, as text or as its wire form.

Text such as `choice(5, 10)` is parsed into a tree of literals and calls and never evaluated. The
wire form of the same is `["choice", [[5, 10]]]`. Fields and their order are those of
https://learn.microsoft.com/python/api/azureml-train-core/azureml.train.hyperdrive.
"""

import ast
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.sweep.body import decode
from app.sweep.errors import InvalidDocumentError, SweepfrontError
from app.sweep.faults import did_you_mean
from app.sweep.search_space import MAX_CHOICE_VALUES

_LONGEST = 200_000
_MAX_INTEGER = 2**63
_RANGE = ("min_value", "max_value")
_NORMAL = ("mu", "sigma")
EXPRESSIONS: Mapping[str, tuple[str, ...]] = {
    "choice": (),
    "randint": ("upper",),
    "uniform": _RANGE,
    "quniform": (*_RANGE, "q"),
    "loguniform": _RANGE,
    "qloguniform": (*_RANGE, "q"),
    "normal": _NORMAL,
    "qnormal": (*_NORMAL, "q"),
    "lognormal": _NORMAL,
    "qlognormal": (*_NORMAL, "q"),
}
"""The functions of v1's search spaces, and what their arguments are called in v2."""


class WordsError(ValueError):
    """What is written cannot be carried over; the message says why and what to write."""


@dataclass(frozen=True, slots=True)
class Call:
    """`name(arguments, keyword=value)`, or a name alone."""

    name: str
    arguments: Sequence[object] = ()
    keywords: Mapping[str, object] = field(default_factory=dict)

    def fields(self, order: Sequence[str]) -> dict[str, object]:
        """The arguments by name; those without one are named by their place in `order`.

        Raises:
            WordsError: there are more than `order` has, or one is given twice.
        """
        if len(self.arguments) > len(order):
            raise WordsError(f"{self.name} takes at most {len(order)} arguments without names")
        given = dict(zip(order, self.arguments, strict=False))
        if twice := given.keys() & self.keywords.keys():
            raise WordsError(f"{self.name} has {min(twice)} twice")
        return {**given, **self.keywords}


def v2_name(v1: str) -> str | None:
    """A hyperparameter's name without leading dashes, and with _ for what v2 does not take.

    None for what is no name: nothing, with spaces or with placeholders in it.
    """
    bare = v1.lstrip("-")
    if not bare or not bare.isprintable() or re.search(r"\s|\$\{\{", bare):
        return None
    name = re.sub(r"[^A-Za-z0-9_]", "_", bare)
    return f"_{name}" if name[0].isdigit() else name


def read(text: str) -> object:
    """A literal, a list, an object or a `Call`, from text in Python's notation.

    Raises:
        WordsError: it is anything else.
    """
    if len(text) > _LONGEST:
        raise WordsError(f"is longer than {_LONGEST} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval")
        return _value(tree.body)
    except WordsError:
        raise
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise WordsError("is not understood; write it as in Python: choice(5, 10, 15)") from error


def named(value: object, orders: Mapping[str, Sequence[str]]) -> tuple[str, dict[str, object]]:
    """What an object is called, in lower case, and its fields.

    Args:
        value: `"Name(field=1)"`; `{"type": "Name", "field": 1}` or the same with `name`;
            `{"name": "Name", "properties": {"field": 1}}`; `{"Name": {"field": 1}}`; or JSON text
            of one of these.
        orders: the names that are known, in lower case, with the order of their fields.

    Raises:
        WordsError: it is none of these, or its name is not known.
    """
    call = read(value) if isinstance(value, str) and not value.lstrip().startswith("{") else None
    found = plain(value)
    if isinstance(call, Call):
        name, given = call.name, None
    elif not isinstance(found, Mapping):
        raise WordsError("must be an object with a name, or text such as Name(field=1)")
    elif isinstance(kind := found.get("type", found.get("name")), str):
        inner = found.get("properties") or {}
        outer = {key: found[key] for key in found if key not in ("type", "name", "properties")}
        name, given = kind, {**outer, **inner} if isinstance(inner, Mapping) else None
    elif len(found) == 1:
        name, inner = next(iter(found.items()))
        given = dict(inner or {}) if isinstance(inner, Mapping | None) else None
    else:
        raise WordsError("does not say its type")
    order = orders.get(name.lower())
    if order is None:
        raise WordsError(f"{name!r} is not known{did_you_mean(name, list(orders))}")
    if isinstance(call, Call):
        given = call.fields(order)
    if given is None:
        raise WordsError(f"the fields of {name} must be an object")
    return name.lower(), given


def plain(value: object) -> object:
    """The value; what JSON text of an object holds, since a run's tags keep objects so.

    Raises:
        WordsError: text that begins like an object and is none.
    """
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return value
    try:
        return decode(value.encode(), "application/json")
    except InvalidDocumentError as error:
        raise WordsError(error.errors[0].message) from error
    except SweepfrontError as error:
        raise WordsError(f"begins like JSON: {error.message}") from error


def expression(value: object) -> dict[str, object]:
    """A v2 expression, from text, a `Call` or the wire form.

    Raises:
        WordsError: it is none, or a value in it cannot be carried over.
    """
    if isinstance(value, str):
        value = read(value)
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], list):  # noqa: PLR2004 - [name, arguments]
        value = Call(str(value[0]), value[1])
    if not isinstance(value, Call):
        raise WordsError('is no expression; write "choice(5, 10)" or ["choice", [[5, 10]]]')
    kind = value.name.lower()
    order = EXPRESSIONS.get(kind)
    if order is None:
        known = did_you_mean(kind, list(EXPRESSIONS))
        raise WordsError(f"{value.name!r} is no expression of HyperDrive{known}")
    if kind == "choice":
        return {"type": kind, "values": _choices(value)}
    given = value.fields(order)
    if given.keys() != set(order):
        raise WordsError(f"{kind} takes {', '.join(order)}")
    for name, number in given.items():
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise WordsError(f"{name} of {kind} must be a number")
    return {"type": kind, **{name: _checked(given[name]) for name in order}}


def _choices(call: Call) -> list[object]:
    if call.keywords:
        raise WordsError("choice takes its values without names")
    values = list(call.arguments)
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    if not values:
        raise WordsError("choice needs at least one value")
    return [_checked(value) for value in values]


def _checked(value: object) -> object:
    """A value that JSON and YAML can hold."""
    if isinstance(value, Call):
        raise WordsError(f"{value.name} stands where a value is wanted; put text in quotes")
    if not isinstance(value, bool | int | float | str):
        kind = "an object" if isinstance(value, dict) else "a list" if value is not None else "null"
        raise WordsError(
            f"{kind} cannot be a value in v2; write it as text, which the script reads"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise WordsError("must be a finite number")
    if isinstance(value, int) and not -_MAX_INTEGER <= value < _MAX_INTEGER:
        raise WordsError("must be an integer of at most 64 bits")
    if isinstance(value, str) and any(
        char == "\0" or "\ud800" <= char <= "\udfff" for char in value
    ):
        raise WordsError("text may not hold NUL or half a surrogate pair")
    return value


def _value(node: ast.expr) -> object:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return _checked(value)
        case ast.Constant(value=None):
            return None
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            number = _value(operand)
            if isinstance(number, int | float) and not isinstance(number, bool):
                return -number if isinstance(sign, ast.USub) else number
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            names = [_value(key) if key is not None else None for key in keys]
            if all(isinstance(name, str) for name in names):
                return dict(zip(names, map(_value, values), strict=True))
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return Call(name)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if not any(
            each.arg is None for each in node.keywords
        ):
            return _call(name, node)
    raise WordsError(
        f"{ast.unparse(node)[:60]!r} is not a number, text in quotes, a list or a call; "
        "write its value"
    )


def _call(name: str, node: ast.Call) -> object:
    keywords = {str(each.arg): _value(each.value) for each in node.keywords}
    call = Call(name, [_value(item) for item in node.args], keywords)
    return _numbers(call) if name == "range" else call


def _numbers(call: Call) -> list[int]:
    """The numbers of range(start, stop, step)."""
    given = [each for each in call.arguments if type(each) is int]
    if call.keywords or len(given) != len(call.arguments) or len(given) not in (1, 2, 3):
        raise WordsError("range takes one to three integers")
    if len(given) == 3 and given[2] == 0:  # noqa: PLR2004 - a step is given
        raise WordsError("range needs a step other than 0")
    numbers = range(*given)
    if numbers and abs(numbers[-1] - numbers[0]) // abs(numbers.step) >= MAX_CHOICE_VALUES:
        raise WordsError(f"range has more than {MAX_CHOICE_VALUES} values")
    return list(numbers)
