"""Two replicas share the work: each its part, each sweep once, whoever is killed meanwhile."""

import random
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from app.store import sweeps
from app.store.database import Database
from app.sweep.parsing import parse_document
from app.sweep.record import NewSweep
from tests.azure_emulator.running import RunningEmulator
from tests.replicas.conftest import Records, azure_body
from tests.served import Json, Served

PUT_JOB = "PUT .*/jobs/"
BACKLOG = 200
FIRST = 64
"""More than one replica claims together."""
COUNT = 36
STRIKES = 8
pytestmark = pytest.mark.slow

_COUNT_CLAIMS = """
    CREATE TABLE claimed (name text, owner text);
    CREATE FUNCTION count_claim() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO claimed VALUES (NEW.name, NEW.lease_owner); RETURN NEW; END $$;
    CREATE TRIGGER count_claims AFTER UPDATE ON sweeps
    FOR EACH ROW WHEN (NEW.token > OLD.token AND NEW.submitted_at IS NULL)
    EXECUTE FUNCTION count_claim()
"""


def _fill(records: Records, count: int) -> None:
    """So many sweeps that are due, but that nobody may touch yet."""
    records.execute("ALTER TABLE sweeps ALTER COLUMN lease_until SET DEFAULT 1e12")
    db = Database(records.url)
    for number in range(count):
        body = azure_body(name=f"b-{uuid.uuid4().hex[:8]}-{number}")
        made = parse_document(body)
        sweeps.add(db, NewSweep(document=made, document_hash=made.digest()))
    db.close()
    records.execute("ALTER TABLE sweeps ALTER COLUMN lease_until DROP DEFAULT")


def _shares(records: Records, replicas: tuple[Served, Served]) -> list[int]:
    """How many sweeps each has claimed once all that wait may be touched and have been submitted."""
    records.execute("DELETE FROM claimed")
    begun = time.monotonic()
    records.execute("UPDATE sweeps SET lease_until = NULL WHERE lease_until = 1e12")
    while records.rows("SELECT count(*) FROM sweeps WHERE submitted_at IS NULL") != [(0,)]:
        assert time.monotonic() - begun < 120, replicas[0].log()[-2000:]
        time.sleep(0.1)
    shares = Counter(str(owner) for (owner,) in records.rows("SELECT owner FROM claimed"))
    print(f"{shares.total()} sweeps in {time.monotonic() - begun:.1f} s: {sorted(shares.values())}")
    return sorted(shares.values())


def test_a_backlog_is_shared_fairly(
    pair: tuple[Served, Served], records: Records, azure: RunningEmulator
) -> None:
    """200 sweeps are due at once: each of two replicas attends to a third of them at least.

    Both have submitted before: Azure's libraries take seconds to load, and longer for the one that
    was started later.
    """
    azure.misbehave({"match": PUT_JOB, "times": -1, "delay": 0.2})
    records.execute(_COUNT_CLAIMS)
    _fill(records, FIRST)
    assert len(_shares(records, pair)) == 2
    _fill(records, BACKLOG)
    shares = _shares(records, pair)
    assert sum(shares) == BACKLOG, "each was claimed once, to be submitted"
    assert len(shares) == 2
    assert min(shares) >= BACKLOG / 3


class _Killer(threading.Thread):
    """Kills one replica after the other, or both, and starts them again."""

    def __init__(self, replicas: tuple[Served, Served], seed: int) -> None:
        super().__init__(name="killer")
        self._replicas = replicas
        self._dice = random.Random(seed)  # noqa: S311 - a test's dice
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Strike so many times, at services that work or have only begun to."""
        try:
            for _ in range(STRIKES):
                time.sleep(self._dice.uniform(0.0, 4.0))
                struck = self._dice.sample(self._replicas, self._dice.choice((1, 1, 1, 2)))
                for replica in struck:
                    replica.kill()
                for replica in struck:
                    replica.launch()
            for replica in self._replicas:
                replica.wait_until_ready()
        except BaseException as error:
            self.failure = error
            raise


def _posted(replicas: tuple[Served, Served], number: int, body: Json, key: str) -> set[str]:
    """Post it to both until each has answered; the names that they gave."""
    names = set()
    for turn in (number, number + 1):
        port = replicas[turn % 2].port
        url = f"http://127.0.0.1:{port}/v1/sweeps"
        deadline = time.monotonic() + 240
        while True:
            assert time.monotonic() < deadline
            try:
                answer = httpx.post(url, json=body, headers={"Idempotency-Key": key}, timeout=10)
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            if answer.status_code in (200, 202):
                names.add(str(answer.json()["name"]))
                break
            assert answer.status_code == 503, answer.text
            time.sleep(0.1)
    return names


@pytest.mark.parametrize("seed", [1])
def test_one_submission_per_sweep_while_replicas_are_killed(
    pair: tuple[Served, Served], records: Records, azure: RunningEmulator, seed: int
) -> None:
    """36 sweeps are posted to both replicas at once, with keys, half of them with names."""
    before = set(azure.jobs())
    azure.misbehave({"match": PUT_JOB, "times": -1, "delay": 0.5, "every": 3})
    prefix = f"k-{uuid.uuid4().hex[:6]}"
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    killer = _Killer(pair, seed)
    killer.start()

    def post(number: int) -> set[str]:
        time.sleep(dice.uniform(0.0, 8.0))
        name = f"{prefix}-{number}" if number % 2 else None
        body = azure_body(name=name, display_name=f"{prefix} {number}")
        found = _posted(pair, number, body, f"{prefix}-key-{number}")
        assert name is None or found == {name}
        return found

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(post, range(COUNT)))
    killer.join()
    assert killer.failure is None
    azure.misbehave()
    assert all(len(names) == 1 for names in answers), "each key is one sweep"
    names = {name for found in answers for name in found}
    assert len(names) == COUNT
    assert {row[0] for row in records.rows("SELECT name FROM sweeps")} == names
    for name in sorted(names):
        sweep = pair[0].until(name, lambda sweep: sweep["status"] != "submitting", within=60)
        assert sweep["status"] != "failed", sweep
    assert set(azure.jobs()) - before == names, "each sweep is one job"
    told = Counter(
        (sweep, status)
        for sweep, status in records.rows(
            "SELECT sweep, data->>'status' FROM events WHERE type = 'sweep.status'"
        )
    )
    assert set(told.values()) == {1}, "and each of its states was told once"
    assert {sweep for sweep, status in told if status != "submitting"} == names


def test_one_key_posted_50_times_at_once_to_both_is_one_sweep(
    pair: tuple[Served, Served], records: Records, azure: RunningEmulator
) -> None:
    """Every answer is the same sweep."""
    before = set(azure.jobs())
    key = {"Idempotency-Key": uuid.uuid4().hex}
    body = azure_body(name=None)

    def post(number: int) -> httpx.Response:
        return pair[number % 2].client.post("/v1/sweeps", json=body, headers=key)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(post, range(50)))
    assert {answer.status_code for answer in answers} == {200, 202}, answers[0].text
    assert [answer.status_code for answer in answers].count(202) == 1
    same = ("name", "document_hash", "created_at", "document")
    (shown,) = {repr([answer.json().get(k) for k in same]) for answer in answers}
    assert "azureml" in shown
    (name,) = {answer.json()["name"] for answer in answers}
    pair[0].until(name, lambda sweep: sweep["status"] != "submitting")
    assert set(azure.jobs()) - before == {name}
    assert records.rows("SELECT count(*) FROM sweeps") == [(1,)]
