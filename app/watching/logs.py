"""What the processes write about themselves: one line of JSON for each thing, or words for people.

The code logs through Python's `logging`; structlog makes the lines.
"""

import logging
import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

from structlog.contextvars import bind_contextvars, bound_contextvars, merge_contextvars
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import JSONRenderer, TimeStamper, format_exc_info
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name
from structlog.typing import EventDict, Processor, WrappedLogger

from app.watching.redaction import redact_event

FIELDS = ("sweep", "trial", "attempt", "backend", "status", "webhook", "request_id")
"""What a line may carry beside its words, given as `extra`; more comes from the context."""
QUIET = ("azure", "httpx")
"""They tell every request at the level info; addresses of webhooks may hold secrets."""
_PROBES = re.compile(r"/(healthz|readyz|metrics)(\?|\Z)")
_ACCESS = "uvicorn.access"
_GOOD = 400

log = logging.getLogger(__name__)


def configure(level: str, form: str, *, quiet: Sequence[str] = ()) -> None:
    """Have everything that this process logs written to standard error.

    Args:
        level: the lowest one that is written: debug, info, warning or error.
        form: json, pretty, or auto: pretty on a terminal, else JSON.
        quiet: names of loggers of which only warnings are written, beside those of `QUIET`.
    """
    pretty = form == "pretty" or (form == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(pretty=pretty))
    # MLflow would write its lines by a handler of its own.
    os.environ["MLFLOW_CONFIGURE_LOGGING"] = "false"
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for talkative in (*QUIET, *quiet):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    logging.getLogger(_ACCESS).addFilter(_worth_telling)
    logging.captureWarnings(capture=True)
    warnings.simplefilter("default", append=True)
    sys.excepthook = _log_the_end
    threading.excepthook = _log_end_of_thread


@contextmanager
def about(**fields: str | int | None) -> Iterator[None]:
    """What is logged inside, in this thread or task, carries these fields; None is left out."""
    with bound_contextvars(**{name: value for name, value in fields.items() if value is not None}):
        yield


def from_now_on(**fields: str | int) -> None:
    """What this task or thread logs from now on carries these fields."""
    bind_contextvars(**fields)


def _formatter(*, pretty: bool) -> logging.Formatter:
    before: list[Processor] = [
        merge_contextvars,
        add_log_level,
        add_logger_name,
        ExtraAdder(allow=FIELDS),
        TimeStamper(fmt="iso", utc=True),
        _of_a_request,
        _with_process,
        # Text before anything renders it, so that no secret is in it and no local variable.
        format_exc_info,
    ]
    last: list[Processor] = [JSONRenderer(ensure_ascii=False)]
    if pretty:
        console = ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain_traceback)
        last = [_printable, console]
    return ProcessorFormatter(
        foreign_pre_chain=before,
        pass_foreign_args=True,
        processors=[ProcessorFormatter.remove_processors_meta, redact_event, *last],
    )


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Control characters written out, which could forge lines or take the terminal over."""
    trace = event.pop("exception", None)
    shown = {name: _written(value) for name, value in event.items()}
    if isinstance(trace, str):
        shown["exception"] = "\n".join(f"  {_written(line)}" for line in trace.split("\n"))
    return shown


def _written(value: object) -> object:
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in value
    )


def _of_a_request(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The fields of what uvicorn says of a request that has been answered."""
    args = event.pop("positional_args", None)
    if event.get("logger") == _ACCESS and isinstance(args, tuple) and len(args) == 5:  # noqa: PLR2004 - uvicorn's
        client, method, target, _, status = args
        event["event"] = f"{method} {target} {status}"
        event.update(client=client, method=method, path=target, status=status)
    return event


def _with_process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["pid"] = os.getpid()
    return event


def _worth_telling(record: logging.LogRecord) -> bool:
    """Whoever asks every few seconds is mentioned when the answer was not good."""
    args = record.args
    if not isinstance(args, tuple) or len(args) != 5:  # noqa: PLR2004 - uvicorn's
        return True
    return not (isinstance(args[4], int) and args[4] < _GOOD and _PROBES.search(str(args[2])))


def _log_the_end(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    log.critical("the process ends with an error", exc_info=(kind, error, trace))


def _log_end_of_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        name = args.thread.name if args.thread is not None else "?"
        error = (args.exc_type, args.exc_value, args.exc_traceback)
        log.error("the thread %s ended with an error", name, exc_info=error)
