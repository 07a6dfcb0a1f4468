"""Requests held against Azure's REST specification: a wrong name or value fails here as it would there.

The sweep job has a JSON Schema of its api-version. For assets the models that Microsoft generates
from the same specification stand in; for MLflow its own messages.
"""

import enum
import json
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
from azure.ai.ml._restclient.arm_ml_service import models
from fastapi import HTTPException, Request
from google.protobuf import json_format
from google.protobuf.message import Message

Json = dict[str, Any]
_SCHEMA = json.loads(
    Path(__file__).with_name("sweepjob-2024-01-01-preview.schema.json").read_text(encoding="utf-8")
)
_CASELESS = {"goal": str.capitalize, "rule": str.capitalize}
"""Enums whose case the SDK gets wrong and the service does not mind."""
_TAKEN: dict[Any, tuple[type, ...]] = {str: (str, int), int: (int,), bool: (bool,)}
"""What the service takes for each; the SDK sends `hash_version`, a text, as a number."""


def check_job(body: Json) -> None:
    """Refuse a sweep job that the specification does not allow."""
    checked = json.loads(json.dumps(body))
    for part in ("objective", "samplingAlgorithm"):
        values = checked["properties"].get(part) or {}
        for key, change in _CASELESS.items():
            if isinstance(values.get(key), str):
                values[key] = change(values[key])
    errors = jsonschema.Draft4Validator(_SCHEMA).iter_errors(checked)
    _refuse([f"{'/'.join(map(str, error.path))}: {error.message}" for error in errors])


async def asset(kind: str, request: Request) -> Json:
    """The body of a request about an asset, if the specification allows it.

    Args:
        kind: CodeVersion, EnvironmentVersion, ModelVersion or PendingUploadRequestDto.
        request: with that body.
    """
    body: Json = await request.json()
    faults = list(_faults(getattr(models, kind), body, ""))
    if "api-version" not in request.query_params:
        faults.append("api-version: missing")
    _refuse(faults)
    return body


def check_mlflow(body: Json, message: Message) -> None:
    """Refuse a body that is no such message of MLflow's."""
    try:
        json_format.ParseDict(body, message)
    except json_format.ParseError as error:
        raise HTTPException(
            400, {"error_code": "INVALID_PARAMETER_VALUE", "message": str(error)}
        ) from error


def _refuse(faults: list[str]) -> None:
    if faults:
        words = "; ".join(faults[:5])
        raise HTTPException(400, {"error": {"code": "UserError", "message": words}})


def _faults(model: Any, body: Json, path: str) -> Iterator[str]:  # noqa: ANN401 - generated
    hints = typing.get_type_hints(model, localns={"_models": models})
    model({})  # the names on the wire are worked out with the first one made
    fields = {field._rest_name: hints[name] for name, field in model._attr_to_rest_field.items()}  # noqa: SLF001 - nothing else has them
    for name, value in body.items():
        if name not in fields:
            yield f"{path}/{name}: unknown"
        else:
            yield from _misfits(fields[name], value, f"{path}/{name}")
    for name, hint in fields.items():
        if name not in body and type(None) not in typing.get_args(hint):
            yield f"{path}/{name}: missing"


def _misfits(hint: Any, value: object, path: str) -> Iterator[str]:  # noqa: ANN401 - an annotation
    """What is wrong with a value of a field that is annotated so."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        choices = [each for each in typing.get_args(hint) if each is not type(None)]
        named = [each for each in choices if isinstance(each, enum.EnumMeta)]
        if value is None or not (named or len(choices) == 1):
            return
        yield from _misfits((named or choices)[0], value, path)
    elif isinstance(hint, enum.EnumMeta):
        allowed = [str(each.value).lower() for each in hint]  # type: ignore[var-annotated]
        if str(value).lower() not in allowed:
            yield f"{path}: {value!r} is none of {allowed}"
    elif typing.get_origin(hint) is dict and isinstance(value, dict):
        for name, each in value.items():
            yield from _misfits(typing.get_args(hint)[1], each, f"{path}/{name}")
    elif isinstance(value, dict) and str(getattr(hint, "__module__", "")).startswith("azure"):
        yield from _faults(hint, value, path)
    elif hint in _TAKEN and type(value) not in _TAKEN[hint]:
        yield f"{path}: {value!r} is no {hint.__name__}"
