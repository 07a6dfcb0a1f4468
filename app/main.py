"""The service put together: the parts, the routes, the pages, what stands around them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version

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
from app.api.no_pages import refuse_pages
from app.api.openapi import describe
from app.api.origins import Origins
from app.api.request_id import RequestIds
from app.backends.base import Backend
from app.beside.link import Beside
from app.late_pages import mount_pages
from app.opening import close_parts, open_parts
from app.parts import DASHBOARD
from app.serving import log_as_set
from app.settings import Settings
from app.sweep.document import BackendName
from app.watching.metrics import count_requests
from app.watching.tracing import OFF, Tracing

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


def create_app(
    settings: Settings,
    backends: Mapping[BackendName, Backend] | None = None,
    *,
    pages: bool = True,
    beside: Beside | None = None,
) -> FastAPI:
    """The service as an ASGI application; nothing is opened before it starts.

    Args:
        settings: of this process.
        backends: who runs trials; default: the embedded local engine.
        pages: false: for a process beside others that answer on the same port.
        beside: the process that looks at sweeps; default: this one does.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, object]]:
        state = await run_in_threadpool(open_parts, settings, backends, beside)
        if late is not None:
            late.start()
        try:
            yield {"parts": state}
        finally:
            if late is not None:
                await late.stop()
            await state.broadcast.stop()
            await run_in_threadpool(close_parts, state)
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
    _surround(app, settings)
    for room in _ROOMS:
        app.include_router(room.router)
    webhooks.describe_messages(app)
    app.openapi = describe(app, settings)  # type: ignore[method-assign]  # FastAPI's documented way
    add_docs(
        app,
        settings.root_path,
        start=DASHBOARD + "/" if pages else "/docs",
        client_id=settings.entra_client_id,
    )
    late = mount_pages(app) if pages else None
    if late is None:
        refuse_pages(app)
    count_requests(app, alone=pages)
    return app


def create_worker(settings: Settings) -> FastAPI:
    """The service in a process beside others that answer on the same port."""
    log_as_set(settings)
    return create_app(settings, pages=False)


def _surround(app: FastAPI, settings: Settings) -> None:
    """What every request passes; what is added last comes first."""
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
