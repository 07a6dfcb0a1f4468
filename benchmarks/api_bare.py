"""What the same answers cost without the service: bare Starlette, on the same tables.

`/bytes/WHAT` answers with given bytes, `/sweeps/NAME`, `/list` and POST `/insert` with the service's
queries in SQLAlchemy Core, plain dicts and `json`: no FastAPI, no models, no judging, no tracker.
Served with the service's own settings of uvicorn.
"""

import base64
import hashlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from sqlalchemy import Engine, Row, and_, insert, or_, select
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.store.engines import engines, parse_url
from app.store.tables import EVENTS, SWEEPS
from tests.served import ROOT, free_port

_C = SWEEPS.c
_TEXTS = "name backend status status_reason provider_status provider_url document_hash sync_error created_by"
_TIMES = (
    "created_at submitted_at started_at finished_at last_synced_at "
    "artifacts_removed_at logs_removed_at metrics_thinned_at events_removed_at"
)
_SHOWN = [_C[name] for name in f"{_TEXTS} {_TIMES}".split()]
_SHOWN += [_C.document, _C.trial_counts, _C.best_trial, _C.failed_alike, _C.warnings, _C.id]
_COUNTS = ("queued", "running", "completed", "early_terminated", "failed", "canceled")
READY_SECONDS = 30.0


@contextmanager
def bare(url: str, answers: Path, log: Path) -> Iterator[int]:
    """The port of a started bare service on this database; `answers` is a folder of given bytes."""
    port = free_port()
    words = [sys.executable, "-m", "benchmarks.api_bare", url, str(answers), str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(words, cwd=ROOT, stdout=output, stderr=output)  # noqa: S603 - ours
    try:
        _wait_for(port, process, log)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/list")
        except httpx.TransportError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)
        else:
            return


def _app(url: str, answers: dict[str, bytes]) -> Starlette:
    reader, writer = engines(parse_url(url), 5.0)

    async def given(request: Request) -> Response:
        await request.body()
        return _answer(answers[request.path_params["what"]])

    def one(request: Request) -> Response:
        statement = select(*_SHOWN).where(_C.name == request.path_params["name"])
        with reader.connect() as connection:
            return _answer(_dumped(_plain(connection.execute(statement).one())))

    def page(request: Request) -> Response:
        return _answer(_dumped(_page(reader, request.query_params.get("cursor"))))

    async def add(request: Request) -> Response:
        body = json.loads(await request.body())
        return _answer(await run_in_threadpool(lambda: _dumped(_insert(writer, body))))

    return Starlette(
        routes=[
            Route("/bytes/{what}", given, methods=["GET", "POST"]),
            Route("/sweeps/{name}", one),
            Route("/list", page),
            Route("/insert", add, methods=["POST"]),
        ]
    )


def _answer(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def _dumped(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _moment(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat().replace("+00:00", "Z")


def _insert(writer: Engine, document: dict[str, Any]) -> dict[str, Any]:
    """A row that no tracker looks at, and its event."""
    name = f"bare-{secrets.token_hex(5)}"
    now = datetime.now(UTC)
    values = {
        "name": name,
        "archived": False,
        "backend": "local",
        "experiment_name": document["experiment_name"],
        "primary_metric": document["objective"]["primary_metric"],
        "goal": document["objective"]["goal"],
        "document": {**document, "name": name},
        "document_hash": hashlib.sha256(_dumped(document)).hexdigest(),
        "inputs": {},
        "status": "canceled",
        "trial_counts": {},
        "warnings": [],
        "created_at": now,
        "failures": 0,
        "cancel_requested": False,
        "token": 0,
    }
    event = {"type": "sweep.status", "sweep": name, "data": {"status": "canceled"}, "at": now}
    with writer.begin() as connection:
        connection.execute(insert(SWEEPS).values(values))
        connection.execute(insert(EVENTS).values(event))
        return _plain(connection.execute(select(*_SHOWN).where(_C.name == name)).one())


def _page(reader: Engine, cursor: str | None) -> dict[str, Any]:
    statement = select(*_SHOWN).where(_C.archived.is_(False))
    if cursor is not None:
        _, moment, last = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        when = datetime.fromisoformat(moment)
        beyond = or_(_C.created_at < when, _C.id < last)
        statement = statement.where(and_(_C.created_at <= when, beyond))
    statement = statement.order_by(_C.created_at.desc(), _C.id.desc()).limit(51)
    with reader.connect() as connection:
        rows = connection.execute(statement).all()
    last_row = rows[49] if len(rows) > 50 else None  # noqa: PLR2004 - a page
    following = ["-created_at", last_row.created_at.isoformat(), last_row.id] if last_row else None
    return {
        "items": [_plain(row) for row in rows[:50]],
        "next_cursor": following
        and base64.urlsafe_b64encode(_dumped(following)).decode().rstrip("="),
    }


def _plain(row: Row[Any]) -> dict[str, Any]:
    document = row.document
    counts = row.trial_counts
    return {
        "name": row.name,
        "display_name": document.get("display_name"),
        "experiment_name": document["experiment_name"],
        "description": document.get("description"),
        "tags": document.get("tags", {}),
        "backend": row.backend,
        "status": row.status,
        "status_reason": row.status_reason,
        "provider_status": row.provider_status,
        "provider_url": row.provider_url,
        "document": document,
        "document_hash": row.document_hash,
        "expected_trials": document["limits"]["max_total_trials"],
        "trial_counts": {
            "total": sum(counts.values()),
            **{name: counts.get(name, 0) for name in _COUNTS},
        },
        "best_trial": row.best_trial,
        "failures": row.failed_alike or [],
        "warnings": row.warnings,
        "created_at": _moment(row.created_at),
        "submitted_at": _moment(row.submitted_at),
        "started_at": _moment(row.started_at),
        "finished_at": _moment(row.finished_at),
        "last_synced_at": _moment(row.last_synced_at),
        "sync_error": row.sync_error,
        "created_by": row.created_by,
        "artifacts_removed_at": row.artifacts_removed_at,
        "logs_removed_at": row.logs_removed_at,
        "metrics_thinned_at": row.metrics_thinned_at,
        "events_removed_at": row.events_removed_at,
    }


def main() -> None:
    """Serve."""
    url, answers, port = sys.argv[1:]
    given = {path.name: path.read_bytes() for path in Path(answers).iterdir()}
    uvicorn.run(_app(url, given), port=int(port), log_level="info")


if __name__ == "__main__":
    main()
