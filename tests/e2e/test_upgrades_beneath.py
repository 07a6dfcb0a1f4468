"""Services and upgrades: a service starts on upgraded tables, and goes on while they are upgraded."""

import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from app.store.database import exclusive, migrate, migrate_to
from app.store.engines import parse_url
from tests.contract.store.earlier_rows import fill, tables_at
from tests.contract.store.test_upgrades import BEFORE_HEAD, HEAD, REVISIONS, connected
from tests.served import ROOT, Served, document, served, slow_sweep

HELD_SECONDS = 3.0
POINTS = 6
STEPS = 20
ONE = {"x": {"type": "choice", "values": [1]}}

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("revision", [REVISIONS[0], BEFORE_HEAD])
def test_a_service_starts_on_the_tables_of_earlier_versions(
    records: str, revision: str, tmp_path: Path
) -> None:
    """It lists what was there, and goes on from there."""
    migrate_to(records, revision)
    with connected(records) as connection:
        fill(connection, tables_at(connection))
    if not records.startswith("sqlite"):
        migrate(records)
    with served(tmp_path / "data", database_url=records) as service:
        names = {sweep["name"] for sweep in service.items("/v1/sweeps")}
        assert names == {"sweep-1", "sweep-2"}
        assert service.get("/v1/sweeps/sweep-1")["best_trial"]["objective_value"] == 0.25
        assert len(service.items("/v1/sweeps/sweep-1/trials")) == 2
        assert len(service.items("/v1/sweeps/sweep-1/trials/0/metrics")) == 4
        assert service.get("/v1/sweeps/sweep-1/views/history")["complete"]
        assert len(service.items("/v1/sweeps/sweep-1/events", following="after")) >= 2
        assert service.get("/v1/models/final_model/versions/1")["sweep"] == "sweep-1"
        name = service.submit(document("python -c pass", ONE))["name"]
        service.finished(name)


class Asking:
    """Requests of all kinds, one after another, until somebody says stop."""

    def __init__(self, service: Served, name: str) -> None:
        self.answers: list[tuple[str, int]] = []
        self._service, self._name = service, name
        self._over = threading.Event()

    def run(self) -> None:
        """Ask."""
        sweep = f"/v1/sweeps/{self._name}"
        paths = ["/v1/sweeps", sweep, f"{sweep}/trials", f"{sweep}/events", "/v1/models"]
        paths += [f"{sweep}/views/history", "/v1/webhooks", f"{sweep}/trials/0/metrics"]
        body = document("python -c pass", ONE)
        while not self._over.is_set():
            for path in paths:
                answer = self._service.client.get(path, timeout=60)
                self.answers.append((path, answer.status_code))
            answer = self._service.client.post("/v1/sweeps", json=body, timeout=60)
            self.answers.append(("POST", answer.status_code))
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()

    def check(self) -> None:
        """Nothing else came than what was asked for, or the word to come again."""
        codes = {code for _, code in self.answers}
        wrong = {(path, code) for path, code in self.answers if code not in (200, 202, 503)}
        assert not wrong, self._service.log()[-3000:]
        assert {200, 202} <= codes
        print(f"{len(self.answers)} answers, {sum(c == 503 for _, c in self.answers)} of them 503")


@contextmanager
def asking(service: Served, name: str) -> Iterator[None]:
    """All the while requests are made, and must be answered."""
    asked = Asking(service, name)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(asked.run)
        try:
            yield
        finally:
            asked.stop()
            run.result(60)
    asked.check()


def _started(service: Served) -> str:
    name = str(service.submit(slow_sweep(POINTS, STEPS, 0.1))["name"])
    service.until(name, lambda sweep: sweep["trial_counts"]["completed"] >= 1)
    return name


def _check_whole(service: Served, name: str) -> None:
    sweep = service.finished(name)
    assert sweep["status"] == "completed", sweep
    for number in range(POINTS):
        path = f"/v1/sweeps/{name}/trials/{number}/metrics?limit=100"
        assert [r["interval"] for r in service.items(path)] == list(range(1, STEPS + 1))


