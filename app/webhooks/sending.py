"""Sending: one attempt at a time to one receiver, at an address that was looked at before.

The name is resolved once, the connection made to an address that is permitted, and the certificate
checked against the name: a name that leads elsewhere a moment later changes nothing.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from importlib.metadata import version
from types import TracebackType
from typing import Self

import httpx

from app.addresses import RefusedError, lookup
from app.webhooks.receivers import Receivers, name_of
from app.webhooks.retries import Answer

CONNECT_SECONDS = 5.0
MAX_KEPT_BODY = 1024
"""Bytes of an answer's body that are kept."""
_BODY_SECONDS = 1.0
_LONGEST_PAUSE = 86_400.0
_ADDRESSES = 3
"""How many addresses of a name are tried."""


class CutError(Exception):
    """The line was cut before there was an answer."""


class Line:
    """A line to one receiver, kept open between messages; `cut` may be called from any thread.

    asyncio is here for its time-outs: they end whatever is under way, however slowly a receiver
    sends its answer byte by byte.
    """

    def __init__(
        self,
        url: str,
        receivers: Receivers,
        trust: Callable[[], ssl.SSLContext],
        *,
        patience: float,
    ) -> None:
        """Describe the line; nothing is opened before the first message.

        Args:
            url: of the receiver.
            receivers: who may be sent to.
            trust: tells whose certificates are believed, once they are needed.
            patience: seconds from looking the name up to the answer's status.
        """
        self._url = url
        self._receivers = receivers
        self._trust = trust
        self._patience = patience
        self._runner = asyncio.Runner()
        self._addresses: list[str] = []
        self._is_cut = False
        self._task: asyncio.Task[object] | None = None

    def __enter__(self) -> Self:
        self._runner.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if "_client" in self.__dict__:
            self._runner.run(self._client.aclose())
        self._runner.__exit__(kind, error, trace)

    def post(self, body: str, headers: Mapping[str, str]) -> Answer:
        """Send a message.

        Raises:
            CutError: the line was cut; the message may have arrived.
        """
        try:
            return self._runner.run(self._attempt(body, headers))
        except asyncio.CancelledError as error:
            raise CutError from error

    def cut(self) -> None:
        """End what is under way, and every later attempt."""
        self._is_cut = True
        if self._task is not None:
            with suppress(RuntimeError):  # the line is closed already
                self._runner.get_loop().call_soon_threadsafe(self._task.cancel)

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        # No proxy of the environment: it would connect to where it likes.
        return httpx.AsyncClient(
            verify=self._trust(),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(self._patience, connect=CONNECT_SECONDS),
            headers={"User-Agent": f"Sweepfront/{version('sweepfront')}"},
        )

    async def _attempt(self, body: str, headers: Mapping[str, str]) -> Answer:
        self._task = asyncio.current_task()
        if self._is_cut:
            raise asyncio.CancelledError
        try:
            async with asyncio.timeout(self._patience):
                return await self._send(body, headers)
        except httpx.ConnectTimeout:
            return Answer(error=f"no connection within {CONNECT_SECONDS:g} s")
        except (TimeoutError, httpx.TimeoutException):
            return Answer(error=f"no answer within {self._patience:g} s")
        except RefusedError as error:
            return Answer(error=str(error))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Answer(error=f"no answer: {error or type(error).__name__}")

    async def _send(self, body: str, headers: Mapping[str, str]) -> Answer:
        url = self._receivers.parse(self._url)
        if not self._addresses:
            found: Future[list[str]] = lookup(name_of(url), url.port)
            addresses = await asyncio.wrap_future(found)
            self._addresses = self._receivers.permitted(url, addresses)[:_ADDRESSES]
        while True:
            try:
                return await self._exchange(url, self._addresses[0], body, headers)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                del self._addresses[0]
                if not self._addresses:
                    raise

    async def _exchange(
        self, url: httpx.URL, address: str, body: str, headers: Mapping[str, str]
    ) -> Answer:
        request = self._client.build_request(
            "POST",
            url.copy_with(host=address),
            content=body.encode(),
            headers={
                "Host": url.netloc.decode("ascii"),
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
                **headers,
            },
            extensions={"sni_hostname": name_of(url)},
        )
        answer = await self._client.send(request, stream=True)
        try:
            kept = await _beginning(answer)
        finally:
            await answer.aclose()
        return Answer(
            status=answer.status_code,
            body=kept,
            retry_after=_seconds(answer.headers.get("Retry-After", "")),
        )


async def _beginning(answer: httpx.Response) -> str:
    """What comes first of the body, within a moment; the status has decided already."""
    body = bytearray()
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > MAX_KEPT_BODY:
                    break
    return body[:MAX_KEPT_BODY].decode("utf-8", "replace")


def _seconds(retry_after: str) -> float:
    """The header's seconds or date as seconds from now; 0: there is none."""
    if retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after[:9]), _LONGEST_PAUSE)
    with suppress(ValueError, TypeError, OverflowError):
        at = parsedate_to_datetime(retry_after)
        seconds = (at.astimezone(UTC) - datetime.now(UTC)).total_seconds()
        return min(max(0.0, seconds), _LONGEST_PAUSE)
    return 0.0
