"""Prometheus' own judge of rules and metrics: this machine's, else the one in Debian's package.

`python -m tests.monitoring.promtool` arranges for it and says in a line which it is. The package
is taken apart, not installed: that would start a server.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOOL = "promtool"
OWN = Path(sys.prefix) / "bin" / TOOL
"""Where the one from the package is kept, beside the tools of this environment."""
_SECONDS = 300


def required() -> bool:
    """Whether its absence is a failure (SWEEPFRONT_PROMTOOL=required, as in CI) or a skip."""
    return os.environ.get("SWEEPFRONT_PROMTOOL") == "required"


def found() -> str | None:
    """Its path; None if there is none."""
    return shutil.which(TOOL) or (str(OWN) if OWN.exists() else None)


def judged(*words: str, cwd: Path, stdin: str = "") -> tuple[int, str]:
    """The exit code of `promtool ...`, and all that it said."""
    ended = subprocess.run(
        [found() or TOOL, *words], cwd=cwd, input=stdin, capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stdout + ended.stderr


def taken_from_debian(target: Path) -> bool:
    """Whether Debian's package could be had and the tool put there; nobody is asked for a password."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return False
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if not _done(["apt-get", "-qq", "download", "prometheus"], folder):
            root = [] if os.geteuid() == 0 else ["sudo", "-n"]
            _done([*root, "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", "update"], folder)
            _done(["apt-get", "-qq", "download", "prometheus"], folder)
        packages = list(folder.glob("prometheus_*.deb"))
        if not packages or not _done(["dpkg-deb", "-x", packages[0].name, "files"], folder):
            return False
        shutil.copy(folder / "files" / "usr" / "bin" / TOOL, target)
    return True


def main() -> int:
    """Arrange for it; 1 if it is required and there is none."""
    if found() or taken_from_debian(OWN):
        _, said = judged("--version", cwd=Path())
        print(f"the tests of rules and metrics use {said.splitlines()[0]} ({found()})")
    elif required():
        print("no promtool, and SWEEPFRONT_PROMTOOL=required", file=sys.stderr)
        return 1
    else:
        print(
            "no promtool: the tests of rules and metrics will be skipped; install it, "
            "or `rm .venv/.promtool` to have it tried again"
        )
    return 0


def _done(words: list[str], folder: Path) -> bool:
    """Whether a command came to a good end in time; what it said is of no interest."""
    try:
        ended = subprocess.run(
            ["timeout", str(_SECONDS), *words],  # which ends the command's children, too
            cwd=folder,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return False
    return ended.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
