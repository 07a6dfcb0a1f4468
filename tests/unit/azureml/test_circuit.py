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
