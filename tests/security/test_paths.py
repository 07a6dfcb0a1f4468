"""Paths that lead out of where they begin, in every spelling, through every route that has a path."""

import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.served import Served, document

CANARY = "canary-of-the-paths"
CLIMBS = (
    *("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "%252e%252e%252f", "..%252f", "....//", "..;/"),
    *("..\\", "..%5c", "%2e%2e%5c", "..%c0%af", "%c0%ae%c0%ae/", "..%ef%bc%8f", "./../", "/../"),
)
TARGETS = ("canary.txt", "etc/passwd", "sweepfront.db", "proc/self/environ", ".env")
ABSOLUTE = ("/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd", "file:///etc/passwd", "~/.profile")


@pytest.fixture(scope="module")
def paths(service: Served, scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A service with a registered model, and canaries around all that it shows files of."""
    outside = tmp_path_factory.mktemp("outside")
    for place in (outside, scripts, scripts.parent, service.data, service.data / "engine"):
        (place / "canary.txt").write_text(CANARY)
    (scripts / "climbs").mkdir()
    (scripts / "climbs" / "run.py").write_text(
        "import mlflow, os\nmlflow.log_metric('loss', 1.0)\n"
        "open('outputs/model.pkl', 'w').write('model')\n"
        f"os.symlink({str(outside / 'canary.txt')!r}, 'outputs/link.txt')\n"
        f"os.symlink({str(outside)!r}, 'outputs/folder')\n"
        "os.symlink('/etc', 'outputs/etc')\n"
        "os.mkfifo('outputs/pipe')\n"
    )
    (scripts / "leads").symlink_to(outside)
    space = {"x": {"type": "choice", "values": [1]}}
    body = document("python run.py", space, code="climbs", limits={"max_total_trials": 1})
    service.submit({**body, "name": "climbs"})
    assert service.finished("climbs")["status"] == "completed"
    made = service.client.post("/v1/sweeps/climbs/register", json={"model_name": "climbs"})
    assert made.is_success, made.text
    return service


def raw(service: Served, target: str) -> tuple[int, bytes]:
    """What a target is answered with, sent as it is: clients tidy paths up."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    try:
        connection.putrequest("GET", target)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _starts(service: Served) -> list[str]:
    token = service.client.post("/v1/embed-tokens", json={"sweep": "climbs"}).json()["token"]
    page = service.client.get("/dashboard/").text
    framework = page.split("/_nicegui/")[1].split("/")[0]
    return [
        "/v1/sweeps/climbs/trials/0/artifacts/",
        "/v1/sweeps/climbs/trials/0/artifacts/outputs/",
        "/v1/sweeps/climbs/trials/0/artifacts/outputs/folder/",
        "/v1/models/climbs/versions/1/",
        "/v1/models/",
        "/v1/problems/",
        "/v1/sweeps/",
        f"/dashboard/_nicegui/{framework}/static/",
        f"/dashboard/_nicegui/{framework}/components/",
        f"/dashboard/_nicegui/{framework}/resources/",
        f"/dashboard/_nicegui/{framework}/esm/",
        f"/dashboard/_nicegui/{framework}/dynamic_resources/",
        "/dashboard/sweeps/",
        f"/embed/climbs/history/?token={token}&view=",
        "/embed/",
        "/swagger/",
        "/docs/",
        "/",
    ]


def _judge(service: Served, targets: Iterator[str]) -> int:
    count = 0
    for target in targets:
        status, body = raw(service, target)
        count += 1
        assert status < 500, target
        assert CANARY.encode() not in body, target
        assert b"root:x:0" not in body, target
        assert b"SQLite format 3" not in body, target
        assert b"SWEEPFRONT_DATA_DIR=" not in body, target
        assert status >= 400 or not target.startswith("/v1/"), (target, body[:100])
    return count


def test_no_spelling_of_a_path_leads_out(paths: Served) -> None:
    """From each route that has a path, up by each spelling, as often as it takes to the root."""
    depths = (1, 3, 12)
    targets = (
        f"{start}{climb * depth}{target}"
        for start in _starts(paths)[:3]
        for climb in CLIMBS
        for depth in depths
        for target in TARGETS[:2]
    )
    assert _judge(paths, targets) > 250


@pytest.mark.slow
def test_no_spelling_of_any_path_leads_out(paths: Served) -> None:
    """The same from every route, to every target."""
    targets = (
        f"{start}{climb * depth}{target}"
        for start in _starts(paths)
        for climb in CLIMBS
        for depth in range(1, 13)
        for target in TARGETS
    )
    count = _judge(paths, targets)
    print(f"{count} paths")
    assert count > 10_000


def test_no_absolute_path_is_read(paths: Served) -> None:
    """Nor one of a user's home."""
    targets = (f"{start}{path}" for start in _starts(paths) for path in ABSOLUTE)
    assert _judge(paths, targets) > 50


def test_links_and_pipes_that_a_trial_leaves_are_no_artifacts(paths: Served) -> None:
    """They would show what the service may read."""
    listed = [item["path"] for item in paths.get("/v1/sweeps/climbs/trials/0/artifacts")["items"]]
    assert "outputs/model.pkl" in listed
    for name in ("link.txt", "folder/canary.txt", "etc/passwd", "etc", "folder", "pipe"):
        assert f"outputs/{name}" not in listed
        status, body = raw(paths, f"/v1/sweeps/climbs/trials/0/artifacts/outputs/{name}")
        assert status == 404, (name, body)
        answer = paths.client.post(
            "/v1/sweeps/climbs/register",
            json={"model_name": "other", "artifact_path": f"outputs/{name}"},
        )
        assert answer.status_code == 409, answer.text


@pytest.mark.parametrize(
    "path",
    [
        *(
            "../canary.txt",
            "climbs/../../canary.txt",
            "leads/canary.txt",
            "/etc/passwd",
            "~/.profile",
        ),
        *("..\\canary.txt", "file:../canary.txt", "file:///etc/passwd", "./../canary.txt"),
        *("upload:../canary.txt", "upload:" + "0" * 64 + "/../../canary.txt", "climbs/./../../x"),
        *("%2e%2e/canary.txt", "..%2fcanary.txt", "/proc/self/environ", "climbs\n/../canary.txt"),
    ],
)
def test_documents_name_files_below_the_code_roots_only(paths: Served, path: str) -> None:
    """As code, as an input, as an environment, as an artifact."""
    space = {"x": {"type": "choice", "values": [1]}}
    data = {"data": {"type": "uri_file", "path": path}}
    bodies = {
        "/trial/code": document("true", space, code=path),
        "/inputs/data/path": document("cat ${{inputs.data}}", space, inputs=data),
        "/trial/environment": document("true", space),
    }
    bodies["/trial/environment"]["trial"]["environment"] = {"image": "x", "conda_file": path}
    for pointer, body in bodies.items():
        answer = paths.client.post("/v1/sweeps/preview", json=body)
        assert answer.status_code == 422, (pointer, answer.text)
        assert CANARY not in answer.text
        assert any(each["pointer"].startswith(pointer[:14]) for each in answer.json()["errors"])
    register = {"model_name": "other", "artifact_path": path}
    answer = paths.client.post("/v1/sweeps/climbs/register", json=register)
    assert answer.status_code == 409, answer.text


@pytest.mark.parametrize("name", ["..", "../../x", "a/b", "%2e%2e", "..%2f", "-", ".hidden"])
def test_names_become_no_folders_elsewhere(paths: Served, name: str) -> None:
    """Of sweeps and of models."""
    body = document("true", {"x": {"type": "choice", "values": [1]}}, name=name)
    assert paths.client.post("/v1/sweeps", json=body).status_code == 422
    register = {"model_name": name}
    assert paths.client.post("/v1/sweeps/climbs/register", json=register).status_code == 422
    assert raw(paths, f"/v1/models/{quote(name)}/versions/1/download")[0] in (404, 422)
    assert not Path(paths.data.parent / "x").exists()
