"""Documents in the forms that public documentation shows, each taken or refused for a true reason.

The forms are those of the sweep YAML reference, the tuning guide, the SDK's classes and the
examples of several years; the contents are made up.
"""

from typing import Any

import pytest

from app.backends.azureml import rules as azure
from app.backends.local_rules import judgement_of as local_judgement
from app.sweep.body import decode
from app.sweep.errors import InvalidDocumentError, SweepfrontError
from app.sweep.parsing import parse_document

HEAD = """
$schema: https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json
type: sweep
"""
TAIL = """
objective:
  goal: maximize
  primary_metric: accuracy
limits:
  max_total_trials: 20
"""
TRIAL = """
trial:
  code: src
  command: python train.py --lr ${{search_space.lr}}
  environment: azureml:AzureML-sklearn-1.5@latest
search_space:
  lr: {type: loguniform, min_value: -6, max_value: -1}
sampling_algorithm: random
"""

TAKEN = {
    "every key of the reference": HEAD
    + """
name: reference-1
display_name: shown
experiment_name: experiments
description: all of it
tags: {team: vision, year: "2024"}
properties: {owner: somebody}
trial:
  code: ./src
  command: >-
    python train.py
    --data ${{inputs.data}}
    --epochs ${{ inputs.epochs }}
    --lr ${{ search_space.lr }}
    --model ${{outputs.model_dir}}
  environment:
    image: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04
    conda_file: {dependencies: [python=3.11, {pip: [mlflow]}]}
  environment_variables: {OMP_NUM_THREADS: 2, VERBOSE: "1"}
  distribution: {type: pytorch, process_count_per_instance: 1}
  resources: {instance_count: 2}
inputs:
  data: {type: uri_file, path: "https://example.org/iris.csv", mode: download}
  folder: {path: azureml://datastores/workspaceblobstore/paths/data/, mode: ro_mount}
  asset: {type: mltable, path: azureml:cifar10-data@latest}
  model: {type: mlflow_model, path: azureml:prior:3}
  epochs: 10
  rate: 0.5
  flag: true
  text: adam
outputs:
  model_dir: {type: mlflow_model, mode: rw_mount}
  rest:
search_space:
  lr: {type: uniform, min_value: 0.001, max_value: 0.1}
sampling_algorithm: {type: random, seed: 123, rule: sobol}
early_termination:
  type: bandit
  slack_factor: 0.1
  evaluation_interval: 1
  delay_evaluation: 5
objective: {primary_metric: accuracy, goal: Maximize}
limits: {max_total_trials: 20, max_concurrent_trials: 4, timeout: 7200, trial_timeout: 600}
compute: azureml:cpu-cluster
identity: {type: user_identity}
queue_settings: {job_tier: spot}
""",
    "every expression": HEAD
    + """
trial:
  command: python t.py
  environment: azureml:env:1
search_space:
  layers: {type: choice, values: [1, 2, 4]}
  mixed: {type: choice, values: [16, adam, true, 0.5]}
  batch: {type: choice, values: "16, 32, 64"}
  hidden: {type: choice, values: "range(1, 5)"}
  seed: {type: randint, upper: 100}
  keep: {type: uniform, min_value: 0.05, max_value: 0.1}
  units: {type: quniform, min_value: 1, max_value: 100, q: 5}
  rate: {type: loguniform, min_value: -6, max_value: -1}
  steps: {type: qloguniform, min_value: 0, max_value: 5, q: 1}
  noise: {type: normal, mu: 10, sigma: 3}
  size: {type: qnormal, mu: 10, sigma: 2, q: 1}
  decay: {type: lognormal, mu: 0, sigma: 1}
  width: {type: qlognormal, mu: 0, sigma: 1, q: 1}
sampling_algorithm: random
"""
    + TAIL,
    "conditional hyperparameters": HEAD
    + """
trial:
  command: python t.py --model '${{search_space.model}}' --lr ${{search_space.lr}}
  environment: azureml:env:1
search_space:
  model:
    type: choice
    values:
      - {kind: linear, lr: {type: uniform, min_value: 0.1, max_value: 0.2}}
      - {kind: forest, trees: {type: choice, values: [10, 100]}}
sampling_algorithm: {type: random}
"""
    + TAIL,
    "a command with a shell": HEAD
    + """
trial:
  command: >-
    pip install mlflow &&
    python hello.py --A ${{inputs.A}} --B ${{search_space.B}} > out.txt
  environment: {image: "python:3.11"}
inputs: {A: 0.5}
compute: azureml:cpu-cluster
search_space:
  B: {type: choice, values: [hello, world, hello_world]}
sampling_algorithm: random
"""
    + TAIL,
    "placeholders in single braces": HEAD
    + """
trial:
  command: python ./t.py --lr {search_space.lr} --conv {search_space.conv_size}
  environment: azureml:env:1
search_space:
  lr: {type: uniform, min_value: 0.001, max_value: 0.1}
  conv_size: {type: choice, values: [2, 5, 7]}
sampling_algorithm: random
"""
    + TAIL,
    "anchors and comments": HEAD
    + """
# a comment
tags: {a: b} # another
trial:
  command: python t.py --a ${{search_space.a}} --b ${{search_space.b}}
  environment: azureml:env:1
search_space:
  a: &range {type: uniform, min_value: 0, max_value: 1}
  b: *range
sampling_algorithm: random
"""
    + TAIL,
    "grid": HEAD
    + TRIAL.replace("random", "grid").replace(
        "{type: loguniform, min_value: -6, max_value: -1}",
        "{type: choice, values: [0.01, 0.1, 1.0]}",
    )
    + TAIL,
    "bayesian": HEAD + TRIAL.replace("random", "bayesian").replace("loguniform", "uniform") + TAIL,
    "median stopping": HEAD
    + TRIAL
    + "early_termination: {type: median_stopping, evaluation_interval: 1, delay_evaluation: 5}"
    + TAIL,
    "truncation": HEAD
    + TRIAL
    + "early_termination: {type: truncation_selection, truncation_percentage: 20, "
    "evaluation_interval: 1, delay_evaluation: 5}" + TAIL,
    "bandit by amount": HEAD
    + TRIAL
    + "early_termination: {type: bandit, slack_amount: 0.2, evaluation_interval: 2}"
    + TAIL,
    "the largest limits": HEAD
    + TRIAL
    + TAIL.replace("20", "1000, max_concurrent_trials: 100, timeout: 5184000}").replace(
        "limits:\n  ", "limits: {"
    ),
}

