"""Every key that the SDK's sweep YAML takes is a key of ours, or refused for a reason given here."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from azure.ai.ml import load_job
from azure.ai.ml._schema._sweep import SweepJobSchema
from azure.ai.ml._schema.core.fields import UnionField
from marshmallow import Schema, ValidationError, fields

from app.sweep.document import SweepDocument
from tests.azure.conftest import azure_document
from tests.served import Json

DEEPEST = 7
"""Parts of a path; branches in branches have no end."""

REFUSED = {
    "services": "read by the SDK and never sent for a sweep",
    "trial.queue_settings": "read by the SDK and never sent; queue_settings of the sweep is",
    "inputs.*.path_on_compute": "read by the SDK and never sent",
    "identity.msi_resource_id": "in the SDK's schema, but its identity does not take it",
}


def _sdk(field: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 - marshmallow's
    """The paths below a field of the SDK's schema; * is any name."""
    if len(path) > DEEPEST:
        return
    match field:
        case UnionField():
            for inner in field.union_fields:
                yield from _sdk(inner, path)
        case fields.Nested():
            yield from _sdk_schema(field.schema, path)
        case fields.Dict() if field.value_field is not None:
            yield (*path, "*")
            yield from _sdk(field.value_field, (*path, "*"))
        case fields.List():
            yield from _sdk(field.inner, path)
        case _:
            pass


def _sdk_schema(schema: Schema, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, field in schema.load_fields.items():
        here = (*path, field.data_key or name)
        if not field.dump_only:
            yield here
            yield from _sdk(field, here)


def _ours(schema: Any, whole: Json, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 - JSON Schema
    """The paths of our published schema."""
    if len(path) > DEEPEST or not isinstance(schema, dict):
        return
    if reference := schema.get("$ref"):
        yield from _ours(whole["$defs"][reference.rsplit("/", 1)[-1]], whole, path)
    for word in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(word, []):
            yield from _ours(inner, whole, path)
    for name, inner in schema.get("properties", {}).items():
        yield (*path, name)
        yield from _ours(inner, whole, (*path, name))
    for inner in (
        schema.get("additionalProperties"),
        *schema.get("patternProperties", {}).values(),
    ):
        if inner:
            yield (*path, "*")
            yield from _ours(inner, whole, (*path, "*"))
    if "items" in schema:
        yield from _ours(schema["items"], whole, path)


def _known(path: tuple[str, ...], ours: set[tuple[str, ...]]) -> bool:
    """True for a path of ours; where ours takes any key, the SDK's named keys are among them."""
    return path in ours or any(
        len(own) == len(path)
        and all(mine in (theirs, "*") for mine, theirs in zip(own, path, strict=True))
        for own in ours
    )


def _free(path: tuple[str, ...]) -> bool:
    """Below an inline environment every key is the SDK's own business."""
    return path[:2] == ("trial", "environment") or path[:2] == ("trial", "environment_variables")


def test_every_key_of_the_sdk_is_known_or_refused_for_a_reason() -> None:
    """A new version of the SDK with a new key fails here."""
    whole = SweepDocument.model_json_schema()
    ours = set(_ours(whole, whole, ()))
    sdk = set(_sdk_schema(SweepJobSchema(context={"base_path": "."}), ()))
    assert ("trial", "resources", "shm_size") in sdk
    assert ("search_space", "*", "min_value") in ours
    unknown = {".".join(path) for path in sdk if not _free(path) and not _known(path, ours)}
    refused = {
        name
        for name in unknown
        if any(name == key or name.startswith(f"{key}.") for key in REFUSED)
    }
    assert not unknown - refused
    assert set(REFUSED) <= unknown


TRIAL = {"command": "a", "environment": "azureml:e:1"}
DATA = {"type": "uri_file", "path": "https://example.org/a"}


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({"services": {"notebook": {"type": "jupyter_lab"}}}, {}),
        ({"trial": {**TRIAL, "queue_settings": {"job_tier": "spot"}}}, {}),
        (
            {"inputs": {"d": {**DATA, "path_on_compute": __file__}}},
            {"inputs": {"d": DATA}},
        ),
    ],
)
def test_what_is_refused_would_not_have_been_sent(given: Json, same: Json) -> None:
    """The SDK reads these keys, and its request knows nothing of them."""
    body = _document()
    assert _sent({**body, **given}) == _sent({**body, **same})


def test_the_sdk_refuses_what_its_own_schema_names() -> None:
    """msi_resource_id passes its schema and fails behind it."""
    with pytest.raises(ValidationError, match="msi_resource_id"):
        _sent({**_document(), "identity": {"type": "managed", "msi_resource_id": "m"}})


def _document() -> Json:
    body = {**azure_document("a"), "trial": TRIAL}
    del body["backend"]
    return body


def _sent(body: Json) -> Any:  # noqa: ANN401 - JSON
    job: Any = load_job(
        io.StringIO("type: sweep"), params_override=[{key: value} for key, value in body.items()]
    )
    return job._to_rest_object().as_dict()  # noqa: SLF001 - what the SDK itself sends
