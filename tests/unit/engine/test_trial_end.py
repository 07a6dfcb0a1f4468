"""How a trial's interpreter ends, in processes forked as the fork parent forks them."""

import gc
import os
import runpy
import sys
from pathlib import Path

import pytest

from app.engine.trial_end import exit_code, leave

SCRIPTS = {
    "an open file": "held = open('out', 'w'); held.write('kept')",
    "a file in a cycle": (
        "class Node: pass\nnode = Node(); node.me = node\n"
        "node.file = open('out', 'w'); node.file.write('kept')"
    ),
    "a compressed file": "import gzip\nheld = gzip.open('out.gz', 'wt'); held.write('kept')",
    "an archive": "import zipfile\nheld = zipfile.ZipFile('out.zip', 'w'); held.writestr('a', 'kept')",
    "an exit function": "import atexit\natexit.register(lambda: open('out', 'w').write('kept'))",
    "a finalizer": (
        "class Last:\n    def __del__(self): open_('out', 'w').write('kept')\n"
        "open_ = open\nlast = Last()\nLast.__del__.__globals__"
    ),
    "a thread": (
        "import threading, time\n"
        "def late():\n    time.sleep(0.2); open('out', 'w').write('kept')\n"
        "threading.Thread(target=late).start()"
    ),
    "a pool": (
        "import concurrent.futures as f\n"
        "pool = f.ThreadPoolExecutor(1); pool.submit(lambda: open('out', 'w').write('kept'))"
    ),
    "a weak reference": (
        "import weakref\nclass Thing: pass\nthing = Thing()\n"
        "weakref.finalize(thing, lambda: open('out', 'w').write('kept'))"
    ),
    "another module": "import other",
}
OTHER = "held = open('out', 'w'); held.write('kept')"


def run(folder: Path, script: str) -> int:
    """The exit code of a forked process that runs the script and ends as a trial does."""
    (folder / "script.py").write_text(script)
    (folder / "other.py").write_text(OTHER)
    gc.freeze()
    pid = os.fork()
    if pid == 0:
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        last = next(reversed(sys.modules))
        names: dict[str, object] = {}
        code = 0
        try:
            names = runpy.run_path("script.py", run_name="__main__")
        except SystemExit as error:
            code = exit_code(error.code)
        leave(code, names, last)
    gc.unfreeze()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_what_a_script_relies_on_is_done(tmp_path: Path, script: str) -> None:
    """Files are written, exit functions and finalizers run, threads are waited for."""
    assert run(tmp_path, script) == 0
    (out,) = tmp_path.glob("out*")
    if out.suffix == ".gz":
        import gzip  # noqa: PLC0415 - one case of many

        assert gzip.decompress(out.read_bytes()) == b"kept"
    elif out.suffix == ".zip":
        import zipfile  # noqa: PLC0415 - likewise

        assert zipfile.ZipFile(out).read("a") == b"kept"
    else:
        assert out.read_text() == "kept"


@pytest.mark.parametrize(
    ("script", "code"),
    [("", 0), ("import sys; sys.exit()", 0), ("raise SystemExit(7)", 7), ("exit('no')", 1)],
)
def test_the_exit_code_is_the_scripts(tmp_path: Path, script: str, code: int) -> None:
    """A number as it is, text as one."""
    assert run(tmp_path, script) == code
