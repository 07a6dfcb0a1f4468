"""What follows from an answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.sweep.webhook import TEST_TYPE, Delivery, DeliveryStatus, Due, Outcome, Webhook
from app.webhooks.retries import SCHEDULE, Answer, outcome_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = 3600.0


def due(*, attempts: int = 0, delivered_at: datetime | None = None, **changes: Any) -> Due:  # noqa: ANN401 - fields of a delivery
    """A delivery that has had so many attempts."""
    webhook = Webhook(
        id=1,
        url="https://hooks.example",
        secret="whsec_",  # noqa: S106 - of no use here
        old_secret=None,
        created_by=None,
        active=True,
        disabled_reason=None,
        created_at=NOON,
        delivered_at=delivered_at,
    )
    values: dict[str, Any] = {
        "id": 1,
        "webhook_id": 1,
        "message_id": "msg_1",
        "event_id": 7,
        "type": "sweep.status",
        "status": DeliveryStatus.PENDING,
        "attempts": attempts,
        "next_attempt_at": NOON,
        "last_attempt_at": None,
        "response_status": None,
        "response_body": None,
        "error": None,
        "created_at": NOON,
        "finished_at": None,
        **changes,
    }
    return Due(webhook=webhook, delivery=Delivery(**values), event=None)


def outcome(answer: Answer, *, luck: float = 0.0, **of_due: Any) -> Outcome:  # noqa: ANN401 - passed on
    """What follows by the usual schedule."""
    return outcome_of(due(**of_due), answer, schedule=SCHEDULE, luck=luck)


@pytest.mark.parametrize("status", [200, 204, 299])
def test_every_2xx_is_a_success(status: int) -> None:
    """With its body kept."""
    found = outcome(Answer(status=status, body="ok"))
    assert found == Outcome(
        status=DeliveryStatus.DELIVERED, response_status=status, response_body="ok"
    )


@pytest.mark.parametrize("status", [None, 199, 301, 400, 404, 429, 500, 503])
def test_anything_else_is_tried_again(status: int | None) -> None:
    """The reason is told."""
    found = outcome(Answer(status=status, error=None if status else "no connection"))
    assert (found.status, found.again) == (DeliveryStatus.PENDING, 5.0)
    assert found.error
    assert str(status) in found.error or found.error == "no connection"


def test_ten_attempts_in_three_days() -> None:
    """Then no more; luck spreads each wait by up to a fifth."""
    failed = Answer(status=500)
    waits = [outcome(failed, attempts=n).again for n in range(9)]
    assert waits == list(SCHEDULE)
    assert 70 * HOUR < sum(waits) < 80 * HOUR
    assert outcome(failed, attempts=3, luck=1.0).again == pytest.approx(1.2 * SCHEDULE[3])
    assert outcome(failed, attempts=9).status is DeliveryStatus.FAILED


def test_a_receiver_that_takes_nothing_is_given_up() -> None:
    """When a delivery was tried in vain to the end, and nothing else arrived meanwhile."""
    failed = Answer(status=500)
    assert outcome(failed, attempts=8).disable is None
    last = outcome(failed, attempts=9)
    assert last.disable is not None
    assert "2026-03-01 12:00 UTC" in last.disable
    before, after = (NOON + timedelta(hours=hours) for hours in (-1, 1))
    assert outcome(failed, attempts=9, delivered_at=before).disable
    assert outcome(failed, attempts=9, delivered_at=after).disable is None
    # Sent once more on request: that it fails again tells nothing new.
    assert outcome(failed, attempts=10).disable is None


def test_410_ends_it() -> None:
    """For the webhook, too."""
    found = outcome(Answer(status=410))
    assert (found.status, found.disable) == (
        DeliveryStatus.FAILED,
        "the receiver answered 410 Gone",
    )


@pytest.mark.parametrize(("status", "held"), [(429, True), (503, True), (500, False)])
def test_a_pause_is_kept_that_the_receiver_asks_for(status: int, *, held: bool) -> None:
    """Never shorter than the schedule says; for other messages to it, too."""
    found = outcome(Answer(status=status, retry_after=60.0))
    assert (found.again, found.hold) == ((60.0, 60.0) if held else (5.0, 0.0))
    soon = outcome(Answer(status=status, retry_after=1.0))
    assert (soon.again, soon.hold) == (5.0, 1.0 if held else 0.0)


def test_a_test_is_sent_once() -> None:
    """Its caller wants to know at once, and its failure disables nothing."""
    found = outcome(Answer(status=500), type=TEST_TYPE, event_id=None)
    assert (found.status, found.disable) == (DeliveryStatus.FAILED, None)


def test_a_redirect_says_what_to_do() -> None:
    """It is not followed."""
    error = outcome(Answer(status=302)).error
    assert error is not None
    assert "final url" in error
