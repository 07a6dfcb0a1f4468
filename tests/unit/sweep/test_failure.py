"""Which failures count as alike."""

import re
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sweep.failure import (
    Failure,
    failure_of,
    fingerprint_of,
    grouped,
    in_words,
    normalised,
)

FOLDER = "/srv/sweeps/s-1/trials/3/code"
ALIEN = "/usr/lib/python3/site-packages/numpy/core.py"


def _traceback(
    message: str, *, kind: str = "MemoryError", line: int = 7, function: str = "fit"
) -> str:
    return textwrap.dedent(f"""\
        Traceback (most recent call last):
          File "{FOLDER}/train.py", line {line}, in <module>
            main()
          File "{FOLDER}/pkg/model.py", line {line + 1}, in {function}
            numpy.zeros(n)
            ~~~~~~~~~~~^^^
          File "{ALIEN}", line 12, in zeros
            raise
        {kind}: {message}
        """)


def _failed(log: str, code: int = 1, folder: str = FOLDER) -> Failure:
    return failure_of(log, ending=f"exit code {code}", code=code, folder=folder)


def test_the_same_error_with_other_values_elsewhere_in_the_file_is_alike() -> None:
    """Numbers, paths, addresses, quoted values, line numbers and the trial's own folder."""
    one = _failed(
        _traceback("Unable to allocate 7.45 GiB for 'a' at 0x7f12 in /tmp/x.csv, (100, 2)")
    )
    other = _failed(
        _traceback(
            "Unable to allocate 12 GiB for 'bc' at 0xdead in /data/y/z.csv, (3, 400, 5)", line=90
        ).replace(FOLDER, "/other/sweeps/s/trials/8/code"),
        folder="/other/sweeps/s/trials/8/code",
    )
    assert one.fingerprint == other.fingerprint
    assert one.words.startswith("exit code 1: MemoryError: Unable to allocate 7.45 GiB")


@pytest.mark.parametrize(
    "log",
    [
        _traceback("too much", kind="ValueError"),
        _traceback("something else"),
        _traceback("too much", function="predict"),
        "MemoryError: too much\n",
    ],
)
def test_another_type_message_or_place_is_not_alike(log: str) -> None:
    """Each of the three counts."""
    assert _failed(log).fingerprint != _failed(_traceback("too much")).fingerprint


def test_only_the_authors_own_frames_count() -> None:
    """The same call into a library that was updated meanwhile is alike."""
    log = _traceback("x")
    moved = log.replace(ALIEN, "/usr/lib/python3/site-packages/numpy/other.py").replace(
        "in zeros", "in empty"
    )
    assert _failed(log).fingerprint == _failed(moved).fingerprint
    relative = log.replace(f"{FOLDER}/", "")
    assert _failed(log).fingerprint == _failed(relative).fingerprint


def test_of_chained_tracebacks_the_last_one_counts() -> None:
    """It is the one that ended the program; what follows it, such as a note, does not count."""
    first = _traceback("no key", kind="KeyError")
    between = "\nDuring handling of the above exception, another exception occurred:\n\n"
    found = _failed(first + between + _traceback("gone", kind="OSError") + "a note of 5\n")
    assert found.words == "exit code 1: OSError: gone"
    assert found.fingerprint == _failed(_traceback("gone", kind="OSError")).fingerprint


def test_a_traceback_whose_beginning_is_cut_off_is_read() -> None:
    """Only the end of a huge log is looked at."""
    whole = _traceback("deep", kind="RecursionError", function="down")
    cut = whole.split("\n", 3)[3]
    assert _failed(cut).words == "exit code 1: RecursionError: deep"


def test_an_error_of_syntax_has_a_place() -> None:
    """Its frame names no function."""
    log = f'  File "{FOLDER}/train.py", line 3\n    def f(:\n          ^\nSyntaxError: bad\n'
    assert _failed(log).words == "exit code 1: SyntaxError: bad"
    assert _failed(log).fingerprint != _failed(log.replace("train.py", "b.py")).fingerprint


def test_other_programs_are_known_by_their_last_line_and_exit_code() -> None:
    """Empty logs by the code alone; a traceback that was only logged does not count."""
    one, other = _failed("step 1\nfatal: row 17\n\n", 3), _failed("fatal: row 4", 3)
    assert one.fingerprint == other.fingerprint
    assert one.words == "exit code 3: fatal: row 17"
    assert _failed("fatal: row 4", 4).fingerprint != one.fingerprint
    assert _failed("", 3) == Failure("exit code 3", _failed("", 3).fingerprint)
    assert _failed(_traceback("x") + "giving up\n", 5).words == "exit code 5: giving up"


def test_of_a_signal_only_the_signal_counts() -> None:
    """What was printed last has nothing to do with it."""
    ending = "killed by SIGKILL, probably out of memory"
    one = failure_of("epoch 1\n", ending=ending, code=-9, folder=FOLDER)
    other = failure_of("loading\n", ending=ending, code=-9, folder=FOLDER)
    assert one.fingerprint == other.fingerprint
    assert one.words == f"{ending}: epoch 1"


@given(
    words=st.lists(st.sampled_from(["shape", "is", "not", "can't", "<", "x=", "of"]), min_size=1),
    values=st.lists(
        st.one_of(
            st.integers().map(str),
            st.floats(allow_nan=False, allow_infinity=False).map(str),
            st.uuids().map(lambda value: f"0x{value.hex}"),
        ),
        min_size=1,
    ),
)
def test_values_never_change_a_fingerprint(words: list[str], values: list[str]) -> None:
    """Any number in any place is as good as 0."""
    text = " ".join(f"{word} {values[n % len(values)]}" for n, word in enumerate(words))
    plain = " ".join(f"{word} 0" for word in words)
    assert fingerprint_of(text) == fingerprint_of(plain)
    assert normalised(normalised(text)) == normalised(text)


@given(st.text(), st.integers(-64, 255))
def test_anything_printed_has_a_fingerprint(log: str, code: int) -> None:
    """Sixteen hexadecimal digits, whatever stands there."""
    found = _failed(log, code)
    assert re.fullmatch(r"[0-9a-f]{16}", found.fingerprint)
    assert "\0" not in found.words


def test_a_long_log_is_read_quickly() -> None:
    """One line of quotes, slashes and digits, as long as what is looked at."""
    log = "'/1" * 20_000
    assert _failed(log).words.startswith("exit code 1: '/1")
    assert len(_failed(_traceback(log)).words) < 600


def test_groups_are_the_largest_first_and_name_few_trials() -> None:
    """Nine of ten with one fingerprint; a reason stands in where there is none."""
    failed = [(n, "a" * 16, f"exit code 1: MemoryError: {n}") for n in range(9)]
    groups = grouped([*failed, (9, None, "trial_timeout: ran longer than 5 s")])
    assert [group.count for group in groups] == [9, 1]
    assert groups[0].trials == [0, 1, 2, 3, 4]
    assert groups[1].fingerprint == fingerprint_of("trial_timeout: ran longer than 60 s")
    assert in_words(groups, 10) == "9 of 10 failed alike, as trial 0: exit code 1: MemoryError: 0"
