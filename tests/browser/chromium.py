"""The Chromium of the browser tests: this machine's own, else Playwright's, else Debian's package.

`python -m tests.browser.chromium` arranges for one and says in a line which it is.
"""

import os
import shutil
import subprocess
import sys
from functools import cache

from playwright.sync_api import Browser, Error, Playwright, sync_playwright

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no other host can be reached
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_INSTALL_SECONDS = 300
_PACKAGE_SECONDS = 600


def required() -> bool:
    """Whether a missing browser is a failure (SWEEPFRONT_BROWSER=required, as in CI) or a skip."""
    return os.environ.get("SWEEPFRONT_BROWSER") == "required"


@cache
def available() -> bool:
    """Whether there is one, without arranging for it."""
    return _own() is not None or bool(_starts())


def launch(playwright: Playwright) -> Browser:
    """A headless browser.

    Raises:
        Error: of Playwright; there is none, or it does not start.
    """
    return playwright.chromium.launch(executable_path=_own(), args=ARGUMENTS)


def arrange() -> str:
    """See to it that there is a browser, and say which; an empty text if there is none."""
    found = _starts()
    for install in (_from_playwright, _from_debian):
        # Playwright's browser may lack libraries: what counts is that it starts.
        if not found and install():
            found = _starts()
    return found


def main() -> int:
    """Arrange for a browser; 1 if one is required and there is none."""
    found = arrange()
    if found:
        print(f"browser tests use {found}")
    elif required():
        print("no Chromium, and SWEEPFRONT_BROWSER=required", file=sys.stderr)
        return 1
    else:
        print(
            "no Chromium: the browser tests will be skipped; install one, "
            "or `rm .venv/.browser` to have it tried again"
        )
    return 0


def _own() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


def _starts() -> str:
    try:
        with sync_playwright() as playwright, launch(playwright) as browser:
            return f"Chromium {browser.version} ({_own() or 'of Playwright'})"
    except Error:
        return ""


def _from_playwright() -> bool:
    """Whether Playwright could download its own; a closed network says no within seconds."""
    words = [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]
    return _done(words, _INSTALL_SECONDS, PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT="5000")


def _from_debian() -> bool:
    """Whether Debian's package could be installed; nobody is asked for a password."""
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") is None or (root and shutil.which("sudo") is None):
        return False
    apt = [*root, "apt-get", "-qq"]
    package = ["install", "-y", "--no-install-recommends", "chromium"]
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    # Old lists may do, or name versions that are gone: what counts is the package itself.
    _done([*apt, "update"], _PACKAGE_SECONDS, **quiet)
    return _done([*apt, *package], _PACKAGE_SECONDS, **quiet)


def _done(words: list[str], seconds: float, **environment: str) -> bool:
    """Whether a command came to a good end in time; what it said is of no interest."""
    ended = subprocess.run(
        ["timeout", str(seconds), *words],  # which ends the command's children, too
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return ended.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
