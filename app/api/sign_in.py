"""/sign-in: who wants to see the pages says who they are, by an API key or by Entra ID."""

from html import escape
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from app.access.callers import Actor, Caller
from app.api.identity import SIGN_IN
from app.identity.sessions import COOKIE, FLOW_COOKIE, FLOW_SECONDS, Session
from app.parts import DASHBOARD, State
from app.store import audit, keys
from app.sweep.errors import NotFoundError, SweepfrontError, TooLargeError

if TYPE_CHECKING:
    from app.identity.sign_in import SignIn

router = APIRouter(prefix=SIGN_IN, include_in_schema=False)

_HOME = f"{DASHBOARD}/"
_PAGE = (Path(__file__).parent / "sign_in.html").read_text()
_MAX_FORM = 4096
Next = Annotated[str, Query(alias="next", max_length=2000)]


@router.get("/")
def show(request: Request, following: Next = _HOME) -> HTMLResponse:
    """The form."""
    return _form(request, following)


@router.post("/")
async def begin(request: Request, following: Next = _HOME) -> Response:
    """A session for whoever has the API key of the form."""
    parts: State = request.state.parts
    presented = await _field(request, "key")
    try:
        entry = await parts.doorkeeper.key(presented)
    except SweepfrontError as error:
        return _form(request, following, problem=error.message)
    session = (await parts.doorkeeper.sessions()).of_key(entry)
    return await _welcome(request, entry.caller, session, following)


@router.get("/entra")
async def ask_entra(request: Request, following: Next = _HOME) -> Response:
    """Send the browser to Entra ID."""
    flow = await _sign_in(request)
    back = str(request.url_for("return_from_entra"))
    address, cookie = await run_in_threadpool(flow.begin, back, following)
    answer = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    _set(request, answer, FLOW_COOKIE, Session(cookie, FLOW_SECONDS))
    return answer


@router.get("/entra/return", name="return_from_entra")
async def return_from_entra(request: Request) -> Response:
    """A session for whoever Entra ID sends back."""
    parts: State = request.state.parts
    flow = await _sign_in(request)
    cookie = request.cookies.get(FLOW_COOKIE, "")
    entra = parts.doorkeeper.entra
    try:
        token, following = await run_in_threadpool(flow.finish, cookie, dict(request.query_params))
        caller = await entra.caller(token) if entra else None
    except SweepfrontError as error:
        return _form(request, _HOME, problem=error.message)
    if caller is None:
        raise NotFoundError("Entra ID is not set up here.")
    session = (await parts.doorkeeper.sessions()).of_caller(caller)
    answer = await _welcome(request, caller, session, following)
    answer.delete_cookie(FLOW_COOKIE, path=_path(request))
    return answer


@router.post("/end")
async def end(request: Request) -> Response:
    """The end of a session."""
    answer = RedirectResponse(f"{_root(request)}{SIGN_IN}/", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(COOKIE, path=_path(request))
    return answer


async def _sign_in(request: Request) -> "SignIn":
    from app.identity.sign_in import SignIn  # noqa: PLC0415 - 0.2 s that only its users spend

    parts: State = request.state.parts
    if parts.doorkeeper.entra is None:
        raise NotFoundError("Entra ID is not set up here.")
    key = await run_in_threadpool(keys.signing_key, parts.db, "sessions")
    return SignIn(parts.settings, key)


async def _welcome(request: Request, caller: Caller, session: Session, following: str) -> Response:
    parts: State = request.state.parts
    client = request.client
    actor = Actor(caller, client.host if client else None, str(request.state.request_id))
    db = parts.db.acting(actor)
    await run_in_threadpool(audit.note_call, db, "session.begin", caller.name, project=None)
    answer = RedirectResponse(_root(request) + _local(following), HTTPStatus.SEE_OTHER)
    _set(request, answer, COOKIE, session)
    return answer


def _set(request: Request, answer: Response, name: str, session: Session) -> None:
    answer.set_cookie(
        name,
        session.text,
        max_age=session.seconds,
        path=_path(request),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def _form(request: Request, following: str, problem: str = "") -> HTMLResponse:
    parts: State = request.state.parts
    wanted = quote(_local(following), safe="")
    root = escape(_root(request))
    entra = (
        f'<a class="entra" href="{root}{SIGN_IN}/entra?next={wanted}">Sign in with Microsoft</a>'
        if parts.doorkeeper.entra
        else ""
    )
    told = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    page = (
        _PAGE.replace("{{action}}", f"{root}{SIGN_IN}/?next={wanted}")
        .replace("{{entra}}", entra)
        .replace("{{problem}}", told)
    )
    status = HTTPStatus.UNAUTHORIZED if problem else HTTPStatus.OK
    return HTMLResponse(page, status, headers={"Cache-Control": "no-store"})


def _local(following: str) -> str:
    """The path of a page of ours; anything else leads to the first page."""
    plain = following.startswith(f"{DASHBOARD}/") or following in (DASHBOARD, "/docs")
    odd = "\\" in following or any(ord(letter) <= ord(" ") for letter in following)
    return following if plain and not odd else _HOME


def _root(request: Request) -> str:
    parts: State = request.state.parts
    return parts.settings.root_path.rstrip("/")


def _path(request: Request) -> str:
    return _root(request) or "/"


async def _field(request: Request, name: str) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM:
            raise TooLargeError("The form is longer than any API key.")
    return parse_qs(body.decode("latin-1")).get(name, [""])[0].strip()
