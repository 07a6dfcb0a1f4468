"""What holds for every request that leaves for the workspace: when it may, and how long it may take."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from app.backends.azureml.circuit import Circuit
from app.backends.base import BackendError

CALL_SECONDS = 45.0
"""How long the requests of one call of ours may take together: no thread is held for a minute."""
_MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms")


class Outgoing:
    """Shared by all clients of a workspace and all threads that use them."""

    def __init__(self, timeout: float) -> None:
        """Let each request wait for its answer for `timeout` seconds at most."""
        self.circuit = Circuit()
        self._timeout = timeout
        self._call = threading.local()

    @contextmanager
    def call(self) -> Iterator[None]:
        """Some requests that belong together; `CALL_SECONDS` are theirs.

        Raises:
            BackendError: the circuit is open.
        """
        self.circuit.check()
        self._call.until = time.monotonic() + CALL_SECONDS
        try:
            yield
        finally:
            self._call.until = None

    def patience(self) -> float:
        """Seconds that the next request may wait for its answer.

        Raises:
            BackendError: none may leave, or the call has had its time.
        """
        self.circuit.check_quiet()
        until: float | None = getattr(self._call, "until", None)
        if until is None:
            return self._timeout
        left = until - time.monotonic()
        if left <= 0:
            raise BackendError(
                f"Azure answers too slowly: not done within {CALL_SECONDS:g} s", retryable=True
            )
        return min(self._timeout, left)

    def leaving(self, request: Any) -> None:  # noqa: ANN401 - azure.core's PipelineRequest
        """Called by Azure's clients before each request."""
        request.context.options["read_timeout"] = self.patience()

    def arrived(self, answer: Any) -> None:  # noqa: ANN401 - azure.core's PipelineResponse
        """Called by Azure's clients for each answer."""
        self.answered(answer.http_response.status_code, answer.http_response.headers)

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Leave the whole workspace alone if it asks for that: its limits count all requests."""
        self.circuit.heard()
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = retry_after(headers)
            words = f" for {wait:g} s" if wait is not None else ""
            self.circuit.throttled(f"Azure answered 429: it asks to be left alone{words}", wait)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds to wait that an answer names: a number, or the time until a date."""
    for name in _MILLISECONDS:
        if (milliseconds := _number(headers.get(name, ""))) is not None:
            return milliseconds / 1000
    value = headers.get("Retry-After", "")
    if (seconds := _number(value)) is not None:
        return seconds
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _number(text: str) -> float | None:
    plain = text.strip()
    return float(plain) if plain.isascii() and plain.replace(".", "", 1).isdigit() else None
