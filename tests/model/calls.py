"""Calls of the callers of the model, and reading what came of them."""

import time
from typing import Any

import httpx

from tests.identity.conftest import Guarded
from tests.model.expected import Expected
from tests.served import Json

WITHIN = 120.0
"""Seconds until a sweep has ended."""


class Calls:
    """Of the callers of one service."""

    guarded: Guarded

    def call(self, owner: str, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - httpx's options
        """A call that is never a fault of the service."""
        answer = self.guarded[owner].request(method, path, **more)
        assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR, answer.text
        return answer

    def read(self, sweep: Expected) -> Json:
        """The sweep now, judged by what is expected."""
        answer = self.call(sweep.owner, "GET", f"/v1/sweeps/{sweep.name}")
        assert answer.status_code == httpx.codes.OK, answer.text
        body: Json = answer.json()
        sweep.saw(body)
        return body

    def trials(self, sweep: Expected) -> list[Json]:
        """All of its trials, by number."""
        path = f"/v1/sweeps/{sweep.name}/trials?limit=200"
        found: list[Json] = self.call(sweep.owner, "GET", path).json()["items"]
        return found

    def finished(self, sweep: Expected) -> Json:
        """The sweep once it has ended, and its trials, judged."""
        deadline = time.monotonic() + WITHIN
        while True:
            body = self.read(sweep)
            if sweep.status.finished:
                sweep.ended(body, self.trials(sweep))
                return body
            assert time.monotonic() < deadline, body
            time.sleep(0.05)
