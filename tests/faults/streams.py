"""A reader of all events that comes back after whatever cuts it off."""

import json
import threading
import time

import httpx

from tests.faults.report import Report

_STREAM = {"Accept": "text/event-stream"}
_QUIET_SECONDS = 60.0
"""A living stream says something at least every 15 s."""


class Follower(threading.Thread):
    """Follows all events from the first on.

    Attributes:
        ids: of the events that arrived, in that order.
        arrived: when, in seconds of the monotonic clock.
        streams: how many were opened.
    """

    def __init__(self, address: str, report: Report) -> None:
        super().__init__(name="follower", daemon=True)
        self.ids: list[int] = []
        self.arrived: list[float] = []
        self.streams = 0
        self._address = address
        self._report = report
        self._ending = False

    def end(self) -> None:
        """Come back no more."""
        self._ending = True

    def run(self) -> None:
        """Follow until the end."""
        timeout = httpx.Timeout(30, read=_QUIET_SECONDS)
        with httpx.Client(base_url=self._address, timeout=timeout) as client:
            while not self._ending:
                try:
                    self._follow(client)
                except httpx.TransportError as error:
                    if not self._ending:
                        self._report.broken(f"a stream: {type(error).__name__} {error}")
                time.sleep(0.1)

    def _follow(self, client: httpx.Client) -> None:
        last = str(self.ids[-1] if self.ids else 0)
        headers = {**_STREAM, "Last-Event-ID": last}
        with client.stream("GET", "/v1/events", headers=headers) as answer:
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                self._report.count("answers 503 with Retry-After")
                if not answer.headers.get("Retry-After", "").isdigit():
                    self._report.broken(f"a stream: 503 without Retry-After {answer.headers}")
                return
            if answer.status_code != httpx.codes.OK:
                self._report.broken(f"a stream: {answer.status_code}")
                return
            self.streams += 1
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    self.ids.append(json.loads(line.removeprefix("data: "))["id"])
                    self.arrived.append(time.monotonic())
                if self._ending:
                    return

    def until(self, newest: int, *, within: float) -> bool:
        """Wait until that event has arrived; False: it has not."""
        deadline = time.monotonic() + within
        while not self.ids or self.ids[-1] < newest:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True
