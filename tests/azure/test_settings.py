"""Settings of the Azure backend: missing ones are named, each way to sign in works."""

from pathlib import Path

import pytest

from app.backends.azureml.workspace import Place, config_file
from tests.azure.conftest import azure_document
from tests.azure_emulator.running import RunningEmulator
from tests.served import document, served

QUADRATIC = "python quadratic.py --x ${{search_space.x}}"
ONE = {"x": {"type": "choice", "values": [0.1]}}
MISSING = "SWEEPFRONT_AZURE_RESOURCE_GROUP, SWEEPFRONT_AZURE_WORKSPACE"


def test_half_a_workspace_is_named_and_local_sweeps_are_served(
    tmp_path: Path, scripts: Path
) -> None:
    """At the start, in GET /v1/backends and when somebody asks for it."""
    variables = {"SWEEPFRONT_AZURE_SUBSCRIPTION_ID": "0000"}
    with served(tmp_path / "data", code_root=scripts, environment=variables) as service:
        assert MISSING in service.log()
        backends = {each["name"]: each for each in service.get("/v1/backends")["items"]}
        assert backends["local"]["healthy"]
        assert not backends["azureml"]["healthy"]
        assert MISSING in backends["azureml"]["health"]
        refused = service.client.post("/v1/sweeps", json=azure_document(QUADRATIC))
        assert refused.status_code == 422
        (fault,) = [f for f in refused.json()["errors"] if f["pointer"] == "/backend"]
        assert MISSING in fault["message"]
        name = service.submit(document(QUADRATIC, ONE, code="job", sampling_algorithm="grid"))[
            "name"
        ]
        assert service.finished(name)["status"] == "completed"


@pytest.mark.slow
def test_a_wrong_secret_is_told_and_loses_no_sweep(
    tmp_path: Path, scripts: Path, emulator: RunningEmulator
) -> None:
    """The sweep waits, and goes on once the secret is right."""
    right = emulator.environment()
    wrong = {**right, "AZURE_CLIENT_SECRET": "wrong"}
    data = tmp_path / "data"
    with served(data, code_root=scripts, environment=wrong) as service:
        name = service.submit(azure_document(QUADRATIC))["name"]
        sweep = service.until(name, lambda sweep: sweep["sync_error"])
        assert "sign-in failed" in sweep["sync_error"]
        assert sweep["status"] == "submitting"
        assert service.client.get("/readyz").is_success
    with served(data, code_root=scripts, environment=right) as service:
        assert service.finished(name, within=90)["status"] == "completed"


@pytest.mark.slow
def test_a_certificate_signs_in(tmp_path: Path, scripts: Path, emulator: RunningEmulator) -> None:
    """In place of a secret."""
    variables = emulator.environment()
    del variables["AZURE_CLIENT_SECRET"]
    variables["AZURE_CLIENT_CERTIFICATE_PATH"] = str(emulator.folder / "client.pem")
    with served(tmp_path / "data", code_root=scripts, environment=variables) as service:
        name = service.submit(azure_document(QUADRATIC, sampling_algorithm="grid"))["name"]
        assert service.finished(name)["status"] == "completed"


@pytest.mark.slow
def test_an_azure_sweep_outlives_the_settings(
    tmp_path: Path, scripts: Path, emulator: RunningEmulator
) -> None:
    """Without them its logs and models are refused in words, and local sweeps are served."""
    data = tmp_path / "data"
    slow = "python slow.py ${{search_space.x}} 600 0.05"
    with served(data, code_root=scripts, environment=emulator.environment()) as service:
        done = service.submit(azure_document(QUADRATIC, limits={"max_total_trials": 1}))["name"]
        assert service.finished(done, within=90)["status"] == "completed"
        live = service.submit(azure_document(slow))["name"]
        service.until(live, lambda sweep: sweep["submitted_at"])
    with served(data, code_root=scripts) as service:
        calls = [
            service.client.get(f"/v1/sweeps/{done}/trials/0/logs"),
            service.client.get(f"/v1/sweeps/{done}/trials/0/artifacts"),
            service.client.post(f"/v1/sweeps/{done}/register"),
        ]
        for answer in calls:
            assert answer.status_code == 409, answer.text
            assert "backend azureml, which is not configured" in answer.json()["detail"]
        assert service.client.post(f"/v1/sweeps/{live}/cancel").status_code == 202
        service.until(live, lambda sweep: "not configured" in str(sweep["sync_error"]))
        name = service.submit(document(QUADRATIC, ONE, code="job"))["name"]
        assert service.finished(name)["status"] == "completed"


def test_a_default_backend_without_settings_is_named(tmp_path: Path, scripts: Path) -> None:
    """It is listed with what is missing, and logged."""
    variables = {"SWEEPFRONT_DEFAULT_BACKEND": "azureml"}
    with served(tmp_path / "data", code_root=scripts, environment=variables) as service:
        backends = {each["name"]: each for each in service.get("/v1/backends")["items"]}
        assert not backends["azureml"]["healthy"]
        assert "SWEEPFRONT_AZURE_SUBSCRIPTION_ID" in backends["azureml"]["health"]
        assert "azureml cannot be used" in service.log()


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "cannot be read"), ("[]", "is no JSON object"), ("", "cannot be read")],
)
def test_a_broken_configuration_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    """It is not taken for one that is not there."""
    folder = tmp_path / ".azureml"
    folder.mkdir()
    (folder / "config.json").write_text(text)
    values, problem = config_file(tmp_path)
    assert values == {}
    place = Place(subscription_id="", resource_group="", workspace="", config_problem=problem)
    assert words in str(place.missing())
    assert config_file(folder) == ({}, "")
