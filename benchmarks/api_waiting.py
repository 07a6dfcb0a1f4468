"""A service whose sweeps wait: its only slot is taken, and what is posted queues in the engine."""

import time

from tests.served import Served, document

PAGE = 50
_SETTLED_SECONDS = 300.0


def occupy(service: Served) -> None:
    """Have a trial hold the only slot."""
    body = document("sleep 36000", {"x": {"type": "choice", "values": [1]}})
    name = service.submit({**body, "limits": {"max_total_trials": 1}})["name"]
    service.until(name, lambda sweep: sweep["trial_counts"]["running"] == 1)


def handed_over(service: Served) -> None:
    """Wait until the engine has every sweep."""
    deadline = time.monotonic() + _SETTLED_SECONDS
    while service.get("/v1/sweeps?status=submitting&limit=1")["items"]:
        if time.monotonic() > deadline:
            raise RuntimeError(service.log()[-3000:])
        time.sleep(0.1)


def last_cursor(service: Served) -> str:
    """The cursor of the last whole page of 50, found by walking to it."""
    before = ""
    for limit in (200, PAGE):
        cursors = [before]
        while following := service.get(_path(limit, cursors[-1]))["next_cursor"]:
            cursors.append(following)
        before = cursors[max(0, len(cursors) - 2)]
    whole = len(service.get(_path(PAGE, cursors[-1]))["items"]) == PAGE
    return cursors[-1] if whole else before


def _path(limit: int, cursor: str) -> str:
    return f"/v1/sweeps?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
