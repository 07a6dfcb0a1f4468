"""Who gets the next free slot, and whether there is memory and disk for another trial at all."""

from collections.abc import Mapping

from app.engine.memory import Memory
from app.engine.storage import Storage
from app.engine.sweep_run import SweepRun

RECHECK_SECONDS = 1.0
"""How often what trials wait for is looked at."""
_MIB = 1024 * 1024


class Scheduling:
    """Slots are given away one at a time: by priority, and within one in turn."""

    def __init__(self, storage: Storage, memory: Memory, *, slots: int, min_free: int) -> None:
        """Give away so many slots.

        Args:
            storage: whether what a trial does can be written down.
            memory: what the kernel says of it.
            slots: how many trials run at once, over all sweeps.
            min_free: bytes that must be free for another trial to start; 0: memory is not looked at.
        """
        self._storage = storage
        self._memory = memory
        self._slots = slots
        self._min_free = min_free
        self._last: dict[str, int] = {}
        self._given = 0
        self._held: dict[str, SweepRun] = {}
        self.recheck_at: float | None = None
        """When `recheck` has something to say (monotonic); None while nobody is held back."""

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
        """Whether another trial can start, and the sweep says what it waits for while none can."""
        short_of = self._short_of(running)
        if short_of is None:
            self._release(run)
            return True
        run.wait_for(short_of)
        self._held[run.name] = run
        self.recheck_at = self.recheck_at or now + RECHECK_SECONDS
        return False

    def recheck(self, now: float, running: int) -> set[str]:
        """The sweeps that are held back, when it is time to look at them again."""
        if self.recheck_at is None or now < self.recheck_at:
            return set()
        names = set(self._held)
        if self._short_of(running) is None:
            for run in list(self._held.values()):
                self._release(run)
        self.recheck_at = now + RECHECK_SECONDS if self._held else None
        return names

    def _short_of(self, running: int) -> str | None:
        """What another trial would have to wait for.

        Where nothing runs there is memory enough: waiting would not free any.
        """
        if self._storage.trouble is not None:
            return (
                f"waiting for the disk: {self._storage.trouble}; trials start again as soon as "
                "the local engine can write to its folder"
            )
        if running == 0 or self._min_free == 0:
            return None
        free = self._memory.available()
        if free is None or free >= self._min_free:
            return None
        # The free memory itself would change the words, and with them the records, every second.
        return (
            f"waiting for memory: less than {self._min_free // _MIB} MiB are free "
            "(SWEEPFRONT_MIN_FREE_MEMORY); trials start again as soon as there is more"
        )

    def _release(self, run: SweepRun) -> None:
        self._held.pop(run.name, None)
        run.wait_for(None)
