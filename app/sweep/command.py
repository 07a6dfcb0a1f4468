"""The trial's command: its ${{...}} placeholders, and turning it into what is executed.

A command without shell operators becomes a list of words before any value is filled in, so that
a value can never become code. A command that needs a shell keeps its text; the values that enter
it are then limited to `SHELL_SAFE` characters, because quoting them would fail inside the
author's own quotes.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

PLACEHOLDER = re.compile(r"\$\{\{\s*([^{}]*?)\s*\}\}")
SHELL_SAFE = re.compile(r"[A-Za-z0-9_.,:+/@=-]*\Z")
_OLD_PLACEHOLDER = re.compile(r"(?<!\{)\{(inputs|outputs|search_space)\.([^}]*)\}(?!\})")
_NAME = re.compile(r"(search_space|inputs|outputs)\.([A-Za-z_][A-Za-z0-9_]*)\Z")
_OPERATORS = frozenset("|&;<>()$`*?[]{}\n")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One ${{group.name}} of a command; `group` is search_space, inputs or outputs."""

    group: str
    name: str


class CommandError(ValueError):
    """The command cannot be understood; the message says why and what to do."""


def modern(command: str) -> str:
    """The command with `{search_space.x}`, an old form that Azure's SDK rewrites, as `${{...}}`."""
    return _OLD_PLACEHOLDER.sub(r"${{\1.\2}}", command)


def placeholders(command: str) -> list[Placeholder]:
    """The command's placeholders in order of appearance.

    Raises:
        CommandError: a placeholder is malformed or names an unknown group.
    """
    found = []
    for match in PLACEHOLDER.finditer(command):
        name = _NAME.match(match[1])
        if name is None:
            raise CommandError(
                f"{match[0]} is not understood; write ${{{{search_space.NAME}}}}, "
                "${{inputs.NAME}} or ${{outputs.NAME}}"
            )
        found.append(Placeholder(name[1], name[2]))
    if "${{" in PLACEHOLDER.sub("", command):
        raise CommandError("a placeholder is opened with ${{ and not closed with }}")
    return found


def needs_shell(command: str) -> bool:
    """True when bash must read the command: operators, redirections, globs, variables.

    Quoted text does not count, but for `$` and backticks inside double quotes, which bash expands.
    """
    text = PLACEHOLDER.sub("x", _joined(command))
    if _ASSIGNMENT.match(text):
        return True
    quote = ""
    previous = " "
    escaped = False
    for char in text:
        if escaped:
            escaped = False
        elif quote == "'":
            quote = "" if char == "'" else quote
        elif char == "\\":
            escaped = True
        elif quote == '"':
            if char in "$`":
                return True
            quote = "" if char == '"' else quote
        elif char in "'\"":
            quote = char
        elif char in _OPERATORS or (char in "#~" and previous.isspace()):
            return True
        previous = char
    return False


def words(command: str) -> list[str]:
    """Split a command that needs no shell into words, its placeholders left in place.

    Raises:
        CommandError: a quotation is not closed, or there is no word at all.
    """
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\0{len(kept) - 1}\0"

    try:
        split = shlex.split(PLACEHOLDER.sub(keep, _joined(command)))
    except ValueError as error:
        raise CommandError(f"the command cannot be split into words: {error}") from error
    if not split:
        raise CommandError("the command is empty")
    return [re.sub("\0(\\d+)\0", lambda match: kept[int(match[1])], word) for word in split]


def render_words(command: str, value: Callable[[Placeholder], str | None]) -> list[str]:
    """The argument vector of a command that needs no shell.

    Args:
        command: the template.
        value: the text of a placeholder; None when its hyperparameter is not active in this
            trial. A word that is nothing but such a placeholder is left out, as a shell would.

    Returns:
        The words with every value filled in verbatim, whatever characters it holds.
    """
    rendered = []
    for word in words(command):
        if PLACEHOLDER.fullmatch(word) and value(placeholders(word)[0]) is None:
            continue
        rendered.append(_fill(word, value))
    return rendered


def render_shell(command: str, value: Callable[[Placeholder], str | None]) -> str:
    """The text handed to bash for a command that needs a shell.

    Raises:
        CommandError: a value holds characters outside `SHELL_SAFE`.
    """

    def safe(placeholder: Placeholder) -> str | None:
        text = value(placeholder)
        if text is not None and not SHELL_SAFE.match(text):
            raise CommandError(unsafe(placeholder.name, text))
        return text

    return _fill(command.strip(), safe)


def unsafe(name: str, text: str) -> str:
    """The remedy for a value that may not enter a shell."""
    return (
        f"{text!r} of {name} would be read by a shell, because the command uses shell syntax; "
        "use only letters, digits and _ . , : + / @ = - there, or write the command without "
        "pipes, redirections, && and variables"
    )


def as_text(value: object) -> str:
    """A parameter or literal as it stands on a command line: True, 5, 0.1, text verbatim."""
    return value if isinstance(value, str) else repr(value)


def environment_of(parameters: Mapping[str, object]) -> dict[str, str]:
    """The AZUREML_SWEEP_<name> variables that a trial sees, one per hyperparameter."""
    return {f"AZUREML_SWEEP_{name}": as_text(value) for name, value in parameters.items()}


def _fill(text: str, value: Callable[[Placeholder], str | None]) -> str:
    return PLACEHOLDER.sub(lambda match: value(placeholders(match[0])[0]) or "", text)


def _joined(command: str) -> str:
    """The command without line continuations and surrounding blank lines (YAML blocks have both)."""
    return command.strip().replace("\\\n", " ")
