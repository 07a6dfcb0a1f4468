"""Logs over their limit: what is kept of them, and that the disk is spared meanwhile."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.logs import LOOK_SECONDS, TAIL_BYTES, Logs, data_in

LIMIT = 64 * 1024
NOTE = b"sweepfront: this log is over its limit"


def test_a_log_below_its_limit_is_left_alone(tmp_path: Path) -> None:
    """To the last byte."""
    logs, path = Logs(LIMIT), tmp_path / "log"
    logs.begin("t", [path])
    path.write_bytes(b"x" * LIMIT)
    logs.end("t")
    logs.close()
    assert path.read_bytes() == b"x" * LIMIT


@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.integers(1, 40_000), min_size=1, max_size=40), pause=st.booleans())
def test_beginning_and_end_are_kept(
    tmp_path_factory: pytest.TempPathFactory, *, sizes: list[int], pause: bool
) -> None:
    """Whenever the looks fall; every line that is kept of the end is whole."""
    path = tmp_path_factory.mktemp("logs") / "log"
    logs = Logs(LIMIT)
    logs.begin("t", [path])
    written = b"".join(f"{n}:".encode() + b"x" * size + b"\n" for n, size in enumerate(sizes))
    with path.open("ab", buffering=0) as file:
        file.write(written[: len(written) // 2])
        if pause:
            time.sleep(2 * LOOK_SECONDS)
        file.write(written[len(written) // 2 :])
    logs.end("t")
    logs.close()
    kept = path.read_bytes()
    if NOTE not in kept:
        assert kept == written
        return
    beginning, _, end = kept.partition(b"\n" + NOTE)
    assert beginning == written[:LIMIT]
    end = end.partition(b"\n")[2]
    assert written.endswith(end)
    assert TAIL_BYTES - 40_010 < len(end) <= 2 * TAIL_BYTES


def test_a_log_that_grows_takes_little_of_the_disk(tmp_path: Path) -> None:
    """What is cut is a hole, which readers pass over; what comes after it is where it was."""
    logs, path = Logs(LIMIT), tmp_path / "log"
    logs.begin("t", [path])
    with path.open("ab", buffering=0) as file:
        file.write(b"x" * (64 << 20))
        deadline = time.monotonic() + 30
        while path.stat().st_blocks * 512 > 4 * LIMIT and time.monotonic() < deadline:
            time.sleep(0.01)
        file.write(b"\nend")
    stat = path.stat()
    assert stat.st_size == (64 << 20) + 4
    assert stat.st_blocks * 512 <= 4 * LIMIT
    with path.open("rb") as file:
        after_note = LIMIT + 64 * 1024
        hole = data_in(file.fileno(), after_note)
        assert hole is not None
        assert hole > 60 << 20
        assert data_in(file.fileno(), os.fstat(file.fileno()).st_size) is None
    logs.end("t")
    logs.close()
    assert path.read_bytes().endswith(b"end")
