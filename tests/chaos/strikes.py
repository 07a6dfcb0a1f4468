"""Kills at drawn moments, and what is done about each: the service is started again."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.chaos.notes import Notes
from tests.chaos.processes import VICTIMS, House, Process, house
from tests.served import Served

MOMENTS = ("any", "post", "start", "store", "end", "register", "again")
_DELAYS = {"post": 0.15, "start": 3.0, "store": 0.03, "end": 0.4, "register": 0.15, "again": 0.3}
"""Seconds after the moment within which the kill falls."""
_PATIENCE_SECONDS = 60.0
_WAIT_SECONDS = 20.0
"""How long a moment is waited for; the kill comes then anyway."""
_GONE_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """Whom to kill, and when; `dice` picks among what is alike, `delay` and `pause` are seconds."""

    victim: str
    moment: str
    dice: float
    delay: float
    pause: float


def strikes(dice: Random, points: int) -> list[Strike]:
    """That many strikes; the first one falls while everything is laid out."""
    found = []
    victims: list[str] = []
    moments: list[str] = []
    for index in range(points):
        if not victims:
            victims = dice.sample(VICTIMS, len(VICTIMS))
        if not moments:
            moments = dice.sample(MOMENTS, len(MOMENTS))
        victim = victims.pop()
        moment = moments.pop() if index else "start"
        if moment == "any":
            delay = dice.uniform(0.0, 2.5)
        else:
            delay = dice.uniform(0.0, _DELAYS[moment]) * (1 if index else 2)
        pause = dice.uniform(0.0, 0.6)
        found.append(
            Strike(victim=victim, moment=moment, dice=dice.random(), delay=delay, pause=pause)
        )
    return found


class Striker:
    """Carries out strikes on one service."""

    def __init__(self, service: Served, notes: Notes) -> None:
        self._service = service
        self._data = service.data
        self._notes = notes
        self._fresh = True

    def strike(self, strike: Strike) -> None:
        """Wait for the moment, kill, and start again what nobody else starts."""
        self._wait(strike.moment)
        time.sleep(strike.delay)
        there, killed = self._kill(strike)
        self._notes.kills[strike.victim] += 1
        self._notes.moments[strike.moment] += 1
        self._notes.say(f"killed {strike.victim} at {strike.moment} + {strike.delay:.3f} s")
        self._fresh = strike.victim != "trial"
        if "service" in strike.victim:
            assert self._service.process is not None
            self._service.process.wait(timeout=30)
            time.sleep(strike.pause)
            self._service.launch()
        if strike.victim in ("engine", "fork parent", "service and engine"):
            self._await_gone(there, killed)

    def _wait(self, moment: str) -> None:
        if moment == "start":
            if not self._fresh:
                # Something must be on its way up: the engine, at the expense of one more kill.
                engine = house(self._data).engine
                if engine is not None and engine.kill():
                    self._notes.kills["engine, for a start"] += 1
        elif moment == "store":
            self._wait_for_a_write()
        elif moment != "any":
            self._ready()
            self._notes.wait_for(moment, _WAIT_SECONDS)

    def _ready(self) -> None:
        if self._service.process is not None:
            self._service.wait_until_ready()

    def _wait_for_a_write(self) -> None:
        """Until MLflow's store changes."""
        log = self._data / "engine" / "mlflow.db-wal"
        before = _state(log)
        deadline = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < deadline and _state(log) in (before, None):
            time.sleep(0.002)

    def _kill(self, strike: Strike) -> tuple[House, Iterable[Process]]:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            there = house(self._data)
            victims = there.chosen(strike.victim, strike.dice)
            if victims:
                if strike.victim == "trial" and victims[0].trial is not None:
                    self._notes.killed_trials.add(victims[0].trial)
                gone = [victim for victim in victims if not victim.kill()]
                if not gone:
                    return there, victims
            time.sleep(0.005)
        self._notes.broken(f"no {strike.victim} to kill in {_PATIENCE_SECONDS:.0f} s")
        return there, ()

    def _await_gone(self, there: House, killed: Iterable[Process]) -> None:
        """Whatever worked below the killed process must be gone when its successor works."""
        kept = {process.pid for process in killed}
        staying = [there.service, there.engine]
        if there.service is None or there.service.pid not in kept:
            staying += [there.keeper, there.tracker]
        kept |= {process.pid for process in staying if process is not None}
        below = [process for process in there.everybody if process.pid not in kept]
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while house(self._data).fork_parent is None:
            if time.monotonic() > deadline:
                self._notes.broken(f"no fork parent within {_PATIENCE_SECONDS:.0f} s")
                return
            time.sleep(0.02)
        deadline = time.monotonic() + _GONE_SECONDS
        while left := [process for process in below if process.lives()]:
            if time.monotonic() > deadline:
                self._notes.broken(f"left behind by a kill: {[p.words for p in left]}")
                return
            time.sleep(0.05)


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
