"""The local model registry: MLflow's, in the workspace, with a copy of each registered file."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import quote

ALIAS = "champion"
"""The alias on a model's newest version."""


Untyped = Any
"""MLflow has no types."""


class Registered(TypedDict):
    """A version as the engine answers with it; see `app.backends.base.RegisteredVersion`."""

    version: str
    uri: str
    sha256: str
    lineage: dict[str, str]


def register(folder: Path, wanted: Mapping[str, Any], path: Path) -> Registered:
    """Copy the file, make it a version of its model and move the alias to it.

    Args:
        folder: the workspace.
        wanted: the fields of `app.backends.base.Registration`.
        path: the trial's artifact.

    Returns:
        The version; the one that exists already if this trial was registered before.
    """
    name, lineage = str(wanted["model_name"]), dict(wanted["lineage"])
    store = _open(folder)
    version = _existing(store, name, lineage)
    if version is None:
        copy = _copy(path, folder / "models" / quote(name, safe="") / _label(wanted))
        tags = {**wanted["tags"], **lineage, "sweepfront.sha256": _sha256(copy)}
        _make_model(store, name)
        version = store.create_model_version(
            name,
            f"file://{quote(str(copy))}",
            wanted["provider_run_id"],
            _tags(tags),
            description=wanted["description"],
        )
    # A crash before this line is mended by the next call for the same trial.
    store.set_registered_model_alias(name, ALIAS, str(_newest(store, name)))
    return {
        "version": str(version.version),
        "uri": version.source,
        "sha256": version.tags["sweepfront.sha256"],
        "lineage": lineage,
    }


def _open(folder: Path) -> Untyped:
    from mlflow.store.model_registry.sqlalchemy_store import (  # noqa: PLC0415 - heavy
        SqlAlchemyStore,
    )

    return SqlAlchemyStore(f"sqlite:///{folder / 'mlflow.db'}")


def _existing(store: Untyped, name: str, lineage: Mapping[str, str]) -> Untyped:
    keys = ("sweepfront.sweep", "sweepfront.trial")
    for version in _versions(store, name):
        if all(version.tags.get(key) == lineage[key] for key in keys):
            return version
    return None


def _newest(store: Untyped, name: str) -> int:
    return max(int(version.version) for version in _versions(store, name))


def _versions(store: Untyped, name: str) -> list[Any]:
    found: list[Any] = []
    token = None
    quoted = name.replace("'", "''")
    while True:
        page = store.search_model_versions(f"name = '{quoted}'", 1000, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _make_model(store: Untyped, name: str) -> None:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - heavy

    try:
        store.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _tags(tags: Mapping[str, str]) -> list[Any]:
    from mlflow.entities.model_registry import ModelVersionTag  # noqa: PLC0415 - heavy

    return [ModelVersionTag(key, str(value)) for key, value in tags.items()]


def _label(wanted: Mapping[str, Any]) -> str:
    return f"{wanted['sweep']}_{wanted['trial']}"


def _copy(path: Path, folder: Path) -> Path:
    """Copy the file whole or not at all, so that it outlives its sweep and a power cut."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{path.name}.new"
    with path.open("rb") as source, draft.open("wb") as target:
        shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())
    return draft.rename(folder / path.name)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
