"""What the service may ask of the engine, and how each request is answered."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from app.engine.conductor import Conductor
from app.engine.control import FAILED, UNKNOWN, UNWRITABLE, About, Connection, Request
from app.engine.registry import Registered
from app.engine.tracking import Tracking
from app.engine.workspace import UnknownNameError, submission_of
from app.sweep.errors import storage_error
from app.sweep.record import Resumption, Retrial

_RESUMPTION = TypeAdapter(Resumption)
_RETRIAL = TypeAdapter(Retrial)


def answer(
    request: Request,
    conductor: Conductor,
    tracking: Tracking,
    *,
    about: Callable[[], About],
    leave: Callable[[Connection], bool],
    assist: Callable[[Connection], list[str]],
    post: Callable[[Callable[[], None]], None],
) -> None:
    """Do what was asked and answer; a registration is answered when MLflow has it.

    Args:
        request: `ping`, `submit`, `cancel`, `cancel_trial`, `resume`, `retry_trial`, `register`,
            `purge`, `prune`, `leave` or `assist`.
        conductor: has the sweeps.
        tracking: has the models.
        about: what `ping` is answered with.
        leave: takes note that a service needs the engine no more; True if it ends, too.
        assist: takes note that a connection keeps no engine at work; the names of the live sweeps.
        post: has a function called on the loop; safe from any thread.
    """
    if request.op == "register":
        _register(request, tracking, post)
        return
    try:
        match request.op:
            case "ping":
                result: object = asdict(about())
            case "leave":
                result = leave(request.connection)
            case "assist":
                result = assist(request.connection)
            case op:
                result = None
                _obey(op, request.args, conductor)
    except UnknownNameError as error:
        request.connection.refuse(request.id, str(error), UNKNOWN)
    except (OSError, ValueError, KeyError) as error:
        _refuse(request, error)
    else:
        request.connection.answer(request.id, result)


def _refuse(request: Request, error: BaseException) -> None:
    trouble = storage_error(error)
    if trouble is not None:
        request.connection.refuse(request.id, trouble.message, UNWRITABLE)
    else:
        request.connection.refuse(request.id, f"{type(error).__name__}: {error}", FAILED)


def _obey(op: str, args: Mapping[str, Any], conductor: Conductor) -> None:
    match op:
        case "submit":
            conductor.submit(submission_of(args["submission"]))
        case "cancel":
            conductor.cancel(args["name"])
        case "cancel_trial":
            conductor.cancel_trial(args["name"], args["number"])
        case "resume":
            conductor.resume(args["name"], _RESUMPTION.validate_python(args["resumption"]))
        case "retry_trial":
            conductor.retry_trial(args["name"], _RETRIAL.validate_python(args["retrial"]))
        case "purge":
            conductor.purge(args["name"])
        case "prune":
            conductor.prune(args["name"], artifacts=args["artifacts"], logs=args["logs"])
        case unknown:
            raise ValueError(f"unknown request {unknown!r}")


def _register(
    request: Request, tracking: Tracking, post: Callable[[Callable[[], None]], None]
) -> None:
    wanted: Mapping[str, Any] = request.args
    future = tracking.register(wanted["registration"], Path(str(wanted["path"])))

    def tell(done: Future[Registered]) -> None:
        error = done.exception()
        if error is None:
            result = done.result()
            post(lambda: request.connection.answer(request.id, result))
        else:
            post(partial(_refuse, request, error))

    future.add_done_callback(tell)
