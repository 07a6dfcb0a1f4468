"""The copy of the trial's side of the tracking that goes into foreign environments."""

import subprocess
import sys
from pathlib import Path

from app.engine import trial_package

PROBE = """
import sys
sys.path = [path for path in sys.path if path] + [sys.argv[1]]
from importlib.metadata import entry_points
names = {point.value for point in entry_points(group="mlflow.tracking_store")}
assert "sweepfront_trial.trial_plugin:open_store" in names, names
import sweepfront_trial.trial_store
ours = {name for name in sys.modules if name.startswith("app.")}
# MLflow loads what the service's own installation names, too.
assert ours <= {"app.engine", "app.engine.trial_plugin"}, ours
"""


def test_it_is_whole_and_independent_of_the_service(tmp_path: Path) -> None:
    """MLflow finds it, it imports, and nothing of the service's own package comes with it."""
    trial_package.install(tmp_path)
    subprocess.run([sys.executable, "-c", PROBE, str(tmp_path)], cwd=tmp_path, check=True)


def test_its_digest_stays_while_its_text_does(tmp_path: Path) -> None:
    """An environment is found again by it."""
    first = trial_package.digest()
    trial_package.install(tmp_path)
    trial_package.install(tmp_path)
    assert trial_package.digest() == first
