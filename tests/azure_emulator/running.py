"""An emulator in a process of its own, for tests and benchmarks."""

import contextlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.served import ROOT

READY_SECONDS = 180.0


class RunningEmulator:
    """The process, the variables that lead to it, and its controls."""

    def __init__(self, folder: Path, *, slots: int = 2, simulated: int = 0) -> None:
        self.folder = folder
        self._options = ["--slots", str(slots), "--simulated", str(simulated)]
        self._port = _free_port()
        self.base = f"https://localhost:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        words = [sys.executable, "-m", "tests.azure_emulator", "--folder", str(self.folder)]
        words += ["--port", str(self._port), *self._options]
        log = self.folder.parent / f"{self.folder.name}.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(words, cwd=ROOT, stdout=output, stderr=output)
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError, OSError):
                if self._control("GET", "requests") is not None:
                    return
            assert self._process.poll() is None, log.read_text()
            time.sleep(0.1)
        raise AssertionError(f"no emulator after {READY_SECONDS} s: {log.read_text()}")

    def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=30)

    def environment(self) -> dict[str, str]:
        """The variables with which the product finds it."""
        lines = (self.folder / "environment").read_text().splitlines()
        pairs = (line.removeprefix("export ").split("=", 1) for line in lines)
        return {name: value.strip("'") for name, value in pairs}

    def misbehave(self, *faults: dict[str, Any], token_lifetime: int = 3600) -> None:
        """Plan faults, see `tests.azure_emulator.faults`; none: behave from now on."""
        self._control(
            "PUT", "faults", json={"faults": list(faults), "token_lifetime": token_lifetime}
        )

    def requests(self, match: str = "") -> list[float]:
        """When (monotonic seconds) requests came whose "METHOD path" matches, since the last plan."""
        found: list[tuple[float, str]] = self._control("GET", "requests")
        return [at for at, line in found if re.search(match, line)]

    def throttled(self) -> list[tuple[float, float]]:
        """When requests were refused with Retry-After, and its seconds, since the last plan."""
        found: list[list[float]] = self._control("GET", "throttled")
        return [(at, seconds) for at, seconds in found]

    def disturbed(self) -> int:
        """How many requests met a fault since the last plan."""
        found: int = self._control("GET", "disturbed")
        return found

    def jobs(self) -> list[str]:
        """The names of all jobs."""
        found: list[str] = self._control("GET", "jobs")
        return found

    def job(self, name: str) -> dict[str, Any]:
        """The properties of a job as they were put."""
        found: dict[str, Any] = self._control("GET", f"jobs/{name}")["properties"]
        return found

    def override(self, job: str, **properties: Any) -> None:  # noqa: ANN401 - JSON values
        """Have a job shown with other properties than it has."""
        self._control("PUT", f"override/{job}", json=properties)

    def advance(self, *, sweeps: int, trials: int) -> None:
        """Have the first trials of the first simulated sweeps log one more value."""
        self._control("PUT", "advance", json={"sweeps": sweeps, "trials": trials})

    def pace(self, *, haste: int = 1, signature_seconds: int = 8 * 3600) -> None:
        """Have limits of time run out sooner, or signatures of storage; none: as usual."""
        self._control("PUT", "pace", json={"haste": haste, "signature_seconds": signature_seconds})

    def entities(self, kind: str) -> dict[str, Any]:
        """What was put of a kind (job, environment, code, model), by name and version."""
        found: dict[str, Any] = self._control("GET", f"entities/{kind}")
        return found

    def revoke(self) -> None:
        """Refuse every token given so far."""
        self._control("PUT", "revoke")

    def forget(self, job: str) -> None:
        """Lose a job."""
        self._control("DELETE", f"jobs/{job}")

    def _control(self, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401 - JSON values
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        with httpx.Client(verify=context) as client:
            return client.request(method, f"{self.base}/control/{path}", **options).json()


@contextlib.contextmanager
def running_emulator(
    folder: Path, *, slots: int = 2, simulated: int = 0
) -> Iterator[RunningEmulator]:
    """A started emulator, ended whatever happened."""
    emulator = RunningEmulator(folder, slots=slots, simulated=simulated)
    try:
        emulator.start()
        yield emulator
    finally:
        emulator.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
