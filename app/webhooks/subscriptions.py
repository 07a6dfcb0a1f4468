"""Making and changing webhooks: what a caller may ask for, held against the settings."""

from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Annotated

from pydantic import AfterValidator, Field

from app.access.permission import home
from app.addresses import RefusedError, lookup
from app.store import webhooks
from app.store.database import Database
from app.sweep.errors import FieldError, InvalidDocumentError
from app.sweep.event_types import EVENT_TYPES, EventType
from app.sweep.part import Part
from app.sweep.webhook import NewWebhook, Webhook
from app.webhooks.messages import is_secret, new_secret
from app.webhooks.receivers import MAX_URL, Receivers, name_of

_LOOKUP_SECONDS = 3.0


def _secret(value: str) -> str:
    if not is_secret(value):
        raise ValueError(
            "must be whsec_ followed by 24 to 64 bytes in base64; leave it out to have one made"
        )
    return value


Url = Annotated[str, Field(min_length=1, max_length=MAX_URL)]
EventTypes = Annotated[list[EventType], Field(min_length=1, max_length=len(EVENT_TYPES))]
Description = Annotated[str, Field(max_length=1000)]
Secret = Annotated[str, Field(max_length=200), AfterValidator(_secret)]


class WebhookRequest(Part):
    """The body that makes a webhook."""

    url: Url
    """Where messages are posted to; https, at a public address."""
    event_types: EventTypes | None = None
    """Which events; all of them, those of later versions too, when absent."""
    sweep: Annotated[str | None, Field(pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")] = None
    """Whose events; those of all sweeps when absent. The sweep need not be there yet."""
    project: Annotated[str | None, Field(min_length=1, max_length=250)] = None
    """Whose sweeps' events; those of all projects when absent and the caller may see all."""
    description: Description | None = None
    """What it is for."""
    secret: Secret | None = None
    """What messages are signed with: whsec_ and 24 to 64 bytes in base64. Made when absent."""


class WebhookChanges(Part):
    """The body that changes a webhook; what is absent stays as it is."""

    url: Url | None = None
    """Where messages are posted to from now on."""
    event_types: EventTypes | None = None
    """Which events from now on; null: all."""
    description: Description | None = None
    """What it is for; null: nothing is said."""
    active: bool | None = None
    """false: nothing is sent or queued. true: what waits is sent, and the events from now on."""


class SecretRequest(Part):
    """The body that gives a webhook another secret; all of it may be left out."""

    secret: Secret | None = None
    """The new secret; made when absent."""


def subscribe(db: Database, receivers: Receivers, request: WebhookRequest) -> Webhook:
    """Make a webhook.

    Raises:
        ForbiddenError: the caller is no operator of its project.
        InvalidDocumentError: nothing may be sent to its URL.
        ConflictError: there are too many.
    """
    project = home(db.actor.caller, request.project, pointer="/project")
    _check(receivers, request.url)
    return webhooks.add(
        db,
        NewWebhook(
            url=request.url,
            secret=request.secret or new_secret(),
            event_types=request.event_types,
            sweep=request.sweep,
            project=project,
            description=request.description,
        ),
    )


def change(db: Database, receivers: Receivers, webhook_id: int, request: WebhookChanges) -> Webhook:
    """Change a webhook.

    Raises:
        NotFoundError: there is none of that number.
        InvalidDocumentError: nothing may be sent to its new URL.
    """
    changes = request.model_dump(exclude_unset=True)
    for name in ("url", "active"):
        if name in changes and changes[name] is None:
            message = "null says nothing here; leave it out to keep it"
            raise InvalidDocumentError([FieldError(pointer=f"/{name}", message=message)])
    webhooks.get(db, webhook_id)
    if request.url is not None:
        _check(receivers, request.url)
    return webhooks.change(db, webhook_id, changes)


def rotate(db: Database, webhook_id: int, request: SecretRequest) -> Webhook:
    """Give a webhook another secret; the old one signs beside it for a day.

    Raises:
        NotFoundError: there is none of that number.
    """
    return webhooks.rotate(db, webhook_id, request.secret or new_secret())


def _check(receivers: Receivers, url: str) -> None:
    """Refuse what would be refused at every attempt; a name may still be without an address."""
    try:
        parsed = receivers.parse(url)
        found: list[str] = []
        with suppress(TimeoutError, CancelledError):
            future = lookup(name_of(parsed), parsed.port)
            if future.exception(timeout=_LOOKUP_SECONDS) is None:
                found = future.result()
        if found:
            receivers.permitted(parsed, found)
    except RefusedError as error:
        raise InvalidDocumentError([FieldError(pointer="/url", message=str(error))]) from error
