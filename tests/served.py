"""A really served Sweepfront: a process of its own, spoken to over HTTP only."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
READY_SECONDS = 60.0
FINISHED = ("completed", "failed", "canceled")

Json = dict[str, Any]


class Served:
    """One service on a free port, with its own data folder."""

    def __init__(
        self,
        data: Path,
        *,
        code_root: Path = ROOT,
        slots: int = 2,
        database_url: str = "",
        environment: Mapping[str, str] | None = None,
        root: Path = ROOT,
        log: str = "",
        workers: int = 1,
    ) -> None:
        self.data = data
        self._root = root
        self._log = data.parent / f"{log or data.name}.log"
        self._words = ["serve", *(["--workers", str(workers)] if workers > 1 else [])]
        self.port = free_port()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        self._env = {
            **os.environ,
            "SWEEPFRONT_DATA_DIR": str(data),
            "SWEEPFRONT_DATABASE_URL": database_url,
            "SWEEPFRONT_PORT": str(self.port),
            "SWEEPFRONT_CODE_ROOTS": str(code_root),
            "SWEEPFRONT_LOCAL_SLOTS": str(slots),
            "SWEEPFRONT_TERMINATION_GRACE": "2",
            **(environment or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the service and wait until it is ready."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start the service's process."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", *self._words],
                cwd=self._root,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_until_ready(self) -> None:
        """Wait until the service can work."""
        assert self.process is not None
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if self.client.get("/readyz").status_code == httpx.codes.OK:
                    return
            assert self.process.poll() is None, self.log()
            time.sleep(0.05)
        raise AssertionError(f"not ready after {READY_SECONDS} s: {self.log()}")

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        """SIGKILL to all of its processes but the engine's, at once."""
        assert self.process is not None
        self.send_all(signal.SIGKILL)
        self.process.wait(timeout=30)

    def log(self) -> str:
        """What the service printed."""
        return self._log.read_text(errors="replace")

    def submit(self, document: Json) -> Json:
        """Post a document that must be accepted."""
        answer = self.client.post("/v1/sweeps", json=document)
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return self._object(answer)

    def get(self, path: str) -> Json:
        """GET that must succeed."""
        answer = self.client.get(path)
        assert answer.status_code == httpx.codes.OK, answer.text
        return self._object(answer)

    def finished(self, name: str, *, within: float = 60.0) -> Json:
        """The sweep once it has ended."""
        return self.until(name, lambda sweep: sweep["status"] in FINISHED, within=within)

    def until(self, name: str, condition: Any, *, within: float = 60.0) -> Json:  # noqa: ANN401 - a test's lambda
        """The sweep once the condition holds of it."""
        deadline = time.monotonic() + within
        sweep: Json = {}
        while time.monotonic() < deadline:
            sweep = self.get(f"/v1/sweeps/{name}")
            if condition(sweep):
                return sweep
            time.sleep(0.05)
        raise AssertionError(f"not within {within} s: {sweep}\n{self.log()[-3000:]}")

    def items(self, path: str, *, following: str = "cursor") -> list[Json]:
        """Every item of a list, page by page; `following` is the parameter for the next page."""
        found: list[Json] = []
        cursor: str | None = None
        while True:
            mark = "&" if "?" in path else "?"
            page = self.get(path + (f"{mark}{following}={cursor}" if cursor else ""))
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def pids(self) -> list[int]:
        """The web server, and the processes beside it that look at sweeps; no engine."""
        assert self.process is not None
        found, left = [], [self.process.pid]
        while left:
            pid = left.pop()
            found.append(pid)
            with contextlib.suppress(OSError):
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                names = {child: Path(f"/proc/{child}/comm").read_text() for child in children}
                left += [int(child) for child, name in names.items() if name.startswith("sweep-")]
        return found

    def send_all(self, number: signal.Signals) -> None:
        """A signal to each of these at once, as what befalls the whole machine would be."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def memory(self) -> float:
        """Megabytes of memory that these hold, of what they share each its part."""
        texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.pids()]
        return sum(int(text.split("\nPss:")[1].split()[0]) for text in texts) / 1024

    def processor_seconds(self) -> list[float]:
        """What each of these has used so far, as user and system."""
        texts = [Path(f"/proc/{pid}/stat").read_text() for pid in self.pids()]
        used = [text.rpartition(")")[2].split()[11:13] for text in texts]
        return [(int(user) + int(system)) / os.sysconf("SC_CLK_TCK") for user, system in used]

    def engine_pid(self) -> int:
        """The process of the engine that works in this data folder."""
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                if b"engine" in words and str(self.data / "engine").encode() in words:
                    return int(folder.name)
        raise AssertionError("no engine runs")

    def processes(self) -> list[str]:
        """Command lines of all processes that work for this data folder."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                environment = (folder / "environ").read_bytes()
                words = (folder / "cmdline").read_bytes()
                if str(self.data).encode() in environment + words and words:
                    found.append(words.replace(b"\0", b" ").decode(errors="replace"))
        return found

    @staticmethod
    def _object(answer: httpx.Response) -> Json:
        body: Json = answer.json()
        return body


@contextlib.contextmanager
def served(data: Path, **options: Any) -> Iterator[Served]:  # noqa: ANN401 - passed on to Served
    """A started service; ended, and its engine with it, whatever the test did."""
    service = Served(data, **options)
    service.start()
    try:
        yield service
    finally:
        if service.process is not None and service.process.poll() is None:
            service.stop()
        else:
            # Of a service that the test has killed the engine is still at work.
            with contextlib.suppress(AssertionError, ProcessLookupError):
                os.kill(service.engine_pid(), signal.SIGTERM)
        service.client.close()


def until(condition: Callable[[], bool], within: float = 60.0) -> None:
    """Wait for it, so many seconds at most."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def document(command: str, space: Json, **more: Any) -> Json:  # noqa: ANN401 - any key of the document
    """A small document around a command and a search space."""
    limits = {"max_total_trials": 4, "max_concurrent_trials": 2}
    return {
        "trial": {"command": command, "code": more.pop("code", None)},
        "search_space": space,
        "sampling_algorithm": {"type": "random", "seed": 7},
        "objective": {"primary_metric": "loss", "goal": "minimize"},
        "limits": limits,
        **more,
    }


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def slow_sweep(points: int, steps: int, pause: float, **more_limits: float) -> Json:
    """A grid, two trials at once, each of which reports so many times, `pause` seconds apart."""
    return document(
        f"python slow.py ${{{{search_space.level}}}} {steps} {pause}",
        {"level": {"type": "choice", "values": list(range(points))}},
        code="job",
        sampling_algorithm="grid",
        limits={"max_total_trials": points, "max_concurrent_trials": 2, **more_limits},
    )


def half_done(sweep: Json) -> bool:
    """Some of its trials have completed, and others run."""
    counts = sweep["trial_counts"]
    return int(counts["completed"]) >= 2 and int(counts["running"]) > 0
