"""The demonstration: a service of its own, a whole sweep, a registered model; then it serves on."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from rich.console import Console

from app.cli import documents
from app.cli.calls import CommandError
from app.cli.printing import print_outcome
from app.settings import Settings
from sweepfront import Client

DEMO_DOCUMENT = Path("examples/concrete.yaml")
_PORTS = 100
_READY_SECONDS = 60.0
_END_SECONDS = 60.0


def demonstrate(file: Path, settings: Settings, console: Console) -> int:
    """Run the demonstration until Ctrl-C; everything it started has ended when it returns.

    Args:
        file: the sweep document.
        settings: of the service; its port is the first choice.
        console: where to print.

    Returns:
        The exit code: 0 after Ctrl-C once a model was registered, else 1.

    Raises:
        CommandError: the service cannot be started.
        sweepfront.SweepfrontError: it refuses the document.
    """

    def say(words: str) -> None:
        console.print(words, soft_wrap=True, highlight=False, markup=False)

    if not file.is_file():
        raise CommandError(f"{file} is not here; run the demo in the repository's folder")
    port = _free_port(settings)
    if port != settings.port:
        say(f"port {settings.port} is taken; serving on port {port} instead")
    url = f"http://127.0.0.1:{port}"
    log = settings.data_dir / "service.log"
    succeeded = False
    try:
        with _service(port, log) as service:
            client = Client(url)
            _await_ready(service, client, log)
            say(f"serving on {url} (log: {log})")
            sweep = documents.submit(client, file, settings, say)
            say(f"sweep {sweep.name}: {url}/v1/sweeps/{sweep.name}")
            sweep.wait()
            print_outcome(sweep.sweep, console)
            if sweep.status != "completed":
                return 1
            version = sweep.register()
            model, number = version.model_name, version.version
            say(f"registered {model} version {number}")
            say(f"model file: {unquote(urlsplit(version.uri).path)}")
            say(f"download:   {url}/v1/models/{model}/versions/{number}/download")
            say(f"dashboard:  {url}/dashboard/sweeps/{sweep.name}")
            say(f"try it out: {url}/docs")
            say("serving until Ctrl-C")
            succeeded = True
            service.wait()
            say(f"the service ended by itself; see {log}")
            return 1
    except KeyboardInterrupt:
        say("\neverything that the demo started has ended")
        return 0 if succeeded else 1


@contextmanager
def _service(port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A service process, ended in order on the way out, whatever the way."""
    signal.signal(signal.SIGTERM, _interrupt)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C reaches this process only, which then ends the service in order.
            start_new_session=True,
            env={
                **os.environ,
                "SWEEPFRONT_PORT": str(port),
                "SWEEPFRONT_HOST": "127.0.0.1",
            },
        )
    try:
        yield process
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        process.terminate()
        try:
            process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_ready(service: subprocess.Popen[bytes], client: Client, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if service.poll() is not None:
            break
        if client.ready():
            return
        time.sleep(0.1)
    lines = log.read_text(errors="replace").splitlines()[-5:]
    raise CommandError("\n".join(["the service did not start:", *lines, f"(log: {log})"]))


def _free_port(settings: Settings) -> int:
    for port in range(settings.port, min(settings.port + _PORTS, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise CommandError(f"no free port from {settings.port} on; set SWEEPFRONT_PORT")


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
