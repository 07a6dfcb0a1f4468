"""How long a request may take, and how long the workspace asks to be left alone."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.backends.azureml.outgoing import CALL_SECONDS, Outgoing, retry_after
from app.backends.base import BackendError


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5),
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_what_an_answer_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, whole or not, milliseconds, a date; anything else is no wish."""
    assert retry_after(headers) == seconds


def test_a_date_is_the_time_until_then() -> None:
    """In whatever zone it is written."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert retry_after({"Retry-After": date}) == pytest.approx(89, abs=2)


def test_the_requests_of_a_call_share_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last ones get what is left; then the call is given up, to be made again later."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    outgoing = Outgoing(20.0)
    with outgoing.call():
        assert outgoing.patience() == 20.0
        now += CALL_SECONDS - 5
        assert outgoing.patience() == pytest.approx(5.0)
        now += 5
        with pytest.raises(BackendError, match="too slowly") as caught:
            outgoing.patience()
        assert caught.value.retryable
    assert outgoing.patience() == 20.0
