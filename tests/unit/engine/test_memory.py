"""What is left of memory, read from files laid out as the kernel does."""

from pathlib import Path

import pytest

from app.engine.memory import Memory

MIB = 1024 * 1024


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with 1,000 MiB available and no control groups."""
    _write(tmp_path / "proc/meminfo", f"MemTotal: 9 kB\nMemAvailable:  {1000 * 1024} kB\n")
    _write(tmp_path / "proc/vmstat", "nr_free_pages 7\noom_kill 2\n")
    return tmp_path


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _memory(machine: Path) -> Memory:
    return Memory(machine / "proc", machine / "groups")


def test_without_groups_the_machine_decides(machine: Path) -> None:
    """MemAvailable."""
    assert _memory(machine).available() == 1000 * MIB
    assert _memory(machine).kills() == 2


def test_the_tightest_group_of_version_2_decides(machine: Path) -> None:
    """A group above may have the limit; idle file cache counts as free; `max` is none."""
    _write(machine / "proc/self/cgroup", "0::/pod/box\n")
    groups = machine / "groups"
    _write(groups / "pod/memory.max", str(500 * MIB))
    _write(groups / "pod/memory.current", str(450 * MIB))
    _write(groups / "pod/memory.stat", f"anon 1\ninactive_file {30 * MIB}\n")
    _write(groups / "pod/memory.events", "low 0\noom_kill 3\n")
    _write(groups / "pod/box/memory.max", "max\n")
    _write(groups / "pod/box/memory.current", str(400 * MIB))
    assert _memory(machine).available() == 80 * MIB
    assert _memory(machine).kills() == 5


def test_groups_of_version_1_decide(machine: Path) -> None:
    """Other controllers are passed over; a path of the host leads to the root."""
    _write(machine / "proc/self/cgroup", "5:cpu:/x\n4:memory:/docker/abc\n0::/\n")
    root = machine / "groups/memory"
    _write(root / "memory.limit_in_bytes", str(300 * MIB))
    _write(root / "memory.usage_in_bytes", str(100 * MIB))
    _write(root / "memory.stat", f"inactive_file 1\ntotal_inactive_file {5 * MIB}\n")
    _write(root / "memory.oom_control", "under_oom 0\noom_kill 1\n")
    assert _memory(machine).available() == 205 * MIB
    assert _memory(machine).kills() == 3


def test_where_nothing_is_said_nothing_is_known(tmp_path: Path) -> None:
    """Not zero: a trial must not wait for what will never be said."""
    assert _memory(tmp_path).available() is None
    assert _memory(tmp_path).kills() == 0


def test_this_machine_has_memory() -> None:
    """The real files are read, too."""
    available = Memory().available()
    assert available is not None
    assert available > MIB
