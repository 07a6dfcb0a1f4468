"""The emulator itself."""

import os
import time
from pathlib import Path

import pytest

from tests.azure_emulator.running import RunningEmulator


def _processes(folder: Path) -> list[str]:
    """Command lines of what works in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in words and int(process.name) != os.getpid():
            found.append(words)
    return found


@pytest.mark.slow
def test_it_leaves_nothing_running(tmp_path: Path) -> None:
    """Neither its blob store nor its engine."""
    emulator = RunningEmulator(tmp_path / "emulator")
    emulator.start()
    assert any("azurite" in words for words in _processes(tmp_path))
    emulator.stop()
    deadline = time.monotonic() + 10
    while _processes(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _processes(tmp_path) == []
