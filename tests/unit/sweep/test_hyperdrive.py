"""HyperDrive configurations: both forms become documents, and what does not is told or refused."""

import json

import pytest

from app.sweep.hyperdrive import convert
from tests.unit.sweep.hyperdrives import CONCRETE, WIRE, Json, changed, faults_of, swept


def test_the_first_sweep_as_hyperdrive_had_it() -> None:
    """Every word of it, and notes about the rest."""
    converted = convert(CONCRETE)
    assert converted.document == {
        "type": "sweep",
        "experiment_name": "concrete_tune",
        "trial": {
            "command": "python optimize.py --base_estimator ${{search_space.base_estimator}} "
            "--n_estimators ${{search_space.n_estimators}} "
            "--max_samples ${{search_space.max_samples}} "
            "--max_features ${{search_space.max_features}} --bootstrap ${{search_space.bootstrap}}",
            "code": "trial_code",
            "environment": "azureml:concrete_env:1",
        },
        "sampling_algorithm": {"type": "random"},
        "search_space": {
            "base_estimator": {
                "type": "choice",
                "values": ["LinearRegression", "RandomForestRegressor", "KNeighborsRegressor"],
            },
            "n_estimators": {"type": "choice", "values": [5, 10, 15, 20, 25]},
            "max_samples": {"type": "choice", "values": [0.5, 1.0]},
            "max_features": {"type": "choice", "values": [0.5, 1.0]},
            "bootstrap": {"type": "choice", "values": [1, 0]},
        },
        "objective": {"primary_metric": "sqrt_mse", "goal": "minimize"},
        "limits": {"max_total_trials": 4, "max_concurrent_trials": 4, "timeout": 604_800},
        "compute": "azureml:cpu-cluster",
    }
    assert len(converted.notes) == 2
    assert any("mlflow.log_metric" in note for note in converted.notes)
    assert any("10080 minutes" in note for note in converted.notes)


def test_the_form_that_the_service_keeps() -> None:
    """Minutes become seconds; a swept argument replaces the fixed one, as in v1."""
    converted = convert(WIRE)
    document = converted.document
    assert document["trial"] == {
        "command": "python train.py --epochs 5 --learning-rate ${{search_space.learning_rate}} "
        "--batch_size ${{search_space.batch_size}}",
        "environment": {"image": "img:1", "conda_file": {"dependencies": ["python=3.8"]}},
    }
    assert document["early_termination"] == {
        "type": "bandit",
        "evaluation_interval": 100,
        "slack_factor": 0.2,
        "delay_evaluation": 0,
    }
    assert document["limits"] == {
        "max_total_trials": 100,
        "max_concurrent_trials": 15,
        "timeout": 5400,
        "trial_timeout": 1200,
    }
    assert (document["experiment_name"], document["compute"]) == ("tune", "azureml:gpu")
    for words in (
        "--batch_size is a hyperparameter",
        "was --learning-rate",
        "trial.code",
        "platform",
    ):
        assert any(words in note for note in converted.notes), words


def test_the_tags_of_a_run_hold_the_same_as_text() -> None:
    """SDK v1 keeps each part as JSON text, and numbers as text."""
    keys = ("generator_config", "policy_config", "primary_metric_config", "platform_config")
    tags = {key: json.dumps(value) if key in keys else value for key, value in WIRE.items()}
    tags |= {"max_total_jobs": "100", "max_concurrent_jobs": "15", "max_duration_minutes": "90"}
    assert convert(tags).document == convert(WIRE).document


