"""Sweep documents as they are sent: an object as JSON, a file or a text as it is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Document = Mapping[str, Any] | str | Path
"""A sweep document: an object, the text of its YAML, or the path of its file."""

_JSON = "application/json"
_YAML = "application/yaml"
_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Body:
    """A document's bytes and what they are."""

    content: bytes
    media_type: str


def body_of(document: Document, name: str | None = None) -> Body:
    """A document as a body, with that name if one is given.

    Raises:
        OSError: its file cannot be read.
        ValueError: a text that looks like the path of a file; an object that JSON cannot hold.
    """
    if isinstance(document, Mapping):
        named = dict(document) if name is None else {**document, "name": name}
        return Body(json.dumps(named, allow_nan=False).encode(), _JSON)
    if isinstance(document, Path):
        media_type = _JSON if document.suffix.lower() == ".json" else _YAML
        body = Body(document.read_bytes(), media_type)
    elif "\n" not in document and document.strip().endswith(_SUFFIXES):
        raise ValueError(f"a text is the document itself; for a file write Path({document!r})")
    else:
        body = Body(document.encode(), _YAML)
    return body if name is None else _named(body, name)


def _named(body: Body, name: str) -> Body:
    """The document under that name; what is wrong with it is left for the service to say."""
    try:
        root = yaml.compose(body.content.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return body
    if not isinstance(root, yaml.MappingNode):
        return body
    key, value = (yaml.ScalarNode("tag:yaml.org,2002:str", word) for word in ("name", name))
    others = [pair for pair in root.value if pair[0].value != "name"]
    root.value = [(key, value), *others]
    return Body(yaml.serialize(root, Dumper=yaml.SafeDumper, allow_unicode=True).encode(), _YAML)
