"""Tidying a workspace from a process that is no service: by its engine, or by hand if it has none.

A service starts an engine, which takes up unfinished sweeps; whoever only tidies must not.
"""

from collections.abc import Mapping
from contextlib import suppress

from app.engine import leavings
from app.engine.control import EngineClient, EngineGoneError, EngineRefusedError
from app.engine.workspace import UnknownNameError, Workspace


def ask(workspace: Workspace, op: str, *, timeout: float, args: Mapping[str, object]) -> object:
    """Have `purge` or `prune` done.

    Raises:
        EngineRefusedError: the sweep has not ended, or the engine could not.
        EngineGoneError: an engine starts or ends just now.
        UnknownNameError: the sweep has not ended.
    """
    try:
        client = EngineClient(workspace.control_socket, changed=_pass_over, lost=_never_mind)
    except EngineGoneError:
        _by_hand(workspace, op, args)
        return None
    try:
        return client.call(op, timeout=timeout, **args)
    finally:
        # An engine whose last service has gone meanwhile would wait for us.
        with suppress(EngineGoneError, EngineRefusedError):
            client.call("leave", timeout=timeout)
        client.close()


def _by_hand(workspace: Workspace, op: str, args: Mapping[str, object]) -> None:
    workspace.create()
    lock = workspace.lock()
    if lock is None:
        raise EngineGoneError("the local engine is starting or ending")
    name = str(args["name"])
    try:
        workspace.finish_removals()
        if not workspace.sweep(name).exists():
            raise UnknownNameError(f"the local engine has no sweep {name}")
        leavings.require_ended(workspace, name)
        match op:
            case "purge":
                workspace.remove_sweep(name)
            case "prune":
                kinds = {key: bool(args[key]) for key in ("artifacts", "logs")}
                leavings.set_aside(workspace, name, **kinds)
            case _:
                raise EngineGoneError("the local engine is not started")
    finally:
        lock.release()


def _pass_over(_name: str) -> None:
    """News are of no interest here."""


def _never_mind() -> None:
    """Nor is the engine's end, which the next call meets."""
