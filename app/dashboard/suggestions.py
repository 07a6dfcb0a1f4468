"""What an editor may suggest at each place of a document, read from its JSON Schema.

A place is `{"keys": {name: {"info": text, "next": place}}, "any": place, "values": {text: info}}`,
each part only where there is something to say: keys that may stand there, what lies below a key
of the author's own choice, values that may stand there. An item of a list stands for its list.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Place = dict[str, Any]
Schema = Mapping[str, Any]
_DEEPEST = 6
"""A branch of a branch is written without help: search_space, x, values, y, values, z."""


def suggestions(schema: Schema) -> Place:
    """The place at the top of what the schema describes."""
    return _place([schema], schema.get("$defs", {}), _DEEPEST)


def _place(schemas: Sequence[Schema], defs: Schema, depth: int) -> Place:
    """What the alternatives have to say together."""
    arms = [arm for schema in schemas for arm in _arms(schema, defs)]
    place: Place = {}
    if values := dict(_values(arms)):
        place["values"] = values
    if depth == 0:
        return place
    below: dict[str, list[Schema]] = {}
    for arm in arms:
        for key, inner in arm.get("properties", {}).items():
            # A kind says at its type what it does.
            kind = {"description": arm.get("description", "")} if "const" in inner else {}
            below.setdefault(key, []).append({**kind, **inner})
    if below:
        place["keys"] = {
            key: {"info": _info(inner), "next": _place(inner, defs, depth - 1)}
            for key, inner in below.items()
        }
    if free := [inner for arm in arms for inner in _free(arm)]:
        place["any"] = _place(free, defs, depth - 1)
    return place


def _arms(schema: Schema, defs: Schema) -> Iterator[Schema]:
    """The alternatives of a schema, references followed."""
    if reference := schema.get("$ref"):
        yield from _arms(defs[str(reference).rsplit("/", 1)[-1]], defs)
        return
    alternatives = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if items := schema.get("items"):
        alternatives.append(items)
    for each in alternatives:
        yield from _arms(each, defs)
    if not alternatives:
        yield schema


def _values(arms: Sequence[Schema]) -> Iterator[tuple[str, str]]:
    """The values that can be listed; true and false where nothing else may stand."""
    for arm in arms:
        if "const" in arm:
            yield str(arm["const"]), _info([arm])
        yield from ((str(value), "") for value in arm.get("enum", ()))
    if {arm.get("type") for arm in arms} - {"null"} == {"boolean"}:
        yield from (("true", ""), ("false", ""))


def _free(schema: Schema) -> Iterator[Schema]:
    """What lies below keys that the author chooses."""
    yield from schema.get("patternProperties", {}).values()
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield schema["additionalProperties"]


def _info(schemas: Sequence[Schema]) -> str:
    """What all of them say of themselves; of several kinds each speaks for itself."""
    if len(schemas) > 1:
        schemas = [schema for schema in schemas if "const" not in schema]
    texts = (" ".join(str(schema.get("description", "")).split()) for schema in schemas)
    return "; ".join(dict.fromkeys(text for text in texts if text))
