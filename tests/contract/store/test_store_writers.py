"""Writers that come at once take turns, and none undoes what another has written."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select, update

from app.store import sweeps
from app.store.database import Database
from app.store.tables import SWEEPS
from tests.contract.store.samples import new

_THREADS = 6
_TIMES = 40
_FAILURES = SWEEPS.c.failures


def test_what_is_read_and_then_written_is_never_lost(db: Database) -> None:
    """Six threads add 1 forty times each, by a read and a write of one transaction."""
    sweeps.add(db, new("one"))

    def add(_: int) -> None:
        for _ in range(_TIMES):
            with db.write() as session:
                found = session.execute(select(_FAILURES).with_for_update()).scalar_one()
                session.execute(update(SWEEPS).values(failures=found + 1))

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(add, range(_THREADS)))
    with db.read() as session:
        total = session.execute(select(_FAILURES)).scalar_one()
    assert total == _THREADS * _TIMES
