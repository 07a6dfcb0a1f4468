"""Which modules a sweep's script imports, read from its text and from that of its neighbours.

Nothing is run. Only what the script would import in any case counts: the imports at the top of
its file, and at the top of the modules beside it that it imports.
"""

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

_SCRIPT = re.compile(r"(?:^|[\s;&|])python3?(?:\.\d+)?\s+([\w./-]+\.py)\b")
_LARGEST = 1024 * 1024
_MOST = 200


@lru_cache(maxsize=256)
def imports_of(command: str, code: Path | None) -> tuple[str, ...]:
    """The installed modules that the command's script imports, in that order.

    A script that has to do with `os.environ` gets none: what it sets there may decide what a
    module does while it is imported.

    Args:
        command: as the document has it, placeholders included.
        code: the folder that the command runs in; a snapshot, which stays as it is.

    Returns:
        Dotted names; some may turn out to be no modules but names in one.
    """
    found = _SCRIPT.search(command)
    if code is None or found is None:
        return ()
    script = code / found[1]
    folder = script.parent
    names: dict[str, None] = {}
    waiting, seen = [script], {script}
    while waiting and len(names) < _MOST:
        text = _text(waiting.pop())
        if "environ" in text or "putenv" in text:
            return ()
        for name in _top_imports(text):
            top = name.split(".")[0]
            ours = [folder / f"{top}.py", folder / top / "__init__.py"]
            beside = [path for path in ours if path.is_file()]
            if not beside and not (folder / top).is_dir():
                names[name] = None
            waiting += [path for path in beside if path not in seen]
            seen |= set(beside)
    return tuple(names)[:_MOST]


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            return ""
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _top_imports(text: str) -> Iterator[str]:
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name != "*")
