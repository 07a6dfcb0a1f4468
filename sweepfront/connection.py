"""One service at an address: requests, repeated where that is harmless, and what went wrong."""

import contextlib
import hashlib
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypedDict, TypeVar, Unpack
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter, ValidationError

from sweepfront.errors import (
    AnswerError,
    Fault,
    ProblemError,
    RefusedError,
    ServiceError,
    UnavailableError,
)

Json = dict[str, Any]
Shape = TypeVar("Shape")

_SECONDS = 60.0
_PAUSES = (0.2, 0.6)
"""Seconds between the attempts of a request that may be repeated."""
_PAGE = 200
_SHOWN = 500
_SERVER_ERROR = 500
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}
"""How each shape is read; making one takes longer than using it a hundred times."""


class Options(TypedDict, total=False):
    """What goes with a request, as httpx names it."""

    params: Mapping[str, Any]
    json: object
    content: bytes | IO[bytes]
    headers: Mapping[str, str]
    timeout: float | httpx.Timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """Some items of a list."""

    items: list[Any]
    next_cursor: str | None


class Connection:
    """A service at an address; safe to use from several threads."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.url = url.rstrip("/")
        if not self.url.startswith(("http://", "https://")):
            raise UnavailableError(
                f"{url!r} is no address of a service; write one such as http://127.0.0.1:8000"
            )
        try:
            self._http = httpx.Client(base_url=self.url, headers=dict(headers), timeout=_SECONDS)
        except httpx.InvalidURL as error:
            raise UnavailableError(f"{url!r} is no address of a service: {error}") from error

    def close(self) -> None:
        """Close what is open to the service."""
        self._http.close()

    def get(self, kind: type[Shape], path: str, **options: Unpack[Options]) -> Shape:
        """Read something."""
        return self.read(kind, self.call("GET", path, repeat=True, **options))

    def post(
        self, kind: type[Shape], path: str, *, repeat: bool = False, **options: Unpack[Options]
    ) -> Shape:
        """Have something done; `repeat` says that doing it twice is doing it once."""
        return self.read(kind, self.call("POST", path, repeat=repeat, **options))

    def items(
        self,
        kind: type[Shape],
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        most: int | None = None,
        cursor: str = "cursor",
    ) -> Iterator[Shape]:
        """The items of a list, read page by page; at most so many."""
        wanted = {key: value for key, value in (params or {}).items() if value is not None}
        while most is None or most > 0:
            wanted["limit"] = _PAGE if most is None else min(most, _PAGE)
            page = self.get(_Page, path, params=wanted)
            for item in page.items:
                yield self.read(kind, item)
            if most is not None:
                most -= len(page.items)
            if page.next_cursor is None:
                return
            wanted[cursor] = page.next_cursor

    def call(self, method: str, path: str, *, repeat: bool, **options: Unpack[Options]) -> Json:
        """One request and its JSON answer; {} when the answer is empty.

        Raises:
            UnavailableError: nobody answers.
            RefusedError: the service does not take the request.
            ServiceError: the service cannot do it now.
            AnswerError: the answer is none of a Sweepfront service.
        """
        with self._sent(method, path, repeat=repeat, options=options) as answer:
            content = answer.read()
        if not content:
            return {}
        try:
            body = answer.json()
        except ValueError as error:
            raise self._foreign(answer.text) from error
        if not isinstance(body, dict):
            raise self._foreign(answer.text)
        return body

    def read(self, kind: type[Shape], body: object) -> Shape:
        """A shape from its JSON, decoded or as text.

        Raises:
            AnswerError: a field is missing or of another type.
        """
        adapter = _ADAPTERS.get(kind) or _ADAPTERS.setdefault(kind, TypeAdapter(kind))
        try:
            found: Shape = (
                adapter.validate_json(body)
                if isinstance(body, str)
                else adapter.validate_python(body)
            )
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise self._foreign(f"{kind.__name__}.{place}: {first['msg']}") from error
        return found

    @contextlib.contextmanager
    def stream(self, path: str, **options: Unpack[Options]) -> Iterator[httpx.Response]:
        """An answer whose body is read as it comes; never a problem."""
        with self._sent("GET", path, repeat=True, options=options) as answer:
            yield answer

    def blocks(self, path: str, params: Mapping[str, Any]) -> Iterator[bytes]:
        """An answer's body as it comes, which may take as long as it likes."""
        timeout = httpx.Timeout(_SECONDS, read=None)
        with self.stream(path, params=params, timeout=timeout) as answer:
            yield from answer.iter_bytes()

    def download(self, path: str, file: Path, *, sha256: str | None = None) -> None:
        """Write an answer's body to a file, which appears when it is complete.

        Raises:
            AnswerError: its checksum is another one.
        """
        found = hashlib.sha256()
        with (
            tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as folder,
            self.stream(path) as answer,
        ):
            draft = Path(folder) / "draft"
            with draft.open("wb") as target:
                for block in answer.iter_bytes():
                    target.write(block)
                    found.update(block)
            if sha256 not in (None, found.hexdigest()):
                raise AnswerError(f"{self.url}{path} is damaged: its SHA-256 is not {sha256}")
            draft.replace(file)

    def ready(self) -> bool:
        """Whether the service takes requests now."""
        try:
            return self._http.get("/readyz", timeout=5.0).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    @contextlib.contextmanager
    def _sent(
        self, method: str, path: str, *, repeat: bool, options: Options
    ) -> Iterator[httpx.Response]:
        try:
            answer = self._attempted(method, path, _PAUSES if repeat else (), options)
            with contextlib.closing(answer):
                if not answer.is_success:
                    answer.read()
                    raise _problem(answer)
                yield answer
        except httpx.ConnectError as error:
            raise UnavailableError(
                f"no service answers at {self.url}; start one with: python -m app serve "
                "(or name another by its address, --url or SWEEPFRONT_URL)"
            ) from error
        except httpx.HTTPError as error:
            words = str(error) or type(error).__name__
            raise UnavailableError(f"{self.url} does not answer: {words}") from error

    def _attempted(
        self, method: str, path: str, pauses: tuple[float, ...], options: Options
    ) -> httpx.Response:
        """The answer's head; after a broken connection once more per pause."""
        request = self._http.build_request(method, path, **options)
        for pause in pauses:
            try:
                return self._http.send(request, stream=True)
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                time.sleep(pause)
        return self._http.send(request, stream=True)

    def _foreign(self, words: str) -> AnswerError:
        return AnswerError(
            f"{self.url} answers, but not as this client understands it: {words[:_SHOWN]}"
        )


def path_of(*names: str | int) -> str:
    """The path of a resource below /v1; a name cannot reach another resource."""
    return "/v1/" + "/".join(quote(str(name), safe="") for name in names)


def _problem(answer: httpx.Response) -> ProblemError:
    """The error for an answer that is no success, whoever gave it."""
    kind = ServiceError if answer.status_code >= _SERVER_ERROR else RefusedError
    status, retry_after = answer.status_code, _seconds(answer.headers.get("Retry-After", ""))
    try:
        body = answer.json()
        return kind(
            status=status,
            title=body["title"],
            detail=body["detail"],
            type=body["type"],
            errors=TypeAdapter(list[Fault]).validate_python(body.get("errors") or []),
            facts=body.get("facts"),
            request_id=body.get("request_id", ""),
            retry_after=retry_after,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        title, words = answer.reason_phrase or "no success", answer.text[:_SHOWN]
        return kind(status=status, title=title, detail=words, retry_after=retry_after)


def _seconds(text: str) -> float | None:
    return float(text) if text.isdigit() else None
