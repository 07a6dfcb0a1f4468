"""The command line against a running service, and the demonstration from start to Ctrl-C."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from tests.served import ROOT, Served, document, served

SPACE = {"x": {"type": "choice", "values": [0.1, 0.2, 0.3]}}


def _run(service: Served | None, *words: str) -> subprocess.CompletedProcess[str]:
    url = str(service.client.base_url) if service else "http://127.0.0.1:1"
    return subprocess.run(
        [sys.executable, "-m", "app", *words],
        cwd=ROOT,
        env={**os.environ, "SWEEPFRONT_URL": url, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [("LOCAL_SLOTS", "many", "a valid integer"), ("ENVIRONMENTS", "{", "not JSON")],
)
@pytest.mark.parametrize("command", ["serve", "sweeps"])
def test_a_wrong_setting_is_named(command: str, name: str, value: str, reason: str) -> None:
    """One line with the variable and the reason, no traceback, exit code 2."""
    done = subprocess.run(
        [sys.executable, "-m", "app", command],
        cwd=ROOT,
        env={**os.environ, f"SWEEPFRONT_{name}": value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert f"SWEEPFRONT_{name}" in done.stderr
    assert reason in done.stderr


def _file(folder: Path, command: str, **more: object) -> str:
    path = folder / "sweep.yaml"
    body = document(command, SPACE, code="job", **more)
    path.write_text(yaml.safe_dump(body))
    return str(path)


def test_submit_watches_to_the_best_trial_and_registers(service: Served, tmp_path: Path) -> None:
    """Exit code 0, the best parameters, one line about the version."""
    file = _file(tmp_path, "python quadratic.py --x ${{search_space.x}}", sampling_algorithm="grid")
    done = _run(service, "submit", file, "--watch", "--register")
    assert done.returncode == 0, done.stderr
    assert "3/3 trials ended; 3 completed, best 1" in done.stdout
    assert "x = 0.3" in done.stdout
    assert len(re.findall(r"^registered final_model version \d+$", done.stdout, re.MULTILINE)) == 1
    name = re.findall(r"^sweep (\S+):", done.stdout, re.MULTILINE)[0]
    assert name in _run(service, "sweeps").stdout
    shown = _run(service, "show", name)
    assert shown.returncode == 0
    assert "best trial 2" in shown.stdout
    assert shown.stdout.count("completed") >= 4


def test_a_failed_sweep_has_exit_code_1_and_its_reason(service: Served, tmp_path: Path) -> None:
    """Without --watch the sweep is only submitted."""
    file = _file(tmp_path, "python fails.py")
    assert _run(service, "submit", file).returncode == 0
    done = _run(service, "submit", file, "--watch")
    assert done.returncode == 1
    assert "no such luck" in done.stdout


def test_a_refused_document_has_exit_code_2_and_its_faults(service: Served, tmp_path: Path) -> None:
    """Each with its place and remedy."""
    done = _run(service, "submit", _file(tmp_path, "python a.py ${{search_space.y}}"))
    assert done.returncode == 2
    assert "/trial/command: ${{search_space.y}} names nothing" in done.stderr
    assert _run(service, "submit", str(tmp_path / "none.yaml")).returncode == 2
    assert _run(service, "show", "none").returncode == 2


def test_a_service_that_is_away_is_one_clear_line(tmp_path: Path) -> None:
    """With the command that starts one."""
    done = _run(None, "submit", _file(tmp_path, "true"))
    assert done.returncode == 1
    assert "python -m app serve" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_hyperdrive_configuration_is_converted_and_runs(service: Served, tmp_path: Path) -> None:
    """To a file or to standard output; the notes stand beside it; a refusal has its places."""
    source = tmp_path / "hyperdrive.json"
    configuration = json.loads((ROOT / "examples" / "hyperdrive.json").read_text())
    source.write_text(json.dumps(configuration))
    printed = _run(None, "convert", str(source))
    assert printed.returncode == 0, printed.stderr
    assert "mlflow.log_metric" in printed.stderr
    converted = tmp_path / "sweep.yaml"
    assert _run(None, "convert", str(source), "-o", str(converted)).stdout == ""
    assert converted.read_text() == printed.stdout
    (tmp_path / "trial_code").symlink_to(ROOT / "trial_code")
    done = _run(service, "submit", str(converted), "--watch")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "best trial" in done.stdout
    source.write_text(json.dumps({**configuration, "max_total_runs": 0}))
    refused = _run(None, "convert", str(source))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "/max_total_runs: gives limits.max_total_trials: " in refused.stderr
    assert _run(None, "convert", str(tmp_path / "none.json")).returncode == 2
    assert _run(None, "convert", str(converted), "-o", str(tmp_path)).returncode == 2


def _demo(data: Path, port: int, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "app", "demo", *words],
        cwd=ROOT,
        env={**os.environ, "SWEEPFRONT_DATA_DIR": str(data), "SWEEPFRONT_PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if words in line:
            return text
    raise AssertionError(f"{words!r} never came:\n{text}")


@pytest.mark.slow
def test_the_demo_reaches_final_model_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The seed's sweep on a port that is free, registered, served until Ctrl-C."""
    data = tmp_path / "data"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = _demo(data, port)
        text = _read_until(process, "serving until Ctrl-C")
    assert f"port {port} is taken; serving on port" in text
    assert len(re.findall(r"^registered final_model version 1$", text, re.MULTILINE)) == 1
    model = re.findall(r"^model file: (.+)$", text, re.MULTILINE)[0]
    assert Path(model).is_file()
    docs = re.findall(r"^try it out: (.+)$", text, re.MULTILINE)[0]
    assert httpx.get(docs).status_code == 200
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert not _left(data)
    with pytest.raises(httpx.ConnectError):
        httpx.get(docs)


