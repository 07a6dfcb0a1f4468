"""MLflow's store as a file: where it lies, how it is laid out, and what is done while it is out of use."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from app.sweep.errors import storage_error

Untyped = Any
"""MLflow has no types."""

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 8.0
_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
    }
)
Result = TypeVar("Result")

log = logging.getLogger(__name__)


class Insistence:
    """Does things again while the store is locked, full or read-only.

    The trials do not wait meanwhile, and what they log gathers in memory.
    """

    def __init__(self) -> None:
        self._ended = threading.Event()

    def __call__(self, do: Callable[[], Result]) -> Result:
        """Do it, until it is done, fails for good, or nobody insists any more."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return do()
            except Exception as error:
                if not _passes(error) or self._ended.wait(pause):
                    raise
                log.warning("MLflow's store cannot be written, trying again: %s", error)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def end(self) -> None:
        """From now on do each thing once."""
        self._ended.set()


def address(folder: Path) -> str:
    """The workspace's MLflow database, as any MLflow tool takes it."""
    return f"sqlite:///{_path(folder)}"


def open_store(folder: Path) -> Untyped:
    """MLflow's tracking store in the workspace; a new one is laid out first, whole or not at all."""
    path = _path(folder)
    if not path.exists():
        _lay_out(path, folder)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    return _store(path, folder)


def _path(folder: Path) -> Path:
    return folder / "mlflow.db"


def _lay_out(path: Path, folder: Path) -> None:
    """MLflow makes its tables in many steps, and takes no file in which some are missing."""
    draft = path.with_name("mlflow.db.new")
    draft.unlink(missing_ok=True)
    draft.with_name("mlflow.db.new-journal").unlink(missing_ok=True)
    _store(draft, folder).engine.dispose()
    draft.rename(path)


def _store(path: Path, folder: Path) -> Untyped:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415 - heavy

    return SqlAlchemyStore(f"sqlite:///{path}", f"file://{quote(str(folder / 'runs'))}")


def _passes(error: BaseException) -> bool:
    """True for an error that says only that the store cannot be used just now."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, sqlite3.Error):
            return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _PASSING
        if storage_error(cause) is not None:
            return True
        cause = cause.__cause__ or cause.__context__
    return False
