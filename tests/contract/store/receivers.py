"""Webhooks to send to, and the steps of sending."""

from app.store import deliveries, webhook_queue, webhooks
from app.store.database import Database
from app.sweep.webhook import DeliveryStatus, Due, NewWebhook, Outcome, Webhook, WebhookClaim

LEASE = 60.0
DELIVERED = Outcome(status=DeliveryStatus.DELIVERED, response_status=204)


def subscribe(db: Database, **more: object) -> Webhook:
    """A webhook for all events, or for those that are named."""
    values: dict[str, object] = {"url": "https://hooks.example", "secret": "whsec_x", **more}
    return webhooks.add(db, NewWebhook(**values))  # type: ignore[arg-type]


def claimed(db: Database, lease: float = LEASE) -> WebhookClaim:
    """Claim the only webhook to which something is to be sent."""
    (claim,) = webhook_queue.claim_due(db, "test", limit=5, lease=lease)
    return claim


def due(db: Database, claim: WebhookClaim) -> Due:
    """What is to be sent next."""
    found = webhook_queue.next_due(db, claim, lease=LEASE)
    assert found is not None
    return found


def queued(db: Database, webhook: Webhook) -> list[tuple[str, int | None]]:
    """Types and events of a webhook's deliveries, the oldest first."""
    found = deliveries.page(db, webhook.id, limit=200).items
    return [(delivery.type, delivery.event_id) for delivery in reversed(found)]
