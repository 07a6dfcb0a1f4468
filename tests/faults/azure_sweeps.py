"""The sweeps that are submitted while Azure misbehaves, and who looks at them for how long."""

import sqlite3
import threading
import time
import uuid
from contextlib import closing
from pathlib import Path

import httpx

from tests.faults.report import Report
from tests.served import Json, Served, document

CALM = "calm"
"""The sweep that goes on all along, and that faults of single sweeps do not meet."""
TIMEOUT = 4.0
"""Seconds after which the service takes a request to Azure for unanswered."""
TRIALS, STEPS = 2, 12
LOGGED = ("loss", "other")
SPACE: Json = {"x": {"type": "uniform", "min_value": 0.0, "max_value": 1.0}}
_LOCAL_EVERY = 4


class Posting(threading.Thread):
    """Submits sweeps to Azure at an even pace, and now and then one to the local engine.

    Attributes:
        names: of the accepted sweeps on Azure.
        local: of those on the local engine.
    """

    def __init__(self, service: Served, report: Report, *, sweeps: int, within: float) -> None:
        super().__init__(name="posting", daemon=True)
        self.names: list[str] = []
        self.local: list[str] = []
        self._http = httpx.Client(base_url=service.client.base_url, timeout=30)
        self._report = report
        self._sweeps = sweeps
        self._pause = within / sweeps

    def calm(self) -> str:
        """The sweep whose looks are timed; its trials go on until it is canceled."""
        self._post(_document(CALM, steps=100_000, pause=2.0, trials=1))
        return CALM

    def run(self) -> None:
        """Submit all of them."""
        begun = time.monotonic()
        for number in range(self._sweeps):
            time.sleep(max(0.0, begun + number * self._pause - time.monotonic()))
            name = f"t-{uuid.uuid4().hex[:8]}"
            self._post(_document(name, steps=STEPS, pause=1.0, trials=TRIALS))
            self.names.append(name)
            if number % _LOCAL_EVERY == 0:
                local = f"local-{uuid.uuid4().hex[:8]}"
                self._post(_document(local, steps=1, pause=0.0, trials=1, backend="local"))
                self.local.append(local)
        self._http.close()

    def _post(self, body: Json) -> None:
        begun = time.monotonic()
        try:
            answer = self._http.post("/v1/sweeps", json=body)
        except httpx.TransportError as error:
            self._report.broken(f"POST {body['name']}: {type(error).__name__} {error}")
            return
        self._report.took("POST answered", time.monotonic() - begun)
        if answer.status_code != httpx.codes.ACCEPTED:
            self._report.broken(f"POST {body['name']}: {answer.status_code} {answer.text[:300]}")


def _document(
    name: str, *, steps: int, pause: float, trials: int, backend: str = "azureml"
) -> Json:
    command = f"python steps.py --x ${{{{search_space.x}}}} --steps {steps} --pause {pause}"
    limits = {"max_total_trials": trials, "max_concurrent_trials": trials}
    body = document(command, SPACE, code="job", name=name, limits=limits, backend=backend)
    if backend == "azureml":
        body["trial"]["environment"] = "azureml:concrete_env:1"
    return body


class Claims(threading.Thread):
    """Watches how long the service holds each claim: a thread of it looks, or waits to look.

    Attributes:
        longest: seconds of the longest one so far, and whose it was.
    """

    def __init__(self, database: Path) -> None:
        super().__init__(name="claims", daemon=True)
        self.longest: tuple[float, str] = (0.0, "")
        self._database = database
        self._ending = threading.Event()

    def run(self) -> None:
        """Watch, several times a second."""
        since: dict[tuple[str, int], float] = {}
        query = "SELECT name, token FROM sweeps WHERE lease_owner IS NOT NULL"
        address = f"file:{self._database}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=30)) as connection:
            while not self._ending.wait(0.2):
                held = {(name, token) for name, token in connection.execute(query)}
                now = time.monotonic()
                since = {claim: since.get(claim, now) for claim in held}
                for (name, _), begun in since.items():
                    self.longest = max(self.longest, (now - begun, name))

    def end(self) -> None:
        """Watch no longer."""
        self._ending.set()
        self.join(timeout=30)