@pytest.mark.slow
def test_a_demo_whose_sweep_fails_ends_with_1(tmp_path: Path) -> None:
    """And nothing is left running."""
    data = tmp_path / "data"
    file = _file(tmp_path, "false")
    body = yaml.safe_load(Path(file).read_text())
    del body["trial"]["code"]
    Path(file).write_text(yaml.safe_dump(body))
    process = _demo(data, 8000, file)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 1, text
    assert "failed" in text
    assert not _left(data)


def _left(data: Path) -> list[str]:
    """What still works for this data folder, after a moment for the last to go."""
    service = Served(data)
    deadline = time.monotonic() + 5
    while service.processes() and time.monotonic() < deadline:
        time.sleep(0.1)
    return service.processes()


@pytest.mark.slow
def test_serving_on_another_address_than_loopback_is_refused(tmp_path: Path) -> None:
    """Nobody is identified, so nobody else is let in; a taken port is said, too."""
    for settings, word in (
        ({"SWEEPFRONT_HOST": "0.0.0.0"}, "loopback"),  # noqa: S104 - what is refused
        ({"SWEEPFRONT_PORT": "99999"}, "port"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "app", "serve"],
            cwd=ROOT,
            env={**os.environ, "SWEEPFRONT_DATA_DIR": str(tmp_path), **settings},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode != 0
        assert word in done.stderr.lower()
    with served(tmp_path / "data") as service:
        done = subprocess.run(
            [sys.executable, "-m", "app", "serve"],
            cwd=ROOT,
            env={**os.environ, "SWEEPFRONT_PORT": str(service.port)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2
        assert "in use" in done.stderr


def test_replay_shows_the_three_policies_side_by_side(service: Served, tmp_path: Path) -> None:
    """With usual settings, or with those that are named; a wrong one is refused in words."""
    file = _file(
        tmp_path,
        "python slow.py ${{search_space.x}} 3 0.02",
        sampling_algorithm="grid",
        limits={"max_total_trials": 3, "max_concurrent_trials": 1},
    )
    done = _run(service, "submit", file, "--watch")
    name = re.findall(r"^sweep (\S+):", done.stdout, re.MULTILINE)[0]
    shown = _run(service, "replay", name)
    assert shown.returncode == 0, shown.stderr
    for words in ("slack_factor 0.1", "median_stopping", "truncation_percentage 20", "goes on"):
        assert words in shown.stdout
    assert re.search(r"stopped trials\s.*2: 1 \(report 1\), 2 \(report 1\)", shown.stdout)
    wide = _run(service, "replay", name, "--policy", "bandit:slack_factor=9,delay_evaluation=2")
    assert "slack_factor 9" in wide.stdout
    assert "slack_factor 0.1" not in wide.stdout
    assert "none" in wide.stdout
    for policy in ("bandit:slack", "bandit:slack_factor=-1", "halving"):
        refused = _run(service, "replay", name, "--policy", policy)
        assert refused.returncode == 2, refused.stdout
        assert refused.stderr.startswith("sweepfront: ")
