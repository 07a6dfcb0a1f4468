"""Logs of running trials on Azure are followed, at little cost."""

import time
from pathlib import Path

import pytest

from app.backends.azureml.backend import AzureBackend
from tests.azure.conftest import azure_document
from tests.azure_emulator.running import RunningEmulator
from tests.contract.backends.conftest import EMULATED
from tests.served import Served

SECRETS = "POST .*/datastores/.*/listSecrets"


@pytest.mark.slow
def test_the_log_of_a_running_trial_is_followed(
    azure_service: Served, emulator: RunningEmulator, tmp_path: Path
) -> None:
    """Line by line, before the trial ends; the key to the store is fetched once."""
    read = tmp_path / "read"
    waits = f"until test -e {read}-$i; do sleep 0.1; done"
    prints = f"for i in 1 2 3 4 5 6; do echo line $i; {waits}; done"
    body = azure_document(prints, code=None, limits={"max_total_trials": 1})
    name = azure_service.submit(body)["name"]
    azure_service.until(name, lambda sweep: sweep["trial_counts"]["running"] == 1)
    emulator.misbehave()
    trial = f"/v1/sweeps/{name}/trials/0"
    lines = []
    with azure_service.client.stream("GET", f"{trial}/logs?follow=true") as answer:
        for line in answer.iter_lines():
            lines.append(line)
            assert azure_service.get(trial)["status"] == "running"
            Path(f"{read}-{len(lines)}").touch()
    assert lines == [f"line {number}" for number in range(1, 7)]
    assert len(emulator.requests(SECRETS)) <= 1
    whole = azure_service.client.get(f"{trial}/logs").text
    assert whole.splitlines() == lines
    assert azure_service.client.get(f"{trial}/logs?tail=2").text.splitlines() == lines[-2:]
    assert len(emulator.requests(SECRETS)) <= 1


def test_access_to_the_store_is_renewed_before_it_ends(
    azure_service: Served,
    emulator: RunningEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A signature is used as long as it lasts, and no longer."""
    body = azure_document("echo one; echo two", code=None, limits={"max_total_trials": 1})
    name = azure_service.submit(body)["name"]
    azure_service.finished(name)
    for variable, value in emulator.environment().items():
        monkeypatch.setenv(variable, value)
    backend = AzureBackend(EMULATED, tmp_path, poll_interval=1)
    emulator.misbehave()
    emulator.pace(signature_seconds=4)
    try:
        reads = 0
        assert b"".join(backend.log(name, 0, "stdout")) == b"one\ntwo\n"
        until = time.monotonic() + 9
        while time.monotonic() < until:
            assert b"".join(backend.log(name, 0, "stdout", offset=4)) == b"two\n"
            assert b"".join(backend.log(name, 0, "stdout", offset=8)) == b""
            reads += 1
            time.sleep(0.1)
    finally:
        emulator.pace()
    assert 2 <= len(emulator.requests(SECRETS)) <= reads / 2
