"""Callers that hold the service to its promise: it answers, or says when to ask again."""

import threading
import time
from collections.abc import Callable

import httpx

from tests.faults.report import Report
from tests.served import Json

PATIENCE_SECONDS = 60.0
_REFUSALS = (httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.INSUFFICIENT_STORAGE)


class GaveUpError(Exception):
    """No answer but refusals in all the time that there was."""


class Caller:
    """One caller; every answer is judged.

    A refusal has to be 503 or 507, a problem, and say when to ask again. Everything else from 500 on,
    a connection that breaks off, and an answer that takes half a minute are violations.
    """

    def __init__(self, address: str, report: Report) -> None:
        self._http = httpx.Client(base_url=address, timeout=30)
        self._report = report

    def once(
        self, method: str, path: str, *, body: Json | None = None, key: str | None = None
    ) -> httpx.Response | None:
        """Ask once; None: it was refused for now, as it may be, or broke off."""
        begun = time.monotonic()
        headers = {"Idempotency-Key": key} if key else {}
        try:
            answer = self._http.request(method, path, json=body, headers=headers)
        except httpx.TransportError as error:
            self._report.broken(f"{method} {path}: {type(error).__name__} {error}")
            return None
        self._report.took(f"{method} answered", time.monotonic() - begun)
        if answer.status_code in _REFUSALS:
            self._report.count(f"answers {answer.status_code} with Retry-After")
            problem = answer.headers.get("Content-Type", "") == "application/problem+json"
            if not (problem and answer.headers.get("Retry-After", "").isdigit()):
                self._report.broken(f"{method} {path}: {answer.headers} {answer.text[:300]}")
            return None
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            self._report.count(f"answers {answer.status_code}")
            self._report.broken(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            return None
        self._report.count("answers below 400" if answer.is_success else "answers 4xx")
        return answer

    def ask(
        self, method: str, path: str, *, body: Json | None = None, key: str | None = None
    ) -> httpx.Response:
        """Ask until there is an answer that is no refusal.

        Raises:
            GaveUpError: there was none.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            answer = self.once(method, path, body=body, key=key)
            if answer is not None:
                return answer
            time.sleep(0.2)
        raise GaveUpError(f"{method} {path}: no answer in {PATIENCE_SECONDS:.0f} s")

    def get(self, path: str) -> Json:
        """GET that must succeed.

        Raises:
            GaveUpError: it does not.
        """
        answer = self.ask("GET", path)
        if not answer.is_success:
            raise GaveUpError(f"GET {path}: {answer.status_code} {answer.text[:300]}")
        found: Json = answer.json()
        return found

    def items(self, path: str, *, following: str = "cursor") -> list[Json]:
        """Every item of a list; `following` is the parameter for the next page."""
        found: list[Json] = []
        joint = "&" if "?" in path else "?"
        more = ""
        while True:
            page = self.get(f"{path}{joint}limit=200{more}")
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            more = f"&{following}={page['next_cursor']}"

    def close(self) -> None:
        """Hang up."""
        self._http.close()


class Repeating(threading.Thread):
    """Does the same again and again, at a pace, until told to end."""

    def __init__(
        self, name: str, address: str, report: Report, act: Callable[[Caller], None], pause: float
    ) -> None:
        """Describe it.

        Args:
            name: told in violations.
            address: of the service.
            report: for what is found.
            act: what is done.
            pause: seconds in between.
        """
        super().__init__(name=name, daemon=True)
        self._caller = Caller(address, report)
        self._report = report
        self._act = act
        self._pause = pause
        self._ending = threading.Event()

    def run(self) -> None:
        """Go on until the end."""
        while not self._ending.wait(self._pause):
            try:
                self._act(self._caller)
            except Exception as error:  # noqa: BLE001 - whatever it is, the run must tell
                self._report.broken(f"{self.name}: {type(error).__name__}: {error}")
        self._caller.close()

    def end(self) -> None:
        """End after what is under way."""
        self._ending.set()
        self.join(timeout=2 * PATIENCE_SECONDS)