def _upgrade_as_a_later_version(records: str) -> None:
    """What the next upgrades may do: columns, a table, an index, values; then it takes its time."""
    with exclusive(parse_url(records)) as connection:
        for table in tables_at(connection):
            connection.execute(text(f"ALTER TABLE {table} ADD COLUMN later TEXT"))
        for table in ("sweeps", "trials", "events", "metrics"):
            connection.execute(text(f"UPDATE {table} SET later = 'x'"))  # noqa: S608 - names of ours
        connection.execute(text("CREATE TABLE later_things (name TEXT PRIMARY KEY)"))
        connection.execute(text("CREATE INDEX ix_later ON sweeps (later, id)"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        time.sleep(HELD_SECONDS)


def test_a_running_service_is_the_older_replica_of_a_later_upgrade(
    records: str, scripts: Path, tmp_path: Path
) -> None:
    """It answers all the while, its sweep ends whole, and its next start is refused in words."""
    migrate(records)
    with served(tmp_path / "data", code_root=scripts, database_url=records) as service:
        name = _started(service)
        with asking(service, name):
            assert _migrate(records).returncode == 0
            _upgrade_as_a_later_version(records)
            time.sleep(1.0)
        _check_whole(service, name)
        service.stop()
        refused = subprocess.run(
            [sys.executable, "-m", "app", "migrate"],
            cwd=ROOT,
            env={**os.environ, "SWEEPFRONT_DATABASE_URL": records},
            capture_output=True,
            text=True,
            check=False,
        )
        assert refused.returncode == 2
        assert "newer version" in refused.stderr


def _migrate(records: str, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", "migrate", *more],
        cwd=ROOT,
        env={**os.environ, "SWEEPFRONT_DATABASE_URL": records},
        capture_output=True,
        text=True,
        check=False,
    )


def _version_before(revision: str, folder: Path) -> Path:
    """This project as it was before that revision was added, from its history."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("earlier versions are in git's history only")
    [script] = (ROOT / "alembic" / "versions").glob(f"{revision}_*.py")
    found = subprocess.run(
        ["git", "log", "--diff-filter=A", "--format=%H", "--", str(script.relative_to(ROOT))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    if not found:
        pytest.skip(f"the history does not go back to revision {revision}")
    archive = folder / "before.tar"
    subprocess.run(
        ["git", "archive", "-o", str(archive), f"{found[-1]}^"],
        cwd=ROOT,
        check=True,
    )
    target = folder / "before"
    with tarfile.open(archive) as packed:
        packed.extractall(target, filter="data")
    return target


@pytest.mark.parametrize("revision", [HEAD, BEFORE_HEAD])
def test_an_earlier_version_goes_on_while_this_one_upgrades(
    records: str, revision: str, scripts: Path, tmp_path: Path
) -> None:
    """The real older replica: its process runs a sweep through the upgrade and after it."""
    earlier = _version_before(revision, tmp_path)
    before = REVISIONS[REVISIONS.index(revision) - 1]
    migrate_to(records, before)
    options = {"code_root": scripts, "database_url": records}
    with served(tmp_path / "data", root=earlier, **options) as service:
        name = _started(service)
        with asking(service, name):
            upgraded = _migrate(records)
            assert upgraded.returncode == 0, upgraded.stderr
            time.sleep(2.0)
        _check_whole(service, name)
        later = service.submit(slow_sweep(POINTS, STEPS, 0.01))["name"]
        _check_whole(service, later)
        assert service.client.post(f"/v1/sweeps/{later}/cancel").status_code == 409
        service.stop()
    # This version takes over what the earlier one wrote into the upgraded tables.
    with served(tmp_path / "data", **options) as service:
        assert service.get(f"/v1/sweeps/{later}")["status"] == "completed"
        service.stop()
    back = _migrate(records, "--to", before)
    assert back.returncode == 0, back.stderr
    assert f"revision {before}" in back.stdout
    with served(tmp_path / "data", root=earlier, **options) as service:
        assert service.get(f"/v1/sweeps/{later}")["status"] == "completed"
        _check_whole(service, name)
