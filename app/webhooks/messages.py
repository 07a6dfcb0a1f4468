"""Messages as Standard Webhooks (https://www.standardwebhooks.com) has them, and their secrets."""

import base64
import binascii
import json
import secrets
from datetime import datetime

from standardwebhooks import Webhook as Signer

from app.sweep.webhook import Due

_PREFIX = "whsec_"
_BYTES = 32
_LEAST_BYTES = 24
_MOST_BYTES = 64


def new_secret() -> str:
    """A secret that nobody can guess."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def is_secret(text: str) -> bool:
    """True for a secret of the standard: whsec_ and 24 to 64 bytes in base64."""
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return text.startswith(_PREFIX) and _LEAST_BYTES <= len(key) <= _MOST_BYTES


def body_of(due: Due) -> str:
    """The JSON that is sent; the same at every attempt."""
    event, delivery = due.event, due.delivery
    at = event.at if event else delivery.created_at
    told: dict[str, object] = {
        "id": event.id if event else None,
        "type": delivery.type,
        "sweep": event.sweep if event else None,
        "data": event.data if event else {"webhook": due.webhook.id, "delivery": delivery.id},
        "at": _text(at),
    }
    message = {"type": delivery.type, "timestamp": _text(at), "data": told}
    return json.dumps(message, separators=(",", ":"), allow_nan=False)


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def headers_of(due: Due, body: str, now: datetime) -> dict[str, str]:
    """The headers by which a receiver tells who sent the body, and doubles; `now` is aware UTC."""
    hook, message = due.webhook, due.delivery.message_id
    keys = [hook.secret] if hook.old_secret is None else [hook.secret, hook.old_secret]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Signer(key).sign(message, now, body) for key in keys),
    }
