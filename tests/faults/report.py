"""What a run under faults found: counts, durations, and what was not as promised."""

import math
import threading
from collections import defaultdict
from collections.abc import Sequence


class Report:
    """Shared by the threads of one run.

    Attributes:
        counts: in the order in which they were first counted.
        durations: seconds, by what took them.
        violations: what must hold and did not.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.durations: defaultdict[str, list[float]] = defaultdict(list)
        self.violations: list[str] = []
        self._lock = threading.Lock()

    def count(self, what: str, number: int = 1) -> None:
        """Count it; a number of 0 has it listed."""
        with self._lock:
            self.counts[what] = self.counts.get(what, 0) + number

    def took(self, what: str, seconds: float) -> None:
        """It took so long."""
        with self._lock:
            self.durations[what].append(seconds)

    def broken(self, words: str) -> None:
        """Something that must hold does not."""
        with self._lock:
            if words not in self.violations:
                self.violations.append(words)

    def hold(self, what: str, wanted: object, found: object) -> None:
        """These two must be equal."""
        if wanted != found:
            self.broken(f"{what}: {str(found)[:300]}, not {str(wanted)[:300]}")

    def longest(self, what: str) -> float:
        """The longest that it took, in seconds; 0.0: it never happened."""
        return max(self.durations[what], default=0.0)

    def show(self, title: str) -> int:
        """Print all of it; 1 when anything was broken, for the shell."""
        print(f"\n{title}")
        for name, number in self.counts.items():
            print(f"  {name:52} {number:>10,}")
        for name, took in self.durations.items():
            if took:
                print(f"  {name:52} {_spread(took)}")
        print(f"  {'violations':52} {len(self.violations):>10,}")
        for words in self.violations[:40]:
            print(f"  - {words}")
        return int(bool(self.violations))


def quantile(sample: Sequence[float], share: float) -> float:
    """The value that so large a share of the sample does not exceed."""
    ordered = sorted(sample)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _spread(took: Sequence[float]) -> str:
    half, most, all_ = (quantile(took, share) for share in (0.5, 0.99, 1.0))
    return f"p50 {half:.3f} s, p99 {most:.3f} s, max {all_:.3f} s ({len(took):,} times)"
