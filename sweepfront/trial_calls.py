"""What can be asked about the trials of a sweep, by their numbers."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal, overload
from urllib.parse import quote

from sweepfront.connection import Connection, path_of
from sweepfront.shapes import Artifact, Decision, Metric, Sweep, Trial
from sweepfront.streams import lines

Stream = Literal["stdout", "stderr"]


class TrialCalls:
    """A sweep of a service, seen by its trials."""

    def __init__(self, connection: Connection, sweep: Sweep) -> None:
        self._connection = connection
        self._sweep = sweep

    @property
    def name(self) -> str:
        """The sweep's name."""
        return self._sweep.name

    def trial(self, number: int) -> Trial:
        """One trial."""
        return self._connection.get(Trial, self._path("trials", number))

    def cancel_trial(self, number: int) -> Trial:
        """Have one trial end; the sweep goes on without it."""
        return self._connection.post(Trial, self._path("trials", number, "cancel"))

    def retry(self, number: int) -> Trial:
        """Run a finished trial again as its next attempt; a finished sweep goes on for it."""
        return self._connection.post(Trial, self._path("trials", number, "retry"))

    def metrics(self, number: int, name: str | None = None) -> list[Metric]:
        """What the trial's latest attempt reported, in order; of one metric or of all."""
        path = self._path("trials", number, "metrics")
        return list(self._connection.items(Metric, path, {"name": name}))

    def decisions(self, number: int) -> list[Decision]:
        """How the early-termination policy judged a trial, each time."""
        return list(self._connection.items(Decision, self._path("trials", number, "decisions")))

    @overload
    def log(
        self,
        number: int,
        stream: Stream = ...,
        *,
        tail: int | None = ...,
        follow: Literal[False] = ...,
    ) -> str: ...
    @overload
    def log(
        self, number: int, stream: Stream = ..., *, tail: int | None = ..., follow: Literal[True]
    ) -> Iterator[str]: ...
    def log(
        self,
        number: int,
        stream: Stream = "stdout",
        *,
        tail: int | None = None,
        follow: bool = False,
    ) -> str | Iterator[str]:
        """What a trial printed: a text, or with `follow` its lines until the trial ends.

        Args:
            number: the trial's.
            stream: stdout or stderr.
            tail: only so many last lines, and what follows them.
            follow: go on until the trial ends.
        """
        path = self._path("trials", number, "logs")
        params = {"stream": stream, "follow": follow, **({} if tail is None else {"tail": tail})}
        if follow:
            return lines(self._connection.blocks(path, params))
        return b"".join(self._connection.blocks(path, params)).decode(errors="replace")

    def artifacts(self, number: int) -> list[Artifact]:
        """The files that a trial left in ./outputs or logged through MLflow."""
        return list(self._connection.items(Artifact, self._path("trials", number, "artifacts")))

    def download(self, number: int, path: str, to: str | Path = ".") -> Path:
        """Download one of a trial's files.

        Args:
            number: the trial's.
            path: as `artifacts` names it.
            to: a file to write, or a folder to put it in.

        Returns:
            The file.
        """
        file = Path(to)
        if file.is_dir():
            file /= PurePosixPath(path).name
        there = f"{self._path('trials', number, 'artifacts')}/{quote(path, safe='/')}"
        self._connection.download(there, file)
        return file

    def _path(self, *names: str | int) -> str:
        return path_of("sweeps", self.name, *names)
