"""Inputs from the web: fetched once, kept below the engine's folder under the hash of what they hold.

```
downloads/<sha256>/<name>     a file; never changed once it is there
downloads/urls/<key>.json     what an address gave last: its ETag, Last-Modified and file
downloads/urls/<key>.lock     held while the address is asked
```
"""

import fcntl
import hashlib
import json
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from app.addresses import Reach, RefusedError
from app.backends.base import BackendError
from app.backends.pinned import Pinned
from app.sweep.errors import storage_error

MAX_REDIRECTS = 5
_TRIES = 3
_PAUSE_SECONDS = 0.5
_CONNECT_SECONDS = 10.0
_SILENCE_SECONDS = 15.0
_CHUNK = 1024 * 1024
_POLL_SECONDS = 0.1
_OFTEN = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.REQUEST_TIMEOUT)


class _PassingError(Exception):
    """It may go well the next time."""


class Downloads:
    """The fetched files of one workspace; safe to use from many threads and processes."""

    def __init__(
        self,
        folder: Path,
        *,
        reach: Reach,
        proxy: str,
        max_bytes: int,
        timeout: float,
        stopping: threading.Event,
    ) -> None:
        """Keep them in `folder`.

        Args:
            folder: made when it is needed.
            reach: which addresses may be connected to.
            proxy: what all is fetched through, and decides itself where it may lead; empty: none.
            max_bytes: of the longest file.
            timeout: seconds that one file may take, tries included.
            stopping: ends what is under way when it is set.
        """
        self._folder = folder
        self._reach = reach
        self._proxy = proxy
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._stopping = stopping

    def fetch(self, url: str) -> Path:
        """The file at that address as it is now; one that has not changed is not sent again.

        Raises:
            BackendError: it cannot be had, with the reason.
            OSError: there is no room for it, or the folder may not be written.
        """
        deadline = time.monotonic() + self._timeout
        urls = self._folder / "urls"
        urls.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = hashlib.sha256(url.encode()).hexdigest()
        with self._alone(urls / f"{key}.lock", url, deadline):
            for last in (False,) * (_TRIES - 1) + (True,):
                try:
                    return self._ask(url, urls / f"{key}.json", deadline)
                except (_PassingError, httpx.TransportError) as error:
                    if last:
                        raise self._trouble(url, str(error) or type(error).__name__) from error
                    self._stopping.wait(_PAUSE_SECONDS)
                except RefusedError as error:
                    raise self._trouble(url, str(error)) from error
                except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                    if storage_error(error) is not None:
                        raise
                    raise self._trouble(url, str(error) or type(error).__name__) from error
        raise AssertionError("the last try returns or raises")

    def _ask(self, url: str, note: Path, deadline: float) -> Path:
        known = _known(note)
        place = self._folder / known["file"] if "file" in known else None
        headers = {"Accept-Encoding": "identity"}
        if place is not None and place.is_file():
            asked = {"etag": "If-None-Match", "last_modified": "If-Modified-Since"}
            headers |= {name: known[key] for key, name in asked.items() if known.get(key)}
        time_limits = httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS)
        with (
            httpx.Client(
                transport=httpx.HTTPTransport(proxy=self._proxy)
                if self._proxy
                else Pinned(self._reach),
                timeout=time_limits,
                max_redirects=MAX_REDIRECTS,
            ) as client,
            client.stream("GET", url, headers=headers, follow_redirects=True) as answer,
        ):
            if answer.status_code == httpx.codes.NOT_MODIFIED and place is not None:
                return place
            self._check(url, answer)
            kept = self._keep(url, answer, deadline)
        about = {
            "url": url,
            "etag": answer.headers.get("ETag", ""),
            "last_modified": answer.headers.get("Last-Modified", ""),
            "file": str(kept.relative_to(self._folder)),
        }
        draft = note.with_suffix(".new")
        draft.write_text(json.dumps(about), encoding="utf-8")
        draft.rename(note)
        return kept

    def _check(self, url: str, answer: httpx.Response) -> None:
        """Refuse answers that are no file of at most the allowed length."""
        hops = [each.url.scheme for each in (*answer.history, answer)]
        if "https" in hops and "http" in hops[hops.index("https") :]:
            raise self._trouble(url, "it leads from https to http")
        if answer.status_code in _OFTEN or answer.is_server_error:
            raise _PassingError(f"the server answers {answer.status_code}")
        if answer.is_error or answer.is_redirect:
            raise self._trouble(url, f"the server answers {answer.status_code}")
        length = answer.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > self._max_bytes:
            raise self._too_long(url)

    def _keep(self, url: str, answer: httpx.Response, deadline: float) -> Path:
        """Write the body down, whole or not at all."""
        with tempfile.TemporaryDirectory(prefix=".draft-", dir=self._folder) as draft:
            file = Path(draft) / "file" / _name(url)
            file.parent.mkdir()
            with file.open("wb") as target:
                digest = self._write(url, answer, target, deadline)
            file.chmod(0o444)
            place = self._folder / hashlib.sha256(f"{digest}/{file.name}".encode()).hexdigest()
            if not (place / file.name).is_file():
                shutil.rmtree(place, ignore_errors=True)
                # Another address may have brought the same file in this moment.
                with suppress(OSError):
                    file.parent.rename(place)
        return place / file.name

    def _write(self, url: str, answer: httpx.Response, target: IO[bytes], deadline: float) -> str:
        total, size = hashlib.sha256(), 0
        for chunk in answer.iter_bytes(_CHUNK):
            self._check_time(url, deadline)
            size += len(chunk)
            if size > self._max_bytes:
                raise self._too_long(url)
            total.update(chunk)
            target.write(chunk)
        return total.hexdigest()

    @contextmanager
    def _alone(self, path: Path, url: str, deadline: float) -> Iterator[None]:
        """Hold a lock that other threads and services respect."""
        with path.open("wb") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    self._check_time(url, deadline)
                    time.sleep(_POLL_SECONDS)
            yield

    def _check_time(self, url: str, deadline: float) -> None:
        if self._stopping.is_set():
            raise BackendError("the service is stopping", retryable=True)
        if time.monotonic() > deadline:
            raise self._trouble(
                url, f"it takes longer than {self._timeout:g} s (SWEEPFRONT_DOWNLOAD_TIMEOUT)"
            )

    def _too_long(self, url: str) -> BackendError:
        return self._trouble(
            url, f"it is longer than {self._max_bytes} bytes (SWEEPFRONT_MAX_DOWNLOAD_BYTES)"
        )

    @staticmethod
    def _trouble(url: str, reason: str) -> BackendError:
        return BackendError(
            f"the input {_shown(url)} cannot be downloaded: {reason}; correct the address, or "
            "download the file and name it below a code root"
        )


def _known(note: Path) -> Mapping[str, str]:
    try:
        known: Mapping[str, str] = json.loads(note.read_bytes())
    except (OSError, ValueError):
        return {}
    return known


def _name(url: str) -> str:
    """The file's own name, as far as one may be given to a file."""
    last = unquote(urlsplit(url).path).rpartition("/")[2]
    return re.sub(r"[^\w.+ -]", "_", last).strip(". ")[:150] or "data"


def _shown(url: str) -> str:
    """The address without what may be secret in it: a password, a signature."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
