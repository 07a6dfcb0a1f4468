"""The sweeps of a workspace: live ones in memory, finished ones on disk."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from app.engine.journal import Entry, Journal, read
from app.engine.storage import Storage
from app.engine.sweep_run import SweepRun
from app.engine.workspace import UnknownNameError, Workspace
from app.sweep.record import Submission

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A sweep as an earlier engine left it; what is added to its journal later is not seen.

    Attributes:
        size: bytes of its journal.
    """

    name: str
    workspace: Workspace
    size: int

    def entries(self) -> Sequence[Entry]:
        """What its journal held."""
        entries, _, _ = read(self.workspace.journal(self.name), limit=self.size)
        return entries

    def experiment_name(self) -> str:
        """Where its runs belong.

        Raises:
            UnknownNameError: it is gone.
        """
        submission = self.workspace.read_submission(self.name)
        if submission is None:
            raise UnknownNameError(f"the local engine has no sweep {self.name}")
        return submission.document.experiment_name


class Sweeps:
    """Which sweeps are live."""

    def __init__(self, workspace: Workspace) -> None:
        """Begin with none; `unfinished` finds those that were live before."""
        self._workspace = workspace
        self.storage = Storage(workspace.folder)
        """Whether what happens can be written down now."""
        self._live: dict[str, SweepRun] = {}
        self._news: set[str] = set()

    def __iter__(self) -> Iterator[SweepRun]:
        return iter(list(self._live.values()))

    def __contains__(self, name: str) -> bool:
        return name in self._live

    def __getitem__(self, name: str) -> SweepRun:
        return self._live[name]

    def get(self, name: str) -> SweepRun | None:
        """The live sweep of that name."""
        return self._live.get(name)

    def names(self) -> set[str]:
        """The names of the live ones."""
        return set(self._live)

    def keep(self, run: SweepRun) -> None:
        """The sweep is live from now on."""
        run.take_up(time.monotonic())
        self._live[run.name] = run

    def create(self, submission: Submission) -> SweepRun | None:
        """Write a submission down; None when it is there already.

        Raises:
            ValueError: another one of that name is.
            OSError: it could not be written; nothing of it is there then.
        """
        known = self._workspace.read_submission(submission.name)
        if known is not None:
            if known.document_hash != submission.document_hash:
                raise ValueError(
                    f"the engine has another sweep named {submission.name}: services that share "
                    "its folder need different names"
                )
            return None
        self._workspace.sweep(submission.name).mkdir(mode=0o700, parents=True, exist_ok=True)
        journal = self._journal(submission.name)
        try:
            self._workspace.write_submission(submission)
        except OSError:
            journal.close()
            raise
        return SweepRun(submission, journal, ())

    def earlier(self) -> list[Earlier]:
        """All sweeps of the workspace, as they stand at this moment."""
        return [
            Earlier(name=name, workspace=self._workspace, size=path.stat().st_size)
            for name in self._workspace.names()
            if (path := self._workspace.journal(name)).exists()
        ]

    def unfinished(self) -> Iterator[SweepRun]:
        """Those that an earlier engine left unfinished."""
        for name in self._workspace.names():
            entries, _, _ = read(self._workspace.journal(name))
            states = [entry.sweep for entry in entries if entry.sweep is not None]
            submission = self._workspace.read_submission(name)
            if submission is not None and not (states and states[-1].status.finished):
                yield SweepRun(submission, self._journal(name), entries)

    @contextmanager
    def opened(self, name: str) -> Iterator[SweepRun]:
        """The sweep, live or not; whoever changes it so that it goes on keeps it.

        Raises:
            UnknownNameError: there never was such a sweep.
        """
        run = self._live.get(name)
        if run is None:
            run = self._load(name)
        try:
            yield run
        finally:
            if name not in self._live:
                run.journal.close()

    def flush(self) -> list[str]:
        """Write the journals, and let go of the finished; the names of the sweeps with news.

        What cannot be written now stays in memory for a later call.
        """
        changed: list[str] = []
        if not self.storage.usable(time.monotonic()):
            return changed
        try:
            for name in tuple(self._news):
                run = self._live.get(name)
                if run is not None and run.journal.flush():
                    changed.append(name)
                self._news.discard(name)
                if run is not None and run.state.status.finished:
                    self._live.pop(name).journal.close()
        except OSError as error:
            self.storage.failed(error)
        return changed

    def close(self) -> None:
        """Close the journals."""
        for run in self:
            try:
                run.journal.close()
            except OSError as error:
                log.error("the end of the records of sweep %s is lost: %s", run.name, error)  # noqa: TRY400 - the reason says all

    def _load(self, name: str) -> SweepRun:
        submission = self._workspace.read_submission(name)
        if submission is None:
            raise UnknownNameError(f"the local engine has no sweep {name}")
        entries, _, _ = read(self._workspace.journal(name))
        return SweepRun(submission, self._journal(name), entries)

    def _journal(self, name: str) -> Journal:
        return Journal(self._workspace.journal(name), lambda: self._news.add(name))
