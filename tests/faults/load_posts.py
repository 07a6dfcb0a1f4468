"""Submissions that leave when they are due; a process of its own that prints one line of JSON."""

import asyncio
import json
import sys
import time
from typing import Any

import httpx

from tests.served import Json, document

_CONNECTIONS = 200
_TIMEOUT = httpx.Timeout(120.0, pool=None)
"""Who waits for a free connection has not asked yet; that time counts, and is no failure."""


async def submit(address: str, rate: float, seconds: float) -> dict[str, Any]:
    """Submit that many sweeps a second, for so long.

    Returns:
        `accepted`: the names of sweeps; `failures`: words about the others; `refusals`: how often
        one was told to come again (503 with Retry-After), and did; `seconds` from when each was due
        to its last answer, and `late`: to when it left; `lasted`: seconds in all.
    """
    accepted: list[str] = []
    refusals = 0
    failures: list[str] = []
    took: list[float] = []
    late: list[float] = []
    limits = httpx.Limits(max_connections=_CONNECTIONS)
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=_TIMEOUT) as client:

        async def one(number: int, due: float) -> None:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            late.append(time.monotonic() - due)
            name = f"load-{number:05}"
            try:
                answer = await client.post("/v1/sweeps", json=_document(name))
                while (wait := _told_to_wait(answer)) is not None:
                    nonlocal refusals
                    refusals += 1
                    await asyncio.sleep(wait)
                    answer = await client.post("/v1/sweeps", json=_document(name))
            except httpx.TransportError as error:
                failures.append(f"{name}: {type(error).__name__} {error}")
            else:
                if answer.status_code == httpx.codes.ACCEPTED:
                    accepted.append(name)
                else:
                    failures.append(f"{name}: {answer.status_code} {answer.text[:300]}")
            took.append(time.monotonic() - due)

        begun = time.monotonic() + 0.5
        count = round(rate * seconds)
        await asyncio.gather(*(one(number, begun + number / rate) for number in range(count)))
    return {
        "accepted": accepted,
        "failures": failures,
        "refusals": refusals,
        "lasted": time.monotonic() - begun,
        "seconds": took,
        "late": late,
    }


def _told_to_wait(answer: httpx.Response) -> float | None:
    """The seconds that a service which cannot keep up names; None: the answer is final."""
    if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
        return None
    wait = answer.headers.get("Retry-After", "")
    return float(wait) if wait.isdigit() else None


def _document(name: str) -> Json:
    limits = {"max_total_trials": 1, "max_concurrent_trials": 1}
    return document("true", {"x": {"type": "choice", "values": [1]}}, name=name, limits=limits)


if __name__ == "__main__":
    outcome = asyncio.run(submit(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))
    print(json.dumps(outcome), flush=True)
