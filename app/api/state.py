"""What routes work with: made when the service starts, handed to each request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from app.backends.base import Backend
from app.code.snapshots import CodeStore
from app.services.preview import AzureRequest
from app.services.tracker import Tracker
from app.settings import Settings
from app.store.database import Database
from app.sweep.document import BackendName


@dataclass(frozen=True, slots=True)
class State:
    """The parts of a running service."""

    settings: Settings
    db: Database
    backends: Mapping[BackendName, Backend]
    code: CodeStore
    tracker: Tracker
    azure_request: AzureRequest


def _state(request: Request) -> State:
    state: State = request.state.parts
    return state


Parts = Annotated[State, Depends(_state)]
