"""Commands: placeholders, the choice between words and shell, values that stay values."""

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sweep.command import (
    CommandError,
    Placeholder,
    as_text,
    environment_of,
    needs_shell,
    placeholders,
    render_shell,
    render_words,
)

X = "${{search_space.x}}"


@pytest.mark.parametrize(
    ("command", "shell"),
    [
        (f"python a.py --x {X}", False),
        (f"python a.py --x={X} '{X}' \"{X}\"", False),
        ("python a.py '$HOME; | &&'", False),
        ('python a.py "a; b | c"', False),
        (r"python a.py \$HOME", False),
        ("python a.py \\\n  --y 1", False),
        ("python a.py a#b ~x~"[:15], False),
        ("python a.py | tee log", True),
        ("python a.py && echo done", True),
        ("python a.py > log", True),
        ("python a.py; true", True),
        ("python a.py $HOME", True),
        ('python a.py "$HOME"', True),
        ("python a.py `id`", True),
        ("python a.py *.csv", True),
        ("python a.py ~/x", True),
        ("A=1 python a.py", True),
        ("python a.py\npython b.py", True),
        ("python a.py # comment", True),
    ],
)
def test_shell_syntax_is_recognised(command: str, shell: bool) -> None:  # noqa: FBT001 - a table
    """Operators, expansions and assignments need bash; quoted or escaped ones do not."""
    assert needs_shell(command) is shell


@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_value_is_always_one_argument_verbatim(value: str) -> None:
    """Whatever it holds, wherever in a word it stands."""
    words = render_words(f"python a.py --x={X} '{X}' {X}", lambda _: value)
    assert words == ["python", "a.py", f"--x={value}", value, value]


def test_a_placeholder_of_an_inactive_branch_leaves_its_word_out() -> None:
    """As an unset variable would in a shell; inside a word it is empty."""
    assert render_words(f"run {X} --x={X}", lambda _: None) == ["run", "--x="]


@given(command=st.text(st.sampled_from("ab '\"\\=-"), min_size=1, max_size=20))
def test_words_are_split_as_a_posix_shell_splits_them(command: str) -> None:
    """Whatever needs no shell has the words that bash would see."""
    if needs_shell(command):
        return
    try:
        words = render_words(command, lambda _: None)
    except CommandError:
        return
    assert words == shlex.split(command.strip())


@pytest.mark.parametrize("value", ["$(id)", "a b", "a;b", "'", '"', "`id`", "a\nb", "*", "\\"])
def test_a_value_that_bash_would_read_is_refused(value: str) -> None:
    """At rendering, too, should validation have been passed by."""
    with pytest.raises(CommandError, match="shell"):
        render_shell(f"echo {X} | cat", lambda _: value)


@given(value=st.text("abXYZ019_.,:+/@=-", max_size=20))
def test_allowed_values_come_through_bash_unchanged(value: str) -> None:
    """The allowed characters mean nothing to bash."""
    if value.startswith("-"):
        return
    text = render_shell(f"printf %s {X} | cat", lambda _: value)
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == value


def test_placeholders_are_listed_in_order() -> None:
    """With their groups; blanks inside the braces do not matter."""
    found = placeholders("a ${{ inputs.d }} ${{search_space.x}}-${{outputs.o}}")
    assert found == [
        Placeholder("inputs", "d"),
        Placeholder("search_space", "x"),
        Placeholder("outputs", "o"),
    ]


@pytest.mark.parametrize(
    "command", ["${{x}}", "${{input.x}}", "${{search_space.a b}}", "${{search_space.x", "${{}}"]
)
def test_malformed_placeholders_are_errors(command: str) -> None:
    """Never passed on as text."""
    with pytest.raises(CommandError):
        placeholders(f"python a.py {command}")


def test_values_are_written_as_scripts_read_them() -> None:
    """Booleans as True and False, integers without a point, text verbatim."""
    values = {True: "True", 5: "5", 0.1: "0.1", 1e-7: "1e-07", "a b": "a b"}
    assert {value: as_text(value) for value in values} == values
    assert environment_of({"n": 5, "b": False}) == {
        "AZUREML_SWEEP_n": "5",
        "AZUREML_SWEEP_b": "False",
    }
