"""Packing: the same bytes for the same content, and ignore files read as Azure's SDK reads them."""

import io
import os
import tarfile
import warnings
from pathlib import Path

import pytest
from azure.ai.ml._utils._asset_utils import get_ignore_file
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from app.code.archives import Limits
from app.code.ignore import Ignored
from app.code.packing import Packed, pack
from app.code.roots import CodeError
from app.code.snapshots import CodeStore

ROOMY = Limits(bytes=10_000, files=100)


def _packed(source: Path, limits: Limits = ROOMY) -> tuple[bytes, Packed]:
    archive = io.BytesIO()
    packed = pack(source, archive, limits, without={".git"})
    return archive.getvalue(), packed


def _names(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return tar.getnames()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files, one of them below a folder, and a repository's own folder."""
    source = tmp_path / "job"
    (source / "part").mkdir(parents=True)
    (source / ".git").mkdir()
    (source / ".git" / "HEAD").write_text("ref")
    (source / "b.py").write_text("b")
    (source / "part" / "a.py").write_text("aa")
    return source


def test_times_and_modes_do_not_change_an_archive(folder: Path) -> None:
    """Only names and contents count, and they come in order."""
    archive, packed = _packed(folder)
    os.utime(folder / "b.py", (1, 1))
    (folder / "b.py").chmod(0o755)
    assert _packed(folder)[0] == archive
    assert _names(archive) == ["b.py", "part/a.py"]
    assert packed == Packed(files=2, bytes=3)


def test_an_archive_is_taken_by_the_store_under_the_name_of_its_content(
    folder: Path, tmp_path: Path
) -> None:
    """The service's own copy of the same folder has the same name."""
    store = CodeStore(tmp_path / "store", [tmp_path], max_bytes=1000, max_files=20)
    file = tmp_path / "code.tgz"
    file.write_bytes(_packed(folder)[0])
    assert store.upload(file, "application/gzip") == store.snapshot("job")


@pytest.mark.parametrize("limits", [Limits(bytes=2, files=9), Limits(bytes=9, files=1)])
def test_more_than_the_limits_is_refused(folder: Path, limits: Limits) -> None:
    """With the limits and what to do."""
    with pytest.raises(CodeError, match="amlignore"):
        _packed(folder, limits)


def test_one_file_is_packed_alone(folder: Path) -> None:
    """Whatever else lies beside it."""
    assert _names(_packed(folder / "part" / "a.py")[0]) == ["a.py"]


SEGMENTS = st.sampled_from(
    ["a", "b", "ab", "*", "**", "a*", "*.py", "?", "[ab]", "[!a]", "a?", "x.py", "\\#a", "a b", "ü"]
)
PATTERNS = st.builds(
    lambda head, parts, tail: head + "/".join(parts) + tail,
    st.sampled_from(["", "", "/", "!", "!/", "#"]),
    st.lists(SEGMENTS, min_size=1, max_size=3),
    st.sampled_from(["", "", "/", " "]),
)
FILES = st.lists(
    st.sampled_from(["a", "b", "ab", "x.py", "abc", "#a", "a b", "ü"]), min_size=1, max_size=4
).map("/".join)


@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(patterns=st.lists(PATTERNS, min_size=1, max_size=4), file=FILES)
def test_patterns_mean_what_they_mean_to_azures_sdk(
    tmp_path: Path, patterns: list[str], file: str
) -> None:
    """The SDK's own reader is the judge; `**/` alone, which it never matches, is left out."""
    assume(not any(set(each.strip("!/ ").split("/")) == {"**"} for each in patterns))
    (tmp_path / ".amlignore").write_text("\n".join(patterns), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = get_ignore_file(tmp_path).is_file_excluded(tmp_path / file)
    assert (file in Ignored("\n".join(patterns))) == wanted


@given(st.text(max_size=40), FILES)
def test_no_ignore_file_is_an_error(text: str, file: str) -> None:
    """Whatever it holds, each file is in or out."""
    assert (file in Ignored(text)) in (True, False)
