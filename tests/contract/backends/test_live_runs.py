"""Runs against a real workspace begin without the emulator and leave nothing behind."""

import subprocess
from pathlib import Path

import pytest

from app.backends.azureml.backend import AzureBackend
from app.sweep.state import SweepStatus
from tests.azure_emulator.running import RunningEmulator
from tests.contract.backends.conftest import EMULATED, Bench, tidy
from tests.served import ROOT


def test_one_job_that_resists_keeps_no_other_from_being_tidied_up(
    emulator: RunningEmulator, scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweeps after it are canceled and archived all the same; the one is named."""
    for variable, value in emulator.environment().items():
        monkeypatch.setenv(variable, value)
    bench = Bench(AzureBackend(EMULATED, tmp_path, poll_interval=1), scripts / "job")
    space = {"level": {"type": "choice", "values": [1, 2]}}
    running = bench.submission("python slow.py ${{search_space.level}} 2000 0.05", space)
    bench.submit(running)
    gone = "a-that-is-gone"
    assert gone < running.name
    bench.submitted.add(gone)
    with pytest.raises(AssertionError, match=gone):
        tidy(EMULATED, bench)
    assert bench.finished(running).snapshot.status is SweepStatus.CANCELED
    assert emulator.entities("job")[running.name]["properties"]["isArchived"]


def test_the_live_suite_needs_no_emulator() -> None:
    """Its target installs no blob store, and without settings it skips with a clear line."""
    words = ["make", "--dry-run", "--always-make", "-C", str(ROOT), "test-azure-live"]
    planned = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "--azure-live" in planned
    assert "npm" not in planned
