"""Environments of trials on the local backend: really built by uv, from packages made here."""

import json
import time
import zipfile
from pathlib import Path

import pytest

from tests.e2e.conftest import SECRET
from tests.served import Json, Served, document, served

PRINTS = "python -c 'import sys, smallpackage; print(sys.prefix)'"
ONE = {"x": {"type": "choice", "values": [1]}}
SCRIPT = """
import json, pathlib, sys, mlflow, smallpackage
pathlib.Path("outputs/seen.json").write_text(
    json.dumps([smallpackage.VERSION, sys.prefix, "numpy" in sys.modules, sorted(sys.path)])
)
mlflow.log_metric("loss", 4.0)
mlflow.log_param("version", smallpackage.VERSION)
pathlib.Path("note.txt").write_text("kept")
mlflow.log_artifact("note.txt")
"""
BUILDER = (
    """
[build-system]
requires = []
build-backend = "builder"
backend-path = ["."]
""",
    f"""
import os, pathlib
def build_wheel(*_args, **_more):
    seen = [name for name, value in os.environ.items() if {SECRET!r} in value]
    raise SystemExit(f"no wheel from me; secrets: {{seen}}")
""",
)


def _wheel(folder: Path, name: str, version: str) -> None:
    """A package without dependencies, as pip and uv take it from a folder."""
    about = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}/__init__.py": f"VERSION = {version!r}\n",
        f"{about}/METADATA": metadata,
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


@pytest.fixture(scope="module")
def root(equipped_root: Path) -> Path:
    """A code root with a script and requirements, and a folder of packages beside it."""
    root = equipped_root
    (root / "wheels").mkdir()
    for version in ("1.0", "2.0", "3.0"):
        _wheel(root / "wheels", "smallpackage", version)
    _wheel(root / "wheels", "mlflow_skinny", "0.0.1")
    (root / "uses").mkdir()
    (root / "uses" / "uses.py").write_text(SCRIPT)
    (root / "uses" / "requirements.txt").write_text("# what it needs\nsmallpackage==1.0\n")
    (root / "requirements.txt").write_text("smallpackage==9.9\n")
    (root / "conda.yml").write_text("dependencies: [python, {pip: [smallpackage==1.0]}]\n")
    (root / "wild").mkdir()
    project, builder = BUILDER
    (root / "wild" / "pyproject.toml").write_text(project)
    (root / "wild" / "builder.py").write_text(builder)
    return root


@pytest.fixture(scope="module")
def service(equipped: Served, root: Path) -> Served:
    """A service whose installer finds packages in the folder, too."""
    assert root.is_dir()
    return equipped


def _body(environment: object, command: str = "python uses.py", **more: object) -> Json:
    trial = {"command": command, "code": "uses", "environment": environment}
    return document("", ONE, trial=trial, limits={"max_total_trials": 1}, **more)


def _seen(service: Served, name: str) -> tuple[str, str, bool, list[str]]:
    path = f"/v1/sweeps/{name}/trials/0/artifacts/outputs/seen.json"
    version, prefix, warm, path_entries = json.loads(service.client.get(path).text)
    return version, prefix, warm, path_entries


def _inline(*lines: str, python: str = "python") -> Json:
    return {"conda_file": {"dependencies": [python, "pip", {"pip": list(lines)}]}}


def _quickly_built(version: str) -> Json:
    """With an empty MLflow of its own, which is installed in no time."""
    return _inline(f"smallpackage=={version}", "mlflow-skinny==0.0.1", "azureml-mlflow")


def _prefix(service: Served, name: str) -> Path:
    """Where the Python of a sweep lies that has printed it."""
    return Path(service.client.get(f"/v1/sweeps/{name}/trials/0/logs").text.strip())


