"""Webhooks and their deliveries: the values that store, sender and API exchange."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from app.sweep.event_types import EventType
from app.sweep.record import Event

TEST_TYPE: Literal["webhook.test"] = "webhook.test"
"""Type of the message that a test call sends; no event has it."""


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    """It will be sent, or sent again."""
    DELIVERED = "delivered"
    """The receiver has answered 2xx."""
    FAILED = "failed"
    """It is sent no more unless somebody asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWebhook:
    """A subscription about to be written down.

    Attributes:
        event_types: None: all, those of later versions too.
        sweep: whose events are sent; None: those of all sweeps.
        project: the only one whose events are sent; None: all.
    """

    url: str
    secret: str = field(repr=False)
    event_types: Sequence[EventType] | None = None
    sweep: str | None = None
    project: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(NewWebhook):
    """A subscription; times are aware UTC.

    Attributes:
        old_secret: signs as well, while it is not None.
        active: while it is False nothing is sent or queued.
        disabled_reason: why the service has made it inactive, if it was not somebody's wish.
        delivered_at: when a delivery succeeded last.
    """

    id: int
    created_by: str | None
    old_secret: str | None = field(repr=False)
    active: bool
    disabled_reason: str | None
    created_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one receiver; times are aware UTC.

    Attributes:
        message_id: the same at every attempt, so that receivers can tell doubles.
        event_id: what it tells of; None for a test.
        attempts: those that have ended.
        next_attempt_at: None unless it is pending.
        response_status: HTTP status of the last attempt; None when there was no answer.
        response_body: the beginning of that answer's body.
        error: what was wrong with the last attempt.
    """

    id: int
    webhook_id: int
    message_id: str
    event_id: int | None
    type: EventType | Literal["webhook.test"]
    status: DeliveryStatus
    attempts: int
    next_attempt_at: datetime | None
    last_attempt_at: datetime | None
    response_status: int | None
    response_body: str | None
    error: str | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookClaim:
    """The right to send to one receiver until the lease ends; later claims have higher tokens."""

    webhook_id: int
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A delivery that is to be attempted now; `event` is None for a test."""

    webhook: Webhook
    delivery: Delivery
    event: Event | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an attempt, and what follows.

    Attributes:
        status: of the delivery from now on.
        again: seconds until the next attempt of a delivery that stays pending.
        hold: seconds in which nothing else is sent to the receiver either.
        disable: why the webhook is made inactive; None: it is not.
    """

    status: DeliveryStatus
    response_status: int | None = None
    response_body: str | None = None
    error: str | None = None
    again: float = 0.0
    hold: float = 0.0
    disable: str | None = None
