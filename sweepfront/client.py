"""The client: one service, its sweeps and its models."""

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Literal, Self, TypedDict, Unpack

from sweepfront.connection import Connection, path_of
from sweepfront.documents import Document, body_of
from sweepfront.forecasts import Preview
from sweepfront.handle import SweepHandle
from sweepfront.shapes import Backend, Event, Model, ModelVersion, Sweep
from sweepfront.streams import follow as follow_events

DEFAULT_URL = "http://127.0.0.1:8000"
_UPLOAD_SECONDS = 600.0


class SweepFilter(TypedDict, total=False):
    """Which sweeps a list shows, and in which order.

    `tag` is written key:value; `sort` is created_at or name, with - before it for descending.
    """

    status: str
    backend: str
    experiment_name: str
    tag: str
    created_by: str
    created_after: datetime
    created_before: datetime
    sort: str


class Client:
    """A service at an address.

    Reads and submissions are repeated when the connection breaks; nothing else is. Every call may
    raise a `SweepfrontError`: `RefusedError` when the service does not take it, `ServiceError` when
    it cannot do it now, `UnavailableError` when nobody answers.

    Args:
        url: the service's address; by default SWEEPFRONT_URL, or http://127.0.0.1:8000.
        api_key: an API key, or a token of Entra ID; by default SWEEPFRONT_API_KEY, or none.
        headers: sent with every request.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        address = url or os.environ.get("SWEEPFRONT_URL") or DEFAULT_URL
        key = api_key or os.environ.get("SWEEPFRONT_API_KEY", "")
        known = {"Authorization": f"Bearer {key.strip()}"} if key.strip() else {}
        self._connection = Connection(address, {**known, **(headers or {})})

    @property
    def url(self) -> str:
        """The service's address."""
        return self._connection.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the service."""
        self._connection.close()

    def ready(self) -> bool:
        """Whether the service takes requests now."""
        return self._connection.ready()

    def submit(
        self, document: Document, *, name: str | None = None, idempotency_key: str | None = None
    ) -> SweepHandle:
        """Submit a sweep; it then runs by itself.

        Local files that it names are looked for by the service, below its code roots; `upload` sends
        others.

        Args:
            document: an object, the text of a YAML document, or the path of its file.
            name: the sweep's; the same name and document are one sweep, however often they are sent.
            idempotency_key: likewise for a document without a name; by default a new one, so that
                each call makes a sweep, and only one.

        Raises:
            RefusedError: the document has faults, see `errors`; or the name or key is taken.
            OSError: its file cannot be read.
        """
        body = body_of(document, name)
        headers = {
            "Content-Type": body.media_type,
            "Idempotency-Key": idempotency_key or uuid.uuid4().hex,
        }
        sweep = self._connection.post(
            Sweep, path_of("sweeps"), repeat=True, content=body.content, headers=headers
        )
        return SweepHandle(self._connection, sweep)

    def preview(self, document: Document, *, trials: int = 10) -> Preview:
        """What a sweep would do, before anything is stored or costs anything.

        Args:
            document: as `submit` takes it.
            trials: how many trials to show at most.

        Raises:
            RefusedError: the document has faults, see `errors`.
            OSError: its file cannot be read.
        """
        body = body_of(document)
        return self._connection.post(
            Preview,
            path_of("sweeps", "preview"),
            repeat=True,
            params={"trials": trials},
            content=body.content,
            headers={"Content-Type": body.media_type},
        )

    def upload(
        self, archive: str | Path | IO[bytes], *, kind: Literal["tar.gz", "zip"] | None = None
    ) -> str:
        """Upload code or data for documents to name.

        Args:
            archive: a file, by its path or open for reading bytes.
            kind: what it is; by default zip if its path ends so, else tar.gz.

        Returns:
            `upload:<sha256>`: write it as `trial.code`, or before a path in `inputs`.

        Raises:
            RefusedError: it is damaged, dangerous or too large.
            OSError: it cannot be read.
        """
        if isinstance(archive, str | Path):
            path = Path(archive)
            with path.open("rb") as file:
                return self.upload(
                    file, kind=kind or ("zip" if path.suffix == ".zip" else "tar.gz")
                )
        answer = self._connection.call(
            "POST",
            path_of("code"),
            repeat=False,
            content=archive,
            headers={"Content-Type": "application/zip" if kind == "zip" else "application/gzip"},
            timeout=_UPLOAD_SECONDS,
        )
        return str(answer["code"])

    def sweep(self, name: str) -> SweepHandle:
        """A sweep that was submitted before."""
        sweep = self._connection.get(Sweep, path_of("sweeps", name))
        return SweepHandle(self._connection, sweep)

    def sweeps(
        self, *, limit: int | None = None, **wanted: Unpack[SweepFilter]
    ) -> Iterator[SweepHandle]:
        """Sweeps, the newest first, read page by page as they are asked for.

        Args:
            limit: how many at most; None: all.
            wanted: which ones: status, backend, experiment_name, tag (key:value), created_after,
                created_before; and sort (created_at or name, with - before it for descending).
        """
        params = {
            key: value.isoformat() if isinstance(value, datetime) else value
            for key, value in wanted.items()
        }
        for sweep in self._connection.items(Sweep, path_of("sweeps"), params, most=limit):
            yield SweepHandle(self._connection, sweep)

    def models(self) -> list[Model]:
        """The registered models, by name."""
        return list(self._connection.items(Model, path_of("models")))

    def model(self, name: str) -> list[ModelVersion]:
        """A model's versions, the newest first."""
        return list(self._connection.items(ModelVersion, path_of("models", name)))

    def download_model(self, name: str, version: int, to: str | Path = ".") -> Path:
        """Download a registered file.

        Args:
            name: the model's.
            version: its number.
            to: a file to write, or a folder to put it in.

        Returns:
            The file.

        Raises:
            AnswerError: it is not what was registered, by its checksum; nothing is written.
        """
        path = path_of("models", name, "versions", version)
        registered = self._connection.get(ModelVersion, path)
        file = Path(to)
        if file.is_dir():
            file /= PurePosixPath(registered.artifact_path).name
        self._connection.download(f"{path}/download", file, sha256=registered.sha256)
        return file

    def backends(self) -> list[Backend]:
        """Who can run sweeps, what each can do, and whether it answers."""
        return list(self._connection.items(Backend, path_of("backends")))

    def events(
        self, *, after: int | None = None, follow: bool = False, types: Sequence[str] = ()
    ) -> Iterator[Event]:
        """What happened to any sweep, the oldest first.

        Args:
            after: only events with a higher id; None: all, or with `follow` what is new from now on.
            follow: go on with each event as it happens, without end, connected again when that
                breaks off.
            types: of the events that are wanted, such as `sweep.status`; empty: all.
        """
        path = path_of("events")
        if follow:
            return follow_events(self._connection, path, after, types)
        params = {"after": after, "types": types}
        return self._connection.items(Event, path, params, cursor="after")
