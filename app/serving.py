"""The web server, and how it ends."""

import gc
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE

from app.settings import Settings
from app.watching import logs
from app.watching.redaction import keep_secret, secrets_in

_KEEP_ALIVE_SECONDS = 60
"""Longer than clients keep idle connections, lest a request meet one that is being closed."""
_SWITCH_SECONDS = 0.001
"""How long a thread computes while others want to: a request changes between many short steps."""
_GRACE_SECONDS = 3
"""How long answers that are under way may take when the service ends."""


def log_as_set(settings: Settings) -> None:
    """Have this process log as the settings say, and none of their secrets."""
    keep_secret([*(value for _, value in settings), *secrets_in(os.environ)])
    logs.configure(settings.log_level, settings.log_format)


def serve(app: FastAPI, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; exits with 3 if the service cannot start."""
    server = Server(config_of(lambda: app, settings))
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def config_of(build: Callable[[], FastAPI], settings: Settings, workers: int = 1) -> uvicorn.Config:
    """How the application that `build` makes is served by each of so many processes."""
    return uvicorn.Config(
        build,
        factory=True,
        workers=workers,
        host=settings.host,
        port=settings.port,
        root_path=settings.root_path,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        log_config=None,
        server_header=False,
        log_level=settings.log_level,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )


class Server(uvicorn.Server):
    """Ends the streams of events, for whose end it would wait in vain."""

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until the end."""
        sys.setswitchinterval(_SWITCH_SECONDS)
        super().run(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        # Looking through all that was loaded takes a third of a second, and nobody else computes.
        gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, let other answers be completed, and end the service."""
        self.lifespan.state["parts"].broadcast.end()
        await super().shutdown(sockets)
