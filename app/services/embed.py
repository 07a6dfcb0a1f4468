"""Tokens that let a page elsewhere show one sweep, read-only and for a while."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from itsdangerous import BadData, URLSafeSerializer
from pydantic import Field

from app.access.callers import Role
from app.access.permission import hold
from app.store import audit, keys, sweeps
from app.store.database import Database
from app.sweep.errors import SweepfrontError
from app.sweep.part import Part
from app.views.shape import ViewName

MAX_SECONDS = 30 * 24 * 3600
_KEY = "embed-tokens"


class InvalidTokenError(SweepfrontError):
    """The token is not one of ours, is for something else, or has run out."""

    code = "invalid-token"


class EmbedRequest(Part):
    """What a token is wanted for."""

    sweep: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]
    """The sweep that it shows."""
    view: ViewName = "history"
    """The view that the link begins with."""
    expires_in: Annotated[int, Field(ge=60, le=MAX_SECONDS)] = 3600
    """Seconds until it runs out."""


@dataclass(frozen=True, slots=True)
class EmbedToken:
    """A token and when it runs out."""

    token: str
    expires_at: datetime


def issue(db: Database, request: EmbedRequest) -> EmbedToken:
    """A token that shows a sweep.

    Raises:
        NotFoundError: there is no such sweep.
        ForbiddenError: the caller is no operator of its project: the link is for anybody.
    """
    sweep = sweeps.get(db, request.sweep)
    hold(db.actor.caller, Role.OPERATOR, sweep.project)
    until = int(time.time()) + request.expires_in
    token = _serializer(db).dumps({"sweep": request.sweep, "until": until})
    details = {"until": until, "view": request.view}
    audit.note_call(db, "embed-token.create", sweep.name, project=sweep.project, details=details)
    return EmbedToken(str(token), datetime.fromtimestamp(until, UTC))


def check(db: Database, token: str, sweep: str) -> None:
    """Pass when the token shows that sweep now.

    Raises:
        InvalidTokenError: it does not.
    """
    try:
        claims = _serializer(db).loads(token)
    except BadData as error:
        raise InvalidTokenError("This link is not one that this service made.") from error
    if claims["sweep"] != sweep:
        raise InvalidTokenError("This link was made for another sweep.")
    if claims["until"] < time.time():
        raise InvalidTokenError("This link has run out; ask its owner for a new one.")


def _serializer(db: Database) -> URLSafeSerializer:
    return URLSafeSerializer(keys.signing_key(db, _KEY), salt=_KEY)
