"""The circuit opens after failures in a row, lets one call through to try, and closes again."""

import pytest

from app.backends.azureml import circuit as module
from app.backends.azureml.circuit import OPENS_AFTER, Circuit
from app.backends.base import BackendError


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        """The time it was turned to."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The circuit's clock."""
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def _open(circuit: Circuit) -> None:
    for _ in range(OPENS_AFTER):
        circuit.check()
        circuit.failed("no route")


def _refuses(circuit: Circuit) -> float:
    with pytest.raises(BackendError, match="no route") as caught:
        circuit.check()
    assert caught.value.retryable
    assert caught.value.retry_after is not None
    return caught.value.retry_after


def test_it_opens_after_failures_in_a_row(clock: Clock) -> None:
    """Then calls fail at once, with the time to wait."""
    circuit = Circuit()
    circuit.failed("a")
    circuit.reached()
    _open(circuit)
    wait = _refuses(circuit)
    clock.now += wait - 0.1
    _refuses(circuit)


def test_one_call_tries_when_the_pause_is_over(clock: Clock) -> None:
    """The others go on failing until it has an answer."""
    circuit = Circuit()
    _open(circuit)
    clock.now += _refuses(circuit) + 0.1
    circuit.check()
    _refuses(circuit)
    circuit.reached()
    circuit.check()
    assert circuit.trouble() is None
    assert circuit.ever_reached


def test_pauses_grow_to_a_limit(clock: Clock) -> None:
    """Each failed try doubles the pause."""
    circuit = Circuit()
    _open(circuit)
    pauses = []
    for _ in range(8):
        pauses.append(_refuses(circuit))
        clock.now += pauses[-1] + 0.1
        circuit.check()
        circuit.failed("no route")
    assert pauses == pytest.approx([5, 10, 20, 40, 60, 60, 60, 60])


def test_it_opens_at_once_when_it_is_asked_to(clock: Clock) -> None:
    """For the time that was named; not even a call under way sends a request then."""
    circuit = Circuit()
    circuit.check()
    circuit.throttled("no route", 7.0)
    circuit.reached()
    assert _refuses(circuit) == pytest.approx(7.0)
    with pytest.raises(BackendError):
        circuit.check_quiet()
    clock.now += 7.1
    circuit.check_quiet()
    circuit.check()
    assert _refuses(circuit) <= 1.0
    circuit.throttled("no route", 7.0)
    assert _refuses(circuit) == pytest.approx(7.0)
    clock.now += 7.1
    circuit.check()
    circuit.reached()
    circuit.check()
    assert circuit.trouble() is None


def test_a_try_that_nobody_hears_of_is_followed_by_another(clock: Clock) -> None:
    """Whoever tried may have been killed."""
    circuit = Circuit()
    _open(circuit)
    clock.now += _refuses(circuit) + 0.1
    circuit.check()
    clock.now += 5.1
    circuit.check()


def test_an_answer_that_names_a_wrong_setting_is_remembered(clock: Clock) -> None:
    """The circuit closes, for the workspace answers; what it said stays until it serves us."""
    circuit = Circuit()
    _open(circuit)
    clock.now += _refuses(circuit) + 0.1
    circuit.check()
    circuit.reached("no such workspace")
    circuit.check()
    assert circuit.trouble() == "no such workspace"
    assert not circuit.ever_reached
    circuit.reached()
    assert circuit.trouble() is None


def test_failures_with_an_answer_between_are_not_in_a_row() -> None:
    """One kind of request may hang while the workspace is well."""
    circuit = Circuit()
    for _ in range(3 * OPENS_AFTER):
        circuit.check()
        circuit.heard()
        circuit.failed("no route")
    circuit.check()
