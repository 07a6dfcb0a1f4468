"""What routes work with: handed to each request."""

from typing import Annotated

from fastapi import Depends, Request

from app.parts import State


async def _state(request: Request) -> State:
    # No plain `def`: each of those waits for a thread of its own.
    state: State = request.state.parts
    return state.acting(request.state.actor)


Parts = Annotated[State, Depends(_state)]
