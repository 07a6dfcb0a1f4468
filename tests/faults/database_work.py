"""What goes on while the database fails: sweeps are posted, canceled, registered and read."""

import threading
import uuid
from random import Random

import httpx

from tests.faults.callers import Caller, GaveUpError
from tests.faults.report import Report
from tests.served import Json, document

MODEL = "faults"
TRIALS, STEPS = 2, 5
LOGGED = ("loss", "other")
_LISTS = ("/v1/sweeps?limit=50", "/v1/models", "/v1/events?limit=20", "/v1/sweeps?status=running")


class Work:
    """The acts of all callers, and what the service has promised them.

    Attributes:
        accepted: names of sweeps that run to their end.
        canceled: names of sweeps whose end was asked for.
        versions: answers to registrations.
    """

    def __init__(self, report: Report, dice: Random) -> None:
        self.accepted: list[str] = []
        self.canceled: list[str] = []
        self.versions: list[Json] = []
        self._report = report
        self._dice = dice
        self._lock = threading.Lock()
        self._registered: set[str] = set()

    def post(self, caller: Caller, name: str) -> str:
        """Post a sweep until it is accepted; by name, or by a key that stands for it."""
        space: Json = {"x": {"type": "uniform", "min_value": 0.0, "max_value": 1.0}}
        command = f"python steps.py --x ${{{{search_space.x}}}} --steps {STEPS} --pause 0.02"
        limits = {"max_total_trials": TRIALS, "max_concurrent_trials": 2}
        body = document(command, space, code="job", name=name, limits=limits)
        answer = caller.ask("POST", "/v1/sweeps", body=body, key=uuid.uuid4().hex)
        if answer.status_code not in (httpx.codes.OK, httpx.codes.ACCEPTED):
            raise GaveUpError(f"POST {name}: {answer.status_code} {answer.text[:300]}")
        with self._lock:
            self.accepted.append(name)
        return name

    def submit(self, caller: Caller) -> None:
        """One more sweep, while few enough wait."""
        running = caller.get("/v1/sweeps?status=queued&limit=20")["items"]
        if len(running) < 4:
            self.post(caller, f"run-{uuid.uuid4().hex[:8]}")

    def submit_and_cancel(self, caller: Caller) -> None:
        """One more sweep whose end is asked for at once."""
        name = self.post(caller, f"end-{uuid.uuid4().hex[:8]}")
        answer = caller.ask("POST", f"/v1/sweeps/{name}/cancel")
        # 409: it has ended by itself.
        if answer.status_code not in (httpx.codes.ACCEPTED, httpx.codes.CONFLICT):
            self._report.broken(f"cancel {name}: {answer.status_code} {answer.text[:300]}")
        with self._lock:
            self.accepted.remove(name)
            self.canceled.append(name)

    def register(self, caller: Caller) -> None:
        """The best trial of a sweep that has completed."""
        done = caller.get("/v1/sweeps?status=completed&limit=50")["items"]
        left = [sweep["name"] for sweep in done if sweep["name"] not in self._registered]
        if not left:
            return
        name = left[0]
        path, body = f"/v1/sweeps/{name}/register", {"model_name": MODEL}
        answer = caller.ask("POST", path, body=body)
        self._registered.add(name)
        if answer.is_success:
            self.versions.append(answer.json())
        else:
            self._report.broken(f"register {name}: {answer.status_code} {answer.text[:300]}")

    def read(self, caller: Caller) -> None:
        """A list, or a sweep that was accepted, which must be there."""
        with self._lock:
            name = self._dice.choice(self.accepted) if self.accepted else None
            path = self._dice.choice(_LISTS)
            if name is not None and self._dice.random() < 0.5:
                path = f"/v1/sweeps/{name}" + self._dice.choice(("", "/trials", "/events"))
        answer = caller.once("GET", path)
        if answer is not None and not answer.is_success:
            self._report.broken(f"GET {path}: {answer.status_code} {answer.text[:300]}")
