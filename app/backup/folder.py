"""What of a data folder belongs in a backup, and how it is read while it is in use."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from app.backup.archive import Writer

_ENVIRONMENTS = "engine/environments"
_PASSING = frozenset({"azureml", "engine/engine.lock", "engine/engine.log", "engine/writable"})
"""What is made anew, or of this run of the engine only."""
_APART = frozenset({"engine/sweeps"})
"""What is added by itself."""
_DATABASE = ("", "-wal", "-shm", "-journal")


class DataFolder:
    """A data folder, walked for a backup."""

    def __init__(self, folder: Path, *, databases: list[Path]) -> None:
        """Pass over these databases, which are copied in their own way."""
        self._folder = folder
        self._real = folder.resolve()
        self._databases = {f"{path}{end}" for path in databases for end in _DATABASE}
        self._built = self._environments()
        self.left_out: dict[str, str] = {}
        """What could not be taken, with the reason."""

    def add(self, writer: Writer, *, below: str = "") -> None:
        """Add everything, or what lies below one folder; what vanishes meanwhile is passed over."""
        for name, entry in self._walk(below):
            self._tried(name, lambda name=name, entry=entry: self._add(writer, name, entry))  # type: ignore[misc]

    def add_file(self, writer: Writer, name: str, *, first: int | None = None) -> None:
        """Add one file, or its first bytes."""
        self._tried(name, lambda: writer.file(name, self._folder / name, first=first))

    def _tried(self, name: str, do: Callable[[], None]) -> None:
        try:
            do()
        except (FileNotFoundError, NotADirectoryError):
            return
        except PermissionError as error:
            self.left_out[name] = error.strerror or "it may not be read"

    def _add(self, writer: Writer, name: str, entry: os.DirEntry[str]) -> None:
        path = Path(entry.path)
        if entry.is_symlink():
            self._add_link(writer, name, path)
        elif entry.is_dir():
            writer.folder(name, path)
        elif entry.is_file() and name not in writer.files:
            writer.file(name, path)

    def _add_link(self, writer: Writer, name: str, path: Path) -> None:
        """A link inside the folder as a relative one; one out of it for environments only."""
        target = path.readlink()
        aim = Path(os.path.normpath(path.parent.resolve() / target))
        if aim.is_relative_to(self._real):
            relative = os.path.relpath(aim, path.parent.resolve())
            writer.link(name, relative, outside=False)
        elif name.startswith(f"{_ENVIRONMENTS}/"):
            writer.link(name, str(target), outside=True)
        else:
            self.left_out[name] = f"a link out of the data folder, to {target}"

    def _walk(self, below: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        try:
            entries = sorted(os.scandir(self._folder / below), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        except PermissionError as error:
            self.left_out[below] = error.strerror or "it may not be read"
            return
        for entry in entries:
            name = f"{below}/{entry.name}" if below else entry.name
            if self._passed_over(name, entry):
                continue
            yield name, entry
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(name)

    def _passed_over(self, name: str, entry: os.DirEntry[str]) -> bool:
        above, _, last = name.rpartition("/")
        if name in _PASSING | _APART or entry.path in self._databases:
            return True
        # What is only being made lies in hidden folders, and an environment counts once it is built.
        if above in {"", "code", "engine/downloads"} and last.startswith("."):
            return True
        return above == _ENVIRONMENTS and last.partition(".")[0] not in self._built

    def _environments(self) -> set[str]:
        return {path.parent.name for path in (self._folder / _ENVIRONMENTS).glob("*/built")}
