"""What the image is built with where there is no container engine: Debian's buildah and debootstrap.

`python -m tests.image.tools` arranges for them and says in a line what will be done with the image.
"""

import os
import shutil
import subprocess
import sys

_TOOLS = ("buildah", "debootstrap", "unshare", "setpriv", "chroot")
_PACKAGES = ("buildah", "debootstrap", "debian-archive-keyring")
_SECONDS = 600
_FOR_OTHERS = "-o=DPkg::Lock::Timeout=300"
"""Another apt-get may be at work."""


def required() -> bool:
    """Whether missing tools are a failure (SWEEPFRONT_IMAGE=required, as in CI) or a skip."""
    return os.environ.get("SWEEPFRONT_IMAGE") == "required"


def missing() -> str:
    """Why the image cannot be built and run on this machine; empty: it can."""
    if os.geteuid() != 0:
        return "building a root file system and running a service from it takes root's rights"
    gone = [name for name in _TOOLS if shutil.which(name) is None]
    return f"there is no {', '.join(gone)}" if gone else ""


def arrange() -> str:
    """Install what is missing, where Debian's packages can be had; why it is not enough, or empty."""
    if not missing() or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return missing()
    apt = ["apt-get", "-qq", _FOR_OTHERS]
    # Old lists may do: what counts is the packages.
    _run([*apt, "update"])
    _run([*apt, "install", "-y", "--no-install-recommends", *_PACKAGES])
    return missing()


def main() -> int:
    """Arrange for the tools; 1 if they are required and cannot be had."""
    reason = arrange()
    if not reason:
        print("the image is built with buildah and run by chroot")
        return 0
    print(f"the tests of the image will be skipped: {reason}", file=sys.stderr)
    return int(required())


def _run(words: list[str]) -> None:
    subprocess.run(
        words,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=_SECONDS,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main())
