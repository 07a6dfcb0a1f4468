"""When the time of each sweep runs out, so that nobody looks through all of them for it."""

import heapq

_ALIKE_SECONDS = 0.01


class Alarms:
    """Moments by name, in monotonic seconds; the earliest is at hand."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._set: dict[str, float] = {}

    def ring(self, name: str, at: float | None) -> None:
        """Ring for it then, and at no other time; None: never."""
        known = self._set.get(name)
        if at is None:
            self._set.pop(name, None)
        elif known is None or abs(known - at) > _ALIKE_SECONDS:
            self._set[name] = at
            heapq.heappush(self._heap, (at, name))

    def due(self, now: float) -> set[str]:
        """The names whose moment has come; each is told once."""
        found = set()
        while self._heap and self._heap[0][0] <= now:
            at, name = heapq.heappop(self._heap)
            if self._set.get(name) == at:
                del self._set[name]
                found.add(name)
        return found

    def next(self) -> float | None:
        """The earliest moment; None when there is none."""
        while self._heap and self._set.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
