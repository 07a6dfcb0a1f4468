"""The preview's texts: what is known of a sweep, and its first trials."""

from dataclasses import replace
from typing import Any

from app.dashboard.preview_card import facts, trials
from app.search.allowed import Allowance
from app.search.estimate import Range
from app.services.preview import Estimate, Preview, PreviewedTrial
from app.sweep.examples import SEED
from app.sweep.parsing import parse_document


def _preview(**changes: Any) -> Preview:  # noqa: ANN401 - any attribute of a preview
    document = parse_document(SEED).completed(
        name=None, backend="local", max_concurrent_trials=4, seed=1
    )
    plain = Preview(
        document=document,
        cardinality=1200,
        allowance=None,
        trials=[],
        foretold=None,
        estimate=None,
        warnings=[],
        azure_request=None,
    )
    return replace(plain, **changes)


def test_what_is_not_known_is_not_told() -> None:
    """Without earlier trials there is no estimate, without constraints no share."""
    assert facts(_preview()) == {
        "Runs on": "local",
        "Sampling": "random",
        "Objective": "minimize sqrt_mse",
        "Trials at most": "4, 4 at once",
        "Points in the space": "1,200",
    }


def test_space_and_durations_are_told() -> None:
    """An uncounted space, the share that constraints leave, the likely time with its range."""
    estimate = Estimate(
        sweeps=["a"],
        trials=7,
        trial_seconds=Range(low=1.0, likely=2.0, high=3.0),
        sweep_seconds=Range(low=60.0, likely=90.0, high=125.0),
    )
    share = Allowance(fraction=0.25, error=0.0, points=None)
    found = facts(_preview(cardinality=None, allowance=share, estimate=estimate))
    assert found["Points in the space"] == "without end, or not counted"
    assert found["Allowed by constraints"] == "25 %"
    assert found["One trial takes"] == "2.0 s (1.0 s to 3.0 s)"
    assert found["The sweep takes"] == "1 min 30 s (1 min 0 s to 2 min 5 s)"
    assert found["Judged by"] == "7 earlier trials"


def test_trials_of_different_branches_share_a_table() -> None:
    """Each hyperparameter has a column; markup in a value is text."""
    shown = trials(
        _preview(
            trials=[
                PreviewedTrial(number=0, parameters={"model": "<b>"}, command="run '<b>'"),
                PreviewedTrial(number=1, parameters={"depth": 0.5}, command="run"),
            ]
        )
    )
    assert shown.count("<th scope=") == 4 + 2
    assert "<td>&lt;b&gt;</td><td></td><td><code>run &#x27;&lt;b&gt;&#x27;</code></td>" in shown
    assert "<td></td><td>0.5</td><td><code>run</code></td>" in shown
