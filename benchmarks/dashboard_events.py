"""Many readers of the event stream, in a process of their own, and submissions beside them."""

import asyncio
import statistics
import subprocess
import sys
import time
from types import TracebackType

import httpx

from tests.served import Served, document

_SUBMITTED = 40
_STREAM = {"Accept": "text/event-stream"}


class Readers:
    """So many open streams of all events, from entering to leaving."""

    def __init__(self, service: Served, count: int) -> None:
        """Read from that service."""
        self._command = [sys.executable, "-m", "benchmarks.dashboard_events"]
        self._command += [f"http://127.0.0.1:{service.port}", str(count)]

    def __enter__(self) -> None:
        """Wait until every stream is open."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE)  # noqa: S603 - ours
        if self._process.stdout is None or not self._process.stdout.readline():
            raise RuntimeError("the readers did not start")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close them."""
        self._process.kill()
        self._process.wait()


def submissions(service: Served) -> float:
    """Median seconds of submitting a small sweep; all have ended when this returns."""
    names, took = [], []
    for _ in range(_SUBMITTED):
        body = document(
            "true",
            {"x": {"type": "choice", "values": [1]}},
            limits={"max_total_trials": 1, "max_concurrent_trials": 1},
        )
        started = time.monotonic()
        names.append(service.submit(body)["name"])
        took.append(time.monotonic() - started)
    for name in names:
        service.finished(name, within=300)
    return statistics.median(took)


async def _read(url: str, count: int) -> None:
    limits = httpx.Limits(max_connections=count)
    opened = asyncio.Semaphore(0)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=None) as client:  # noqa: S113 - streams do not end

        async def one() -> None:
            async with client.stream("GET", "/v1/events", headers=_STREAM) as answer:
                opened.release()
                async for _ in answer.aiter_raw():
                    pass

        reading = [asyncio.create_task(one()) for _ in range(count)]
        for _ in range(count):
            await opened.acquire()
        print("open", flush=True)
        await asyncio.gather(*reading)


if __name__ == "__main__":
    asyncio.run(_read(sys.argv[1], int(sys.argv[2])))
