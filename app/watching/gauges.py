"""What is measured when Prometheus asks: records, checks and slots as they are at that moment."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from app.sweep.census import Census


def measured(
    checks: Mapping[str, bool], census: Census | None, slots: tuple[int, int] | None
) -> Iterator[Metric]:
    """Everything that is measured.

    Args:
        checks: which parts of the service work, by name.
        census: what there is to do; None: the database is away.
        slots: of the local engine, all and those that are taken; None: it does not answer.
    """
    yield from _of_the_service(checks)
    if slots is not None:
        yield from _of_the_engine(*slots)
    if census is not None:
        yield from _of_the_records(census)


def _of_the_service(checks: Mapping[str, bool]) -> Iterator[Metric]:
    """Which version it is and which of its parts work."""
    info = GaugeMetricFamily(
        "sweepfront_build_info", "Always 1; the label tells the version.", labels=["version"]
    )
    info.add_metric([version("sweepfront")], 1)
    yield info
    working = GaugeMetricFamily(
        "sweepfront_check_ok",
        "1 when the part works, else 0: what /readyz tells in words.",
        labels=["check"],
    )
    for name, ok in checks.items():
        working.add_metric([name], ok)
    yield working


def _of_the_engine(slots: int, busy: int) -> Iterator[Metric]:
    """The local engine's slots."""
    yield GaugeMetricFamily(
        "sweepfront_engine_slots", "Trials that the local engine runs at once.", value=slots
    )
    yield GaugeMetricFamily(
        "sweepfront_engine_slots_busy", "Slots of it that are taken by a trial.", value=busy
    )


def _of_the_records(census: Census) -> Iterator[Metric]:
    """What there is to do; the same whichever service on the database is asked."""
    yield _by_status(
        "sweepfront_sweeps",
        "Sweeps that have not ended, by backend and status.",
        {each.backend: each.sweeps for each in census.backends},
    )
    yield _by_status(
        "sweepfront_trials",
        "Trials of sweeps that have not ended, by backend and status.",
        {each.backend: each.trials for each in census.backends},
    )
    yield _by_backend(
        "sweepfront_tracker_lag_seconds",
        "How overdue the look at a sweep is that has waited longest.",
        {each.backend: each.lag_seconds for each in census.backends},
    )
    yield _by_backend(
        "sweepfront_tracker_due",
        "Sweeps whose look is due and that nobody looks at yet.",
        {each.backend: each.due for each in census.backends},
    )
    yield _by_backend(
        "sweepfront_queue_age_seconds",
        "For how long the oldest sweep has waited whose first trial has not begun.",
        {each.backend: each.queue_seconds for each in census.backends},
    )
    yield GaugeMetricFamily(
        "sweepfront_webhook_deliveries_waiting",
        "Deliveries to active webhooks that are still to be made.",
        value=census.webhooks.waiting,
    )
    yield GaugeMetricFamily(
        "sweepfront_webhook_oldest_waiting_seconds",
        "How long the delivery has waited that has waited longest.",
        value=census.webhooks.oldest_seconds,
    )


def _by_status(name: str, meaning: str, counts: Mapping[str, Mapping[str, int]]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=["backend", "status"])
    for backend, of_status in counts.items():
        for status, count in of_status.items():
            family.add_metric([backend, status], count)
    return family


def _by_backend(name: str, meaning: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=["backend"])
    for backend, value in values.items():
        family.add_metric([backend], value)
    return family
