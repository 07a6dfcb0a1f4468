"""A model that does harm when it is loaded: nobody here loads it."""

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from app.engine.wire import Frames, ProtocolError
from tests.served import ROOT, Served, document

SCRIPT = """
import mlflow, pathlib, shutil, sys
for name in ("model.pkl", "model.joblib", "model.pt", "page.html", "image.svg"):
    shutil.copy(name, "outputs")
mlflow.log_metric("loss", 1.0)
"""
PAGE = "<script>fetch('/v1/sweeps')</script>"


class Harm:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.mark}",)


@pytest.fixture(scope="module")
def mark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is there as soon as the model was loaded."""
    return tmp_path_factory.mktemp("loaded") / "mark"


@pytest.fixture(scope="module")
def harmful(service: Served, scripts: Path, mark: Path) -> Served:
    """A service with a finished sweep whose trial left such a model."""
    job = scripts / "harm"
    job.mkdir()
    (job / "run.py").write_text(SCRIPT)
    for name in ("model.pkl", "model.joblib", "model.pt"):
        (job / name).write_bytes(pickle.dumps(Harm(mark)))
    for name in ("page.html", "image.svg"):
        (job / name).write_text(PAGE)
    space = {"x": {"type": "choice", "values": [1]}}
    body = document("python run.py", space, code="harm", limits={"max_total_trials": 1})
    service.submit({**body, "name": "harm"})
    assert service.finished("harm")["status"] == "completed"
    return service


def test_it_does_harm_to_whoever_loads_it(tmp_path: Path) -> None:
    """Otherwise the others would say nothing."""
    pickle.loads(pickle.dumps(Harm(tmp_path / "mark")))
    assert (tmp_path / "mark").exists()


def test_a_model_is_registered_listed_shown_and_sent_and_never_loaded(
    harmful: Served, mark: Path
) -> None:
    """Its checksum is right; a browser saves it, whatever it holds."""
    file = pickle.dumps(Harm(mark))
    for name in ("model.pkl", "model.joblib", "model.pt", "page.html", "image.svg"):
        path = f"outputs/{name}"
        wanted = {"model_name": f"m-{name}", "artifact_path": path}
        made = harmful.client.post("/v1/sweeps/harm/register", json=wanted)
        assert made.status_code == 201, made.text
        content = PAGE.encode() if name in ("page.html", "image.svg") else file
        assert made.json()["sha256"] == hashlib.sha256(content).hexdigest()
        for address in (
            f"/v1/models/m-{name}/versions/1/download",
            f"/v1/sweeps/harm/trials/0/artifacts/{path}",
        ):
            sent = harmful.client.get(address)
            assert sent.content == content
            assert sent.headers["Content-Type"] == "application/octet-stream"
            assert sent.headers["Content-Disposition"] == f'attachment; filename="{name}"'
            assert sent.headers["X-Content-Type-Options"] == "nosniff"
        for address in (f"/v1/models/m-{name}", f"/dashboard/models/m-{name}"):
            assert harmful.client.get(address).is_success
    assert harmful.client.get("/dashboard/sweeps/harm/trials/0").is_success
    assert not mark.exists()


@pytest.mark.slow
def test_a_backup_does_not_load_it(harmful: Served, tmp_path: Path, mark: Path) -> None:
    """It is copied."""
    words = [sys.executable, "-m", "app", "backup", str(tmp_path / "backup.tar")]
    environment = {**os.environ, "SWEEPFRONT_DATA_DIR": str(harmful.data)}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert not mark.exists()


def test_the_engine_loads_nothing_of_what_a_trial_sends(tmp_path: Path) -> None:
    """Messages of trials may hold plain values and MLflow's entities."""
    harms = [
        pickle.dumps(Harm(tmp_path / "mark")),
        b"cos\nsystem\n(S'touch mark'\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cmlflow.entities.run\nos.system\n(S'touch mark'\ntR.",
        b"cmlflow.entities\nsys\n.",
        b"cmlflow.entities.run\n__builtins__\n.",
        b"cmlflow.entities.run_data\n__loader__.load_module\n.",
        b"cmlflow.entities..run\nRun\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0atouch mark\x85R.",
        b"\x82\x01.",
        b"",
        b"(" * 100_000 + b".",
    ]
    for data in harms:
        frames = Frames()
        with pytest.raises(ProtocolError):
            list(frames.feed(len(data).to_bytes(4, "big") + data))
    with pytest.raises(ProtocolError, match="too long"):
        list(Frames().feed(b"\xff\xff\xff\xff"))
    assert not (tmp_path / "mark").exists()
