"""An emulated Azure that misbehaves in one way after the other, each for some seconds."""

from dataclasses import dataclass
from random import Random
from typing import Any

WORKSPACE = r"^\w+ .*/(jobs|mlflow|history)/"
"""What is asked about sweeps and their runs."""
TROUBLED = "/t-"
"""Sweeps of such names meet faults of single sweeps; others are untroubled."""
_PUT = f"^PUT .*/jobs{TROUBLED}"
_ONE = rf"^\w+ .*/jobs{TROUBLED}"
_ALWAYS = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What is wrong for a while.

    Attributes:
        kind: its name.
        faults: for the emulator.
        token_lifetime: seconds that sign-ins last.
        whole: it meets the whole workspace, so that looks at every sweep may have to wait.
    """

    kind: str
    faults: list[dict[str, Any]]
    token_lifetime: int = 3600
    whole: bool = False


KINDS = (
    "throttled",
    "lost answers",
    "server errors",
    "hanging",
    "dropped connections",
    "stale reads",
    "short tokens",
    "untroubled",
)


def weather(kind: str, dice: Random, *, hang: float) -> Weather:
    """That kind of weather.

    Args:
        kind: one of KINDS.
        dice: draws its details.
        hang: seconds that a request hangs, longer than the service waits.
    """
    seed = dice.randrange(1_000_000)
    always = {"times": _ALWAYS, "seed": seed}
    faults: list[dict[str, Any]] = []
    match kind:
        case "throttled":
            header = {"Retry-After": str(dice.randint(2, 4))}
            times = dice.randint(2, 3)
            faults = [{"match": WORKSPACE, "times": times, "status": 429, "headers": header}]
        case "lost answers":
            # The job is there, its creator hears of an error or of nothing.
            faults = [
                {"match": _PUT, **always, "chance": 0.5, "drop": "after"},
                {"match": _PUT, **always, "chance": 0.5, "after": True, "status": 500},
            ]
        case "server errors":
            faults = [
                {"match": WORKSPACE, **always, "chance": 0.4, "status": 500},
                {"match": WORKSPACE, **always, "chance": 0.4, "status": 503},
            ]
        case "hanging":
            faults = [{"match": _ONE, **always, "chance": 0.5, "delay": hang}]
        case "dropped connections":
            faults = [{"match": WORKSPACE, **always, "chance": 0.4, "drop": "before"}]
        case "stale reads":
            faults = [{"match": "GET .*/jobs/|POST .*/runs/search", "stale": True, "every": 2}]
    whole = kind in ("throttled", "server errors", "dropped connections", "short tokens")
    lifetime = 2 if kind == "short tokens" else 3600
    return Weather(kind=kind, faults=faults, token_lifetime=lifetime, whole=whole)
