"""What running trials say: their connections, their reports, their reads of MLflow."""

import selectors
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path

from app.engine.attempts import Attempt
from app.engine.tracking import Tracking
from app.engine.trial_calls import FORWARDED
from app.engine.trials import Trials
from app.engine.wire import Frames, Message, ProtocolError, Stream, frame, listen

_OF_A_RUN = frozenset({"log_batch", "log_inputs", "log_outputs", "update_run_info", "delete_tag"})
"""Calls that write to the run named by their first argument."""
_PARENT_TAG = "mlflow.parentRunId"


class TrialLink:
    """Listens to trials; reports are judged first, everything goes to MLflow after."""

    def __init__(
        self,
        path: Path,
        selector: selectors.BaseSelector,
        trials: Trials,
        tracking: Tracking,
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        """Listen at that path, on that selector; `post` has a function called on the loop."""
        self._selector = selector
        self._trials = trials
        self._tracking = tracking
        self._post = post
        self._lines: set[_TrialLine] = set()
        self._listener = listen(path)
        self._listener.settimeout(0)
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def drain(self, token: str) -> None:
        """Take all that an attempt said before its process ended."""
        self._accept()
        for line in [line for line in self._lines if line.speaks_for(token)]:
            line.stream.drain()

    def close(self) -> None:
        """Listen no more."""
        self._selector.unregister(self._listener)
        self._listener.close()
        for line in list(self._lines):
            line.stream.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                line = _TrialLine(
                    peer, self._selector, self._trials, self._tracking, self._post, self._lines
                )
                self._lines.add(line)


class _TrialLine:
    """One process of a trial."""

    def __init__(
        self,
        peer: socket.socket,
        selector: selectors.BaseSelector,
        trials: Trials,
        tracking: Tracking,
        post: Callable[[Callable[[], None]], None],
        lines: "set[_TrialLine]",
    ) -> None:
        self._trials = trials
        self._tracking = tracking
        self._post = post
        self._frames = Frames()
        self._token: str | None = None
        self.stream = Stream(
            peer, selector, on_data=self._receive, on_end=lambda: lines.discard(self)
        )

    def speaks_for(self, token: str) -> bool:
        """True for a line of that attempt, and for one that has not said whose it is."""
        return self._token in (None, token)

    def _receive(self, data: bytes) -> None:
        try:
            for message in self._frames.feed(data):
                if self._token is None:
                    self._token = str(message)
                else:
                    self._take(message)
        except (ProtocolError, TypeError, ValueError, AttributeError, IndexError) as error:
            self._answer(error, wait=True)
            self.stream.close()

    def _take(self, message: Message) -> None:
        wait, method, args, kwargs = message
        attempt = self._trials.attempt(self._token or "")
        if attempt is None:
            self._answer(PermissionError("this trial is no longer live"), wait=wait)
        elif reason := self._refusal(attempt, method, args):
            self._answer(PermissionError(reason), wait=wait)
        else:
            if method == "log_batch":
                self._report(attempt, *_batch(args, kwargs))
            if method == "create_run" and attempt.run_id is not None:
                method, args, kwargs = self._own_run(attempt.run_id, args, kwargs)
            future = self._tracking.call(method, args, kwargs, waited=wait)
            if future.done():
                self._done(attempt, method, future, wait=wait)
            else:
                future.add_done_callback(partial(self._later, attempt, method, wait))

    def _own_run(self, run_id: str, args: Message, kwargs: Message) -> Message:
        """A call that makes a nested run is left alone; any other run is the trial's own.

        MLflow forgets the run that its environment names once that run has ended, as it does
        after an autologged fit, and would then start another one that nobody looks at.
        """
        names = ("experiment_id", "user_id", "start_time", "tags", "run_name")
        tags = (dict(zip(names, args, strict=False)) | kwargs).get("tags") or ()
        if any(tag.key == _PARENT_TAG for tag in tags):
            return "create_run", args, kwargs
        own = [tag for tag in tags if not tag.key.startswith("mlflow.")]
        if own:
            self._tracking.call("log_batch", (run_id, (), (), own), {}, waited=False)
        return "get_run", (run_id,), {}

    def _refusal(self, attempt: Attempt, method: str, args: Sequence[object]) -> str | None:
        if method not in FORWARDED:
            return f"{method} is not available inside a trial"
        if method in _OF_A_RUN and args and args[0] not in attempt.runs:
            return f"{method}: run {args[0]} is not this trial's own"
        return None

    def _report(self, attempt: Attempt, run_id: object, metrics: Sequence[Message]) -> None:
        if run_id == attempt.run_id:
            for metric in metrics:
                self._trials.reported(
                    attempt,
                    str(metric.key),
                    int(metric.step),
                    float(metric.value),
                )

    def _later(self, attempt: Attempt, method: str, wait: bool, done: Future[Message]) -> None:  # noqa: FBT001 - first arguments of a partial
        """In MLflow's thread: the loop hears only of what it must answer or complain of."""
        if wait or done.exception() is not None:
            self._post(lambda: self._done(attempt, method, done, wait=wait))

    def _done(self, attempt: Attempt, method: str, done: Future[Message], *, wait: bool) -> None:
        error = done.exception()
        if error is None and method == "create_run":
            attempt.runs.add(done.result().info.run_id)
        if error is not None and not wait:
            self._trials.complain(attempt, f"{method} was not recorded: {error}")
        self._answer(error if error is not None else done.result(), wait=wait)

    def _answer(self, result: object, *, wait: bool) -> None:
        if wait:
            failed = isinstance(result, BaseException)
            self.stream.send(frame((not failed, str(result) if failed else result)))


def _batch(args: Message, kwargs: Message) -> tuple[object, Sequence[Message]]:
    """The run and the metrics of a log_batch call, however they were passed."""
    named = dict(zip(("run_id", "metrics", "params", "tags"), args, strict=False)) | kwargs
    return named.get("run_id"), named.get("metrics") or ()
