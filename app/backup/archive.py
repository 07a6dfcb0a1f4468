"""What a backup looks like: a tar.gz with a note about itself in front and checksums at the end.

```
sweepfront-backup.json      what it is of; see `About`
engine/..., code/...        as they lie in the data folder
sweepfront.db               the records, unless they are on PostgreSQL
sweepfront-checksums.json   SHA-256 of every file, and links that lead outside; see `Contents`
```

It is written and read from beginning to end, so that a pipe will do.
"""

import gzip
import hashlib
import os
import stat
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, Literal

from pydantic import TypeAdapter

from app.sweep.errors import SweepfrontError

FORMAT = 1
ABOUT = "sweepfront-backup.json"
CHECKSUMS = "sweepfront-checksums.json"
RECORDS = "sweepfront.db"
_QUICK = 1
"""gzip's level: a backup should end soon, and models hardly get smaller."""


class BackupError(SweepfrontError):
    """A backup cannot be taken, or is not one that can be restored here."""

    code = "backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a backup is of.

    Attributes:
        format: of the archive.
        version: the service's.
        taken_at: when it began, RFC 3339.
        data_dir: the folder, in full: documents of the engine name places in it.
        records: where the records are; those on PostgreSQL are no part of the archive.
        tables: the version of the records' tables.
    """

    format: int
    version: str
    taken_at: str
    data_dir: str
    records: Literal["sqlite", "postgresql"]
    tables: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in it.

    Attributes:
        files: SHA-256 by name.
        links: targets of links that lead out of the folder, by name.
    """

    files: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)


ABOUT_JSON = TypeAdapter(About)
CONTENTS_JSON = TypeAdapter(Contents)


class Writer:
    """Writes an archive to a stream; nothing of it counts before `finish`."""

    def __init__(self, stream: IO[bytes], about: About) -> None:
        self._contents = Contents()
        self._packed = gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=_QUICK, mtime=0)
        self._tar = tarfile.TarFile(fileobj=self._packed, mode="w", format=tarfile.PAX_FORMAT)
        self._note(ABOUT, ABOUT_JSON.dump_json(about))

    @property
    def files(self) -> Mapping[str, str]:
        """What was added so far."""
        return self._contents.files

    def file(self, name: str, path: Path, *, first: int | None = None) -> None:
        """Add a file as long as it is now, or only its first bytes; what is no file is passed over.

        Raises:
            OSError: it cannot be read.
        """
        # A pipe must not be waited for, nor a link followed.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(path, "rb", opener=lambda p, _: os.open(p, flags)) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                return
            size = found.st_size if first is None else min(first, found.st_size)
            info = _info(name, found, size=size)
            reader = _Steady(file, size)
            self._tar.addfile(info, reader)
        self._contents.files[name] = reader.digest()

    def folder(self, name: str, path: Path) -> None:
        """Add a folder, without what is in it."""
        self._tar.addfile(_info(name, path.stat(), kind=tarfile.DIRTYPE))

    def link(self, name: str, target: str, *, outside: bool) -> None:
        """Add a link; one that leads out of the data folder is noted at the end only."""
        if outside:
            self._contents.links[name] = target
            return
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, target
        self._tar.addfile(info)

    def finish(self) -> None:
        """Write the checksums and the end."""
        self._note(CHECKSUMS, CONTENTS_JSON.dump_json(self._contents))
        self._tar.close()
        self._packed.close()

    def _note(self, name: str, body: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size = len(body)
        self._tar.addfile(info, BytesIO(body))


class _Steady:
    """A file that others may shorten meanwhile: zeros stand for what is gone of it."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._left = size
        self._digest = hashlib.sha256()

    def read(self, count: int = -1) -> bytes:
        wanted = self._left if count < 0 else min(count, self._left)
        data = self._file.read(wanted).ljust(wanted, b"\0")
        self._left -= wanted
        self._digest.update(data)
        return data

    def digest(self) -> str:
        return self._digest.hexdigest()


def _info(
    name: str, found: os.stat_result, *, size: int = 0, kind: bytes = tarfile.REGTYPE
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    info.mode, info.mtime = stat.S_IMODE(found.st_mode), int(found.st_mtime)
    return info
