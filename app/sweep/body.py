"""Bodies into plain values: JSON and YAML, read strictly.

YAML is read as `az ml` reads it (YAML 1.1, PyYAML's safe loader) with two differences: 1e-4 is a
number, as in YAML 1.2, and dates stay text. Nothing may stand twice in one object.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

import yaml

from app.sweep.errors import (
    FieldError,
    InvalidDocumentError,
    UnreadableBodyError,
    UnsupportedMediaTypeError,
)
from app.sweep.faults import pointer

JSON_TYPES = frozenset({"application/json", "text/json"})
YAML_TYPES = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
MAX_DEPTH = 40
MAX_NODES = 200_000
"""Values in one body, aliases of YAML counted as often as they stand."""
_MAX_INTEGER = 2**63
_DIGITS = 400
"""An integer of so many is above any double."""
_SURROGATE = re.compile("[\ud800-\udfff]")

Path = tuple[str | int, ...]


def decode(body: bytes, media_type: str) -> Mapping[str, object]:
    """Read a body that holds one object.

    Args:
        body: the bytes, UTF-8.
        media_type: the content type, parameters included; empty means JSON.

    Raises:
        UnsupportedMediaTypeError: neither JSON nor YAML.
        UnreadableBodyError: malformed, an object with a repeated key, too deep or too large.
        InvalidDocumentError: a value that no document can hold: NaN, an infinity, a number out
            of range, NUL, half a surrogate pair, a key that is not text.
    """
    kind = media_type.split(";", maxsplit=1)[0].strip().lower()
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableBodyError(f"The body is not UTF-8 text: {error.reason}.") from error
    if kind in JSON_TYPES or kind.endswith("+json") or not kind:
        value = _json(text)
    elif kind in YAML_TYPES or kind.endswith("+yaml"):
        value = _yaml(text)
    else:
        raise UnsupportedMediaTypeError(
            f"{kind} is not taken here; send application/json or application/yaml"
        )
    if not isinstance(value, dict):
        raise UnreadableBodyError("The body must be an object.")
    faults = list(_faults(value, ()))
    if faults:
        raise InvalidDocumentError(faults[:100])
    return value


def to_yaml(document: Mapping[str, object]) -> str:
    """The document as YAML, from which `decode`, and `az ml` too, reads the same values."""
    return yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, indent=2
    )


def _json(text: str) -> object:
    try:
        value: object = json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise UnreadableBodyError(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from error
    except RecursionError as error:
        raise UnreadableBodyError("The body is nested too deeply.") from error
    return value


def _integer(digits: str) -> int | float:
    """An integer; one of thousands of digits becomes an infinity, which is refused by its place."""
    return int(digits) if len(digits) < _DIGITS else math.inf


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise UnreadableBodyError(f"The key {twice[:100]!r} stands twice in one object.")
    return found


class _Loader(yaml.CSafeLoader):
    """PyYAML's safe loader with YAML 1.2 floats, no dates, no repeated keys and a size limit."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._sizes: dict[int, int] = {}

    def measured(self, node: yaml.Node, depth: int = 0) -> int:
        """How many values the node stands for, aliases written out, without writing them out."""
        if depth > MAX_DEPTH:
            raise UnreadableBodyError(f"The body is nested more than {MAX_DEPTH} levels deep.")
        known = self._sizes.get(id(node))
        if known is not None:
            return known
        size = 1
        if isinstance(node, yaml.SequenceNode):
            size += sum(self.measured(child, depth + 1) for child in node.value)
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                size += self.measured(key, depth + 1) + self.measured(value, depth + 1)
        if size > MAX_NODES:
            raise UnreadableBodyError(f"The body stands for more than {MAX_NODES} values.")
        self._sizes[id(node)] = size
        return size

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        """A mapping whose own keys are all different; merged ones (<<) may be overridden."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen and key.value != "<<":
                raise UnreadableBodyError(
                    f"The key {key.value[:100]!r} stands twice in one object.",
                    line=key.start_mark.line + 1,
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def integer(self, node: yaml.ScalarNode) -> int | float:
        """An integer; a long one is refused by its place: 1:1:1... of a megabyte takes minutes."""
        return self.construct_yaml_int(node) if len(node.value) < _DIGITS else math.inf

    def text(self, node: yaml.ScalarNode) -> str:
        """A time, as it is written."""
        return str(self.construct_scalar(node))


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, regexp) for tag, regexp in resolvers if not tag.endswith((":timestamp", ":float"))
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.integer)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.text)


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper; it quotes text that either kind of reader would take for a number."""

    def represent_sequence(
        self,
        tag: str,
        sequence: Iterable[Any],
        flow_style: bool | None = None,  # noqa: FBT001 - PyYAML's signature
    ) -> yaml.SequenceNode:
        """A list; one of plain values stands on one line, [1, 2, 3]."""
        node = super().represent_sequence(tag, sequence, flow_style)
        node.flow_style = all(isinstance(item, yaml.ScalarNode) for item in node.value)
        return node

    def represent_scalar(self, tag: str, value: Any, style: str | None = None) -> yaml.ScalarNode:  # noqa: ANN401 - PyYAML's signature
        """A value; text with rare line breaks or control characters is written with escapes."""
        escaped = isinstance(value, str) and not value.replace("\n", "").isprintable()
        return super().represent_scalar(tag, value, '"' if escaped else style)

    def ignore_aliases(self, data: object) -> bool:
        """Write every value out, however often it stands."""
        return data is not None


