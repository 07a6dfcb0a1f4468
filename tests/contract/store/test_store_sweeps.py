from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from app.store import events, keys, leases, sweeps
from app.store.database import Database
from app.sweep.errors import (
    ConflictError,
    IdempotencyMismatchError,
    InvalidDocumentError,
    NotFoundError,
)
from app.sweep.record import SweepFilter
from app.sweep.state import SweepStatus
from tests.contract.store.samples import claim_one, new

ALL = SweepFilter()


def end(db: Database, name: str) -> None:
    """Bring a sweep to its end."""
    claim = claim_one(db, name, "test", lease=60)
    assert claim is not None
    assert leases.finish(db, claim, SweepStatus.FAILED, "for the test")


def test_a_sweep_reads_back_as_it_was_written(db: Database) -> None:
    """The document keeps its order, times are aware, and it stands at the beginning."""
    space = {name: {"type": "choice", "values": [1, 2.0, "ü", True]} for name in ("z", "a")}
    made = new(
        "one", search_space=space, trial={"command": "run"}, tags={"k": "v"}, display_name="💧"
    )
    record, fresh = sweeps.add(db, made)
    assert fresh
    assert record == sweeps.get(db, "one")
    assert record.status is SweepStatus.SUBMITTING
    assert list(record.document["search_space"]) == ["z", "a"]  # type: ignore[call-overload]
    assert record.document == made.document.normalized()
    assert record.created_at.utcoffset() == timedelta(0)
    assert [(event.type, event.sweep) for event in events.page(db, limit=9)] == [
        ("sweep.status", "one")
    ]


def test_the_same_sweep_twice_is_one(db: Database) -> None:
    """By name or by key; another document under either is refused and stores nothing."""
    sweeps.add(db, new("one", key="k"))
    assert sweeps.add(db, new("one"))[1] is False
    other_name, fresh = sweeps.add(db, new("two", key="k"))
    assert (other_name.name, fresh) == ("one", False)
    with pytest.raises(ConflictError, match="another document"):
        sweeps.add(db, new("one", description="changed"))
    with pytest.raises(IdempotencyMismatchError):
        sweeps.add(db, new("three", key="k", description="changed"))
    assert len(sweeps.page(db, ALL, limit=10).items) == 1
    assert len(events.page(db, limit=10)) == 1


def test_a_race_for_a_name_has_one_winner(db: Database) -> None:
    """Eight threads post the same sweep under one name and key: one row, one event."""
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: sweeps.add(db, new("one", key="k")), range(16)))
    assert sum(fresh for _, fresh in results) == 1
    assert {record.name for record, _ in results} == {"one"}
    assert len(events.page(db, limit=10)) == 1


def test_an_unknown_name(db: Database) -> None:
    """Reads and changes say that there is no such sweep."""
    for call in (sweeps.get, sweeps.request_cancel, sweeps.archive, sweeps.purge):
        with pytest.raises(NotFoundError, match="'none'"):
            call(db, "none")


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "name", "-name"])
def test_pages_are_complete_while_sweeps_are_added(db: Database, sort: str) -> None:
    """Each sweep that was there at the beginning is listed exactly once, in order."""
    names = [f"s{number:02d}" for number in (3, 1, 4, 9, 2, 6)]
    for name in names:
        sweeps.add(db, new(name))
    seen: list[str] = []
    cursor = None
    while True:
        page = sweeps.page(db, ALL, sort=sort, limit=2, cursor=cursor)
        seen += [record.name for record in page.items]
        sweeps.add(db, new(f"later{len(seen)}"))
        cursor = page.next_cursor
        if cursor is None or len(seen) > 20:
            break
    expected = names if "created" in sort else sorted(names)
    kept = [name for name in seen if name in names]
    assert kept == (expected[::-1] if sort.startswith("-") else expected)


def test_filters(db: Database) -> None:
    """By status, backend, experiment, tag and time."""
    first, _ = sweeps.add(db, new("a", experiment_name="e", tags={"team": "x", "n": "1"}))
    sweeps.add(db, new("b", backend="azureml", tags={"team": "y"}))

    def names(**wanted: object) -> list[str]:
        page = sweeps.page(db, SweepFilter(**wanted), limit=9)  # type: ignore[arg-type]
        return sorted(record.name for record in page.items)

    assert names(experiment_name="e") == ["a"]
    assert names(backend="azureml") == ["b"]
    assert names(tag=("team", "x")) == ["a"]
    assert names(tag=("team", "1")) == []
    assert names(status=SweepStatus.SUBMITTING) == ["a", "b"]
    assert names(status=SweepStatus.RUNNING) == []
    assert names(created_after=first.created_at) == ["b"]
    assert names(created_before=first.created_at) == []


def test_a_search_finds_parts_of_names(db: Database) -> None:
    """Of sweeps and of experiments, in any case; signs of patterns are plain characters."""
    for name, experiment in (("Alpha", "first"), ("beta", "ALPHABET"), ("g_mma", "x%y")):
        sweeps.add(db, new(name, experiment_name=experiment))

    def found(text: str) -> set[str]:
        page = sweeps.page(db, SweepFilter(search=text), limit=9)
        return {record.name for record in page.items}

    assert found("alpha") == {"Alpha", "beta"}
    assert found("_") == found("%") == {"g_mma"}
    assert found("nothing") == set()


def test_a_signing_key_is_made_once(db: Database) -> None:
    """By whoever is first; all have the same from then on."""
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: keys.signing_key(db, "one"), range(16)))
    assert len(made) == 1
    assert keys.signing_key(db, "another") not in made


@pytest.mark.parametrize("cursor", ["", "x", "ü", "e30", "W10", "WyJuYW1lIiwxLDFd", "A" * 3000])
def test_a_cursor_that_is_none(db: Database, cursor: str) -> None:
    """It is refused by its field; so is a sort key that does not exist."""
    with pytest.raises(InvalidDocumentError) as caught:
        sweeps.page(db, ALL, limit=5, cursor=cursor)
    assert caught.value.errors[0].pointer == "/cursor"
    with pytest.raises(InvalidDocumentError) as caught:
        sweeps.page(db, ALL, limit=5, sort="colour")
    assert caught.value.errors[0].pointer == "/sort"


def test_cancel_is_noted_once_and_refused_at_the_end(db: Database) -> None:
    """Asking twice is harmless; a finished sweep cannot be canceled."""
    sweeps.add(db, new("one"))
    assert sweeps.request_cancel(db, "one").status is SweepStatus.CANCELING
    assert sweeps.request_cancel(db, "one").status is SweepStatus.CANCELING
    assert len(events.page(db, sweep="one", limit=9)) == 2
    end(db, "one")
    with pytest.raises(ConflictError, match="failed already"):
        sweeps.request_cancel(db, "one")


def test_archive_hides_and_purge_removes(db: Database) -> None:
    """Only finished sweeps; an archived one is found by name, a purged one is gone."""
    sweeps.add(db, new("one", key="k", tags={"a": "b"}))
    for call in (sweeps.archive, sweeps.purge):
        with pytest.raises(ConflictError, match="cancel it first"):
            call(db, "one")
    end(db, "one")
    sweeps.archive(db, "one")
    assert sweeps.page(db, ALL, limit=5).items == []
    assert sweeps.get(db, "one").archived
    assert sweeps.among(db, ["one", "none"]) == {"one": sweeps.get(db, "one")}
    sweeps.purge(db, "one")
    assert sweeps.among(db, ["one"]) == {}
    with pytest.raises(NotFoundError):
        sweeps.get(db, "one")
    assert sweeps.add(db, new("one", key="k"))[1]
