"""Sweeps beside each other: the table's figures, who leads, what is not compared, the charts."""

import copy
from datetime import UTC, datetime, timedelta

from app.dashboard.best_lines import best_line
from app.dashboard.charts.comparison import against_time, against_trials
from app.dashboard.charts.look import Options, axes_of
from app.dashboard.comparison import Compared, by_objective, summary
from app.sweep.examples import SEED
from app.sweep.parsing import parse_document
from app.sweep.record import BestTrial, Outcome, SweepRecord
from app.sweep.state import SweepStatus, TrialStatus
from app.views.history import history
from app.views.shape import View

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def _compared(name: str, *values: float, metric: str = "loss", pause: float = 60.0) -> Compared:
    """A sweep that minimises; its trials ended one after the other, `pause` seconds apart."""
    body = copy.deepcopy(SEED)
    body["objective"] = {"primary_metric": metric, "goal": "minimize"}
    document = parse_document(body)
    outcomes = [
        Outcome(
            number=number,
            status=TrialStatus.COMPLETED,
            attempt=1,
            objective=value,
            parameters={},
            queued_at=BEGUN,
            started_at=BEGUN,
            finished_at=BEGUN + timedelta(seconds=pause * (number + 1)),
            duration=pause,
        )
        for number, value in enumerate(values)
    ]
    axes, series = history(document, outcomes, None)
    view = View(view="history", sweep=name, axes=axes, series=series)
    least = min(range(len(values)), key=values.__getitem__, default=None)
    record = SweepRecord(
        name=name,
        document=document.normalized(),
        document_hash="",
        backend="local",
        code=None,
        inputs={},
        status=SweepStatus.COMPLETED,
        status_reason=None,
        provider_status=None,
        provider_url=None,
        trial_counts={TrialStatus.COMPLETED: len(values)} if values else {},
        best_trial=None
        if least is None
        else BestTrial(number=least, objective_value=values[least], parameters={"<x>": name}),
        warnings=(),
        created_at=BEGUN,
        submitted_at=BEGUN,
        started_at=BEGUN,
        finished_at=BEGUN + timedelta(hours=1),
        last_synced_at=None,
        sync_error=None,
        archived=False,
        request_id=None,
    )
    return Compared(record=record, line=best_line(view), axes=axes_of(view))


def _row(table: str, head: str) -> str:
    return table.split(f'<th scope="row">{head}</th>')[1].split("</tr>", maxsplit=1)[0]


def test_the_table_has_a_column_for_each_sweep() -> None:
    """Where each stands, when it had its best, and what that is made of."""
    table = summary([_compared("a", 3.0, 2.0, 4.0), _compared("b", 5.0)], "/prefix/dashboard")
    assert '<th scope="col"><a href="/prefix/dashboard/sweeps/a">a</a></th>' in table
    assert _row(table, "Trials ended") == "<td>3 of 4</td><td>1 of 4</td>"
    assert _row(table, "Time to the best") == "<td>2 min 0 s</td><td>1 min 0 s</td>"
    assert _row(table, "Time in all") == "<td>1 h 0 min</td><td>1 h 0 min</td>"
    assert 'href="/prefix/dashboard/sweeps/a/trials/1">1</a>' in _row(table, "Best trial")
    assert _row(table, "<code>&lt;x&gt;</code>") == "<td>a</td><td>b</td>"


def test_the_leader_is_marked_among_sweeps_of_one_objective() -> None:
    """Equal ones lead together; one that is alone with its objective leads nobody."""
    alone = _compared("d", 1.0, metric="error")
    found = [_compared("a", 3.0), _compared("b", 2.0), _compared("c", 2.0), alone]
    row = _row(summary(found, ""), "Best value")
    leads = "<td><strong>2</strong> (the best)</td>"
    assert row == f"<td>3</td>{leads}{leads}<td>1</td>"
    assert {key: len(group) for key, group in by_objective(found).items()} == {
        "minimize loss": 3,
        "minimize error": 1,
    }


def test_a_sweep_without_a_result_has_a_column_too() -> None:
    """What is not known yet is empty."""
    table = summary([_compared("a"), _compared("b", 2.0)], "")
    assert _row(table, "Best value") == "<td></td><td><strong>2</strong> (the best)</td>"
    assert _row(table, "Time to the best") == "<td></td><td>1 min 0 s</td>"


def _data(chart: Options) -> list[list[list[float]]]:
    return [series["data"] for series in chart["series"]]


def test_the_charts_draw_the_same_line_over_trials_and_over_time() -> None:
    """Time has the greatest unit that the longest sweep fills twice."""
    found = [_compared("a", 3.0, 2.0), _compared("b", 5.0, pause=3.0)]
    place = {"a": 0, "b": 1}
    assert _data(against_trials(found, place)) == [[[1, 3.0], [2, 2.0]], [[1, 5.0]]]
    over_time = against_time(found, place)
    assert _data(over_time) == [[[1.0, 3.0], [2.0, 2.0]], [[0.05, 5.0]]]
    assert over_time["xAxis"]["name"] == "minutes since the first trial started"


def test_a_sweep_looks_the_same_in_every_chart_and_not_like_another() -> None:
    """Colour, stroke and symbol follow its place among all that are compared."""
    found = [_compared(name, 1.0) for name in "abcde"]
    place = {each.record.name: index for index, each in enumerate(found)}

    def looks(chart: Options) -> list[str]:
        return [str((line["symbol"], line["lineStyle"])) for line in chart["series"]]

    every = looks(against_trials(found, place))
    assert len(set(every)) == 5
    assert looks(against_time(found[3:], place)) == every[3:]


def test_a_logarithmic_axis_is_that_of_the_values() -> None:
    """Trials and time stay as they are."""
    chart = against_trials([_compared("a", 3.0)], {"a": 0}, log=True)
    assert (chart["yAxis"]["type"], chart["xAxis"]["type"]) == ("log", "value")


def test_a_chart_speaks_to_screen_readers_and_says_when_it_is_empty() -> None:
    """The description has each sweep's best value."""
    chart = against_trials([_compared("a", 3.0), _compared("b")], {"a": 0, "b": 1})
    said = chart["aria"]["label"]["description"]
    assert said == "Best value over trials ended. a: 3; b: none yet"
    assert chart["title"]["text"] == ""
    assert "No trial" in against_trials([_compared("b")], {"b": 0})["title"]["text"]
