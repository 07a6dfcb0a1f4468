"""Code snapshots: folders named after the SHA-256 of what they hold, never changed once made."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.code.archives import Limits, unpack
from app.code.digests import Digests
from app.code.roots import CodeError, Roots, resolve_inside
from app.sweep.data import UPLOAD

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
LEFT_OUT = frozenset(
    {".git", ".hg", ".svn", ".venv", "__pycache__", ".ipynb_checkpoints", ".mypy_cache"}
    | {".pytest_cache", ".ruff_cache", "node_modules"}
)
"""Folders that are no part of a trial's code."""


class CodeStore:
    """The snapshots of a service; safe to use from many threads and processes."""

    def __init__(
        self, folder: Path, roots: Sequence[Path], *, max_bytes: int, max_files: int
    ) -> None:
        """Keep snapshots in `folder`; each may hold so many bytes and files at most."""
        self._folder = folder
        self._roots = Roots(roots)
        self._limits = Limits(bytes=max_bytes, files=max_files)
        self._digests = Digests()

    def upload(self, archive: Path, media_type: str) -> str:
        """Keep an uploaded zip or tar.gz; its digest, the same for the same content.

        Raises:
            UnsupportedMediaTypeError: another type of file.
            UnreadableBodyError: damaged or dangerous.
            TooLargeError: over a limit.
        """
        with self._draft() as name:
            draft = Path(name) / "code"
            draft.mkdir()
            unpack(archive, media_type, draft, self._limits)
            return self._keep(draft)

    def snapshot(self, code: str) -> str:
        """Keep the code that a document names: a folder below a root, or an upload.

        Raises:
            CodeError: it cannot be used; the message says why.
        """
        if code.startswith(UPLOAD):
            return self._uploaded(code.removeprefix(UPLOAD))
        files = list(self._files(self._source(code), code))
        # Most sweeps bring code that is here already: no copy is made of it.
        digest = self._digests.of(files)
        if self.has(digest):
            return digest
        with self._draft() as name:
            draft = Path(name) / "code"
            draft.mkdir()
            for relative, real in files:
                copy = draft / relative
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(real, copy)
            return self._keep(draft)

    def digest(self, code: str) -> str:
        """The digest that `snapshot` would give the code; nothing is kept.

        Raises:
            CodeError: it cannot be used; the message says why.
        """
        if code.startswith(UPLOAD):
            return self._uploaded(code.removeprefix(UPLOAD))
        return self._digests.of(self._files(self._source(code), code))

    def folder(self, digest: str) -> Path:
        """Where a snapshot lies."""
        return self._place(digest)

    def has(self, digest: str) -> bool:
        """True for a snapshot that is there."""
        return self._place(digest).is_dir()

    def resolve(self, path: str) -> Path:
        """The file or folder that a document's input names: below a root, or in an upload.

        Args:
            path: relative to a root, or `upload:<sha256>` with the path inside it.

        Raises:
            CodeError: there is none, or it lies outside.
        """
        if not path.startswith(UPLOAD):
            return self._roots.resolve(path)
        digest, _, inside = path.removeprefix(UPLOAD).partition("/")
        return resolve_inside(self._place(self._uploaded(digest)), inside)

    def _uploaded(self, digest: str) -> str:
        if not _DIGEST.match(digest) or not self.has(digest):
            raise CodeError("there is no such upload; send the files with POST /v1/code first")
        return digest

    def _place(self, digest: str) -> Path:
        return self._folder / digest

    def _draft(self) -> tempfile.TemporaryDirectory[str]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=".draft-", dir=self._folder)

    def _source(self, code: str) -> Path:
        source = self._roots.resolve(code)
        if not source.is_dir():
            raise CodeError(f"{code!r} is a file; name its folder")
        return source

    def _files(self, source: Path, code: str) -> Iterator[tuple[str, Path]]:
        """Relative path and real place of every file of the code; links must stay inside."""
        left = self._limits.bytes
        for count, path in enumerate(_files(source), start=1):
            relative = path.relative_to(source).as_posix()
            real = path.resolve() if path.is_symlink() else path
            if not real.is_relative_to(source):
                raise CodeError(
                    f"{code!r}: {relative} is a link that leaves the folder; copy the file in"
                )
            if not real.is_file() or not os.access(real, os.R_OK):
                raise CodeError(f"{code!r}: {relative} is no file that can be read; remove it")
            left -= real.stat().st_size
            if count > self._limits.files or left < 0:
                raise CodeError(
                    f"{code!r} has more than {self._limits.files} files or "
                    f"{self._limits.bytes} bytes; name a folder with the code only"
                )
            yield relative, real

    def _keep(self, draft: Path) -> str:
        """Give the draft its name; whoever made the same one first has it already."""
        files = (path for path in draft.rglob("*") if path.is_file())
        digest = self._digests.of((path.relative_to(draft).as_posix(), path) for path in files)
        place = self._place(digest)
        if not place.is_dir():
            for path in draft.rglob("*"):
                path.chmod(0o755 if path.is_dir() else 0o444)
            try:
                draft.rename(place)
            except OSError:
                if not place.is_dir():
                    raise
        return digest


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        here = Path(root)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in sorted([*files, *links]):
            path = here / name
            if path.is_dir() and path.resolve().is_relative_to(folder):
                raise CodeError(f"{path.relative_to(folder)} is a link to a folder; copy it in")
            if not name.endswith(".pyc"):
                yield path
