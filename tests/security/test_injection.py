"""Texts that are meant for a shell, a database or a log stay texts, wherever they are put."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.security.hostile import (
    HTML,
    LOG,
    SQL,
    every_field,
    places,
    shell,
    sweep,
    texts,
    with_key,
    with_text,
    write_code,
)
from tests.served import Json, Served, document

TABLES = ("sweeps", "trials", "events", "metrics", "model_versions", "webhooks", "audit_log")


@pytest.fixture(scope="module")
def mark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is there as soon as any of the texts was run."""
    return tmp_path_factory.mktemp("mark") / "m"


@pytest.fixture(scope="module")
def hostile(service: Served, scripts: Path, mark: Path) -> Served:
    """A service that has run sweeps full of such texts, one of which failed."""
    write_code(scripts, mark)
    for name, more in {"hostile-runs": (), "hostile-fails": ("--fail",)}.items():
        service.submit(sweep(name, mark, *more))
    assert service.finished("hostile-runs")["status"] == "completed", service.log()[-3000:]
    assert service.finished("hostile-fails")["status"] == "failed"
    return service


def test_values_reach_a_trial_as_they_are(hostile: Served, mark: Path) -> None:
    """Word by word, also within the author's own quotes; nothing of them was run."""
    for number, value in ((0, texts(mark)[0]), (1, HTML[0])):
        path = f"/v1/sweeps/hostile-runs/trials/{number}/artifacts/outputs/argv.json"
        assert hostile.client.get(path).json() == [value, f"a {texts(mark)[7]} b"]
    read = hostile.get("/v1/sweeps/hostile-runs")
    assert read["tags"] == {text: text for text in texts(mark)}
    log = hostile.client.get("/v1/sweeps/hostile-runs/trials/0/logs").content.decode()
    assert all(text in log for text in texts(mark))
    assert not mark.exists()


def test_a_shell_gets_no_such_value(hostile: Served, mark: Path) -> None:
    """Where the command needs one, they are refused by their place."""
    commands = (
        "echo ${{search_space.x}} ${{inputs.x}} | cat",
        "echo '${{search_space.x}}' \"${{inputs.x}}\" > out",
        "X=\"${{search_space.x}}\" Y='${{inputs.x}}' env",
        "bash -c 'echo ${{search_space.x}} ${{inputs.x}}'; true",
    )
    for command in commands:
        for text in shell(mark):
            values = {"x": {"type": "choice", "values": ["a", text]}}
            for body, pointer in (
                (document(command, values, inputs={"x": "a"}), "/search_space/x/values/1"),
                (
                    document(
                        command, {"x": {"type": "choice", "values": ["a"]}}, inputs={"x": text}
                    ),
                    "/inputs/x",
                ),
            ):
                answer = hostile.client.post("/v1/sweeps/preview", json=body)
                assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY, (command, text)
                assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert not mark.exists()


def _every_request(service: Served, found: tuple[str, ...]) -> Iterator[httpx.Response]:
    """Each of the texts in each field of text of a document, as a value and as a key."""
    body = every_field()
    assert service.client.post("/v1/sweeps/preview", json=body).is_success
    for place in places(body):
        for text in found:
            for changed in (with_text(body, place, text), with_key(body, place, text)):
                yield service.client.post("/v1/sweeps/preview", content=json.dumps(changed))


def _judged(service: Served, answers: Iterator[httpx.Response]) -> int:
    """How many there were; each is an answer to the caller, none a fault of the service."""
    before, count = _rows(service), 0
    for answer in answers:
        count += 1
        assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR, answer.text
        if not answer.is_success:
            assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    after = _rows(service)
    assert all(after[table] >= before[table] for table in before)
    return count


def _rows(service: Served) -> dict[str, int]:
    """How much is in each table; it fails when one is missing."""
    with sqlite3.connect(f"file:{service.data / 'sweepfront.db'}?mode=ro", uri=True) as records:
        found = [name for (name,) in records.execute("SELECT name FROM sqlite_master")]
        tables = [table for table in TABLES if table in found]
        assert {"sweeps", "trials", "events"} <= set(tables), found
        return {
            table: records.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - names of ours
            for table in tables
        }


def test_each_field_takes_or_refuses_a_text(hostile: Served, mark: Path) -> None:
    """One text of each kind in each field of text."""
    kinds = (shell(mark)[0], SQL[0], LOG[0], HTML[0])
    assert _judged(hostile, _every_request(hostile, kinds)) > 200
    assert not mark.exists()


@pytest.mark.slow
def test_each_field_takes_or_refuses_each_text(hostile: Served, mark: Path) -> None:
    """All of them, in each field of text."""
    count = _judged(hostile, _every_request(hostile, texts(mark)))
    print(f"{count} documents")
    assert count > 1500
    assert not mark.exists()


@pytest.mark.parametrize("text", ["a\\u0000b", "\\ud800", "\\udfff\\ud800", "a\\u0000'; DROP"])
def test_nul_and_halves_of_characters_are_refused_by_their_place(
    hostile: Served, text: str
) -> None:
    """In every field of text, before any database sees them."""
    body = every_field()
    for place in places(body):
        content = json.dumps(with_text(body, place, "PLACE")).replace("PLACE", text)
        answer = hostile.client.post("/v1/sweeps/preview", content=content)
        assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY, answer.text
        pointers = [each["pointer"] for each in answer.json()["errors"]]
        assert pointers == ["/" + "/".join(str(part) for part in place)]