def test_requirements_beside_the_script_make_an_environment_of_their_own(
    service: Served,
) -> None:
    """Apart from the service's packages; MLflow reaches the engine; the second sweep builds none."""
    name = service.submit(_body("requirements.txt"))["name"]
    sweep = service.finished(name, within=120)
    assert sweep["status"] == "completed", sweep["status_reason"]
    assert not [words for words in sweep["warnings"] if "environment" in words]
    version, prefix, warm, path = _seen(service, name)
    home = service.data / "engine" / "environments"
    assert version == "1.0"
    assert Path(prefix).parent == home
    assert not warm
    assert not [entry for entry in path if entry.startswith(str(Path(__file__).parents[2]))]
    trial = service.get(f"/v1/sweeps/{name}/trials/0")
    assert trial["objective_value"] == 4.0
    artifacts = service.get(f"/v1/sweeps/{name}/trials/0/artifacts")["items"]
    assert "note.txt" in [artifact["path"] for artifact in artifacts]
    assert "smallpackage==1.0" in Path(f"{prefix}.log").read_text()
    built = (Path(prefix) / "built").stat().st_mtime_ns
    again = service.submit(_body("file:requirements.txt", tags={"again": "yes"}))["name"]
    assert service.finished(again)["status"] == "completed"
    assert _seen(service, again)[1] == prefix
    assert (Path(prefix) / "built").stat().st_mtime_ns == built


def test_the_shell_finds_the_environments_python_too(service: Served) -> None:
    """A command with shell syntax runs with the same interpreter."""
    name = service.submit(_body("requirements.txt", "python uses.py && python uses.py"))["name"]
    assert service.finished(name, within=120)["status"] == "completed"
    assert Path(_seen(service, name)[1]).parent == service.data / "engine" / "environments"


def test_an_azure_environment_maps_to_a_local_one(service: Served) -> None:
    """By the settings; a name that they do not know runs in the service's own, and says so."""
    name = service.submit(_body("azureml:concrete_env:1"))["name"]
    assert service.finished(name, within=120)["status"] == "completed"
    assert _seen(service, name)[0] == "1.0"
    body = _body("azureml:other:1", "python -c pass")
    sweep = service.submit(body)
    (words,) = [each for each in sweep["warnings"] if each.startswith("trial.environment")]
    assert "the service's own environment" in words
    assert "SWEEPFRONT_ENVIRONMENTS" in words
    assert service.finished(sweep["name"])["status"] == "completed"


def test_two_sweeps_at_once_build_one_environment(service: Served) -> None:
    """The other one waits for it, and meanwhile a sweep that needs none runs."""
    environment = {"image": "img:1", **_quickly_built("3.0")}
    bodies = [_body(environment, PRINTS, tags={"n": n}) for n in ("1", "2")]
    names = [service.submit(body)["name"] for body in bodies]
    quick = service.submit(_body(None, "python -c pass"))
    assert service.finished(quick["name"])["status"] == "completed"
    sweeps = [service.finished(name, within=120) for name in names]
    assert {sweep["status"] for sweep in sweeps} == {"completed"}, sweeps
    said = [words for words in sweeps[0]["warnings"] if words.startswith("trial.environment")]
    assert ["image" in said[0], "azureml-mlflow is left out" in said[1]] == [True, True]
    (prefix,) = {_prefix(service, name) for name in names}
    assert prefix.with_suffix(".log").read_text().count("+ smallpackage==3.0") == 1


def test_a_failing_build_fails_the_sweep_in_the_installers_words(service: Served) -> None:
    """With the remedy and the whole log; no trial runs."""
    name = service.submit(_body(_inline("smallpackage==99")))["name"]
    sweep = service.finished(name, within=120)
    assert sweep["status"] == "failed"
    assert "no version of smallpackage==99" in sweep["status_reason"]
    assert "Correct trial.environment" in sweep["status_reason"]
    assert sweep["trial_counts"]["total"] == 0


def test_what_builds_a_package_sees_no_secrets(service: Served, root: Path) -> None:
    """A package's own build code runs with a clean environment."""
    name = service.submit(_body(_inline(f"wild @ {(root / 'wild').as_uri()}")))["name"]
    sweep = service.finished(name, within=120)
    assert sweep["status"] == "failed"
    assert "no wheel from me; secrets: []" in sweep["status_reason"]


