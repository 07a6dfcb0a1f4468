"""The Dockerfile built for real, without a container engine and without a registry.

The base image is Debian's own Python in a root file system made by debootstrap; the network is
reached as this machine reaches it, by what the build is handed and no layer keeps.
"""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.served import ROOT

SECRET = "handed-to-the-build-only"  # noqa: S105 - what must not be found in the image
_BASE = "localhost/base:test"
_IMAGE = "localhost/sweepfront:test"
_SUITE = "bookworm"
_PACKAGES = "python3,python3-venv,ca-certificates"
_CERTIFICATES = ("/etc/ssl/certs", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates")
_OF_THE_NETWORK = re.compile(
    r"(PIP|UV)_\w+|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|(?i:https?|all|no)_(?i:proxy)"
)
_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Image:
    """A built image.

    Attributes:
        root: its root file system, unpacked.
        config: `config` of its description: User, Env, Healthcheck and so on.
        history: the steps that it says it was made by.
        layers: bytes of each layer, unpacked.
    """

    root: Path
    config: dict[str, Any]
    history: Sequence[str]
    layers: Sequence[int]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that it sets."""
        return dict(entry.split("=", 1) for entry in self.config["Env"])


class Builder:
    """buildah with a store of its own, in a folder that is thrown away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        places = ["--root", str(folder / "store"), "--runroot", str(folder / "run")]
        self._buildah = ["buildah", *places, "--storage-driver", "vfs"]

    def build(self) -> Image:
        """Make the base image, build the Dockerfile on it, and unpack what came of it."""
        base = self._folder / "base"
        run(["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, str(base)])
        run(["chroot", str(base), "apt-get", "clean"])
        container = self._do("from", "scratch")
        self._do("add", "--quiet", container, str(base), "/")
        self._do("commit", "--quiet", "--rm", container, _BASE)
        self._do(*self._of_the_build(), str(ROOT))
        about = json.loads(self._do("inspect", "--type", "image", _IMAGE))
        docker = json.loads(about["Config"])
        return Image(
            root=Path(self._do("mount", self._do("from", "--pull-never", _IMAGE))),
            config=docker["config"],
            history=[step.get("created_by", "") for step in docker["history"]],
            layers=[layer["size"] for layer in json.loads(about["Manifest"])["layers"]],
        )

    def _of_the_build(self) -> list[str]:
        """The build's words; how the network is reached lies in a file that no layer keeps."""
        found = {k: v for k, v in os.environ.items() if _OF_THE_NETWORK.fullmatch(k)}
        lines = [f"export {name}={shlex.quote(value)}" for name, value in found.items()]
        file = self._folder / "build-env"
        file.write_text("\n".join([*lines, f"export HANDED_OVER={SECRET}", ""]))
        words = ["build", "--quiet", "--isolation", "chroot", "--pull-never", "--format", "docker"]
        words += ["--build-arg", f"BASE={_BASE}", "--secret", f"id=build-env,src={file}"]
        for place in filter(os.path.isdir, _CERTIFICATES):
            words += ["--volume", f"{place}:{place}:ro"]
        for place in _local_indexes(found):
            words += ["--volume", f"{place}:{place}:ro"]
        return [*words, "--tag", _IMAGE]

    def _do(self, *words: str) -> str:
        return run([*self._buildah, *words]).strip()


def run(words: Sequence[str]) -> str:
    """What a command prints; one that fails says why.

    Raises:
        RuntimeError: it failed, in its words.
    """
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{shlex.join(words)}: {(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def _local_indexes(variables: dict[str, str]) -> set[str]:
    """Folders of packages that the variables name: an installer in the build looks there, too."""
    words = " ".join(variables.values()).replace("file://", "").split()
    return {word for word in words if word.startswith("/") and Path(word).is_dir()} - {
        *_CERTIFICATES
    }
