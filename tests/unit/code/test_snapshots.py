"""Code: uploads that try to do harm, and folders that try to lead elsewhere."""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from app.code.roots import CodeError, Roots
from app.code.snapshots import CodeStore
from app.sweep.errors import SweepfrontError, TooLargeError, UnreadableBodyError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A code root with a folder of code."""
    folder = tmp_path / "root" / "job"
    folder.mkdir(parents=True)
    (folder / "main.py").write_text("print(1)")
    (folder / "part").mkdir()
    (folder / "part" / "data.txt").write_text("1")
    return tmp_path / "root"


@pytest.fixture
def store(tmp_path: Path, root: Path) -> CodeStore:
    """A store that takes 1,000 bytes and 20 files."""
    return CodeStore(tmp_path / "code", [root], max_bytes=1000, max_files=20)


def _zip(path: Path, members: dict[str, str], *, mode: int = 0o644) -> tuple[Path, str]:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, text)
    return path, "application/zip"


def _tar(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> tuple[Path, str]:
    with tarfile.open(path, "w:gz") as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path, "application/gzip"


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    return info


def test_the_same_files_have_the_same_digest_however_they_came(
    store: CodeStore, tmp_path: Path
) -> None:
    """Folder, zip and tar.gz."""
    files = {"main.py": "print(1)", "part/data.txt": "1"}
    folder = store.snapshot("job")
    zipped = store.upload(*_zip(tmp_path / "a.zip", files))
    tarred = store.upload(
        *_tar(tmp_path / "a.tgz", *((_member(n), t.encode()) for n, t in files.items()))
    )
    assert folder == zipped == tarred
    assert store.snapshot(f"upload:{zipped}") == zipped
    assert (store.folder(zipped) / "part" / "data.txt").read_text() == "1"


def test_a_snapshot_does_not_follow_later_edits(store: CodeStore, root: Path) -> None:
    """It has its name from its content."""
    before = store.snapshot("job")
    (root / "job" / "main.py").write_text("print(2)")
    after = store.snapshot("job")
    assert after != before
    assert (store.folder(before) / "main.py").read_text() == "print(1)"


def test_rubbish_is_left_out(store: CodeStore, root: Path) -> None:
    """Bytecode and version control are no part of the code."""
    plain = store.snapshot("job")
    for name in (".git", "__pycache__", ".venv"):
        (root / "job" / name).mkdir()
        (root / "job" / name / "x").write_text("x")
    assert store.snapshot("job") == plain


BAD: dict[str, Callable[[Path], tuple[Path, str]]] = {
    "up": lambda p: _zip(p, {"../x": "1"}),
    "inner up": lambda p: _zip(p, {"a/../../x": "1"}),
    "absolute": lambda p: _zip(p, {"/tmp/x": "1"}),
    "backslash": lambda p: _zip(p, {"..\\x": "1"}),
    "control": lambda p: _zip(p, {"a\nb": "1"}),
    "long": lambda p: _zip(p, {"x" * 300: "1"}),
    "zip link": lambda p: _zip(p, {"l": "/etc/passwd"}, mode=0o120777),
    "zip device": lambda p: _zip(p, {"d": ""}, mode=0o020666),
    "tar link": lambda p: _tar(p, (_member("l", tarfile.SYMTYPE, "/etc/passwd"), b"")),
    "tar hard link": lambda p: _tar(p, (_member("l", tarfile.LNKTYPE, "/etc/passwd"), b"")),
    "tar device": lambda p: _tar(p, (_member("d", tarfile.CHRTYPE), b"")),
    "tar fifo": lambda p: _tar(p, (_member("d", tarfile.FIFOTYPE), b"")),
    "tar up": lambda p: _tar(p, (_member("../x"), b"1")),
    "file as folder": lambda p: _zip(p, {"a": "1", "a/b": "1"}),
    "twice": lambda p: _tar(p, (_member("a"), b"1"), (_member("a"), b"2")),
    "twice by case": lambda p: _zip(p, {"a": "1", "A": "2"}),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD.keys())
def test_a_dangerous_archive_is_refused_and_leaves_nothing(
    store: CodeStore, tmp_path: Path, make: Callable[[Path], tuple[Path, str]]
) -> None:
    """Nothing outside, nothing half done."""
    with pytest.raises(UnreadableBodyError):
        store.upload(*make(tmp_path / "archive"))
    assert list((tmp_path / "code").iterdir()) == []
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "members",
    [{"bomb": "0" * 10_000_000}, {f"f{n}": "" for n in range(21)}],
    ids=["bytes", "files"],
)
def test_a_bomb_is_refused(store: CodeStore, tmp_path: Path, members: dict[str, str]) -> None:
    """By what it unpacks to, not by what it claims."""
    with pytest.raises(TooLargeError):
        store.upload(*_zip(tmp_path / "a.zip", members))
    assert list((tmp_path / "code").iterdir()) == []


@pytest.mark.parametrize("path", ["../job", "job/../../x", "/etc", "~/x", "a\\b", "a\0b", "none"])
def test_paths_that_leave_the_roots_are_refused(root: Path, path: str) -> None:
    """Before anything is read."""
    with pytest.raises(CodeError):
        Roots([root]).resolve(path)


def test_links_that_leave_are_refused(store: CodeStore, root: Path, tmp_path: Path) -> None:
    """A link as the folder, a link in the folder, a link to a folder; one that stays is fine."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("k")
    (root / "away").symlink_to(tmp_path / "secret")
    with pytest.raises(CodeError):
        store.snapshot("away")
    (root / "job" / "l").symlink_to(tmp_path / "secret" / "key")
    with pytest.raises(CodeError):
        store.snapshot("job")
    (root / "job" / "l").unlink()
    (root / "job" / "l").symlink_to("main.py")
    digest = store.snapshot("job")
    assert not (store.folder(digest) / "l").is_symlink()
    assert (store.folder(digest) / "l").read_text() == "print(1)"
    (root / "job" / "d").symlink_to("part")
    with pytest.raises(CodeError):
        store.snapshot("job")


