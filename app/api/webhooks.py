"""/v1/webhooks: have events sent to a URL; see what was sent and what came of it."""

from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Query, Response

from app.api.bodies import Document, OptionalObject
from app.api.openapi import body_of
from app.api.parameters import Cursor, Limit
from app.api.shapes import PageOf
from app.api.state import Parts
from app.api.webhook_shapes import (
    DeliveryShape,
    MessageShape,
    WebhookShape,
    WebhookWithSecretShape,
)
from app.store import deliveries, webhooks
from app.sweep.faults import read_body
from app.sweep.webhook import DeliveryStatus
from app.webhooks.subscriptions import (
    SecretRequest,
    WebhookChanges,
    WebhookRequest,
    change,
    rotate,
    subscribe,
)

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

WebhookId = Annotated[int, Path(ge=1, le=2**63 - 1)]
DeliveryId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Status = Annotated[DeliveryStatus | None, Query(description="Only those that stand so.")]

_EXAMPLES: dict[str, Any] = {
    "ends": {
        "summary": "Sweeps that change their status, and new models",
        "value": {
            "url": "https://hooks.example.com/sweeps",
            "event_types": ["sweep.status", "model.registered"],
            "description": "tells the chat",
        },
    },
    "one sweep": {
        "summary": "All that happens in one sweep",
        "value": {"url": "https://hooks.example.com/sweeps", "sweep": "concrete-1"},
    },
}
_CHANGES: dict[str, Any] = {
    "pause": {"summary": "Send nothing for now", "value": {"active": False}},
    "go on": {"summary": "Send again", "value": {"active": True}},
    "narrow": {"summary": "Fewer events", "value": {"event_types": ["model.registered"]}},
}
_SECRETS: dict[str, Any] = {"made": {"summary": "A secret that the service makes", "value": {}}}


@router.post(
    "",
    status_code=201,
    operation_id="create_webhook",
    openapi_extra=body_of(WebhookRequest, _EXAMPLES),
)
def create_webhook(body: Document, parts: Parts, response: Response) -> WebhookWithSecretShape:
    """Have events sent to a URL from now on; the answer alone shows the signing secret.

    Messages are signed as Standard Webhooks describes. The URL must be https and lead to a public
    address, unless the service's settings allow more.
    """
    made = subscribe(parts.db, parts.receivers, read_body(WebhookRequest, body))
    parts.attendant.deliver()
    response.headers["Location"] = f"{parts.settings.root_path}/v1/webhooks/{made.id}"
    return WebhookWithSecretShape.of(made)


@router.get("", operation_id="list_webhooks")
def list_webhooks(parts: Parts, limit: Limit = 50, cursor: Cursor = None) -> PageOf[WebhookShape]:
    """List webhooks, the oldest first; without their secrets."""
    page = webhooks.page(parts.db, limit=limit, cursor=cursor)
    return PageOf(
        items=[WebhookShape.of(webhook) for webhook in page.items], next_cursor=page.next_cursor
    )


@router.get("/{webhook}", operation_id="get_webhook")
def get_webhook(webhook: WebhookId, parts: Parts) -> WebhookShape:
    """Read a webhook: what it gets, and whether it does."""
    return WebhookShape.of(webhooks.get(parts.db, webhook))


@router.patch(
    "/{webhook}",
    operation_id="change_webhook",
    openapi_extra=body_of(WebhookChanges, _CHANGES),
)
def change_webhook(webhook: WebhookId, body: Document, parts: Parts) -> WebhookShape:
    """Change a webhook, pause it or let it go on.

    While it is not active no events are queued for it: read them at /v1/events.
    """
    request = read_body(WebhookChanges, body)
    changed = change(parts.db, parts.receivers, webhook, request)
    parts.attendant.deliver()
    return WebhookShape.of(changed)


@router.post(
    "/{webhook}/rotate-secret",
    operation_id="rotate_webhook_secret",
    openapi_extra=body_of(SecretRequest, _SECRETS, required=False),
)
def rotate_webhook_secret(
    webhook: WebhookId, body: OptionalObject, parts: Parts
) -> WebhookWithSecretShape:
    """Sign with another secret; for 24 hours messages carry a signature of the old one, too."""
    request = read_body(SecretRequest, body)
    return WebhookWithSecretShape.of(rotate(parts.db, webhook, request))


@router.delete("/{webhook}", status_code=204, operation_id="delete_webhook")
def delete_webhook(webhook: WebhookId, parts: Parts) -> None:
    """Remove a webhook, what waits for it, and its log."""
    webhooks.remove(parts.db, webhook)


@router.post("/{webhook}/test", status_code=202, operation_id="test_webhook")
def test_webhook(webhook: WebhookId, parts: Parts, response: Response) -> DeliveryShape:
    """Send a message of type webhook.test, once; read at its Location what came of it."""
    made = deliveries.add_test(parts.db, webhook)
    parts.attendant.deliver()
    root = parts.settings.root_path
    response.headers["Location"] = f"{root}/v1/webhooks/{webhook}/deliveries/{made.id}"
    return DeliveryShape.of(made)


@router.get("/{webhook}/deliveries", operation_id="list_deliveries")
def list_deliveries(
    webhook: WebhookId,
    parts: Parts,
    status: Status = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOf[DeliveryShape]:
    """List what was sent and what waits, the newest first."""
    page = deliveries.page(parts.db, webhook, status=status, limit=limit, cursor=cursor)
    return PageOf(
        items=[DeliveryShape.of(delivery) for delivery in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/{webhook}/deliveries/{delivery}", operation_id="get_delivery")
def get_delivery(webhook: WebhookId, delivery: DeliveryId, parts: Parts) -> DeliveryShape:
    """Read what came of a message, and when it is sent again."""
    return DeliveryShape.of(deliveries.get(parts.db, webhook, delivery))


@router.post(
    "/{webhook}/deliveries/{delivery}/retry", status_code=202, operation_id="retry_delivery"
)
def retry_delivery(webhook: WebhookId, delivery: DeliveryId, parts: Parts) -> DeliveryShape:
    """Send a message again as soon as possible, under the same webhook-id."""
    again = deliveries.retry(parts.db, webhook, delivery)
    parts.attendant.deliver()
    return DeliveryShape.of(again)


def describe_messages(app: FastAPI) -> None:
    """Have the OpenAPI description tell what receivers get."""

    @app.webhooks.post("event", operation_id="receive_event", tags=["webhooks"])
    def _event(_: MessageShape) -> None:
        """Posted to the URL of each webhook that wants the event.

        Verify the headers webhook-id, webhook-timestamp and webhook-signature with a library of
        Standard Webhooks, and answer 2xx within 15 seconds.
        """
