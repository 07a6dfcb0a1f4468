"""HyperDrive configurations to convert, in both forms."""

from typing import Any

import pytest

from app.sweep.errors import InvalidDocumentError
from app.sweep.hyperdrive import convert

Json = dict[str, Any]

CONCRETE: Json = {
    "experiment_name": "concrete_tune",
    "hyperparameter_sampling": {
        "RandomParameterSampling": {
            "--base_estimator": "choice('LinearRegression', 'RandomForestRegressor', "
            "'KNeighborsRegressor')",
            "--n_estimators": "choice(5, 10, 15, 20, 25)",
            "--max_samples": "choice(0.5, 1.0)",
            "--max_features": "choice(0.5, 1.0)",
            "--bootstrap": "choice(1, 0)",
        }
    },
    "primary_metric_name": "sqrt_mse",
    "primary_metric_goal": "PrimaryMetricGoal.MINIMIZE",
    "max_total_runs": 4,
    "max_concurrent_runs": 4,
    "run_config": {
        "source_directory": "trial_code",
        "script": "optimize.py",
        "compute_target": "cpu-cluster",
        "environment": {"name": "concrete_env", "version": "1"},
    },
}
WIRE: Json = {
    "name": "concrete_tune",
    "generator_config": {
        "name": "RANDOM",
        "parameter_space": {
            "--learning-rate": ["uniform", [0.001, 0.01]],
            "batch_size": ["choice", [[128, 256]]],
        },
    },
    "policy_config": {
        "name": "Bandit",
        "properties": {"evaluation_interval": 100, "slack_factor": 0.2, "delay_evaluation": 0},
    },
    "primary_metric_config": {"name": "acc", "goal": "maximize"},
    "max_total_jobs": 100,
    "max_concurrent_jobs": 15,
    "max_duration_minutes": 90,
    "platform": "AML",
    "platform_config": {
        "ExperimentName": "tune",
        "Definition": {
            "TargetDetails": None,
            "Overrides": {
                "script": "train.py",
                "arguments": ["--epochs", 5, "--batch_size", "32"],
                "target": "gpu",
                "maxRunDurationSeconds": 1200,
                "nodeCount": 1,
                "environment": {
                    "docker": {"baseImage": "img:1"},
                    "python": {"condaDependencies": {"dependencies": ["python=3.8"]}},
                },
            },
        },
    },
}


def changed(base: Json, **change: object) -> Json:
    """The configuration with keys replaced, or removed where the value is None."""
    return {key: value for key, value in {**base, **change}.items() if value is not None}


def swept(**expressions: object) -> Json:
    """The first configuration with another space."""
    return changed(
        CONCRETE, hyperparameter_sampling={"type": "random", "parameter_space": expressions}
    )


def faults_of(body: Json) -> dict[str, str]:
    """Pointer and message of each fault that the conversion finds."""
    with pytest.raises(InvalidDocumentError) as caught:
        convert(body)
    return {fault.pointer: fault.message for fault in caught.value.errors}
