"""What a trial drew, as Azure writes it, back to the values of the sweep's own search space; pure.

A run has its hyperparameters as JSON or as text. Only the search space says whether "1" is a
number, and "true" a word.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from app.backends.azureml.workspace import Untyped
from app.sweep.search_space import Scalar
from app.sweep.state import Parameters


@dataclass(slots=True)
class _Drawable:
    """What a hyperparameter may be: one of some values, a number of a distribution, or both."""

    values: list[Scalar] = field(default_factory=list)
    number: bool = False


class DrawnFrom:
    """Reads drawn hyperparameters by the search space they were drawn from."""

    def __init__(self, space: Mapping[str, Untyped]) -> None:
        """Take the space.

        Args:
            space: name -> the SDK's expression, as a job has it.
        """
        self._drawable: dict[str, _Drawable] = {}
        for name, expression in space.items():
            self._add(name, expression)

    def parameters(self, tag: str | None, logged: Mapping[str, str]) -> Parameters:
        """What was drawn, flat: a branch counts by its own hyperparameters.

        Args:
            tag: JSON of the hyperparameters, if the run has it.
            logged: the run's parameters, of which a script may have logged more; used without a tag.
        """
        try:
            drawn = json.loads(tag) if tag else None
        except ValueError:
            drawn = None
        if isinstance(drawn, dict) and drawn:
            return dict(self._flat(drawn))
        return dict(self._flat({name: logged[name] for name in self._drawable if name in logged}))

    def _add(self, name: str, expression: Untyped) -> None:
        known = self._drawable.setdefault(name, _Drawable())
        kind = getattr(expression, "type", None)
        if kind is None:
            known.values.append(expression)
        elif kind != "choice":
            known.number = True
        else:
            for value in expression.values:
                if isinstance(value, dict):
                    for inner, within in value.items():
                        self._add(inner, within)
                else:
                    known.values.append(value)

    def _flat(self, drawn: Mapping[str, object]) -> Iterator[tuple[str, Scalar]]:
        for written, value in drawn.items():
            name = str(written).lstrip("-")
            if isinstance(value, dict):
                yield from self._flat(value)
            else:
                yield name, self._value(self._drawable.get(name, _Drawable()), value)

    def _value(self, drawable: _Drawable, written: object) -> Scalar:
        for value in drawable.values:
            if type(value) is type(written) and value == written:
                return value
        for value in drawable.values:
            if _text(written) in (str(value), json.dumps(value)):
                return value
        number = _number(written)
        if number is not None:
            for value in drawable.values:
                if not isinstance(value, bool | str) and value == number:
                    return value
            if drawable.number:
                return number
        return written if isinstance(written, bool | int | float | str) else json.dumps(written)


def _text(written: object) -> str:
    return written if isinstance(written, str) else json.dumps(written)


def _number(written: object) -> int | float | None:
    """The finite number that is written there, if it is one."""
    if isinstance(written, int | float) and not isinstance(written, bool):
        return written
    for read in (int, float):
        try:
            number: int | float = read(str(written))
        except ValueError:
            continue
        return number if math.isfinite(number) else None
    return None
