"""What a sweep needs before its first trial: its environment built, its inputs downloaded.

Both may take minutes, so threads of their own do it. Whoever submits is told to come again, and
woken when it is done; a sweep that is canceled meanwhile never starts.
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from app.backends.base import BackendError
from app.backends.downloads import Downloads
from app.backends.environments import Environments
from app.backends.local_data import from_here, from_the_web
from app.backends.local_environment import Find, wanted_environment
from app.backends.local_options import LocalOptions
from app.sweep.errors import storage_error
from app.sweep.record import Submission
from app.sweep.requirements import Requirements

_THREADS = 4
_LOOK_AGAIN_SECONDS = 30.0


class Preparation:
    """Makes submissions ready for the engine."""

    def __init__(self, folder: Path, options: LocalOptions, find: Find) -> None:
        """Keep environments and downloads below that folder."""
        self._options = options
        self._find = find
        self._stopping = threading.Event()
        self._environments = Environments(
            folder / "environments", timeout=options.environment_timeout, stopping=self._stopping
        )
        self._downloads = Downloads(
            folder / "downloads",
            reach=options.download_reach,
            proxy=options.download_proxy,
            max_bytes=options.max_download_bytes,
            timeout=options.download_timeout,
            stopping=self._stopping,
        )
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="prepare")
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[Submission]] = {}

    def prepared(self, submission: Submission, done: Callable[[str], None]) -> Submission:
        """The submission with its interpreter and the place of all its inputs.

        Args:
            submission: as it was judged.
            done: called with its name when it is worth while to ask again.

        Raises:
            BackendError: it is still being made (then retryable), or cannot be made.
        """
        document = submission.document
        wanted = wanted_environment(document, self._options, self._find, submission.code)
        if wanted.errors:
            raise BackendError(f"trial.environment: {wanted.errors[0].message}")
        inputs = {**submission.inputs, **from_here(document, self._options)}
        submission = replace(submission, inputs=inputs)
        addresses = from_the_web(document, self._options)
        requirements = wanted.requirements
        if not addresses:
            if requirements is None:
                return submission
            if (python := self._environments.built(requirements)) is not None:
                return replace(submission, python=python)
        with self._lock:
            if self._stopping.is_set():
                raise BackendError("the service is stopping", retryable=True)
            name = submission.name
            future = self._under_way.get(name)
            if future is None:
                future = self._pool.submit(self._make, submission, requirements, addresses)
                self._under_way[name] = future
                future.add_done_callback(lambda _future: done(name))
            if future.done():
                del self._under_way[name]
                return future.result()
        raise BackendError(
            "its environment is being built"
            if not addresses
            else "its inputs are being downloaded",
            retryable=True,
            retry_after=_LOOK_AGAIN_SECONDS,
            kind="preparing",
        )

    def forget(self, name: str) -> None:
        """Nobody waits for this sweep any more."""
        with self._lock:
            future = self._under_way.pop(name, None)
        if future is not None:
            future.cancel()

    def stop(self) -> None:
        """Tell what is under way to end; it is begun anew when it is asked for again."""
        with self._lock:
            self._stopping.set()

    def close(self) -> None:
        """Wait for its end."""
        self.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _make(
        self,
        submission: Submission,
        requirements: Requirements | None,
        addresses: Mapping[str, str],
    ) -> Submission:
        try:
            fetched = {name: self._downloads.fetch(url) for name, url in addresses.items()}
            python = self._environments.build(requirements) if requirements is not None else None
        except OSError as error:
            trouble = storage_error(error)
            if trouble is None:
                raise
            raise BackendError(trouble.message, retryable=True, retry_after=1.0) from error
        return replace(submission, inputs={**submission.inputs, **fetched}, python=python)