for _reader_or_writer in (_Loader, _Dumper):
    _reader_or_writer.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(
            r"[-+]?(?:(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
            r"|[0-9][0-9_]*[eE][-+]?[0-9]+|\.(?:inf|Inf|INF))\Z|\.(?:nan|NaN|NAN)\Z"
        ),
        list("-+0123456789."),
    )


def _yaml(text: str) -> object:
    loader = _Loader(text)
    try:
        _check_shape(text)
        node = loader.get_single_node()
        if node is None:
            return None
        loader.measured(node)
        value: object = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        spot = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UnreadableBodyError(
            f"The body is not YAML: {error.problem}{spot}.", line=mark.line + 1 if mark else None
        ) from error
    except (
        yaml.YAMLError,
        # What the library's constructors raise at tags that do not fit their text.
        *(ValueError, TypeError, OverflowError, LookupError, AttributeError),
        RecursionError,
    ) as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableBodyError(f"The body is not YAML: {words}.") from error
    finally:
        loader.dispose()
    return value


def _check_shape(text: str) -> None:
    """Refuse deep nesting before the loader, whose C part recurses without a limit, sees it.

    And many values, before each of them becomes a node.
    """
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        if count > 2 * MAX_NODES:
            raise UnreadableBodyError(f"The body stands for more than {MAX_NODES} values.")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise UnreadableBodyError(f"The body is nested more than {MAX_DEPTH} levels deep.")


def _faults(value: object, path: Path) -> Iterator[FieldError]:
    if len(path) > MAX_DEPTH:
        raise UnreadableBodyError(f"The body is nested more than {MAX_DEPTH} levels deep.")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                yield FieldError(pointer=pointer(path), message=f"the key {key!r} must be text")
            elif _unusable(key):
                yield FieldError(pointer=pointer(path), message=f"the key {key!r} holds NUL")
            else:
                yield from _faults(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _faults(item, (*path, index))
    elif reason := _refusal(value):
        yield FieldError(pointer=pointer(path), message=reason)


def _refusal(value: object) -> str | None:
    if isinstance(value, str):
        return "text may not hold NUL or half a surrogate pair" if _unusable(value) else None
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number; NaN, infinities and numbers above 1.8e308 are not taken"
    if isinstance(value, int) and not -_MAX_INTEGER <= value < _MAX_INTEGER:
        return "must be an integer of at most 64 bits"
    if value is None or isinstance(value, str | float | int):
        return None
    return f"a value of this kind ({type(value).__name__}) is not taken; write it as text"


def _unusable(text: str) -> bool:
    return "\0" in text or _SURROGATE.search(text) is not None
