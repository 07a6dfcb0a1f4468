"""Ignore files: `.amlignore`, or else `.gitignore`, of the folder that is sent, as `az ml` reads them.

The patterns are those of gitignore (https://git-scm.com/docs/gitignore). As in Azure's SDK, only the
file at the top of the folder counts, each file is held against every pattern, and the last pattern
that matches decides; so a file below an ignored folder can be taken back with `!`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

NAMES = (".amlignore", ".gitignore")


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    ignored: bool


class Ignored:
    """The patterns of one ignore file."""

    def __init__(self, text: str) -> None:
        self._rules = [rule for line in text.splitlines() if (rule := _rule(line)) is not None]

    def __contains__(self, path: str) -> bool:
        """True for a file, named by its path below the folder with forward slashes, that is ignored."""
        verdict = False
        for rule in self._rules:
            if rule.pattern.fullmatch(path):
                verdict = rule.ignored
        return verdict


def ignored_in(folder: Path) -> Ignored:
    """What the folder's ignore file says; nothing is ignored when it has none.

    Raises:
        OSError: the file is there and cannot be read.
    """
    for name in NAMES:
        file = folder / name
        if file.is_file():
            return Ignored(file.read_text(encoding="utf-8-sig", errors="replace"))
    return Ignored("")


def _rule(line: str) -> _Rule | None:
    text = line.strip()
    if text.startswith("#"):
        return None
    ignored = not text.startswith("!")
    if text.startswith(("!", "\\#", "\\!")):
        text = text[1:]
    parts = text.split("/")
    if not any(parts):
        return None
    if parts[0] == "":
        parts = parts[1:]
    elif len(parts) == 1 or (len(parts) == 2 and parts[1] == ""):  # noqa: PLR2004 - a name, or name/
        parts = ["**", *parts]
    folder_only = parts[-1] == ""
    if folder_only:
        parts = parts[:-1]
    return _Rule(re.compile(_expression(parts, folder_only=folder_only), re.DOTALL), ignored)


def _expression(parts: list[str], *, folder_only: bool) -> str:
    """The regular expression of a pattern; whatever lies below a match matches, too."""
    if set(parts) == {"**"}:
        return ".+/.*" if folder_only else ".+"
    leading = parts[0] == "**"
    text = "(?:.+/)?" if leading else ""
    slash = ""
    for index, part in enumerate(parts):
        if part != "**":
            text += slash + _segment(part)
            slash = "/"
        elif index == len(parts) - 1:
            return text + "/.*"
        elif index > 0:
            text += "(?:/.+)?" if slash else ""
    return text + ("/.*" if folder_only else "(?:/.*)?")


def _segment(part: str) -> str:
    """One part between slashes; *, ?, [...] and the backslash mean what they mean in a shell."""
    if part == "*":
        return "[^/]+"
    text, index = "", 0
    while index < len(part):
        char = part[index]
        index += 1
        if char == "*":
            text += "[^/]*"
        elif char == "?":
            text += "[^/]"
        elif char == "\\" and index < len(part):
            text += re.escape(part[index])
            index += 1
        elif char == "[" and (found := re.match(r"([!^]?)(\]?[^\]]*)\]", part[index:])):
            members = found[2].replace("\\", "\\\\").replace("[", "\\[")
            text += f"[{'^' if found[1] else ''}{members}]" if _compiles(members) else r"(?!)"
            index += found.end()
        else:
            text += re.escape(char)
    return text


def _compiles(members: str) -> bool:
    try:
        re.compile(f"[{members}]")
    except re.error:
        return False
    return bool(members)
