"""What charts need of a sweep, on both databases."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from app.services.views import ViewOptions, Views
from app.store import claims, leases, reopen, sweeps, trials, views
from app.store.database import Database
from app.sweep.errors import InvalidDocumentError, NotFoundError
from app.sweep.state import SweepSnapshot, SweepStatus, TrialStatus
from app.views.shape import VIEWS
from tests.contract.store.samples import NOON, decision, new, report, running, trial


@pytest.fixture
def one(db: Database) -> Database:
    """A database with one sweep, of which two trials have reported."""
    sweeps.add(db, new("one"))
    metrics = [report(n, i, float(10 * n + i)) for n in (0, 1) for i in (1, 2, 3)]
    look(db, running(trial(0, started_at=NOON), trial(1, started_at=NOON), metrics=metrics))
    return db


def look(db: Database, snapshot: SweepSnapshot) -> None:
    """What the tracker writes down."""
    (claim,) = claims.claim_due(db, "tester", backend="local", limit=1, lease=60)
    assert leases.apply(db, claim, snapshot, next_look=0)


def test_outcomes_are_the_trials(one: Database) -> None:
    """By number, with the objective that the reports made."""
    found = views.outcomes(one, "one")
    assert [(each.number, each.objective) for each in found.trials] == [(0, 1.0), (1, 11.0)]
    assert found.trials[1].parameters == {"x": 0.1}
    assert found.newest == views.newest(one, "one") > 0
    assert found.document.objective.primary_metric == "loss"
    with pytest.raises(NotFoundError):
        views.outcomes(one, "none")


def test_reports_come_trial_by_trial(one: Database) -> None:
    """In the order of arrival; only those that are asked for; none that is not a number."""
    look(one, running(metrics=[report(1, 4, math.nan), report(1, 5, 15.0)], cursor="2"))
    sweep_id = views.outcomes(one, "one").sweep_id
    every = list(views.reports(one, sweep_id, "loss", None))
    assert [(each.trial, each.values) for each in every] == [
        (0, (1.0, 2.0, 3.0)),
        (1, (11.0, 12.0, 13.0, 15.0)),
    ]
    assert every[1].intervals == (1, 2, 3, 5)
    assert every[0].times[1] == pytest.approx(NOON.timestamp() + 2, abs=2e-3)
    (second,) = views.reports(one, sweep_id, "loss", {1, 7})
    assert (second.values, list(second.times)) == (every[1].values, list(every[1].times))
    assert list(views.reports(one, sweep_id, "other", None)) == []
    assert views.metric_names(one, sweep_id) == ["loss"]


def test_a_trial_has_its_curves_and_what_they_were_held_against(one: Database) -> None:
    """Thresholds of the latest attempt only, at the steps of the reports that they judged."""
    held = [
        replace(decision(1, 1), threshold=None),
        replace(decision(1, 2), threshold=math.nan),
        decision(1, 3),
        replace(decision(1, 9), threshold=7.0),  # its report has not come
        replace(decision(1, 1), attempt=2),
        decision(0, 1),
    ]
    others = [report(1, i, i / 2, name="other", step=10 * i) for i in (1, 2)]
    look(one, running(metrics=others, decisions=held, cursor="2"))
    found = Views(one).curves_of_trial("one", trials.get(one, "one", 1), ["loss", "other"], 100)
    assert [row[:3] for row in found.metrics["loss"]] == [(0, 11.0, 1), (0, 12.0, 2), (0, 13.0, 3)]
    assert [row[:2] for row in found.metrics["other"]] == [(10, 0.5), (20, 1.0)]
    assert found.metrics["other"][0][3] == 1.0
    assert found.held == [(0, 2.5, 3, None)]
    bare = Views(one).curves_of_trial("one", trials.get(one, "one", 1), ["nothing"], 100)
    assert (bare.metrics, bare.held) == ({}, [])


def test_events_tell_which_trials_have_changed(one: Database) -> None:
    """Those with a report, a decision, another status or other facts since."""
    before = views.newest(one, "one")
    assert views.changed(one, "one", before) == set()
    look(one, running(trial(2), metrics=[report(0, 4, 0.5)], cursor="2"))
    look(one, running(decisions=[decision(1, 3)], cursor="3"))
    assert views.changed(one, "one", before) == {0, 1, 2}
    assert views.changed(one, "one", views.newest(one, "one")) == set()


def test_stops_are_those_that_counted(one: Database) -> None:
    """Not those that came too late."""
    late = decision(1, 3)
    object.__setattr__(late, "too_late", True)
    look(one, running(decisions=[decision(0, 2), late], cursor="2"))
    sweep_id = views.outcomes(one, "one").sweep_id
    assert [(stop.trial, stop.interval) for stop in views.stops(one, sweep_id)] == [(0, 2)]


@pytest.mark.parametrize("kind", VIEWS)
def test_merged_changes_are_the_whole(one: Database, kind: str) -> None:
    """Whatever happens in between, and however often somebody looks."""
    seen = Views(one)
    whole = seen.view("one", kind, ViewOptions())  # type: ignore[arg-type]  # of VIEWS
    merged = {(s.name, s.trial): {tuple(row) for row in s.points} for s in whole.series}
    look(one, running(trial(2), metrics=[report(0, 4, 0.5), report(2, 1, 3.0)], cursor="2"))
    ended = trial(0, TrialStatus.COMPLETED, started_at=NOON, finished_at=NOON)
    look(one, running(ended, cursor="3"))
    changed = seen.view("one", kind, ViewOptions(after=whole.next_after))  # type: ignore[arg-type]
    fresh = Views(one).view("one", kind, ViewOptions())  # type: ignore[arg-type]
    assert not changed.complete
    assert seen.view("one", kind, ViewOptions()) == fresh  # type: ignore[arg-type]
    for series in changed.series:
        if "number" in series.axes and series.name in ("trials", "x"):
            place = series.axes.index("number")
            numbers = {row[place] for row in series.points}
            kept = {row for row in merged.get((series.name, None), ()) if row[place] not in numbers}
            merged[series.name, None] = kept | {tuple(row) for row in series.points}
        else:
            merged[series.name, series.trial] = {tuple(row) for row in series.points}
    assert merged == {(s.name, s.trial): {tuple(row) for row in s.points} for s in fresh.series}


def test_no_change_is_missed_while_others_commit(one: Database) -> None:
    """Whoever looks during the commits has the whole at the end, from changes alone."""

    def commit() -> None:
        for place in range(40):
            ended = TrialStatus.COMPLETED if place % 3 else TrialStatus.RUNNING
            news = [report(0, 4 + place, 100.0 - place), report(2 + place, 1, float(place))]
            now = running(trial(2 + place, ended), metrics=news, cursor=str(place))
            look(one, now)

    found = views.outcomes(one, "one")
    merged = {each.number: each for each in found.trials}
    seen = Views(one)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(commit)
        last = False
        while not last:
            last = writing.done()
            after, found = found.newest, views.outcomes(one, "one")
            news = views.changed(one, "one", after) or ()
            merged |= {each.number: each for each in found.trials if each.number in news}
            seen.view("one", "learning-curves", ViewOptions())
        writing.result()
    assert list(merged.values()) == views.outcomes(one, "one").trials
    assert len(merged) == 42
    fresh = Views(one).view("one", "learning-curves", ViewOptions())
    assert seen.view("one", "learning-curves", ViewOptions()) == fresh


def test_another_trial_does_not_change_what_is_kept_of_many_points(
    one: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Points of each are halved at few sizes, so that earlier curves need not be read again."""
    monkeypatch.setattr("app.services.views.MOST_POINTS_OF_ALL", 8)
    look(one, running(metrics=[report(0, i, float(i * 7 % 5)) for i in range(4, 60)], cursor="2"))
    seen = Views(one)
    two = seen.view("one", "learning-curves", ViewOptions(points=9)).series[0]
    assert len(two.points) <= 4 + 2
    look(one, running(trial(2), metrics=[report(2, 1, 1.0)], cursor="3"))
    three = seen.view("one", "learning-curves", ViewOptions(points=9)).series[0]
    assert len(three.points) <= 2 + 2
    look(one, running(trial(3), metrics=[report(3, 1, 1.0)], cursor="4"))
    four = seen.view("one", "learning-curves", ViewOptions(points=9)).series[0]
    assert four.points is three.points


