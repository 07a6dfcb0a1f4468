"""Documents ready to be tried out in Swagger UI."""

from typing import Any

SEED: dict[str, Any] = {
    "experiment_name": "concrete_tune",
    "trial": {
        "code": "trial_code",
        "command": "python optimize.py --data ${{inputs.data}} "
        "--base_estimator ${{search_space.base_estimator}} "
        "--n_estimators ${{search_space.n_estimators}} "
        "--max_samples ${{search_space.max_samples}} "
        "--max_features ${{search_space.max_features}} "
        "--bootstrap ${{search_space.bootstrap}}",
        "environment": "azureml:concrete_env:1",
    },
    "inputs": {"data": {"type": "uri_file", "path": "trial_code/data/concrete.csv"}},
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
    "sampling_algorithm": {"type": "random", "seed": 42},
    "objective": {"primary_metric": "sqrt_mse", "goal": "minimize"},
    "limits": {"max_total_trials": 4, "max_concurrent_trials": 4},
}

_SOBOL = {
    **SEED,
    "search_space": {
        **SEED["search_space"],
        "max_samples": {"type": "quniform", "min_value": 0.3, "max_value": 1.0, "q": 0.1},
    },
    "sampling_algorithm": {"type": "random", "rule": "sobol", "seed": 7},
    "limits": {"max_total_trials": 8, "max_concurrent_trials": 2},
}

_MEDIAN = {
    **SEED,
    "early_termination": {
        "type": "median_stopping",
        "evaluation_interval": 1,
        "delay_evaluation": 2,
    },
    "limits": {"max_total_trials": 12, "max_concurrent_trials": 2, "trial_timeout": 600},
}

EXAMPLES: dict[str, Any] = {
    "concrete": {"summary": "Random sampling, 4 trials", "value": SEED},
    "sobol": {"summary": "Sobol points, evenly spread", "value": _SOBOL},
    "median": {"summary": "With early termination", "value": _MEDIAN},
}

REGISTER_EXAMPLES: dict[str, Any] = {
    "best": {"summary": "The best trial as final_model", "value": {}},
    "gated": {
        "summary": "Only if it is better than the newest version",
        "value": {"model_name": "final_model", "gate": {"min_improvement": 0.1}},
    },
}

RESUME_EXAMPLES: dict[str, Any] = {
    "as it was": {"summary": "Within the limits that it has", "value": {}},
    "more trials": {
        "summary": "With more trials and more time",
        "value": {"limits": {"max_total_trials": 8, "timeout": 3600}},
    },
}
