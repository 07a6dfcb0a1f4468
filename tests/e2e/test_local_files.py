"""`submit` sends what lies beside the document, as `az ml job create -f` does; nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.served import ROOT, Json, Served, document, served

SPACE = {"x": {"type": "choice", "values": [1]}}
SEES = """
import json, os, sys, mlflow
sys.dont_write_bytecode = True  # its own files are what it lists
from code_in_use import VERSION
files = sorted(os.path.join(root, name)[2:] for root, _, names in os.walk(".") for name in names)
given = [open(path).read() if os.path.isfile(path) else sorted(os.listdir(path)) for path in sys.argv[1:]]
json.dump({"files": files, "given": given, "version": VERSION}, open("outputs/seen.json", "w"))
mlflow.log_metric("loss", 1.0)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a document's folder, `jobs`, and the code beside it, `src`."""
    for folder in ("jobs", "src"):
        (tmp_path / "project" / folder).mkdir(parents=True)
    (tmp_path / "project" / "src" / "sees.py").write_text(SEES)
    (tmp_path / "project" / "src" / "code_in_use.py").write_text("VERSION = 1\n")
    return tmp_path / "project"


def _submit(
    service: Served, folder: Path, body: Json, *words: str, name: str = "sweep.yaml", **env: str
) -> subprocess.CompletedProcess[str]:
    """Write the document into the folder and submit it from somewhere else."""
    path = folder / name
    path.write_text(json.dumps(body) if path.suffix == ".json" else yaml.safe_dump(body))
    return subprocess.run(
        [sys.executable, "-m", "app", "submit", str(path), *words],
        cwd=ROOT,
        env={**os.environ, "SWEEPFRONT_URL": str(service.client.base_url), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _body(command: str, **more: object) -> Json:
    body = document(command, SPACE, code="../src", sampling_algorithm="grid", **more)
    body["limits"] = {"max_total_trials": 1}
    return body


def _name(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return next(
        line.split(":")[0].split()[1] for line in done.stdout.splitlines() if "sweep" in line
    )


def _seen(service: Served, name: str) -> Json:
    sweep = service.finished(name)
    assert sweep["status"] == "completed", sweep
    return service.get(f"/v1/sweeps/{name}/trials/0/artifacts/outputs/seen.json")


@pytest.mark.parametrize("file", ["sweep.yaml", "sweep.json"])
def test_code_above_the_document_is_uploaded_as_it_is_at_that_moment(
    service: Served, project: Path, file: str
) -> None:
    """../src, whatever the current folder; editing it afterwards changes nothing."""
    (project / "src" / "__pycache__").mkdir()
    (project / "src" / "__pycache__" / "a.pyc").write_bytes(b"x")
    done = _submit(service, project / "jobs", _body("python sees.py"), name=file)
    (project / "src" / "code_in_use.py").write_text("raise SystemExit('edited')\n")
    size = len(SEES) + len("VERSION = 1\n")
    assert f"uploaded ../src as trial.code: 2 files, {size} bytes" in done.stdout
    seen = _seen(service, _name(done))
    assert (seen["version"], seen["files"]) == (1, ["code_in_use.py", "sees.py"])


@pytest.mark.parametrize("ignore", [".amlignore", ".gitignore"])
def test_what_the_ignore_file_names_stays_at_home(
    service: Served, project: Path, ignore: str
) -> None:
    """Azure's own file goes before git's."""
    source = project / "src"
    (source / ".gitignore").write_text("*\n")
    (source / ignore).write_text("# big things\n*.bin\n/data/\n!data/keep.txt\n")
    (source / "data" / "deep").mkdir(parents=True)
    for name in ("a.bin", "data/rows.txt", "data/deep/b.txt", "data/keep.txt"):
        (source / name).write_text("x")
    done = _submit(service, project / "jobs", _body("python sees.py"))
    files = _seen(service, _name(done))["files"]
    assert [file for file in files if not file.startswith(".")] == [
        "code_in_use.py",
        "data/keep.txt",
        "sees.py",
    ]


def test_local_inputs_are_uploaded_and_read_by_the_trial(service: Served, project: Path) -> None:
    """A file, a folder, the form file:..., an absolute path; a literal stays what it is."""
    (project / "jobs" / "rows.csv").write_text("1,2\n")
    (project / "more").mkdir()
    (project / "more" / "a.txt").write_text("A")
    (project / "more" / "b.txt").write_text("B")
    body = _body(
        "python sees.py ${{inputs.file}} ${{inputs.folder}} ${{inputs.same}} ${{inputs.whole}}",
        inputs={
            "file": {"type": "uri_file", "path": "./rows.csv"},
            "folder": {"type": "uri_folder", "path": "../more"},
            "same": {"type": "uri_file", "path": "file:rows.csv"},
            "whole": {"type": "uri_file", "path": str(project / "more" / "a.txt")},
            "rate": 0.5,
        },
    )
    done = _submit(service, project / "jobs", body)
    assert "uploaded ../more as inputs.folder: 2 files, 2 bytes" in done.stdout
    assert "uploaded ./rows.csv as inputs.file: 1 file, 4 bytes" in done.stdout
    name = _name(done)
    assert _seen(service, name)["given"] == ["1,2\n", ["a.txt", "b.txt"], "1,2\n", "A"]
    stored = service.get(f"/v1/sweeps/{name}")["document"]
    assert stored["inputs"]["rate"] == 0.5
    assert stored["inputs"]["file"]["path"].endswith("/rows.csv")


def test_numbers_booleans_and_texts_stay_what_they_are(service: Served, project: Path) -> None:
    """From YAML through JSON into the stored document, in the same order."""
    values = [1, 1.0, True, "1", "0x1F", "yes", 1e-4, "é"]
    body = _body("python sees.py ${{search_space.x}}")
    body["search_space"] = {"x": {"type": "choice", "values": values}, "a": SPACE["x"]}
    name = _name(_submit(service, project / "jobs", body))
    stored = service.get(f"/v1/sweeps/{name}")["document"]["search_space"]
    assert [repr(value) for value in stored["x"]["values"]] == [repr(value) for value in values]
    service.finished(name)


def test_code_that_is_not_there_is_left_to_the_code_roots(service: Served, project: Path) -> None:
    """As for the documents in examples/, which name a folder of the repository."""
    body = _body("python argv.py")
    body["trial"]["code"] = "job"
    done = _submit(service, project / "jobs", body)
    assert "uploaded" not in done.stdout
    assert service.finished(_name(done))["status"] == "completed"


@pytest.mark.slow
def test_an_environment_and_its_conda_file_are_written_out(service: Served, project: Path) -> None:
    """Inline, or in a file of its own, whose folder its conda_file is relative to."""
    jobs = project / "jobs"
    (jobs / "envs").mkdir()
    packages = {"dependencies": ["python=3.11", {"pip": ["mlflow"]}]}
    (jobs / "conda.yml").write_text(yaml.safe_dump(packages))
    (jobs / "lines.txt").write_text("mlflow\n")
    lines = {"conda_file": {"dependencies": [{"pip": ["mlflow"]}]}}
    (jobs / "envs" / "conda.yml").write_text(yaml.safe_dump({"dependencies": ["pip"]}))
    (jobs / "envs" / "env.yml").write_text("image: img:2\nconda_file: conda.yml\n")
    for given, wanted in (
        ({"image": "img", "conda_file": "./conda.yml"}, {"image": "img", "conda_file": packages}),
        ("file:envs/env.yml", {"image": "img:2", "conda_file": {"dependencies": ["pip"]}}),
        ("lines.txt", lines),
        ("file:conda.yml", {"conda_file": packages}),
    ):
        # What was sent is the subject; its installation is another's.
        body = _body("true")
        body["trial"]["environment"] = given
        name = _name(_submit(service, jobs, body))
        assert service.get(f"/v1/sweeps/{name}")["document"]["trial"]["environment"] == wanted
        service.client.post(f"/v1/sweeps/{name}/cancel")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trial": "file:trial.yaml"}, "/trial: a sweep has its trial written out"),
        (
            {"trial": {"command": "true", "environment": {"image": "i", "conda_file": "no.yml"}}},
            "no.yml cannot be read: No such file",
        ),
        ({"trial": {"command": "true", "environment": "file:bad.yml"}}, "bad.yml: The body is not"),
        ({"trial": {"command": "true", "code": "empty"}}, "trial.code: "),
        ({"trial": {"command": "true", "code": "circle"}}, "link to a folder above it"),
        ({"trial": {"command": "true", "code": "broken"}}, "a link to nothing"),
        ({"inputs": {"d": {"type": "uri_file", "path": "big.bin"}}}, "or 2000 bytes"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_words(
    service: Served, project: Path, change: Json, words: str
) -> None:
    """Exit code 2, no traceback, and nothing is submitted."""
    jobs = project / "jobs"
    for name in ("empty", "circle", "broken"):
        (jobs / name).mkdir()
    (jobs / "circle" / "again").symlink_to(jobs / "circle")
    (jobs / "broken" / "gone").symlink_to(jobs / "nowhere")
    (jobs / "bad.yml").write_text("a: [1,\n")
    (jobs / "big.bin").write_bytes(b"x" * 3000)
    before = [sweep["name"] for sweep in service.get("/v1/sweeps")["items"]]
    done = _submit(service, jobs, {**_body("true"), **change}, SWEEPFRONT_MAX_UPLOAD_BYTES="2000")
    assert done.returncode == 2, done.stdout
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert [sweep["name"] for sweep in service.get("/v1/sweeps")["items"]] == before


@pytest.mark.slow
def test_a_service_with_a_smaller_limit_says_so(tmp_path: Path, project: Path) -> None:
    """Its own limit is the one that counts, whatever this side believes."""
    (project / "src" / "big.bin").write_bytes(os.urandom(3_000_000))
    with served(tmp_path / "data", environment={"SWEEPFRONT_MAX_UPLOAD_BYTES": "100000"}) as small:
        done = _submit(small, project / "jobs", _body("python sees.py"))
    assert done.returncode == 2, done.stderr
    assert "100000 bytes" in done.stderr


def test_links_are_followed_into_the_archive(service: Served, project: Path) -> None:
    """What is sent holds no link; the content behind it is sent instead."""
    (project / "shared").mkdir()
    (project / "shared" / "real.py").write_text("VERSION = 2\n")
    (project / "src" / "code_in_use.py").unlink()
    (project / "src" / "code_in_use.py").symlink_to(project / "shared" / "real.py")
    (project / "src" / "shared").symlink_to(project / "shared")
    seen = _seen(service, _name(_submit(service, project / "jobs", _body("python sees.py"))))
    assert (seen["version"], seen["files"]) == (2, ["code_in_use.py", "sees.py", "shared/real.py"])


def test_inputs_never_leave_their_upload(service: Served, project: Path) -> None:
    """Each fault with its place; a missing upload with the remedy; a file is no folder."""
    done = _submit(service, project / "jobs", _body("python sees.py"))
    code = service.finished(_name(done))["document"]["trial"]["code"]
    for path, kind, words in (
        (f"{code}/../{code.removeprefix('upload:')}/sees.py", "uri_file", "without '..'"),
        (f"{code}//etc/passwd", "uri_file", "relative"),
        (f"upload:{'0' * 64}/sees.py", "uri_file", "POST /v1/code"),
        (f"{code}/sees.py", "uri_folder", "use type: uri_file"),
    ):
        body = _body("python sees.py", inputs={"d": {"type": kind, "path": path}})
        refused = _submit(service, project / "jobs", body)
        assert refused.returncode == 2
        assert "/inputs/d/path: " in refused.stderr
        assert words in refused.stderr
