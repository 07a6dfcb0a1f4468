"""What is small when it is sent and huge when it is read costs little, and is refused."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.security.archives import MIB, TARS, YAMLS, ZIPS, nested
from tests.served import Served, document

MOST_MEMORY = 150
"""MiB by which the service may grow."""
MOST_SECONDS = 30.0
"""Of an answer, on a machine that is busy with other tests."""


@contextmanager
def at_little_cost(service: Served) -> Iterator[None]:
    """Measure what the service's process needs beside what it has."""
    assert service.process is not None
    folder = Path(f"/proc/{service.process.pid}")
    (folder / "clear_refs").write_text("5")  # the peak is that from now on
    before, start = _peak(folder), time.monotonic()
    yield
    more, seconds = _peak(folder) - before, time.monotonic() - start
    print(f"{more:.0f} MiB, {seconds:.1f} s")
    assert more < MOST_MEMORY
    assert seconds < MOST_SECONDS


def _peak(folder: Path) -> float:
    status = (folder / "status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


@pytest.mark.slow
@pytest.mark.parametrize("name", [*(f"zip of {n}" for n in ZIPS), *(f"tar of {n}" for n in TARS)])
def test_an_archive_that_is_a_bomb_is_refused(service: Served, name: str) -> None:
    """By what it unpacks to, and before its directory or its headers fill the memory."""
    kind, _, what = name.partition(" of ")
    data = ZIPS[what]() if kind == "zip" else TARS[what]()
    assert len(data) < 40 * MIB
    before = set((service.data / "code").iterdir()) if (service.data / "code").exists() else set()
    with at_little_cost(service):
        answer = service.client.post(
            "/v1/code",
            content=data,
            headers={"Content-Type": f"application/{'zip' if kind == 'zip' else 'gzip'}"},
        )
    assert answer.status_code in (400, 413), answer.text
    assert set((service.data / "code").iterdir()) == before


@pytest.mark.slow
def test_what_lies_in_an_archive_is_not_unpacked_again(service: Served) -> None:
    """A bomb inside is a file like others."""
    with at_little_cost(service):
        answer = service.client.post(
            "/v1/code", content=nested(), headers={"Content-Type": "application/zip"}
        )
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("name", YAMLS)
def test_yaml_that_is_a_bomb_is_refused(service: Served, name: str) -> None:
    """Whatever it makes of itself; and the service answers others meanwhile."""
    with at_little_cost(service):
        answer = service.client.post(
            "/v1/sweeps/preview",
            content=YAMLS[name].encode(),
            headers={"Content-Type": "application/yaml"},
        )
    assert answer.status_code in (400, 422), answer.text[:300]
    assert len(answer.text) < 100_000


BODY = document("true", {"x": {"type": "choice", "values": [1]}})
JSONS: dict[str, str] = {
    "depth": "[" * 1_000_000,
    "depth of objects": '{"a":' * 190_000,
    "digits": '{"a": ' + "9" * 1_000_000 + "}",
    "many objects": '{"a": [' + "{}," * 340_000 + "{}]}",
    "NUL": '{"a": "' + "\\u0000" * 160_000 + '"}',
    "a deep constraint": json.dumps({**BODY, "constraints": ["(" * 900 + "x" + ")" * 900]}),
    "a large power": json.dumps({**BODY, "constraints": ["x < 9" + "**9" * 300]}),
    "values that are no times": json.dumps(
        {**BODY, "search_space": {"x": {"type": "choice", "values": "!!timestamp x"}}, "a": 1}
    ),
    "values of a text": json.dumps(
        {**BODY, "search_space": {"x": {"type": "choice", "values": "1" + ":1" * 500_000}}, "a": 1}
    ),
    "many values of a text": json.dumps(
        {**BODY, "search_space": {"x": {"type": "choice", "values": "," * 1_000_000}}}
    ),
}


@pytest.mark.parametrize("name", JSONS)
def test_json_that_is_a_bomb_is_refused(service: Served, name: str) -> None:
    """Depth, digits, repetition; texts that are read as YAML."""
    with at_little_cost(service):
        answer = service.client.post(
            "/v1/sweeps/preview",
            content=JSONS[name],
            headers={"Content-Type": "application/json"},
        )
    assert answer.status_code in (400, 422), answer.text[:300]


@pytest.mark.slow
def test_others_are_answered_meanwhile(service: Served) -> None:
    """A body that takes long to read holds up nobody else."""
    body = "a: [" + "{b: c}," * 130_000 + "]"
    answers: list[int] = []

    def send() -> None:
        answer = service.client.post(
            "/v1/sweeps/preview", content=body, headers={"Content-Type": "application/yaml"}
        )
        answers.append(answer.status_code)

    thread = threading.Thread(target=send)
    thread.start()
    waits = []
    while thread.is_alive():
        start = time.monotonic()
        assert httpx.get(f"{service.client.base_url}/healthz", timeout=30).is_success
        waits.append(time.monotonic() - start)
    thread.join()
    assert answers == [400]
    print(f"{len(waits)} answers meanwhile, the slowest in {max(waits):.2f} s")
    assert len(waits) > 3
