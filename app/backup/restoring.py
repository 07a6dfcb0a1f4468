"""Restoring a backup: whole and checked, or not at all.

An archive is somebody's file until it has proved to be a backup: no name in it leads anywhere else,
links are made when every file is there, and nothing takes its place before all checksums are right.
"""

import hashlib
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from gzip import BadGzipFile, GzipFile
from pathlib import Path, PurePosixPath
from typing import IO

from pydantic import ValidationError

from app.backup.archive import (
    ABOUT,
    ABOUT_JSON,
    CHECKSUMS,
    CONTENTS_JSON,
    FORMAT,
    RECORDS,
    About,
    BackupError,
    Contents,
)
from app.engine.workspace import Workspace
from app.settings import Settings
from app.store import files
from app.store.database import knows_revision

_DRAFT = ".restoring"
_TOPS = frozenset({"engine", "code"})
_OUTSIDE = re.compile(r"engine/environments/[0-9a-f]{64}/bin/python[\d.]*\Z")
"""The one kind of link that leads out of the folder: to the interpreter of an environment."""
_CHUNK = 1024 * 1024
_LONGEST_NOTE = 1024 * 1024 * 1024
_NOTES = "its note about itself"


@dataclass(slots=True)
class _Found:
    """What was unpacked so far."""

    files: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)


def restore(settings: Settings, stream: IO[bytes]) -> About:
    """Put a backup where the settings say that the data lie.

    Args:
        settings: name the folder and the database; neither may hold anything.
        stream: the archive.

    Returns:
        What the backup is of.

    Raises:
        BackupError: something is there or at work already, or the archive is damaged, of a newer
            service, or no backup; nothing was changed.
        OSError: the folder cannot be written.
    """
    data = settings.data_dir.absolute()
    records = files.file_of(settings.records_url)
    _check_place(settings, data, records)
    draft = data / _DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    try:
        with _damage_named():
            about = _unpack(stream, draft, data, records)
        _move(draft, data, records)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return about


def _check_place(settings: Settings, data: Path, records: Path | None) -> None:
    if settings.engine_folder.is_dir():
        try:
            lock = Workspace(settings.engine_folder).lock()
        except OSError as error:
            raise BackupError(f"{settings.engine_folder} cannot be written: {error}") from error
        if lock is None:
            raise BackupError(f"a service is at work in {data}; stop it first")
        lock.release()
    there = {path.name for path in data.glob("*")} | {path.name for path in data.glob(".*")}
    if there - {"lost+found", _DRAFT}:
        raise BackupError(f"{data} is not empty; move it away, or set SWEEPFRONT_DATA_DIR")
    if records is not None and records.exists():
        raise BackupError(f"{records} exists; move it away, or set SWEEPFRONT_DATABASE_URL")


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, BadGzipFile, zlib.error, EOFError, ValidationError) as error:
        words = "no backup of this service" if isinstance(error, ValidationError) else str(error)
        raise BackupError(f"the archive is damaged: {words}; nothing was restored") from error
    except FileExistsError as error:
        words = f"{error.filename} is two things at once"
        raise BackupError(f"the archive is damaged: {words}; nothing was restored") from error


def _unpack(stream: IO[bytes], draft: Path, data: Path, records: Path | None) -> About:
    with GzipFile(fileobj=stream) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
        members = iter(tar)
        first = next(members, None)
        if first is None or first.name != ABOUT:
            raise BackupError("this is no backup: it does not begin with the note about itself")
        about = ABOUT_JSON.validate_json(_note(tar, first))
        _check_about(about, data, records)
        found = _Found()
        contents: Contents | None = None
        for member in members:
            if contents is not None:
                raise BackupError(f"the archive goes on after its end, with {member.name!r}")
            if member.name == CHECKSUMS:
                contents = CONTENTS_JSON.validate_json(_note(tar, member))
            else:
                _take_out(tar, member, draft, found)
        # gzip knows that all is there once its own end has been read.
        while packed.read(_CHUNK):
            pass
    if contents is None:
        raise BackupError("the archive is cut off: its checksums are not there")
    _check(found, contents)
    _make_links({**found.links, **contents.links}, draft)
    return about


