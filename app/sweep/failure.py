"""Failures that look alike: what a failed trial said, with everything taken out that varies.

Two trials failed alike when they raised the same type of error, with the same message but for
numbers, paths, addresses and quoted values, in the same places of the author's own code. Line
numbers do not count, so that an edit elsewhere in a file changes nothing.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

OWN_FRAMES = 3
"""How many of the innermost frames of the author's own files count."""
SHOWN_TRIALS = 5
"""How many trials a group names."""
SHOWN_GROUPS = 20
_WORDS = 500
_UNCAUGHT = 1
"""The exit code of Python after an exception that nobody caught."""
_HEADER = "Traceback (most recent call last):"
_FRAME = re.compile(r'\s*File "([^"]+)", line \d+(?:, in (.+))?$')
_IN_GROUP = re.compile(r"^\s*\| ?")
_VARYING = (
    (re.compile(r"""(?<!\w)(?:'[^']*'|"[^"]*"|`[^`]*`)(?!\w)"""), "<text>"),
    (re.compile(r"0x[0-9a-fA-F]+"), "<number>"),
    (re.compile(r"(?:\b[A-Za-z]:\\|(?<![\w.>])[.~]{0,2}/)[^\s'\"`,;:)\]}]+"), "<path>"),
    (re.compile(r"\b(?=\w*\d)(?=\w*[a-fA-F])[0-9a-fA-F]{8,}\b"), "<number>"),
    (re.compile(r"[-+]?\d[\d_.]*(?:[eE][-+]?\d+)?"), "<number>"),
    (re.compile(r"<number>(?:[\s,x:-]*<number>)+"), "<number>"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """How a trial failed: the line that says it best, and what it has in common with others."""

    words: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Failed trials of a sweep that failed alike.

    Attributes:
        count: how many they are; `trials` are the first of them.
        message: the status reason of the first.
    """

    fingerprint: str
    count: int
    trials: Sequence[int]
    message: str


def failure_of(log: str, *, ending: str, code: int, folder: str) -> Failure:
    """What a process that failed left behind.

    Args:
        log: the end of its stderr; may be cut off anywhere, or empty.
        ending: how it ended in words, such as "exit code 1".
        code: its exit code; minus the signal's number when a signal ended it.
        folder: the folder of the author's own code; paths that are relative lie in it, too.
    """
    if code < 0:
        # Whatever was printed last has nothing to do with the signal.
        return Failure(_joined(ending, _last_line(log)), _digest([normalised(ending)]))
    raised = _raised(log, folder) if code == _UNCAUGHT else None
    if raised is not None:
        line, frames = raised
        return Failure(_joined(ending, line), _digest([normalised(line), *frames]))
    line = _last_line(log)
    return Failure(_joined(ending, line), _digest([ending, normalised(line)]))


def fingerprint_of(words: str | None) -> str:
    """The fingerprint of a failure of which no more is known than its reason."""
    return _digest([normalised(words or "")])


def normalised(words: str) -> str:
    """The words with what varies between two failures of one kind taken out."""
    for pattern, placeholder in _VARYING:
        words = pattern.sub(placeholder, words)
    return words.strip()


def grouped(failed: Iterable[tuple[int, str | None, str | None]]) -> list[FailureGroup]:
    """Failed trials put together by fingerprint, the largest group first.

    Args:
        failed: number, fingerprint (None: that of the reason) and reason, by number.
    """
    groups: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for number, fingerprint, reason in failed:
        groups[fingerprint or fingerprint_of(reason)].append((number, reason or "failed"))
    found = [
        FailureGroup(
            fingerprint=fingerprint,
            count=len(members),
            trials=[number for number, _ in members[:SHOWN_TRIALS]],
            message=members[0][1],
        )
        for fingerprint, members in groups.items()
    ]
    return sorted(found, key=lambda group: (-group.count, group.trials[0]))[:SHOWN_GROUPS]


def in_words(groups: Sequence[FailureGroup], failed: int) -> str:
    """What is behind most of the failures of a sweep, of which there are so many."""
    most = groups[0]
    if failed == 1:
        return f"trial {most.trials[0]}: {most.message}"
    if most.count == 1:
        return f"no two for the same reason; trial {most.trials[0]}: {most.message}"
    return f"{most.count} of {failed} failed alike, as trial {most.trials[0]}: {most.message}"


def _raised(log: str, folder: str) -> tuple[str, list[str]] | None:
    """The line of the exception that ended a Python program, and its innermost own frames."""
    lines = [_IN_GROUP.sub("", line) for line in log.splitlines()]
    headers = [index for index, line in enumerate(lines) if line.endswith(_HEADER)]
    start = headers[-1] + 1 if headers else 0
    frames = [(index, match) for index, match in _frames(lines, start)]
    if not frames and not headers:
        return None
    after = frames[-1][0] + 1 if frames else start
    line = next((line for line in lines[after:] if line[:1].strip()), None)
    if line is None:
        return None
    own = [place for _, match in frames if (place := _own_place(match, folder))]
    return line.strip().replace("\0", "")[:_WORDS], own[-OWN_FRAMES:]


def _frames(lines: Sequence[str], start: int) -> Iterator[tuple[int, re.Match[str]]]:
    for index in range(start, len(lines)):
        match = _FRAME.match(lines[index])
        if match:
            yield index, match


def _own_place(frame: re.Match[str], folder: str) -> str | None:
    """`file:function` of a frame in the author's own code."""
    path = PurePosixPath(frame[1])
    if path.is_absolute():
        if not path.is_relative_to(folder):
            return None
        path = path.relative_to(folder)
    elif frame[1].startswith("<"):
        return None
    return f"{path}:{frame[2] or ''}"


def _last_line(log: str) -> str:
    """The last line that says something."""
    lines = (line.strip() for line in reversed(log.splitlines()))
    return next((line for line in lines if line), "").replace("\0", "")[:_WORDS]


def _joined(ending: str, line: str) -> str:
    return f"{ending}: {line}" if line else ending


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode(errors="replace")).hexdigest()[:16]