def _bodies(text: str) -> Iterator[tuple[str, Json]]:
    """Each field of text of what else may be posted."""
    register: Json = {"model_name": "m", "artifact_path": "p", "type": "custom_model"}
    register |= {
        "description": "d",
        "tags": {"k": "v"},
        "gate": {"guards": [{"metric": "m", "max": 1}]},
    }
    webhook: Json = {"url": "https://hooks.invalid/", "sweep": "s", "project": "p"}
    webhook |= {"description": "d", "secret": "whsec_x", "event_types": ["sweep.completed"]}
    embed: Json = {"sweep": "hostile-runs", "view": "history"}
    resume: Json = {"limits": {"max_total_trials": 3}}
    replay: Json = {"early_termination": {"type": "bandit", "slack_factor": 0.1}}
    for path, body in (
        ("/v1/sweeps/hostile-runs/register", register),
        ("/v1/webhooks", webhook),
        ("/v1/embed-tokens", embed),
        ("/v1/sweeps/hostile-runs/resume", {**resume, "limits": {"max_total_trials": "t"}}),
        ("/v1/sweeps/hostile-runs/replay", replay),
    ):
        for place in places(body):
            yield path, with_text(body, place, text)
            yield path, with_key(body, place, text)


def test_other_bodies_take_or_refuse_texts(hostile: Served, mark: Path) -> None:
    """Registrations, webhooks, links for frames, resumptions, replays."""

    def answers() -> Iterator[httpx.Response]:
        for text in (shell(mark)[0], SQL[0], LOG[0], HTML[1], "../../x", "a\0b"):
            for path, body in _bodies(text):
                yield hostile.client.post(path, json=body)

    assert _judged(hostile, answers()) > 150
    for hook in hostile.items("/v1/webhooks"):
        hostile.client.delete(f"/v1/webhooks/{hook['id']}")
    assert not mark.exists()


def _addresses(service: Served, text: str) -> Iterator[str]:
    """Every call that reads, with that text as one of its parameters."""
    names = {"name": "hostile-runs", "number": "0", "view": "history", "model": "m", "version": "1"}
    names |= {"path": "p", "webhook": "1", "delivery": "1", "kind": "not-found"}
    quoted = "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))
    for path, item in service.get("/openapi.json")["paths"].items():
        for parameter in item.get("get", {}).get("parameters", []):
            name = parameter["name"]
            if parameter["in"] == "path":
                yield path.format(**{**names, name: quoted})
            elif name != "follow":
                yield f"{path.format(**names)}?{name}={quoted}"


def test_parameters_take_or_refuse_texts(hostile: Served, mark: Path) -> None:
    """Every parameter of every call that reads."""
    found = (SQL[0], SQL[3], LOG[0], shell(mark)[0], HTML[0], "a\0b", "\ud83d", "%00", "../" * 9)

    def answers() -> Iterator[httpx.Response]:
        for text in found:
            for address in _addresses(hostile, text):
                yield hostile.client.get(address)

    assert _judged(hostile, answers()) > 300
    assert not mark.exists()


HEADERS = (
    *("X-Request-ID", "User-Agent", "Idempotency-Key", "Accept", "Content-Type", "Host", "Origin"),
    *("Authorization", "X-API-Key", "Cookie", "X-Forwarded-For", "X-Forwarded-Proto"),
    *("Last-Event-ID", "traceparent", "baggage", "Sec-Fetch-Site", "Range", "If-None-Match"),
)


def test_headers_take_or_refuse_texts(hostile: Served, mark: Path) -> None:
    """Every header that anything looks at; none comes back."""
    found = (SQL[0], shell(mark)[0], HTML[0], "\x1b[31mred", "é" * 200, "x" * 8000)
    for header in HEADERS:
        for text in found:
            value = (header.encode(), text.encode("latin-1"))
            for path in ("/v1/models", "/dashboard/models", "/v1/nowhere"):
                answer = hostile.client.get(path, headers=[value])
                assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR, (header, text)
                assert text not in str(answer.headers)
                assert text not in answer.text, (header, path)
    assert not mark.exists()


def test_each_line_of_the_log_is_one_record(hostile: Served) -> None:
    """What callers send, and what trials are called, makes no line of its own."""
    client = hostile.client
    for text in LOG:
        quoted = "".join(f"%{byte:02x}" for byte in text.encode())
        client.get(f"/v1/sweeps/{quoted}?search={quoted}")
        client.get(f"/v1/sweeps?search={text.encode('unicode_escape').decode()}")
    data = {"type": "uri_file", "path": "http://127.0.0.1:1/a%0aforged?b=\nforged\x1b[31m"}
    body = document("true", {"x": {"type": "choice", "values": [1]}}, inputs={"data": data})
    answer = client.post("/v1/sweeps", json=body)
    if answer.is_success:
        hostile.finished(answer.json()["name"])
    logs = [hostile.log(), (hostile.data / "engine" / "engine.log").read_text()]
    # As a terminal and `tail` see lines, not as Unicode does.
    lines = [line for log in logs for line in log.split("\n") if line]
    assert len(lines) > 100
    for line in lines:
        record = json.loads(line)
        assert not record["event"].startswith("forged"), record
        assert record["level"] != "critical", record
        assert "\x1b" not in line
        assert "\r" not in line
