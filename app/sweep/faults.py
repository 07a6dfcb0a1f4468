"""Validation errors said for people: a JSON pointer, what is wrong, and the remedy."""

import difflib
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticUndefined

from app.sweep.errors import FieldError, InvalidDocumentError

Body = TypeVar("Body", bound=BaseModel)

MAX_FAULTS = 100
_SHOWN = 100


def pointer(path: Sequence[str | int]) -> str:
    """The JSON pointer (RFC 6901) of a path."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def read_body(model: type[Body], body: Mapping[str, object]) -> Body:
    """Read a decoded body.

    Raises:
        InvalidDocumentError: with one entry per fault, pointing into `body`.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise InvalidDocumentError(_faults(error, body, model)) from error


def _faults(
    error: ValidationError, body: Mapping[str, object], model: type[BaseModel]
) -> list[FieldError]:
    """Turn pydantic's errors into ours, at most `MAX_FAULTS` of them.

    Args:
        error: what validation raised.
        model: the model that was validated; its fields are the known keys.
        body: the document as it was sent; pointers lead into it.
    """
    grouped: dict[str, list[tuple[ErrorDetails, list[str | int]]]] = {}
    for details in error.errors(include_url=False, include_context=True):
        path = _path(details, body)
        grouped.setdefault(pointer(path), []).append((details, path))
    return [
        _fault(where, group, body, model) for where, group in list(grouped.items())[:MAX_FAULTS]
    ]


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'?`, or the list of what is known when nothing is near."""
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(known)}"


def _path(details: ErrorDetails, body: Mapping[str, object]) -> list[str | int]:
    """The error's location without the union tags that pydantic puts between the keys."""
    path: list[str | int] = []
    here: object = body
    absent = details["type"] == "missing"
    for index, part in enumerate(details["loc"]):
        if isinstance(here, dict) and part in here:
            here = here[part]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        elif not (absent and index == len(details["loc"]) - 1):
            continue
        path.append(part)
    if details["type"] == "union_tag_invalid" and isinstance(here, dict) and "type" in here:
        path.append("type")
    return path


def _fault(
    where: str,
    group: list[tuple[ErrorDetails, list[str | int]]],
    body: Mapping[str, object],
    model: type[BaseModel],
) -> FieldError:
    details, path = group[0]
    kinds = {entry["type"] for entry, _ in group}
    if len(group) > 1 and all(kind.endswith("_type") or kind == "finite_number" for kind in kinds):
        message = f"must be {' or '.join(_any_of(kinds))}"
    else:
        message = _message(details, path, model)
    return FieldError(pointer=where, message=message, value=_shown(body, path))


def _message(details: ErrorDetails, path: list[str | int], model: type[BaseModel]) -> str:
    context = details.get("ctx", {})
    match details["type"]:
        case "extra_forbidden":
            here = _model_at(model, details["loc"][:-1]) or model
            known = sorted(field.alias or name for name, field in here.model_fields.items())
            return f"unknown key {path[-1]!r}{did_you_mean(str(path[-1]), known)}"
        case "missing":
            return f"{details['loc'][-1]} is required"
        case "union_tag_not_found":
            return "type is missing; give one of the documented types"
        case "union_tag_invalid":
            tags = [tag.strip(" '") for tag in str(context["expected_tags"]).split(",")]
            return f"unknown type {context['tag']!r}{did_you_mean(str(context['tag']), tags)}"
        case "value_error":
            return str(context["error"])
        case "string_pattern_mismatch":
            return f"must match {context['pattern']}"
        case kind if kind.endswith("_type"):
            return f"must be {_wanted(kind)}"
        case _:
            return details["msg"][:1].lower() + details["msg"][1:]


def _model_at(kind: object, location: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The model that the types reach by following the location, union tags included."""
    origin, arms = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _model_at(arms[0], location)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _model_within(kind, location)
    if origin in (Union, UnionType):
        paths = (location, location[1:])
        found = (_model_at(arm, path) for path in paths for arm in arms if _is_arm(arm, location))
        return next((model for model in found if model is not None), None)
    if origin in (dict, list) and location:
        return _model_at(arms[-1], location[1:])
    return None


def _model_within(
    model: type[BaseModel], location: tuple[str | int, ...]
) -> type[BaseModel] | None:
    if not location:
        return model
    for name, field in model.model_fields.items():
        if location[0] in (name, field.alias):
            return _model_at(field.annotation, location[1:])
    return None


def _is_arm(arm: object, location: tuple[str | int, ...]) -> bool:
    """False for an arm of a discriminated union that the location's tag does not name."""
    if not (isinstance(arm, type) and issubclass(arm, BaseModel) and location):
        return True
    tag = arm.model_fields.get("type")
    return (
        tag is None
        or tag.default is not PydanticUndefined
        or location[0] in get_args(tag.annotation)
    )


def _any_of(kinds: set[str]) -> list[str]:
    """What a union would have taken; an integer is a number, so one of the two is enough."""
    if "finite_number" in kinds:
        return ["a finite number"]
    return sorted(
        {_wanted(kind) for kind in kinds if not ("float_type" in kinds and kind == "int_type")}
    )


def _wanted(kind: str) -> str:
    words = {
        "bool_type": "true or false",
        "int_type": "an integer",
        "float_type": "a number",
        "string_type": "text",
        "dict_type": "an object",
        "list_type": "a list",
        "model_type": "an object",
        "model_attributes_type": "an object",
        "finite_number": "a finite number",
    }
    return words.get(kind, kind.removesuffix("_type"))


def _shown(body: Mapping[str, object], path: list[str | int]) -> object:
    """The offending value if it is small; None for what is absent, long or nested."""
    here: object = body
    for part in path:
        if isinstance(here, dict) and part in here:
            here = here[part]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        else:
            return None
    return here if isinstance(here, bool | int | float | str) and len(str(here)) <= _SHOWN else None