def _check_about(about: About, data: Path, records: Path | None) -> None:
    if about.format > FORMAT or not knows_revision(about.tables):
        raise BackupError(
            f"the backup was taken by a newer service ({about.version}); install that version first"
        )
    if about.data_dir != str(data):
        raise BackupError(
            f"the backup is of {about.data_dir}, and its sweeps name files there by their full "
            f"path; restore it to that path (SWEEPFRONT_DATA_DIR or --data-dir; now {data})"
        )
    here = "postgresql" if records is None else "sqlite"
    if about.records != here:
        raise BackupError(
            f"the backup was taken of a service with its records in {about.records}, and "
            f"SWEEPFRONT_DATABASE_URL names {here}"
        )


def _note(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member) if member.isreg() and member.size < _LONGEST_NOTE else None
    if file is None:
        raise BackupError(f"the archive is damaged: {member.name} cannot be read")
    return file.read()


def _take_out(tar: tarfile.TarFile, member: tarfile.TarInfo, draft: Path, found: _Found) -> None:
    """Write a member below the draft, where no link exists yet that could lead elsewhere."""
    name = member.name
    _check_name(name)
    path = draft / name
    if member.isdir():
        _make_folder(path)
        return
    if name in found.files or name in found.links:
        raise BackupError(f"the archive has {name!r} more than once")
    if member.issym():
        _check_inside(name, member.linkname)
        found.links[name] = member.linkname
        return
    source = tar.extractfile(member) if member.isreg() else None
    if source is None:
        raise BackupError(f"{name!r} is neither a file nor a folder nor a link")
    _make_folder(path.parent)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, member.mode & 0o755 | 0o400), "wb") as target:
        found.files[name] = _copy(source, target)
    os.utime(path, (member.mtime, member.mtime))


def _make_folder(path: Path) -> None:
    """Make a folder, and those above it, for their owner only."""
    if not path.is_dir():
        _make_folder(path.parent)
        path.mkdir(mode=0o700)


def _copy(source: IO[bytes], target: IO[bytes]) -> str:
    """Copy, with holes for zeros, as a log over its limit has them; the SHA-256 of it all."""
    digest = hashlib.sha256()
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        if chunk.strip(b"\0"):
            target.write(chunk)
        else:
            target.seek(len(chunk), os.SEEK_CUR)
    target.truncate()
    return digest.hexdigest()


def _check_name(name: str) -> None:
    pure = PurePosixPath(name)
    proper = not pure.is_absolute() and ".." not in pure.parts and "\0" not in name
    if not proper or not (name == RECORDS or (pure.parts and pure.parts[0] in _TOPS)):
        raise BackupError(f"{name!r} is no name that a backup has; nothing was restored")


def _check_inside(name: str, target: str) -> None:
    aim = os.path.normpath(PurePosixPath(name).parent / target)
    if target.startswith("/") or aim.split("/")[0] == ".." or "\0" in target:
        raise BackupError(f"{name!r} is a link out of the data folder; nothing was restored")


def _check(found: _Found, contents: Contents) -> None:
    wrong = sorted(
        name
        for name in found.files.keys() | contents.files.keys()
        if found.files.get(name) != contents.files.get(name)
    )
    if wrong:
        raise BackupError(
            f"the archive is damaged: {len(wrong)} files are not what their checksums say, such as "
            f"{wrong[0]!r}; nothing was restored"
        )
    for name in contents.links:
        if not _OUTSIDE.match(name):
            raise BackupError(f"{name!r} is a link out of the data folder; nothing was restored")


def _make_links(links: dict[str, str], draft: Path) -> None:
    """Make them all; each folder that one lies in is a real one, since links have no contents."""
    for name, target in links.items():
        path = draft / name
        _make_folder(path.parent)
        path.symlink_to(target)


def _move(draft: Path, data: Path, records: Path | None) -> None:
    if records is not None:
        records.parent.mkdir(parents=True, exist_ok=True)
        # Into the folder of its database first: it may lie on another disk.
        shutil.move(draft / RECORDS, records)
    for path in draft.iterdir():
        path.rename(data / path.name)
