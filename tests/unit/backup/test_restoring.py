"""Archives that are damaged, hostile or of elsewhere: refused, and nothing is left behind."""

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.backup.archive import BackupError
from app.backup.restoring import restore
from app.backup.taking import take
from app.opening import prepare
from app.settings import Settings

Member = tuple[tarfile.TarInfo, bytes]
Change = Callable[[list[Member]], list[Member]]
KEY = "a" * 64
HOLE = 8 * 1024 * 1024


def _settings(folder: Path) -> Settings:
    return Settings(data_dir=folder, database_url="")


def _file(name: str, content: bytes = b"content") -> Member:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info, content


def _special(name: str, kind: bytes, target: str = "") -> Member:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


@pytest.fixture(scope="module")
def was(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was backed up, moved away since."""
    return tmp_path_factory.mktemp("backup") / "was"


@pytest.fixture(scope="module")
def archive(was: Path) -> bytes:
    """A backup of records, some files, links, and a log with a hole."""
    folder = was.parent / "data"
    prepare(_settings(folder))
    trial = folder / "engine" / "sweeps" / "one" / "trials" / "0"
    (trial / "code" / "outputs").mkdir(parents=True)
    (trial / "artifacts").mkdir()
    (folder / "code" / KEY).mkdir(parents=True)
    (folder / "code" / KEY / "table.csv").write_bytes(b"1,2,3\n")
    (trial.parents[1] / "sweep.json").write_text("{}")
    (trial / "code" / "outputs" / "model.pkl").write_bytes(b"model" * 1000)
    (trial / "outputs").symlink_to("code/outputs")
    (trial / "code" / "table.csv").symlink_to(folder / "code" / KEY / "table.csv")
    (trial / "code" / "passwd").symlink_to("/etc/passwd")
    os.mkfifo(trial / "code" / "pipe")
    with (trial / "stdout.log").open("wb") as log:
        log.write(b"begin")
        log.seek(HOLE)
        log.write(b"end")
    for name, built in ((KEY, True), ("b" * 64, False)):
        home = folder / "engine" / "environments" / name
        (home / "bin").mkdir(parents=True)
        (home / "bin" / "python").symlink_to("/usr/bin/python3")
        if built:
            (home / "built").touch()
    stream = io.BytesIO()
    taken = take(_settings(folder), stream, was.parent)
    assert list(taken.left_out) == ["engine/sweeps/one/trials/0/code/passwd"]
    folder.rename(was)
    return stream.getvalue()


@pytest.fixture
def data(was: Path) -> Iterator[Path]:
    """The folder that it was taken of; it is not there."""
    yield was.parent / "data"
    shutil.rmtree(was.parent / "data", ignore_errors=True)


def _changed(archive: bytes, change: Change) -> bytes:
    """The archive with other members; what is in them counts as it is."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        members = [
            (m, f.read() if (f := tar.extractfile(m)) else b"") for m in tar if not m.issym()
        ]
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for info, content in change(members):
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def _with_note(name: str, **values: object) -> Change:
    """Replace values of a note."""

    def change(members: list[Member]) -> list[Member]:
        return [
            _file(name, json.dumps({**json.loads(content), **values}).encode())
            if info.name == name
            else (info, content)
            for info, content in members
        ]

    return change


def _smuggled(*more: Member) -> Change:
    """Add members before the checksums, which name the files among them."""

    def change(members: list[Member]) -> list[Member]:
        *front, (_, last) = members
        note = json.loads(last)
        note["files"].update(
            {i.name: hashlib.sha256(content).hexdigest() for i, content in more if i.isreg()}
        )
        return [*front, *more, _file("sweepfront-checksums.json", json.dumps(note).encode())]

    return change


def test_a_backup_comes_back_as_it_was(data: Path, archive: bytes, was: Path) -> None:
    """Files, links that stay inside, and the interpreter of an environment that was built."""
    about = restore(_settings(data), io.BytesIO(archive))
    assert about.records == "sqlite"
    trial = "engine/sweeps/one/trials/0"
    for name in (f"code/{KEY}/table.csv", f"{trial}/code/outputs/model.pkl"):
        assert (data / name).read_bytes() == (was / name).read_bytes()
    assert (data / trial / "outputs" / "model.pkl").exists()
    assert (data / trial / "artifacts").is_dir()
    assert (data / trial / "code" / "table.csv").resolve() == data / "code" / KEY / "table.csv"
    assert not os.path.lexists(data / trial / "code" / "passwd")
    assert not (data / trial / "code" / "pipe").exists()
    python = data / "engine" / "environments" / KEY / "bin" / "python"
    assert str(python.readlink()) == "/usr/bin/python3"
    assert not (data / "engine" / "environments" / ("b" * 64)).exists()
    assert {path.name for path in data.iterdir()} == {"sweepfront.db", "engine", "code"}
    assert oct((data / "engine").stat().st_mode)[-3:] == "700"


