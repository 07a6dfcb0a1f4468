"""Packing: a folder or a file of the author's machine as the archive that `POST /v1/code` takes."""

import gzip
import io
import os
import tarfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.code.archives import Limits
from app.code.ignore import ignored_in
from app.code.roots import CodeError

_COMPRESSION = 6


@dataclass(frozen=True, slots=True)
class Packed:
    """What went into an archive: how many files, and their bytes before compression."""

    files: int
    bytes: int


def pack(source: Path, target: IO[bytes], limits: Limits, *, without: Collection[str]) -> Packed:
    """Write a tar.gz of a folder's files, or of one file; the same bytes for the same content.

    Links are followed, as Azure's SDK follows them, so the archive holds none.

    Args:
        source: the folder or file.
        target: where the archive is written.
        limits: what it may hold.
        without: names of folders that are left out, beside what the ignore file says.

    Raises:
        CodeError: something in it cannot be read or sent, or it is over a limit.
    """
    files, left = 0, limits.bytes
    with (
        # No name and no time in the header: the same content is the same archive.
        gzip.GzipFile("", "wb", _COMPRESSION, target, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, path in _files(source, without):
            content = _read(path, left)
            files += 1
            if content is None or files > limits.files:
                raise CodeError(
                    f"{source} has more than {limits.files} files or {limits.bytes} bytes; name a "
                    "smaller folder, or say in .amlignore what is not needed"
                )
            left -= len(content)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(content))
    if files == 0:
        raise CodeError(f"{source} holds no file to send; its ignore file may leave out everything")
    return Packed(files=files, bytes=limits.bytes - left)


def _read(path: Path, limit: int) -> bytes | None:
    """The file's content; None if it is longer than `limit`."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise CodeError(f"{path} cannot be read: {error.strerror}") from error
    return None if len(content) > limit else content


def _files(source: Path, without: Collection[str]) -> Iterator[tuple[str, Path]]:
    """(name in the archive, file), in the order of the names."""
    if not source.is_dir():
        yield source.name, source
        return
    try:
        ignored = ignored_in(source)
    except OSError as error:
        raise CodeError(f"{source}: its ignore file cannot be read: {error.strerror}") from error
    found = (
        (path.relative_to(source).as_posix(), path)
        for path in _below(source, without, (source.resolve(),))
    )
    yield from sorted((name, path) for name, path in found if name not in ignored)


def _below(folder: Path, without: Collection[str], above: tuple[Path, ...]) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise CodeError(f"{folder} cannot be read: {error.strerror}") from error
    for entry in entries:
        path = Path(entry.path)
        if not path.is_dir():
            if path.is_file():
                yield path
            elif entry.is_symlink():
                raise CodeError(f"{path} is a link to nothing; remove it")
        elif entry.name not in without:
            real = path.resolve()
            if real in above:
                raise CodeError(f"{path} is a link to a folder above it; remove it")
            yield from _below(path, without, (*above, real))
