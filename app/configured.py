"""What the settings name: the backends, the store of code, the receivers of webhooks."""

import logging
from pathlib import Path

from app.addresses import Reach
from app.backends.azureml.backend import AzureBackend
from app.backends.azureml.workspace import Place, config_file
from app.backends.base import Backend
from app.backends.local import LocalBackend
from app.backends.local_options import ALLOWED_NETWORKS, LocalOptions
from app.code.snapshots import CodeStore
from app.settings import MIB, Settings
from app.sweep.document import BackendName
from app.webhooks.receivers import Receivers

log = logging.getLogger(__name__)


def azure_place(settings: Settings) -> Place:
    """The workspace that the settings name, or else `.azureml/config.json` of this folder."""
    file, problem = config_file(Path())
    return Place(
        subscription_id=settings.azure_subscription_id or file.get("subscription_id", ""),
        resource_group=settings.azure_resource_group or file.get("resource_group", ""),
        workspace=settings.azure_workspace or file.get("workspace_name", ""),
        instance_discovery=settings.azure_instance_discovery,
        mlflow_url=settings.azure_mlflow_url,
        config_problem=problem,
    )


def code_store(settings: Settings) -> CodeStore:
    """The snapshots of code below the data folder."""
    return CodeStore(
        settings.code_folder,
        settings.code_roots,
        max_bytes=settings.max_upload_bytes,
        max_files=settings.max_code_files,
    )


def receivers_of(settings: Settings) -> Receivers:
    """Whom webhooks may name."""
    return Receivers(settings.webhook_allowed_networks, http=settings.webhook_allow_http)


def configured(
    settings: Settings, code: CodeStore, *, assists: bool = False
) -> dict[BackendName, Backend]:
    """The local engine always; Azure ML as soon as anything about it is set, or it is the default.

    Args:
        settings: of the service.
        code: finds the files that documents name.
        assists: this is not the process of the service that starts the engine and ends it.
    """
    engine = LocalBackend(
        settings.engine_folder,
        slots=settings.local_slots,
        grace=settings.termination_grace,
        options=LocalOptions(
            min_free_memory=settings.min_free_memory * MIB,
            trial_memory=settings.trial_memory,
            max_log_bytes=settings.max_log_bytes,
            environments=settings.environments,
            environment_timeout=settings.environment_timeout,
            downloads=settings.downloads,
            download_reach=Reach(settings.download_allowed_networks, setting=ALLOWED_NETWORKS),
            download_proxy=settings.download_proxy,
            max_download_bytes=settings.max_download_bytes,
            download_timeout=settings.download_timeout,
            data=settings.data_mappings,
            log_level=settings.log_level,
            log_format=settings.log_format,
        ),
        find=code.resolve,
        runs_on=settings.engine_elsewhere,
        assists=assists,
    )
    backends: dict[BackendName, Backend] = {"local": engine}
    place = azure_place(settings)
    named = place.subscription_id or place.resource_group or place.workspace
    if named or place.config_problem or settings.default_backend == "azureml":
        if missing := place.missing():
            log.warning("azureml cannot be used: %s", missing)
        backends["azureml"] = AzureBackend(
            place,
            settings.azure_cache,
            poll_interval=settings.poll_interval,
            timeout=settings.azure_timeout,
        )
    return backends
