"""What a trial may do, and what comes of one that does more."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import LOG_BYTES, MEMORY, SECRET
from tests.served import Json, Served, document

ONE = {"x": {"type": "choice", "values": [1]}}
MIB = 1024 * 1024
SCRIPTS = {
    "prints.py": """
import mlflow, os, sys
mlflow.log_metric("loss", 1.0)
print("first line", flush=True)
line = "x" * (1024 * 1024 - 1) + chr(10)
for number in range(int(sys.argv[1])):
    sys.stdout.write(line)
    if number % 64 == 0:
        sys.stdout.flush()
        with open("outputs/seen", "a") as seen:
            seen.write(f"{os.fstat(1).st_blocks * 512}" + chr(10))
print("last line", flush=True)
""",
    "complains.py": """
import sys
for _ in range(8):
    sys.stderr.write("y" * (1024 * 1024) + chr(10))
raise RuntimeError("this is why")
""",
    "fills.py": """
import mlflow
mlflow.log_metric("loss", 1.0)
block = bytearray(2 << 30)
""",
    "fills_in_children.py": """
import multiprocessing, time
def fill():
    block = bytearray(b"x") * (200 << 20)
    time.sleep(600)
processes = [multiprocessing.get_context("fork").Process(target=fill) for _ in range(4)]
[process.start() for process in processes]
time.sleep(600)
""",
    "modest.py": """
import mlflow
block = bytearray(b"x") * (300 << 20)
mlflow.log_metric("loss", 1.0)
""",
    "closes.py": """
import os, sys, mlflow
sys.stdout.close()
sys.stderr.close()
os.close(1)
os.close(2)
mlflow.log_metric("loss", 1.0)
""",
    "deletes.py": """
import os, shutil, mlflow
here = os.getcwd()
shutil.rmtree(os.path.dirname(here))
mlflow.log_metric("loss", 1.0)
for _ in range(64):
    os.write(1, b"x" * (1024 * 1024))
""",
    "looks.py": """
import json, mlflow, os, pathlib, resource
def environ(pid):
    return pathlib.Path(f"/proc/{pid}/environ").read_bytes().decode()