@pytest.mark.parametrize(
    ("change", "pointer", "words"),
    [
        ({"max_total_runs": None}, "/max_total_runs", "required"),
        ({"max_total_runs": 1001}, "/max_total_runs", "less than or equal to 1000"),
        ({"max_total_runs": "many"}, "/max_total_runs", "an integer"),
        ({"max_concurrent_runs": 101}, "/max_concurrent_runs", "100"),
        ({"max_duration_minutes": "long"}, "/max_duration_minutes", "minutes"),
        ({"primary_metric_name": None}, "/primary_metric_name", "required"),
        ({"primary_metric_goal": "best"}, "/primary_metric_goal", "MINIMIZE"),
        ({"hyperparameter_sampling": None}, "/hyperparameter_sampling", "required"),
        ({"hyperparameter_sampling": "SobolSampling()"}, "/hyperparameter_sampling", "not known"),
        (
            {"hyperparameter_sampling": {"type": "random", "parameter_space": {}}},
            "/hyperparameter_sampling",
            "at least 1",
        ),
        (
            {"hyperparameter_sampling": "GridParameterSampling({'x': uniform(0, 1)})"},
            "/hyperparameter_sampling",
            "grid sampling takes only choice",
        ),
        ({"policy": "BanditPolicy()"}, "/policy", "exactly one of slack_factor"),
        ({"policy": "MedianStoppingPolicy(slack=1)"}, "/policy", "slack is no field"),
        ({"policy": "HyperbandPolicy()"}, "/policy", "not known"),
        ({"policy": "{bad"}, "/policy", "begins like JSON"),
        ({"run_config": {"script": 5}}, "/run_config", "script: must be text"),
        (
            {"run_config": {"script": "a.py", "arguments": ["${{x}}"]}},
            "/run_config",
            "may not hold",
        ),
        ({"run_config": "local"}, "/run_config", "an object"),
        ({"experiment_name": "x" * 300}, "/experiment_name", "250"),
    ],
)
def test_every_other_fault_names_its_key(change: Json, pointer: str, words: str) -> None:
    """In v1's words, with the remedy."""
    faults = faults_of(changed(CONCRETE, **change))
    assert words in faults[pointer]


@pytest.mark.parametrize(
    ("v1", "place"), [("a b", "is no name"), ("--", "is no name"), ("${{x}}", "is no name")]
)
def test_names_that_no_script_takes_are_refused(v1: str, place: str) -> None:
    """A name never becomes a placeholder."""
    faults = faults_of(swept(**{v1: "choice(1)"}))
    assert place in next(iter(faults.values()))


def test_names_keep_their_argument_and_lose_what_v2_forbids() -> None:
    """Two names that become one are refused."""
    document = convert(swept(**{"--learning-rate": "choice(1)", "-2d.x": "choice(2)"})).document
    trial = document["trial"]
    assert isinstance(trial, dict)
    assert trial["command"].endswith(
        "--learning-rate ${{search_space.learning_rate}} -2d.x ${{search_space._2d_x}}"
    )
    faults = faults_of(swept(**{"--a-b": "choice(1)", "a_b": "choice(2)"}))
    assert "becomes a_b" in faults["/hyperparameter_sampling/parameter_space/a_b"]


@pytest.mark.parametrize(
    ("run", "command", "note"),
    [
        ({}, "python train.py", "no script is named"),
        ({"entry_script": "a b.py"}, "python 'a b.py'", ""),
        (
            {"script": "a.py", "script_params": {"--data": {"id": 1}, "--deep": "", "-n": 3}},
            "python a.py --data --deep -n 3",
            "argument 1 is v1 data",
        ),
        ({"script": "a.py", "arguments": "--q 'x y'"}, "python a.py --q 'x y'", ""),
        ({"command": ["python", "a.py", "it's"]}, "python a.py 'it'\"'\"'s'", ""),
        ({"script": "a.py", "run_config": {"Script": "b.py"}}, "python a.py", ""),
        ({"run_config": {"Script": "b.py", "NodeCount": 2}}, "python b.py", "instance_count"),
        ({"Configuration": {"Script": "c.py"}}, "python c.py", ""),
        ({"script": "a.py", "priority": 5}, "python a.py", "not carried over: priority"),
        ({"script": "a.py", "data": {"d": {}}}, "python a.py", "add inputs"),
    ],
)
def test_run_configurations_in_their_spellings(run: Json, command: str, note: str) -> None:
    """Whatever cannot be carried over is told."""
    converted = convert(changed(swept(x="choice(1)"), run_config=run))
    trial = converted.document["trial"]
    assert isinstance(trial, dict)
    assert trial["command"] == f"{command} --x ${{{{search_space.x}}}}"
    assert any(note in each for each in converted.notes)
