"""What MLflow finds through its entry point `mlflow.tracking_store`, for `sweepfront:///path`.

MLflow loads this while it is itself being imported, so nothing here may import MLflow.
"""

from pathlib import Path
from urllib.parse import unquote, urlsplit

UNWAITED = frozenset({"log_batch", "log_inputs", "log_outputs", "update_run_info"})
"""Calls whose result scripts do not use."""

FORWARDED = UNWAITED | {
    "create_experiment",
    "create_logged_model",
    "create_run",
    "delete_tag",
    "finalize_logged_model",
    "get_experiment",
    "get_experiment_by_name",
    "get_logged_model",
    "get_metric_history",
    "get_run",
    "log_logged_model_params",
    "record_logged_model",
    "_search_runs",
    "search_experiments",
    "search_logged_models",
    "set_logged_model_tags",
}
"""Calls that a trial may make; the engine holds the writing ones against the trial's own runs."""


def open_store(store_uri: str, artifact_uri: str | None = None) -> object:  # noqa: ARG001 - as MLflow calls it
    """The tracking store of a trial, for the address of the engine's socket."""
    from app.engine.trial_store import TrialStore  # noqa: PLC0415 - imports MLflow

    return TrialStore(Path(unquote(urlsplit(store_uri).path)))
