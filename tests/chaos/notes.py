"""What everybody in a chaos run knows: what was promised, what broke, and what is about to happen."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.kinds import Plan
from tests.served import Json


@dataclass(slots=True, kw_only=True)
class Accepted:
    """A sweep that the service said it has taken.

    Attributes:
        drawn: parameters that a preview of the document showed.
        finished: trials that were seen to have ended, as they were then.
        again: trials that were asked to run again, with the attempt that this makes.
    """

    name: str
    plan: Plan
    drawn: list[Json]
    finished: dict[int, Json] = field(default_factory=dict)
    again: dict[int, int] = field(default_factory=dict)


class Notes:
    """Shared by the threads of one run."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._announced: Counter[str] = Counter()
        self.accepted: dict[str, Accepted] = {}
        self.versions: list[Json] = []
        self.violations: list[str] = []
        self.killed_trials: set[tuple[str, int]] = set()
        self.kills: Counter[str] = Counter()
        self.moments: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.log: list[str] = []
        self._begin = time.monotonic()

    def say(self, words: str) -> None:
        """Keep a line with its time, to see afterwards what led to what."""
        with self._condition:
            self.log.append(f"{time.monotonic() - self._begin:8.3f} {words}")

    def broken(self, words: str) -> None:
        """Something that must hold does not."""
        self.say(f"VIOLATION {words}")
        with self._condition:
            if words not in self.violations:
                self.violations.append(words)

    def accept(self, accepted: Accepted) -> None:
        """The service has taken a sweep."""
        with self._condition:
            self.accepted[accepted.name] = accepted
        self.say(f"accepted {accepted.name} ({accepted.plan.kind})")

    def announce(self, moment: str) -> None:
        """Say what is about to happen, for who wants to kill in the middle of it."""
        with self._condition:
            self._announced[moment] += 1
            self._condition.notify_all()

    def wait_for(self, moment: str, timeout: float) -> bool:
        """Wait until it is announced the next time; False when it was not within the time."""
        with self._condition:
            before = self._announced[moment]
            return self._condition.wait_for(lambda: self._announced[moment] > before, timeout)
