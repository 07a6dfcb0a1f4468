"""What is answered about webhooks."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from app.api.shapes import Shape
from app.sweep.event_types import EventType
from app.sweep.webhook import Delivery, DeliveryStatus, Webhook

MessageType = EventType | Literal["webhook.test"]


class WebhookShape(Shape):
    """A webhook; its secret is never shown again."""

    id: int
    url: str
    event_types: Annotated[list[EventType] | None, Field(description="null: all.")]
    sweep: Annotated[str | None, Field(description="Whose events; null: those of all sweeps.")]
    project: Annotated[str | None, Field(description="Whose events; null: those of all.")]
    created_by: Annotated[str | None, Field(description="Name of the caller who made it.")]
    description: str | None
    active: bool
    disabled_reason: Annotated[
        str | None, Field(description="Why the service sends nothing more; null: it does.")
    ]
    created_at: datetime
    delivered_at: Annotated[datetime | None, Field(description="When a delivery succeeded last.")]

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        """From a webhook."""
        return cls(**{name: getattr(webhook, name) for name in cls.model_fields})


class WebhookWithSecretShape(WebhookShape):
    """A webhook with its new secret, which is shown in this answer only."""

    secret: Annotated[str, Field(description="Verify messages with it; keep it.")]


class DeliveryShape(Shape):
    """A message to a receiver, and what came of it."""

    id: int
    webhook_id: int
    message_id: Annotated[str, Field(description="The header webhook-id of every attempt.")]
    event_id: Annotated[int | None, Field(description="The event that it tells of.")]
    type: MessageType
    status: DeliveryStatus
    attempts: int
    next_attempt_at: Annotated[datetime | None, Field(description="null unless it is pending.")]
    last_attempt_at: datetime | None
    response_status: Annotated[
        int | None, Field(description="Of the last attempt; null: there was no answer.")
    ]
    response_body: Annotated[str | None, Field(description="The first kilobyte of that answer.")]
    error: Annotated[str | None, Field(description="What was wrong with the last attempt.")]
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """From a delivery."""
        return cls(**asdict(delivery))


class ToldShape(Shape):
    """An event as it is sent."""

    id: Annotated[int | None, Field(description="Its id in /v1/events; null in a test.")]
    type: MessageType
    sweep: str | None
    data: dict[str, Any]
    at: datetime


class MessageShape(Shape):
    """The body of a message to a receiver."""

    type: MessageType
    timestamp: Annotated[datetime, Field(description="When it happened.")]
    data: ToldShape
