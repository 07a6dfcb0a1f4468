"""Raw bodies, read within a limit and decoded strictly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from app.api.state import Parts
from app.sweep.body import decode
from app.sweep.errors import TooLargeError

_QUICK_BYTES = 16 * 1024


async def _document(request: Request, parts: Parts) -> Mapping[str, object]:
    return await _decoded(await _read(request, parts), request)


async def _optional(request: Request, parts: Parts) -> Mapping[str, object]:
    body = await _read(request, parts)
    return await _decoded(body, request) if body.strip() else {}


async def _decoded(body: bytes, request: Request) -> Mapping[str, object]:
    kind = request.headers.get("content-type", "")
    if len(body) < _QUICK_BYTES:
        return decode(body, kind)
    # YAML of a megabyte takes seconds, in which others are answered.
    return await run_in_threadpool(decode, body, kind)


async def _read(request: Request, parts: Parts) -> bytes:
    limit = parts.settings.max_body_bytes
    refuse_declared(request, limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLargeError(_too_large(limit))
    return bytes(body)


async def save(request: Request, path: Path, limit: int) -> None:
    """Write the request's body to a file.

    Raises:
        TooLargeError: it is longer than `limit` bytes.
    """
    refuse_declared(request, limit)
    size = 0
    with path.open("wb") as file:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise TooLargeError(_too_large(limit))
            file.write(chunk)


def refuse_declared(request: Request, limit: int) -> None:
    """Refuse a body that says itself that it is too long, before it is sent."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > limit:
        raise TooLargeError(_too_large(limit))


def _too_large(limit: int) -> str:
    return f"The body is longer than {limit} bytes; send code with POST /v1/code and name data."


Document = Annotated[Mapping[str, object], Depends(_document)]
OptionalObject = Annotated[Mapping[str, object], Depends(_optional)]