def parent(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
status = pathlib.Path("/proc/self/status").read_text()
fork_parent = os.getppid()
json.dump({
    "own": dict(os.environ),
    "initial": environ("self"),
    "fork_parent": environ(fork_parent),
    "engine": environ(parent(fork_parent)),
    "no_new_privileges": "NoNewPrivs:\\t1" in status,
    "core": resource.getrlimit(resource.RLIMIT_CORE),
    "killed_first": int(pathlib.Path("/proc/self/oom_score_adj").read_text()),
}, open("outputs/seen.json", "w"))
mlflow.log_metric("loss", 1.0)
""",
    "threads.py": """
import json, mlflow, os
from threadpoolctl import threadpool_info
import numpy
found = {pool["user_api"]: pool["num_threads"] for pool in threadpool_info()}
json.dump([found, os.environ["MKL_NUM_THREADS"]], open("outputs/seen.json", "w"))
mlflow.log_metric("loss", 1.0)
""",
}


@pytest.fixture(scope="module")
def limited(equipped: Served, equipped_root: Path) -> Served:
    """A service with small limits and a secret."""
    folder = equipped_root / "limits"
    folder.mkdir()
    for name, text in SCRIPTS.items():
        (folder / name).write_text(text)
    return equipped


def _run(service: Served, command: str, **variables: str) -> tuple[str, Json]:
    """Run one trial; its place below the service, and what became of it."""
    trial = {"command": f"python {command}", "code": "limits", "environment_variables": variables}
    body = document("", ONE, trial=trial, limits={"max_total_trials": 1})
    name = service.submit(body)["name"]
    service.finished(name)
    place = f"/v1/sweeps/{name}/trials/0"
    return place, service.get(place)


def _seen(service: Served, place: str) -> Any:  # noqa: ANN401 - whatever the script wrote
    return json.loads(service.client.get(f"{place}/artifacts/outputs/seen.json").text)


def test_a_gigabyte_of_log_is_cut_while_it_is_written(limited: Served) -> None:
    """The trial completes; beginning, end and a line about the rest are kept, the disk spared."""
    place, trial = _run(limited, "prints.py 1024")
    assert trial["status"] == "completed", trial
    log = limited.client.get(f"{place}/logs").text
    assert len(log) < LOG_BYTES + 128 * 1024
    assert log.startswith("first line\nxxx")
    assert f"\nsweepfront: this log is over its limit of {LOG_BYTES} bytes" in log
    assert log.endswith("last line\n")
    sizes = limited.client.get(f"{place}/artifacts/outputs/seen").text.split()
    assert max(map(int, sizes)) < 700 * MIB


def test_a_trial_that_fails_after_too_many_words_still_says_why(limited: Served) -> None:
    """The end of stderr outlives the limit, and with it the reason."""
    place, trial = _run(limited, "complains.py")
    assert trial["status"] == "failed"
    assert trial["status_reason"] == "exit code 1: RuntimeError: this is why"
    assert len(limited.client.get(f"{place}/logs?stream=stderr").text) < LOG_BYTES + 128 * 1024


_WARM = 2
"""The fork parent, and the child that stands by for the next trial."""


def test_memory_is_limited(limited: Served) -> None:
    """Too much is a MemoryError of the script's own; what is below the limit is its own affair."""
    _, trial = _run(limited, "fills.py")
    assert (trial["status"], trial["status_reason"]) == ("failed", "exit code 1: MemoryError")
    _, trial = _run(limited, "modest.py")
    assert trial["status"] == "completed", trial


def test_children_count_towards_the_memory_of_their_trial(limited: Served) -> None:
    """All of them are killed together, with the reason, and nothing is left over."""
    place, trial = _run(limited, "fills_in_children.py")
    assert trial["status"] == "failed"
    assert f"more than the {MEMORY} of SWEEPFRONT_TRIAL_MEMORY" in trial["status_reason"]
    marker = f"SWEEPFRONT_WORKSPACE={limited.data / 'engine'}\0".encode()
    deadline = time.monotonic() + 5
    while (left := _marked(marker)) != _WARM and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == _WARM, f"only the fork parent and its standby are left after {place}"


def test_a_trial_that_closes_its_output_ends_as_it_would_elsewhere(limited: Served) -> None:
    """Without a log, but with its reports."""
    place, trial = _run(limited, "closes.py")
    assert (trial["status"], trial["objective_value"]) == ("completed", 1.0)
    assert limited.client.get(f"{place}/logs").text == ""


def test_a_trial_that_deletes_its_own_folder_harms_only_itself(limited: Served) -> None:
    """It completes with its reports and without artifacts; the next one runs."""
    place, trial = _run(limited, "deletes.py")
    assert (trial["status"], trial["objective_value"]) == ("completed", 1.0)
    assert limited.get(f"{place}/artifacts")["items"] == []
    assert limited.client.get(f"{place}/logs").text == ""
    assert _run(limited, "modest.py")[1]["status"] == "completed"


def test_a_trial_sees_nothing_of_the_services_secrets(limited: Served) -> None:
    """Neither in its environment nor in those of the processes above it, up to the engine."""
    place, trial = _run(limited, "looks.py", MINE="yes")
    assert trial["status"] == "completed", trial
    seen = _seen(limited, place)
    for whose in ("own", "initial", "fork_parent", "engine"):
        text = json.dumps(seen[whose])
        assert SECRET not in text, whose
        assert "SWEEPFRONT_DATA_DIR" not in text, whose
    assert seen["own"]["MINE"] == "yes"
    assert seen["own"]["NO_PROXY"] == "127.0.0.1"
    assert seen["no_new_privileges"] is True
    assert seen["core"] == [0, 0]
    assert seen["killed_first"] == 800


def test_threads_are_the_cores_divided_by_the_slots_unless_the_document_says_more(
    limited: Served,
) -> None:
    """OMP_NUM_THREADS counts for the libraries that the warm parent has loaded already."""
    share = max(1, len(os.sched_getaffinity(0)) // 2)
    place, _ = _run(limited, "threads.py")
    pools, variable = _seen(limited, place)
    assert set(pools.values()) == {share}
    assert variable == str(share)
    place, _ = _run(limited, "threads.py", OMP_NUM_THREADS="3")
    pools, variable = _seen(limited, place)
    assert set(pools.values()) == {3}
    assert variable == "3"
    (local,) = [b for b in limited.get("/v1/backends")["items"] if b["name"] == "local"]
    assert any(f"{share} thread" in note for note in local["notes"])


def _marked(marker: bytes) -> int:
    """How many processes have this in their environment."""
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found += marker in (process / "environ").read_bytes() + b"\0"
        except OSError:
            continue
    return found