def test_a_pipe_in_the_folder_does_not_hang(store: CodeStore, root: Path) -> None:
    """Only files are code."""
    os.mkfifo(root / "job" / "pipe")
    with pytest.raises(SweepfrontError):
        store.snapshot("job")


def test_an_input_names_a_file_or_the_folder_of_an_upload(store: CodeStore, tmp_path: Path) -> None:
    """By the upload's name and the path inside it; nothing outside it."""
    name = store.upload(*_zip(tmp_path / "a.zip", {"data/rows.csv": "1", "b.txt": "2"}))
    assert store.resolve(f"upload:{name}/data/rows.csv").read_text() == "1"
    assert store.resolve(f"upload:{name}") == store.folder(name).resolve()
    assert store.resolve(f"upload:{name}/data").is_dir()


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/../outside.txt", "without '..'"),
        ("/data/../../outside.txt", "without '..'"),
        ("//etc/passwd", "relative"),
        ("/~/x", "relative"),
        ("/data\\rows.csv", "forward slashes"),
        ("/link.txt", "link that leaves"),
        ("/none.csv", "not in the upload"),
    ],
)
def test_an_input_never_leaves_its_upload(
    store: CodeStore, tmp_path: Path, path: str, word: str
) -> None:
    """Neither by its path nor by a link that somebody put there."""
    name = store.upload(*_zip(tmp_path / "a.zip", {"data/rows.csv": "1"}))
    (store.folder(name).parent / "outside.txt").write_text("secret")
    (store.folder(name) / "link.txt").symlink_to("../outside.txt")
    with pytest.raises(CodeError, match=word):
        store.resolve(f"upload:{name}{path}")


@pytest.mark.parametrize("name", ["0" * 64, "..", "", "x", ".draft-1"])
def test_an_input_of_an_upload_that_is_not_there_says_how_to_send_it(
    store: CodeStore, name: str
) -> None:
    """Names that are no digest are not even looked for."""
    with pytest.raises(CodeError, match="POST /v1/code"):
        store.resolve(f"upload:{name}/rows.csv")