def test_a_retried_trial_has_a_new_curve(one: Database) -> None:
    """Nothing is left of the attempt before."""
    seen = Views(one)
    look(one, running(trial(0, TrialStatus.FAILED), cursor="2"))
    curves = seen.view("one", "learning-curves", ViewOptions())
    assert [series.trial for series in curves.series] == [0, 1]
    reopen.retry(one, "one", 0)
    changed = seen.view("one", "learning-curves", ViewOptions(after=curves.next_after))
    assert [(series.trial, list(series.points)) for series in changed.series] == [(0, [])]
    curves = seen.view("one", "learning-curves", ViewOptions())
    assert [series.trial for series in curves.series] == [1]
    look(one, running(trial(0, attempt=2), metrics=[report(0, 1, 7.0, attempt=2)], cursor="3"))
    curves = seen.view("one", "learning-curves", ViewOptions())
    assert [row[1] for row in curves.series[0].points] == [7.0]


def test_a_sweep_of_the_same_name_is_another_one(one: Database) -> None:
    """What was kept of the one before is not shown."""
    seen = Views(one)
    look(one, running(trial(0, TrialStatus.COMPLETED), cursor="2"))
    before = seen.view("one", "history", ViewOptions())
    sweeps.request_cancel(one, "one")
    (claim,) = claims.claim_due(one, "tester", backend="local", limit=1, lease=60)
    leases.finish(one, claim, SweepStatus.CANCELED, "canceled")
    sweeps.purge(one, "one")
    with pytest.raises(NotFoundError):
        seen.view("one", "history", ViewOptions())
    sweeps.add(one, new("one"))
    for known in (before.next_after, before.next_after + 10**6):
        after = seen.view("one", "history", ViewOptions(after=known))
        assert after.complete
    assert [series.points for series in after.series] == [[], [], []]


def test_options_that_do_not_fit_name_the_choices(one: Database) -> None:
    """A metric that nobody reported, a hyperparameter that is none."""
    seen = Views(one)
    with pytest.raises(InvalidDocumentError) as refused:
        seen.view("one", "learning-curves", ViewOptions(metric="accuracy"))
    assert "loss" in refused.value.errors[0].message
    with pytest.raises(InvalidDocumentError) as refused:
        seen.view("one", "slice", ViewOptions(parameter="y"))
    assert refused.value.errors[0].message.endswith("choose among: x")
