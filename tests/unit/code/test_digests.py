"""Digests: of what lies there now, read again only where something changed."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from app.code.digests import Digests

LATER_NS = 10_000_000_000
TICK_SECONDS = 0.02
"""Longer than a tick of the file system's clock."""


@pytest.fixture
def files(tmp_path: Path) -> list[tuple[str, Path]]:
    """Three files, in no order."""
    made = []
    for name in ("b", "a", "c"):
        path = tmp_path / name
        path.write_text(f"print({name!r})")
        made.append((name, path))
    return made


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock says that nothing was changed just now."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + LATER_NS)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose contents were read."""
    names: list[str] = []
    digest = hashlib.file_digest

    def noted(file: object, kind: str) -> object:
        names.append(Path(file.name).name)  # type: ignore[attr-defined]
        return digest(file, kind)  # type: ignore[arg-type]

    monkeypatch.setattr(hashlib, "file_digest", noted)
    return names


@pytest.mark.usefixtures("later")
def test_what_has_not_changed_is_read_once(files: list[tuple[str, Path]], read: list[str]) -> None:
    """The digest is that of somebody who sees the files for the first time, in any order."""
    digests = Digests()
    first = digests.of(files)
    assert sorted(read) == ["a", "b", "c"]
    assert digests.of(reversed(files)) == first
    assert len(read) == len(files)
    assert Digests().of(files) == first


@pytest.mark.usefixtures("later")
def test_a_change_shows_that_keeps_size_and_time(
    files: list[tuple[str, Path]], read: list[str]
) -> None:
    """As `cp -p` and `git checkout` may leave it; so does another file in its place."""
    digests = Digests()
    found = [digests.of(files)]
    _, path = files[0]
    before = path.stat()
    time.sleep(TICK_SECONDS)
    path.write_text("print('x')")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    found.append(digests.of(files))
    time.sleep(TICK_SECONDS)
    other = path.with_name("other")
    other.write_text("print('y')")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(path)
    found.append(digests.of(files))
    assert len(set(found)) == len(found)
    assert read[len(files) :] == ["b", "b"]


def test_what_was_changed_just_now_is_read_again(
    files: list[tuple[str, Path]], read: list[str]
) -> None:
    """It may change once more within a tick of the file system's clock."""
    digests = Digests()
    assert digests.of(files) == digests.of(files)
    assert len(read) == 2 * len(files)


def test_names_and_contents_are_told_apart(tmp_path: Path) -> None:
    """The same contents under other names are other code."""
    path = tmp_path / "a"
    path.write_text("1")
    assert Digests().of([("a", path)]) != Digests().of([("b", path)])
