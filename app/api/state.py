"""What routes work with: handed to each request."""

from typing import Annotated

from fastapi import Depends, Request

from app.parts import State


def _state(request: Request) -> State:
    state: State = request.state.parts
    return state.acting(request.state.actor)


Parts = Annotated[State, Depends(_state)]
