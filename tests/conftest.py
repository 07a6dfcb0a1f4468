"""One served Sweepfront for all tests of a worker that do no harm to it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is loaded: workers share cores

from tests.azure_emulator.running import RunningEmulator, running_emulator
from tests.served import Served, served

# Workers share cores: how long one example takes says nothing.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

SCRIPTS = {
    "quadratic.py": """
import argparse, mlflow
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--steps", type=int, default=1)
args = parser.parse_args()
for step in range(args.steps):
    mlflow.log_metric("loss", (args.x - 0.3) ** 2 + 1 / (step + 1))
open("outputs/model.pkl", "w").write(str(args.x))
""",
    "argv.py": """
import json, sys
json.dump(sys.argv[1:], open("outputs/argv.json", "w"))
import mlflow
mlflow.log_metric("loss", 1.0)
""",
    "fast.py": """
import mlflow
for value in range(1000):
    mlflow.log_metric("loss", float((value * 7919) % 1000))
""",
    "slow.py": """
import sys, time, mlflow
level = float(sys.argv[1])
for step in range(int(sys.argv[2])):
    mlflow.log_metric("loss", level)
    time.sleep(float(sys.argv[3]))
""",
    "fails.py": """
import sys
print("about to fail")
raise RuntimeError("no such luck")
""",
    "fails_until.py": """
import pathlib, sys, mlflow
mlflow.log_metric("loss", 7.0)
mlflow.log_metric("other", 1.0)
if not pathlib.Path(sys.argv[1], "mended").exists():
    raise ValueError(f"not mended in {sys.argv[1]!r} for {sys.argv[2]}")
mlflow.log_metric("loss", 2.0)
""",
    "stubborn.py": """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("outputs/started", "w").close()
time.sleep(600)
""",
    "nan.py": """
import mlflow, sys
mlflow.log_metric("loss", float(sys.argv[1]))
""",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of our own."""
    parser.addoption(
        "--azure-live",
        action="store_true",
        help="run the backends' contract on the Azure ML workspace of your settings",
    )


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulated Azure ML; it behaves unless a test has it misbehave."""
    with running_emulator(tmp_path_factory.mktemp("azure") / "emulator") as running:
        yield running


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A code root with one folder, `job`, of small trial scripts."""
    root = tmp_path_factory.mktemp("code")
    folder = root / "job"
    folder.mkdir()
    for name, text in SCRIPTS.items():
        (folder / name).write_text(text)
    return root


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, scripts: Path) -> Iterator[Served]:
    """A service whose code root holds the small scripts."""
    with served(tmp_path_factory.mktemp("service") / "data", code_root=scripts) as running:
        yield running
