"""The service put together: settings, records, backends, tracker, routes."""

import logging
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from app.api import (
    callers,
    code,
    embed,
    events,
    health,
    metrics,
    models,
    preview,
    problems,
    replay,
    schema,
    sign_in,
    sweeps,
    trials,
    views,
    webhooks,
)
from app.api.cors import allow_origins
from app.api.docs import add_docs
from app.api.headers import PageHeaders
from app.api.identity import Identify
from app.api.openapi import describe
from app.api.origins import Origins
from app.api.request_id import RequestIds
from app.api.sse import encode
from app.backends.azureml.backend import AzureBackend
from app.backends.azureml.request import request_of
from app.backends.azureml.workspace import Place, config_file
from app.backends.base import Backend
from app.backends.local import LocalBackend
from app.backends.local_options import LocalOptions
from app.code.snapshots import CodeStore
from app.identity.doorkeeper import Doorkeeper
from app.late_pages import mount_pages
from app.parts import State
from app.services.broadcast import Broadcast
from app.services.retention import Tallies
from app.services.retention_rounds import RetentionRounds
from app.services.tracker import Tracker
from app.services.views import Views
from app.settings import MIB, Settings
from app.store import keys
from app.store.database import Database, migrate, schema_is_current
from app.sweep.document import BackendName
from app.sweep.errors import StoreBusyError, SweepfrontError, storage_error
from app.watching.backend_calls import watched
from app.watching.metrics import count_requests
from app.watching.tracing import OFF, Tracing
from app.webhooks.courier import Courier
from app.webhooks.receivers import Receivers

_DESCRIPTION = """
Hyperparameter sweeps over HTTP: post a search space, a sampling algorithm, an early-termination
policy, an objective and limits; the trials run as processes on this machine or as
a sweep job of an Azure ML workspace; the best trial's model is registered as `final_model`.

Try it: open **POST /v1/sweeps**, *Try it out*, *Execute*; then read the sweep at its `Location`.
"""
_ROOMS = (
    sweeps,
    preview,
    trials,
    views,
    replay,
    models,
    events,
    webhooks,
    embed,
    code,
    schema,
    callers,
    health,
    sign_in,
    metrics,
)
_TRIED_BYTES = 64 * 1024

log = logging.getLogger(__name__)


class OutdatedDatabaseError(SweepfrontError):
    """The tables are not those that this service needs."""

    code = "outdated-database"


def create_app(
    settings: Settings, backends: Mapping[BackendName, Backend] | None = None
) -> FastAPI:
    """The service as an ASGI application; nothing is opened before it starts.

    Args:
        settings: of this process.
        backends: who runs trials; default: the embedded local engine.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, object]]:
        state = await run_in_threadpool(_open, settings, backends)
        pages.start()
        try:
            yield {"parts": state}
        finally:
            await pages.stop()
            await state.broadcast.stop()
            await run_in_threadpool(_close, state)
            if tracing is not None:
                await run_in_threadpool(tracing.close)

    tracing = Tracing() if settings.traces else None
    app = FastAPI(
        telemetry=OFF if tracing is None else tracing.hook(),
        title="Sweepfront",
        version=version("sweepfront"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        root_path=settings.root_path,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    problems.install(app)
    origins = Origins(settings.cors_origins, settings.allowed_hosts)
    app.add_middleware(Identify, root_path=settings.root_path, origins=origins)
    app.add_middleware(RequestIds)
    app.add_middleware(
        PageHeaders,
        root_path=settings.root_path,
        framers=settings.embed_origins,
        asked=settings.entra_authority if settings.entra else "",
    )
    if settings.cors_origins:
        allow_origins(app, settings.cors_origins)
    for room in _ROOMS:
        app.include_router(room.router)
    webhooks.describe_messages(app)
    app.openapi = describe(app, settings)  # type: ignore[method-assign]  # FastAPI's documented way
    add_docs(app, settings.root_path, client_id=settings.entra_client_id)
    pages = mount_pages(app)
    count_requests(app)
    return app


def prepare_database(settings: Settings) -> None:
    """Create or upgrade an embedded SQLite database; refuse another one that is outdated.

    Raises:
        OutdatedDatabaseError: with the command that upgrades.
    """
    url = settings.records_url
    if url.startswith("sqlite"):
        migrate(url)
    elif not schema_is_current(url):
        raise OutdatedDatabaseError(
            "the database's tables are not those of this version; run: python -m app migrate"
        )


def prepare(settings: Settings) -> None:
    """Make the folders and the database ready; refuse what cannot be written.

    Raises:
        StoreBusyError: the data folder or the database cannot be written.
        OutdatedDatabaseError: with the command that upgrades.
    """
    folder = settings.engine_folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_TRIED_BYTES))
    except OSError as error:
        trouble = storage_error(error)
        raise StoreBusyError(
            f"{folder.parent} cannot be written (SWEEPFRONT_DATA_DIR): "
            f"{trouble.message if trouble else error}"
        ) from error
    prepare_database(settings)


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


def _open(settings: Settings, backends: Mapping[BackendName, Backend] | None) -> State:
    prepare_database(settings)
    db = Database(settings.records_url)
    store = _code_store(settings)
    if backends is None:
        backends = _configured(settings, store)
    tracker = Tracker(db, backends, store)
    for backend in backends.values():
        watched(backend).start(tracker.wake)
    tracker.start()
    retention = RetentionRounds(db, backends, settings.retention_terms, settings.retention)
    retention.start()
    receivers = Receivers(settings.webhook_allowed_networks, http=settings.webhook_allow_http)
    courier = Courier(db, receivers)
    courier.start()
    return State(
        settings=settings,
        db=db,
        backends=backends,
        code=store,
        tracker=tracker,
        retention=retention,
        broadcast=Broadcast(db, encode),
        courier=courier,
        azure_request=partial(request_of, place=azure_place(settings)),
        views=Views(db),
        doorkeeper=Doorkeeper(settings, partial(keys.signing_key, db, "sessions")),
    )


def _code_store(settings: Settings) -> CodeStore:
    return CodeStore(
        settings.code_folder,
        settings.code_roots,
        max_bytes=settings.max_upload_bytes,
        max_files=settings.max_code_files,
    )


def _configured(settings: Settings, code: CodeStore) -> dict[BackendName, Backend]:
    """The local engine always; Azure ML as soon as anything about it is set, or it is the default."""
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
            max_download_bytes=settings.max_download_bytes,
            download_timeout=settings.download_timeout,
            data=settings.data_mappings,
            log_level=settings.log_level,
            log_format=settings.log_format,
        ),
        find=code.resolve,
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


def retain(settings: Settings, *, dry_run: bool) -> Tallies:
    """Remove by hand, or only count, what is older than the settings allow.

    No engine is started, and so no trial.

    Raises:
        OutdatedDatabaseError: with the command that upgrades.
        ConflictError: a service is at it.
        StoreBusyError: the records cannot be used now.
    """
    prepare_database(settings)
    db = Database(settings.records_url)
    try:
        backends = _configured(settings, _code_store(settings))
        rounds = RetentionRounds(db, backends, settings.retention_terms, settings.retention)
        return rounds.once(dry_run=dry_run)
    finally:
        db.close()


def _close(state: State) -> None:
    state.retention.stop()
    for backend in state.backends.values():
        backend.close()
    state.tracker.stop()
    state.courier.stop()
    state.db.close()
