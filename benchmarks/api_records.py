"""Full tables in a few minutes: many finished sweeps of the README's example, and their trials.

Rows as the service writes them; SQLite gets them by executemany, PostgreSQL by COPY.
"""

import hashlib
import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from sqlalchemy import Table, create_engine, make_url, update

from app.code.snapshots import CodeStore
from app.settings import MIB
from app.store.database import migrate
from app.store.engines import parse_url
from app.store.tables import SWEEP_TAGS, SWEEPS, TRIALS
from app.sweep.examples import SEED
from app.sweep.parsing import parse_document
from app.sweep.state import SweepStatus
from tests.served import ROOT

Row = dict[str, object]

TAG, RARE_TAG = ("team", "blue"), ("kept", "yes")
"""A tag of one sweep in four, and one of one sweep in a thousand."""
_TEAMS = ("blue", "green", "red", "white")
_SPACING = timedelta(seconds=30)
_SPACE: dict[str, list[object]] = {
    name: given["values"] for name, given in SEED["search_space"].items()
}


def fill(url: str, *, sweeps: int, trials: int) -> None:
    """Make the tables and write so many sweeps and, of all of them together, so many trials."""
    migrate(url)
    each = max(1, trials // sweeps)
    rows = [
        (SWEEPS, _sweeps(sweeps, each)),
        (SWEEP_TAGS, _tags(sweeps)),
        (TRIALS, _trials(sweeps, each)),
    ]
    if url.startswith("sqlite"):
        _into_sqlite(url, rows)
    else:
        _into_postgres(url, rows)


def name_of(number: int) -> str:
    """The name of a sweep, counted from 0; the last one is the newest."""
    return f"sweep-{number:010x}"


def end_all(url: str) -> None:
    """Call every live sweep canceled; for those whose engine is gone, which a tracker would miss."""
    engine = create_engine(parse_url(url))
    with engine.begin() as connection:
        live = update(SWEEPS).where(SWEEPS.c.due_at.is_not(None))
        connection.execute(live.values(due_at=None, status=SweepStatus.CANCELED))
    engine.dispose()


def _into_sqlite(url: str, tables: list[tuple[Table, Iterator[Row]]]) -> None:
    with closing(sqlite3.connect(str(make_url(url).database))) as connection, connection:
        for table, rows in tables:
            names = [column.name for column in table.columns]
            marks = ", ".join("?" * len(names))
            statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - names of ours
            connection.executemany(statement, (_values(names, row) for row in rows))


def _into_postgres(url: str, tables: list[tuple[Table, Iterator[Row]]]) -> None:
    with psycopg.connect(url, options="-c timezone=utc") as connection:
        for table, rows in tables:
            names = [column.name for column in table.columns]
            words = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
            with connection.cursor().copy(words.encode()) as copy:
                for row in rows:
                    copy.write_row(_values(names, row))
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('sweeps', 'id'), max(id)) FROM sweeps"
        )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")  # as its autovacuum does some minutes later


def _values(names: list[str], row: Row) -> tuple[object, ...]:
    return tuple(map(row.get, names))


def _sweeps(count: int, trials: int) -> Iterator[Row]:
    draw = random.Random(1)  # noqa: S311 - figures to look at
    newest = datetime.now(UTC) - timedelta(hours=1)
    limits = {"max_total_trials": trials, "max_concurrent_trials": 4}
    asked = parse_document({**SEED, "limits": limits, "tags": {"team": "blue"}})
    digest = asked.digest()
    complete = asked.completed(name="x", backend="local", max_concurrent_trials=4, seed=42)
    whole = complete.normalized()
    code = _code_digest()
    inputs = json.dumps({"data": str(ROOT / "trial_code" / "data" / "concrete.csv")})
    for number in range(count):
        created = newest - (count - 1 - number) * _SPACING
        status = draw.choices(("completed", "failed", "canceled"), (94, 4, 2))[0]
        best = round(draw.uniform(7, 17), 6)
        whole |= {"name": name_of(number), "experiment_name": f"experiment_{number % 50}"}
        yield {
            "id": number + 1,
            "name": name_of(number),
            "archived": False,
            "backend": "local",
            "experiment_name": whole["experiment_name"],
            "primary_metric": "sqrt_mse",
            "goal": "minimize",
            "document": _json({**whole, "tags": _tags_of(number)}),
            "document_hash": digest if number % 10 else hashlib.sha256(b"%d" % number).hexdigest(),
            "code": code,
            "inputs": inputs,
            "status": status,
            "status_reason": None if status == "completed" else f"it {status} as it was told",
            "trial_counts": _json({"completed": trials}),
            "best_trial": _json({"number": 0, "objective_value": best, "parameters": _point(draw)}),
            "warnings": _json(["trial.environment has no effect on the local backend"]),
            "created_at": _moment(created),
            "submitted_at": _moment(created + timedelta(seconds=0.1)),
            "started_at": _moment(created + timedelta(seconds=0.3)),
            "finished_at": _moment(created + timedelta(seconds=25)),
            "last_synced_at": _moment(created + timedelta(seconds=25)),
            "failures": 0,
            "cancel_requested": False,
            "resumes": 0,
            "token": 9,
        }


def _tags_of(number: int) -> dict[str, str]:
    tags = {"team": _TEAMS[number % len(_TEAMS)]}
    return tags if number % 1000 else {**tags, RARE_TAG[0]: RARE_TAG[1]}


def _tags(count: int) -> Iterator[Row]:
    for number in range(count):
        for key, value in _tags_of(number).items():
            digest = hashlib.sha256(f"{key}\0{value}".encode()).hexdigest()
            yield {"digest": digest, "sweep_id": number + 1}


def _trials(sweeps: int, each: int) -> Iterator[Row]:
    draw = random.Random(2)  # noqa: S311 - figures to look at
    queued = datetime.now(UTC) - timedelta(hours=2)
    moments = [_moment(queued + timedelta(seconds=2 * step)) for step in range(each + 2)]
    points = [_json(_point(draw)) for _ in range(200)]
    for sweep in range(1, sweeps + 1):
        for number in range(each):
            value = round(draw.uniform(7, 17), 6)
            yield {
                "sweep_id": sweep,
                "number": number,
                "status": "completed",
                "objective_status": "reported",
                "objective_value": value,
                "last_value": value,
                "parameters": points[(sweep + 7 * number) % len(points)],
                "metrics": f'{{"sqrt_mse":{value}}}',
                "attempt": 1,
                "inferred": False,
                "provider_run_id": f"{name_of(sweep - 1)}_{number}",
                "exit_code": 0,
                "queued_at": moments[0],
                "started_at": moments[number],
                "finished_at": moments[number + 1],
                "duration_seconds": 2.0,
            }


def _point(draw: random.Random) -> dict[str, object]:
    return {name: draw.choice(values) for name, values in _SPACE.items()}


def _code_digest() -> str:
    """Of the example's code, so that judging a new sweep finds all of these."""
    store = CodeStore(Path(), [ROOT], max_bytes=100 * MIB, max_files=1000)
    return store.digest(str(SEED["trial"]["code"]))


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _moment(when: datetime) -> str:
    """As both databases take it: UTC, without its offset."""
    return when.replace(tzinfo=None).isoformat(" ", "microseconds")
