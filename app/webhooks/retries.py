"""What follows from an answer: delivered, again later, or no more; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from app.sweep.webhook import TEST_TYPE, DeliveryStatus, Due, Outcome

_MINUTE, _HOUR = 60.0, 3600.0
SCHEDULE: tuple[float, ...] = (
    5.0,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)
"""Seconds between the attempts, as Standard Webhooks advises: ten attempts in some three days."""
_SPREAD = 0.2
_PAUSING = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a receiver said.

    Attributes:
        status: of HTTP; None when it did not answer, and `error` says why.
        body: the beginning of the answer's body.
        retry_after: seconds that it wants to be left alone.
    """

    status: int | None = None
    body: str | None = None
    retry_after: float = 0.0
    error: str | None = None


def outcome_of(due: Due, answer: Answer, *, schedule: Sequence[float], luck: float) -> Outcome:
    """What came of the attempt, and when the next one is due.

    Args:
        due: what was sent.
        answer: what came back.
        schedule: seconds between the attempts.
        luck: from 0 to 1; spreads the attempts of many deliveries over some time.
    """
    status, attempts = answer.status, due.delivery.attempts
    if status is not None and HTTPStatus(200) <= status < HTTPStatus(300):
        return Outcome(
            status=DeliveryStatus.DELIVERED, response_status=status, response_body=answer.body
        )
    hold = answer.retry_after if status in _PAUSING else 0.0
    again: float | None = None
    disable = None
    if status == HTTPStatus.GONE:
        disable = "the receiver answered 410 Gone"
    elif due.delivery.type != TEST_TYPE and attempts < len(schedule):
        again = max(schedule[attempts] * (1 + _SPREAD * luck), hold)
    elif due.delivery.type != TEST_TYPE and attempts == len(schedule):
        disable = _silence(due)
    return Outcome(
        status=DeliveryStatus.FAILED if again is None else DeliveryStatus.PENDING,
        response_status=status,
        response_body=answer.body,
        error=answer.error or _words(status),
        again=again or 0.0,
        hold=hold,
        disable=disable,
    )


def _silence(due: Due) -> str | None:
    """Why a receiver is given up that has taken nothing for as long as a delivery is tried."""
    success = due.webhook.delivered_at
    if success is not None and success >= due.delivery.created_at:
        return None
    return f"nothing was delivered since {due.delivery.created_at:%Y-%m-%d %H:%M} UTC"


def _words(status: int | None) -> str:
    if status is not None and HTTPStatus(300) <= status < HTTPStatus(400):
        return f"answered {status}; redirects are not followed, give the final url"
    return f"answered {status}"
