"""Taking a backup while the service and its engine are at work.

What is restored must be a state that a kill could have left, for such a state mends itself. So each
thing is read after what refers to it: the records first, which hold places in the engine's journals;
MLflow's store next, which lags behind the journals; then the journals; and at last the files that
all of these speak of, which are complete before they are mentioned.
"""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO

from app.backends.local import journal_offset
from app.backup.archive import FORMAT, RECORDS, About, BackupError, Writer
from app.backup.folder import DataFolder
from app.engine.workspace import Workspace
from app.settings import Settings
from app.store import files
from app.store.files import LookedAt

_MLFLOW = "engine/mlflow.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of it.

    Attributes:
        files: how many are in the backup.
        sweeps: how many of the local engine.
        records: False: the records are on PostgreSQL, and no part of it.
        left_out: what could not be taken, with the reason.
    """

    files: int
    sweeps: int
    records: bool
    left_out: Mapping[str, str]


def take(settings: Settings, stream: IO[bytes], spare: Path) -> Taken:
    """Write a backup of the data folder.

    Args:
        settings: name the folder and the database.
        stream: takes the archive.
        spare: a folder with room for copies of the databases.

    Raises:
        BackupError: there is nothing to back up.
        StoreBusyError: a database could not be read.
        OSError: the archive could not be written.
    """
    data = settings.data_dir.absolute()
    if not data.is_dir():
        raise BackupError(f"{data} is no folder; set SWEEPFRONT_DATA_DIR to the service's")
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=spare) as draft:
        return _take(settings, data, stream, Path(draft))


def _take(settings: Settings, data: Path, stream: IO[bytes], draft: Path) -> Taken:
    taken_at = datetime.now(UTC).isoformat()
    there = set(Workspace(settings.engine_folder).names())
    file = files.file_of(settings.records_url)
    records, mlflow = draft / "records.db", draft / "mlflow.db"
    url = settings.database_url
    if file is not None:
        if not file.exists():
            raise BackupError(f"{file} does not exist: no service has worked here yet")
        files.copy_database(file, records)
        url = f"sqlite:///{records}"
    looked_at = files.local_sweeps(url)
    if (data / _MLFLOW).exists():
        files.copy_database(data / _MLFLOW, mlflow)
    about = About(
        format=FORMAT,
        version=version("sweepfront"),
        taken_at=taken_at,
        data_dir=str(data),
        records="postgresql" if file is None else "sqlite",
        tables=files.revision(url),
    )
    writer = Writer(stream, about)
    folder = DataFolder(data, databases=[data / _MLFLOW, *([file] if file else [])])
    # Sweeps that came later are unknown to the records; the engine would run them for nobody.
    names = sorted(there | looked_at.keys())
    for name in names:
        _add_sweep(writer, folder, name, looked_at.get(name))
    for source, name in ((records, RECORDS), (mlflow, _MLFLOW)):
        if source.exists():
            writer.file(name, source)
    folder.add(writer)
    for name in names:
        folder.add(writer, below=f"engine/sweeps/{name}")
    writer.finish()
    return Taken(
        files=len(writer.files),
        sweeps=len(names),
        records=file is not None,
        left_out=folder.left_out,
    )


def _add_sweep(writer: Writer, folder: DataFolder, name: str, known: LookedAt | None) -> None:
    """What the engine knows of a sweep; of a finished one no more than the records know.

    Otherwise a sweep that somebody had go on in this moment would run on without the records.
    """
    home = f"engine/sweeps/{name}"
    seen_to_its_end = known is not None and known.finished and known.cursor is not None
    first = journal_offset(known.cursor) if known and seen_to_its_end else None
    folder.add_file(writer, f"{home}/sweep.json")
    folder.add_file(writer, f"{home}/journal.jsonl", first=first)


def open_target(path: Path, data: Path) -> IO[bytes]:
    """A new file for a backup, for its owner's eyes: it holds the secrets of webhooks.

    Raises:
        BackupError: it exists, or lies in the data folder.
    """
    if path.absolute().is_relative_to(data.absolute()):
        raise BackupError(f"{path} lies in the data folder; name a place outside of it")
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError as error:
        raise BackupError(f"{path} exists; choose another name") from error
