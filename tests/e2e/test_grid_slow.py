"""The exhaustive grid of the seed's space: every point once, and a model that holds what it says."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from concrete_data import read_csv, split

from tests.served import ROOT, served

pytestmark = pytest.mark.slow


def test_the_grid_of_120_points_finds_the_forest(tmp_path: Path) -> None:
    """Through POST; no trial lost or doubled; the held-out fifth is predicted within 7 MPa."""
    body = yaml.safe_load((ROOT / "examples" / "concrete-grid.yaml").read_text())
    with served(tmp_path / "data") as service:
        name = service.submit(body)["name"]
        sweep = service.finished(name, within=1500)
        assert sweep["status"] == "completed"
        assert sweep["trial_counts"]["completed"] == sweep["trial_counts"]["total"] == 120
        trials = service.items(f"/v1/sweeps/{name}/trials?sort=number&limit=200")
        points = {tuple(trial["parameters"].items()) for trial in trials}
        assert len(points) == 120
        assert [trial["number"] for trial in trials] == list(range(120))
        best = service.get(f"/v1/sweeps/{name}/best-trial")
        assert best["parameters"]["base_estimator"] == "RandomForestRegressor"
        version = service.client.post(f"/v1/sweeps/{name}/register").json()
        path = f"/v1/models/final_model/versions/{version['version']}/download"
        model: Any = pickle.load(io.BytesIO(service.client.get(path).content))
    parts = split(*read_csv(ROOT / "trial_code" / "data" / "concrete.csv"))
    error = np.sqrt(np.mean((model.predict(parts.test_X) - parts.test_y) ** 2))
    print(f"held-out RMSE of the registered file: {error:.3f} MPa, {best['parameters']}")
    assert error < 7


@pytest.mark.parametrize("policy", ["bandit", "median", "truncation"])
def test_each_example_with_a_policy_stops_a_trial(tmp_path: Path, policy: str) -> None:
    """On the real data; the ledger of a stopped trial shows the figures."""
    body = yaml.safe_load((ROOT / "examples" / f"concrete-{policy}.yaml").read_text())
    with served(tmp_path / "data") as service:
        name = service.submit(body)["name"]
        assert service.finished(name, within=900)["status"] == "completed"
        stopped = service.items(f"/v1/sweeps/{name}/trials?status=early_terminated&limit=200")
        assert stopped
        for trial in stopped:
            path = f"/v1/sweeps/{name}/trials/{trial['number']}/decisions"
            last = service.items(path)[-1]
            assert last["verdict"] == "stop"
            assert last["value"] >= last["threshold"]
            assert str(trial["number"]) in last["compared"]
            assert trial["status_reason"] == last["reason"]
