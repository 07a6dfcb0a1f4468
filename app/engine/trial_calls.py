"""Which calls of MLflow's tracking store a trial may make, and which it need not wait for."""

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
