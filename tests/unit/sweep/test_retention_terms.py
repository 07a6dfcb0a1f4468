import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.sweep.retention import Report, Terms, cutoffs, kept

NOW = datetime(2026, 3, 1, tzinfo=UTC)
_VALUES = st.one_of(st.none(), st.floats(allow_nan=False))


def test_cutoffs_are_of_the_parts_that_are_not_kept_for_ever() -> None:
    """Days before now, parts of days, too."""
    assert cutoffs(Terms(), NOW) == {}
    found = cutoffs(Terms(logs=0.5, archived=30), NOW)
    assert found == {"archived": NOW - timedelta(days=30), "logs": NOW - timedelta(hours=12)}
    assert list(found) == ["archived", "logs"], "whole sweeps go first"


@given(
    values=st.lists(_VALUES, min_size=1, max_size=400),
    points=st.integers(10, 50),
    data=st.data(),
)
def test_what_stays_of_a_curve(
    values: list[float | None], points: int, data: st.DataObject
) -> None:
    """Few enough; both ends and both extremes among them; whatever else was removed before."""
    reports = [Report(100 + place, place + 1, value) for place, value in enumerate(values)]
    staying = kept(reports, len(reports), points)
    assert len(staying) <= points
    assert {reports[0].id, reports[-1].id} <= staying
    numbers = {report.id: report.value for report in reports if report.value is not None}
    if numbers:
        left_over = [value for report, value in numbers.items() if report in staying]
        assert min(left_over) == min(numbers.values())
        assert max(left_over) == max(numbers.values())
    # Cut off in the middle, and begun again: the same reports stay.
    others = [report.id for report in reports if report.id not in staying]
    gone = data.draw(st.sets(st.sampled_from(others))) if others else set()
    left = [report for report in reports if report.id not in gone]
    assert kept(left, len(reports), points) == staying


def test_a_thinned_curve_looks_the_same() -> None:
    """A dip that lasts for one report of ten thousand stays, and no stretch is without a report."""
    values = [math.exp(-n / 1000) for n in range(10_000)]
    values[4321] = -5.0
    values[7654] = 9.0
    reports = [Report(place, place + 1, value) for place, value in enumerate(values)]
    staying = sorted(kept(reports, 10_000, 100))
    assert {4321, 7654} <= set(staying)
    gaps = [after - before for before, after in pairwise(staying)]
    assert max(gaps) <= 2 * 10_000 / 49
