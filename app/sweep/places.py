"""Where in a text of YAML the things are that pointers name."""

from collections.abc import Sequence

import yaml


def lines_of(text: str, pointers: Sequence[str]) -> list[int]:
    """The line of each pointer's key or item, from 1; of what is absent, that of what it is in.

    Args:
        text: YAML that `app.sweep.body.decode` has read, and so is no deeper than that allows.
        pointers: JSON pointers (RFC 6901) into what the text says.
    """
    top = yaml.compose(text, Loader=yaml.CSafeLoader)
    return [_line(top, pointer) for pointer in pointers]


def _line(node: yaml.Node | None, pointer: str) -> int:
    line = 1 if node is None else node.start_mark.line + 1
    for part in pointer.split("/")[1:]:
        found = _step(node, part.replace("~1", "/").replace("~0", "~"))
        if found is None:
            break
        place, node = found
        line = place.start_mark.line + 1
    return line


def _step(node: yaml.Node | None, part: str) -> tuple[yaml.Node, yaml.Node] | None:
    """The node that shows the part to a reader, and the one that is its value."""
    if isinstance(node, yaml.MappingNode):
        own = ((key, value) for key, value in node.value if key.value == part)
        return next(own, None) or _merged(node, part)
    if isinstance(node, yaml.SequenceNode) and part.isdecimal() and int(part) < len(node.value):
        item = node.value[int(part)]
        return item, item
    return None


def _merged(node: yaml.MappingNode, part: str) -> tuple[yaml.Node, yaml.Node] | None:
    """What `<<` brings into the mapping."""
    for key, value in node.value:
        if key.value == "<<":
            sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
            found = (_step(source, part) for source in sources)
            return next((step for step in found if step is not None), None)
    return None