def test_a_log_with_a_hole_takes_no_more_room_than_before(data: Path, archive: bytes) -> None:
    """A log over its limit is shown without the zeros of its hole."""
    restore(_settings(data), io.BytesIO(archive))
    log = data / "engine/sweeps/one/trials/0/stdout.log"
    assert log.stat().st_size == HOLE + 3
    assert log.stat().st_blocks * 512 < HOLE // 2


_OUT = "engine/environments/" + KEY + "/bin/activate"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_smuggled(_file("../evil")), "no name"),
        (_smuggled(_file("/tmp/evil")), "no name"),
        (_smuggled(_file("engine/../../evil")), "no name"),
        (_smuggled(_file("elsewhere/evil")), "no name"),
        (_smuggled(_special("engine/out", tarfile.SYMTYPE, "/etc")), "link out"),
        (_smuggled(_special("engine/out", tarfile.SYMTYPE, "../../etc")), "link out"),
        (
            _smuggled(_special("engine/out", tarfile.SYMTYPE, "../code"), _file("engine/out/evil")),
            "two things",
        ),
        (_smuggled(_file("engine/one"), _file("engine/one/two")), "two things"),
        (_smuggled(_special("engine/hard", tarfile.LNKTYPE, "/etc/passwd")), "neither a file"),
        (_smuggled(_special("engine/device", tarfile.CHRTYPE)), "neither a file"),
        (_smuggled(_special("engine/pipe", tarfile.FIFOTYPE)), "neither a file"),
        (_smuggled(_file("engine/twice"), _file("engine/twice", b"other")), "more than once"),
        (lambda members: [*members, _file("engine/after")], "after its end"),
        (lambda members: members[:-1], "cut off"),
        (lambda members: members[1:], "no backup"),
        (lambda members: [*members[:2], *members[3:]], "checksums"),
        (lambda members: [*members[:-1], _file("engine/more"), members[-1]], "checksums"),
        (_with_note("sweepfront-checksums.json", links={"engine/x": "/etc"}), "link out"),
        (_with_note("sweepfront-checksums.json", links={_OUT: "/etc/passwd"}), "link out"),
        (_with_note("sweepfront-backup.json", tables="9999"), "newer service"),
        (_with_note("sweepfront-backup.json", format=2), "newer service"),
        (
            _with_note("sweepfront-backup.json", data_dir="/elsewhere"),
            "the backup is of /elsewhere",
        ),
        (_with_note("sweepfront-backup.json", records="postgresql"), "SWEEPFRONT_DATABASE_URL"),
        (_with_note("sweepfront-backup.json", records="paper"), "no backup of this service"),
    ],
)
def test_what_is_not_restored(data: Path, archive: bytes, change: Change, words: str) -> None:
    """Each is refused for its own reason, and the folder stays empty."""
    with pytest.raises(BackupError, match=words):
        restore(_settings(data), io.BytesIO(_changed(archive, change)))
    assert list(data.iterdir()) == []
    assert not (data.parent / "evil").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-4],
        lambda whole: whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:],
        lambda whole: gzip.compress(
            gzip.decompress(whole).replace(b"modelmodel", b"modelmodem", 1)
        ),
        gzip.decompress,
        lambda _whole: b"",
        lambda _whole: gzip.compress(b"no archive at all" * 100),
    ],
)
def test_damaged_files(data: Path, archive: bytes, damage: Callable[[bytes], bytes]) -> None:
    """Cut off at any place, one bit turned, or something else altogether."""
    with pytest.raises(BackupError):
        restore(_settings(data), io.BytesIO(damage(archive)))
    assert list(data.iterdir()) == []


def test_what_is_there_already_stays(data: Path, archive: bytes) -> None:
    """Nothing is put into a folder that somebody uses."""
    data.mkdir()
    (data / "mine").write_text("mine")
    with pytest.raises(BackupError, match="is not empty"):
        restore(_settings(data), io.BytesIO(archive))
    assert [path.name for path in data.iterdir()] == ["mine"]
