"""A service run from an image's root file system as a container engine would run it.

Its own mounts and processes, the root file system read-only, nobody's rights; /data and /tmp are
what it may write.
"""

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.image.building import Image
from tests.served import Served

_MOUNTS = """
set -eu
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount --bind "$2" "$1/data"
mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
if [ -n "$3" ]; then mount --bind "$3" "$1/mnt"; fi
root=$1
shift 3
exec chroot "$root" "$@"
"""
_RIGHTS = (
    "setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs "
    "--inh-caps=-all --bounding-set=-all env -i"
)
_STOP_SECONDS = 60


class Contained(Served):
    """A service from the image; `data` is what is mounted at /data."""

    def __init__(
        self,
        image: Image,
        data: Path,
        *,
        variables: Mapping[str, str] | None = None,
        mounted: Path | None = None,
    ) -> None:
        """Describe it.

        Args:
            image: what it runs from.
            data: the volume; it belongs to the image's user afterwards.
            variables: besides the image's own.
            mounted: a folder that is to be seen at /mnt.
        """
        super().__init__(data)
        data.mkdir(exist_ok=True)
        os.chown(data, 10001, 10001)
        self._image = image
        self._mounted = mounted
        # Nobody is identified here, so it listens on loopback only.
        own = {"SWEEPFRONT_HOST": "127.0.0.1", "SWEEPFRONT_PORT": str(self.port)}
        self._variables = {**own, **(variables or {})}

    def words(self, command: Sequence[str], variables: Mapping[str, str]) -> list[str]:
        """The command that runs another one in the container."""
        settings = {**self._image.environment, **variables}
        inner = [*shlex.split(_RIGHTS), *(f"{name}={value}" for name, value in settings.items())]
        # chroot leaves the working directory to its command.
        inner += ["sh", "-c", 'cd "$0" && exec "$@"', self._image.config["WorkingDir"], *command]
        outer = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _MOUNTS, "sh"]
        mounted = str(self._mounted) if self._mounted else ""
        return [*outer, str(self._image.root), str(self.data), mounted, *inner]

    def launch(self) -> None:
        """Start what the image starts by itself."""
        config = self._image.config
        command = [*config["Entrypoint"], *config["Cmd"]]
        with (self.data.parent / f"{self.data.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.words(command, self._variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def run(
        self, command: Sequence[str], variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end in a container beside the service's, with the same volume."""
        return subprocess.run(
            self.words(command, self._variables if variables is None else variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
            check=False,
        )

    def first_process(self) -> int:
        """The container's process 1, as this machine numbers it."""
        assert self.process is not None
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def stop(self) -> int:
        """SIGTERM to process 1, as `docker stop` sends it, and the exit code."""
        assert self.process is not None
        os.kill(self.first_process(), signal.SIGTERM)
        return self.process.wait(timeout=_STOP_SECONDS)

    def close(self) -> None:
        """End it, if it runs, and all that it has started."""
        if self.process is not None and self.process.poll() is None:
            # With process 1 all others of the container end; it outlives the one that started it,
            # since a change of rights takes the signal of its parent's death away.
            with suppress(OSError, IndexError):
                os.kill(self.first_process(), signal.SIGKILL)
            self.process.kill()
            self.process.wait()
        self.client.close()
