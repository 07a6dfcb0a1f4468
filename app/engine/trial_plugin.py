"""What MLflow finds through its entry point `mlflow.tracking_store`, for `sweepfront:///path`.

MLflow loads this while it is itself being imported, so nothing here may import MLflow.
"""

from pathlib import Path
from urllib.parse import unquote, urlsplit


def open_store(store_uri: str, artifact_uri: str | None = None) -> object:  # noqa: ARG001 - as MLflow calls it
    """The tracking store of a trial, for the address of the engine's socket."""
    from app.engine.trial_store import TrialStore  # noqa: PLC0415 - imports MLflow

    return TrialStore(Path(unquote(urlsplit(store_uri).path)))