@pytest.mark.slow
def test_a_sweep_is_canceled_while_its_environment_is_built(tmp_path: Path, root: Path) -> None:
    """At once; and a build that takes too long ends with the reason."""
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "pyproject.toml").write_text(BUILDER[0])
    (slow / "builder.py").write_text("import time\ntime.sleep(600)\n")
    environment = {"SWEEPFRONT_ENVIRONMENT_TIMEOUT": "8"}
    wild = _inline(f"slow @ {slow.as_uri()}")
    with served(tmp_path / "data", code_root=root, environment=environment) as service:
        late = service.submit(_body(wild))["name"]
        canceled = service.submit(_body(wild, tags={"n": "2"}))["name"]
        service.until(
            canceled, lambda sweep: "environment is being built" in str(sweep["sync_error"])
        )
        start = time.monotonic()
        service.client.post(f"/v1/sweeps/{canceled}/cancel")
        assert service.finished(canceled)["status"] == "canceled"
        assert time.monotonic() - start < 5
        sweep = service.finished(late)
        assert sweep["status"] == "failed"
        assert "was not built within 8 s" in sweep["status_reason"]


@pytest.mark.slow
def test_a_build_goes_on_alone_after_a_killed_service(tmp_path: Path, root: Path) -> None:
    """The next service waits for the orphan to end before it builds in the same place."""
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "pyproject.toml").write_text(BUILDER[0])
    times = tmp_path / "times"
    (slow / "builder.py").write_text(
        f"import time\nwith open({str(times)!r}, 'a') as file:\n"
        "    file.write(f'{time.monotonic()} ')\n    time.sleep(4)\n"
        "    file.write(f'{time.monotonic()} ')\nraise SystemExit('no wheel from me')\n"
    )
    with served(tmp_path / "data", code_root=root) as service:
        name = service.submit(_body(_inline(f"slow @ {slow.as_uri()}")))["name"]
        deadline = time.monotonic() + 60
        while not times.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        service.kill()
        service.start()
        sweep = service.finished(name)
        assert sweep["status"] == "failed"
        assert "no wheel from me" in sweep["status_reason"]
    moments = [float(moment) for moment in times.read_text().split()]
    assert len(moments) >= 4
    assert moments == sorted(moments)


@pytest.mark.parametrize(
    ("environment", "where", "words"),
    [
        ("missing.txt", "", "does not exist in a code root"),
        (_inline("-r other.txt"), "/conda_file/dependencies/2/pip/0", "another file"),
        (_inline("./here"), "/conda_file/dependencies/2/pip/0", "another file"),
        (_inline(python="python=3.5"), "/conda_file/dependencies/0", "only"),
        ({"conda_file": {"dependencies": ["numpy=1"]}}, "/conda_file/dependencies/0", "conda"),
        ({"conda_file": "gone.yml"}, "", "does not exist in a code root"),
    ],
)
def test_what_cannot_be_built_is_refused_at_its_place(
    service: Served, environment: object, where: str, words: str
) -> None:
    """Before anything is stored, with the remedy."""
    answer = service.client.post("/v1/sweeps", json=_body(environment))
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["pointer"] == f"/trial/environment{where}"
    assert words in error["message"]


def test_an_environment_that_is_not_complete_is_built_again(service: Served) -> None:
    """As after a service that was killed while it was built."""
    names = []
    for n in ("1", "2"):
        body = _body(_quickly_built("2.0"), PRINTS, tags={"n": n})
        names.append(service.submit(body)["name"])
        assert service.finished(names[-1], within=120)["status"] == "completed"
        prefix = _prefix(service, names[-1])
        assert (prefix / "built").exists()
        (prefix / "built").unlink()
        (prefix / "bin" / "python").unlink()
    assert len({_prefix(service, name) for name in names}) == 1