REFUSED = {
    "an algorithm of the preview": (
        HEAD + TRIAL.replace("sampling_algorithm", "algorithm") + TAIL,
        "/algorithm",
        "sampling_algorithm",
    ),
    "code as local_path": (
        HEAD + TRIAL.replace("code: src", "code: {local_path: src}") + TAIL,
        "/trial/code",
        "text",
    ),
    "an input as data": (
        HEAD + TRIAL + "inputs: {d: {data: 'azureml:diabetes:1'}}" + TAIL,
        "/inputs/d/data",
        "unknown key",
    ),
    "a search space with spec": (
        HEAD + TRIAL.replace("type: loguniform", "spec: loguniform") + TAIL,
        "/search_space/lr",
        "type",
    ),
    "no limit of trials": (
        HEAD + TRIAL + TAIL.replace("max_total_trials: 20", "timeout: 3600"),
        "/limits/max_total_trials",
        "required",
    ),
    "a sweep component's file": (
        HEAD + "trial: file:trial.yml\nsearch_space: {}\nsampling_algorithm: random" + TAIL,
        "/trial",
        "object",
    ),
    "grid over a range": (
        HEAD + TRIAL.replace("random", "grid") + TAIL,
        "/search_space/lr",
        "choice",
    ),
    "a bandit without slack": (
        HEAD + TRIAL + "early_termination: bandit" + TAIL,
        "/early_termination",
        "slack_factor",
    ),
    "a shell's text with a space": (
        HEAD
        + """
trial:
  command: pip install x && python t.py ${{search_space.b}}
  environment: {image: "python:3.11"}
search_space: {b: {type: choice, values: [hello, hello world]}}
sampling_algorithm: random
"""
        + TAIL,
        "/search_space/b/values/1",
        "shell",
    ),
    "more trials than Azure runs": (
        HEAD + TRIAL + TAIL.replace("20", "1001"),
        "/limits/max_total_trials",
        "1000",
    ),
    "another type of job": (
        HEAD.replace("sweep\n", "command\n") + TRIAL + TAIL,
        "/type",
        "sweep",
    ),
}


def parsed(text: str) -> Any:  # noqa: ANN401 - a document
    """The document of a YAML text."""
    return parse_document(decode(text.encode(), "application/yaml"))


@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN)
def test_a_documented_form_is_taken(text: str) -> None:
    """By the language and by Azure's rules; the local engine refuses only the cloud's own data."""
    document = parsed(text)
    assert azure.judgement_of(document).errors == []
    refused = {fault.pointer for fault in local_judgement(document).errors}
    assert all(pointer.startswith("/inputs/") for pointer in refused)


@pytest.mark.parametrize(("text", "pointer", "word"), REFUSED.values(), ids=REFUSED)
def test_another_form_is_refused_for_a_true_reason(text: str, pointer: str, word: str) -> None:
    """With the place and the remedy."""
    with pytest.raises(SweepfrontError) as refused:
        parsed(text)
    assert isinstance(refused.value, InvalidDocumentError)
    faults = {fault.pointer: fault.message for fault in refused.value.errors}
    assert pointer in faults, faults
    assert word in faults[pointer]


def test_old_placeholders_mean_the_same() -> None:
    """The SDK rewrites single braces, so both forms make one command."""
    document = parsed(TAKEN["placeholders in single braces"])
    assert document.trial.command == (
        "python ./t.py --lr ${{search_space.lr}} --conv ${{search_space.conv_size}}"
    )
