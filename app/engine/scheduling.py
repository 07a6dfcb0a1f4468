"""Who gets the next free slot, and whether there is memory for another trial at all."""

from collections.abc import Mapping

from app.engine.memory import Memory
from app.engine.sweep_run import SweepRun

RECHECK_SECONDS = 1.0
"""How often memory is looked at while trials wait for it."""
_MIB = 1024 * 1024


class Scheduling:
    """Slots are given away one at a time: by priority, and within one in turn."""

    def __init__(self, memory: Memory, *, slots: int, min_free: int) -> None:
        """Give away so many slots.

        Args:
            memory: what the kernel says of it.
            slots: how many trials run at once, over all sweeps.
            min_free: bytes that must be free for another trial to start; 0: memory is not looked at.
        """
        self._memory = memory
        self._slots = slots
        self._min_free = min_free
        self._last: dict[str, int] = {}
        self._given = 0
        self._held: dict[str, SweepRun] = {}
        self.recheck_at: float | None = None
        """When `recheck` has something to say (monotonic); None while nobody waits for memory."""

    def free(self, running: int) -> int:
        """How many slots are free while so many trials run."""
        return self._slots - running

    def next(self, waiting: Mapping[str, SweepRun], running: Mapping[str, int]) -> SweepRun:
        """The sweep whose turn it is.

        The highest priority first; of equals the one with the fewest running trials; of these
        the one that has waited longest since it was given a slot.

        Args:
            waiting: sweeps that may want one, by name.
            running: how many trials of each sweep run.
        """
        if self.free(sum(running.values())) <= 0:
            # Nobody gets one, so that the order does not matter.
            return next(iter(waiting.values()))
        name = min(
            waiting,
            key=lambda name: (
                -waiting[name].document.priority,
                running.get(name, 0),
                self._last.get(name, 0),
                name,
            ),
        )
        return waiting[name]

    def given(self, name: str) -> None:
        """The sweep was given a slot."""
        self._given += 1
        self._last[name] = self._given

    def ended(self, name: str) -> None:
        """The sweep wants no more."""
        self._last.pop(name, None)
        self._held.pop(name, None)

    def may_start(self, run: SweepRun, now: float, running: int) -> bool:
        """Whether there is memory for another trial, and the sweep says so while there is not.

        Where nothing runs there always is: waiting would not free any.
        """
        if running == 0 or self._enough():
            self._release(run)
            return True
        # The free memory itself would change the words, and with them the records, every second.
        run.wait_for(
            f"waiting for memory: less than {self._min_free // _MIB} MiB are free "
            "(SWEEPFRONT_MIN_FREE_MEMORY); trials start again as soon as there is more"
        )
        self._held[run.name] = run
        self.recheck_at = self.recheck_at or now + RECHECK_SECONDS
        return False

    def recheck(self, now: float) -> set[str]:
        """The sweeps that wait for memory, when it is time to look at them again."""
        if self.recheck_at is None or now < self.recheck_at:
            return set()
        names = set(self._held)
        if self._enough():
            for run in list(self._held.values()):
                self._release(run)
        self.recheck_at = now + RECHECK_SECONDS if self._held else None
        return names

    def _enough(self) -> bool:
        if self._min_free == 0:
            return True
        free = self._memory.available()
        return free is None or free >= self._min_free

    def _release(self, run: SweepRun) -> None:
        self._held.pop(run.name, None)
        run.wait_for(None)
