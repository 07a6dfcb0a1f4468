"""A sweep that is removed is whole or gone, whenever its remover is killed."""

import subprocess
import sys
import time
from pathlib import Path

from app.engine.workspace import Workspace
from tests.served import ROOT

FILES = 4000
REMOVE = """
import sys
from pathlib import Path
from app.engine.workspace import Workspace
Workspace(Path(sys.argv[1])).remove_sweep("one")
"""


def test_a_killed_removal_leaves_no_part_of_a_sweep(tmp_path: Path) -> None:
    """Killed while files go; what is left is deleted by the next one, and is no sweep meanwhile."""
    workspace = Workspace(tmp_path)
    workspace.create()
    folder = workspace.sweep("one")
    (folder / "trials").mkdir(parents=True)
    for number in range(FILES):
        (folder / "trials" / f"{number:04}").touch()
    (folder / "sweep.json").touch()
    remover = subprocess.Popen([sys.executable, "-c", REMOVE, str(tmp_path)], cwd=ROOT)
    deadline = time.monotonic() + 30
    while remover.poll() is None and _files(tmp_path) > FILES:
        assert time.monotonic() < deadline
    remover.kill()
    remover.wait()
    assert _files(tmp_path) <= FILES
    assert not folder.exists()
    assert list(workspace.names()) == []
    workspace.finish_removals()
    assert _files(tmp_path) == 0


def _files(folder: Path) -> int:
    """How many there are, wherever they lie now."""
    return sum(path.is_file() for path in _walked(folder))


def _walked(folder: Path) -> list[Path]:
    while True:
        try:
            return list(folder.rglob("*"))
        except FileNotFoundError:
            continue  # a folder went while it was listed
