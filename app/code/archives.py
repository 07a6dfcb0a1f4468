"""Uploaded archives, unpacked with suspicion: no links, no devices, no way out, no bombs."""

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from app.sweep.errors import (
    TooLargeError,
    UnreadableBodyError,
    UnsupportedMediaTypeError,
    storage_error,
)

ZIP = frozenset({"application/zip", "application/x-zip-compressed"})
TAR_GZ = frozenset(
    {"application/gzip", "application/x-gzip", "application/x-tar+gzip", "application/x-gtar"}
)
_CHUNK = 64 * 1024
_LONGEST_NAME = 200
_LONGEST_PATH = 1000
_LISTED = b"PK\1\2"
"""What each entry of a zip's directory begins with."""
_LISTED_BYTES = 2048
"""Of a zip's directory, for each entry: a name, and what else is usual."""
_HEADER_BYTES = 1024 * 1024
"""What a tar may say between the contents of two files."""
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Other methods unpack a few bytes to gigabytes in one go."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold: bytes after unpacking, and files and folders together."""

    bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    folder: bool
    plain: bool
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, media_type: str, target: Path, limits: Limits) -> None:
    """Unpack an archive into an empty folder.

    Args:
        archive: a zip or a tar.gz.
        media_type: of the archive, without parameters.
        target: the folder; on an error it holds what was unpacked so far.
        limits: what it may hold.

    Raises:
        UnsupportedMediaTypeError: neither a zip nor a tar.gz.
        UnreadableBodyError: damaged, or with entries that no trial code needs.
        TooLargeError: over a limit.
    """
    if media_type in ZIP:
        members = _of_zip
    elif media_type in TAR_GZ:
        members = _of_tar
    else:
        raise UnsupportedMediaTypeError(
            f"{media_type or 'no content type'} is not taken here; send application/zip or "
            "application/gzip (a tar.gz)"
        )
    try:
        _unpack(members(archive, limits), target, limits)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        if storage_error(error) is not None:
            # It is the disk, not the archive.
            raise
        raise UnreadableBodyError(f"The archive cannot be unpacked: {error}.") from error


def _unpack(members: Iterator[_Member], target: Path, limits: Limits) -> None:
    left = limits.bytes
    seen: set[str] = set()
    for count, member in enumerate(members, start=1):
        if count > limits.files:
            raise TooLargeError(f"The archive has more than {limits.files} entries.")
        path = _inside(member, target)
        if path == target:
            continue
        if member.folder:
            path.mkdir(parents=True, exist_ok=True)
            continue
        key = str(path).casefold()
        if key in seen or path.exists():
            raise UnreadableBodyError(f"The archive has {member.name!r} more than once.")
        seen.add(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        left = _write(member, path, left, limits)


def _inside(member: _Member, target: Path) -> Path:
    """Where the entry goes."""
    name = member.name
    pure = PurePosixPath(name)
    if not member.plain and not member.folder:
        raise UnreadableBodyError(
            f"{name!r} is a link, a device, a file with holes or packed in a rare way; send plain "
            "files and folders."
        )
    strange = "\\" in name or not name.isprintable() or len(name) > _LONGEST_PATH
    if pure.is_absolute() or ".." in pure.parts or strange:
        raise UnreadableBodyError(f"{name!r} leaves the archive's folder or is no proper name.")
    if any(len(part.encode()) > _LONGEST_NAME for part in pure.parts):
        raise UnreadableBodyError(f"{name[:60]!r}... is too long a name.")
    return target / pure


def _write(member: _Member, path: Path, left: int, limits: Limits) -> int:
    """Copy the entry's bytes, counted as they come: sizes in headers may lie."""
    source = member.open()
    if source is None:
        raise UnreadableBodyError(f"{member.name!r} cannot be read.")
    with source, path.open("wb") as file:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise TooLargeError(f"The archive unpacks to more than {limits.bytes} bytes.")
            file.write(chunk)
    return left


def _of_zip(archive: Path, limits: Limits) -> Iterator[_Member]:
    with _Listing(archive, limits) as file, zipfile.ZipFile(file) as opened:
        file.listed = True
        for info in opened.infolist():
            kind = (info.external_attr >> 16) & 0o170000
            yield _Member(
                name=info.filename,
                folder=info.is_dir(),
                plain=kind in (0, 0o100000) and info.compress_type in _PACKED,
                open=lambda info=info: opened.open(info),  # type: ignore[misc]
            )


class _Listing(io.FileIO):
    """A zip whose directory, which the library reads at once, is looked at before it is believed."""

    def __init__(self, archive: Path, limits: Limits) -> None:
        super().__init__(archive)
        self._limits = limits
        self.listed = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Read; of the directory, no more than as many entries as are allowed."""
        wanted = -1 if size is None else size
        files = self._limits.files
        if not self.listed and wanted > files * _LISTED_BYTES:
            raise TooLargeError(f"The archive's directory is too large for {files} entries.")
        data = super().read(wanted) or b""
        if not self.listed and wanted > 0 and data.count(_LISTED) > files:
            raise TooLargeError(f"The archive has more than {files} entries.")
        return data


def _of_tar(archive: Path, limits: Limits) -> Iterator[_Member]:
    with (
        gzip.open(archive) as unpacked,
        closing(_Metered(unpacked)) as metered,
        tarfile.open(fileobj=metered, mode="r|") as opened,
    ):
        for info in opened:
            metered.left = _HEADER_BYTES + min(info.size, limits.bytes)
            yield _Member(
                name=info.name,
                folder=info.isdir(),
                plain=info.isreg() and not info.issparse(),
                open=lambda info=info: opened.extractfile(info),  # type: ignore[misc]
            )


class _Metered(io.BufferedIOBase):
    """A tar that may say so much, and no more, before its next entry: the library keeps it all."""

    def __init__(self, file: gzip.GzipFile) -> None:
        super().__init__()
        self._file = file
        self.left = _HEADER_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, as long as there is something left."""
        data = self._file.read(-1 if size is None else size)
        self.left -= len(data)
        if self.left < 0:
            raise TooLargeError("The archive has headers that are too long.")
        return data
