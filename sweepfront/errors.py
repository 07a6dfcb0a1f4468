"""Everything that the client raises; each message says what is wrong and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class SweepfrontError(Exception):
    """Base of what the client raises."""


class UnavailableError(SweepfrontError):
    """Nobody answers at the service's address, or the connection broke off."""


class AnswerError(SweepfrontError):
    """Somebody answers, but not as a Sweepfront service does; or a download is damaged."""


class WaitTimeoutError(SweepfrontError, TimeoutError):
    """A sweep has not ended in the time that was given; it goes on."""


class MissingLibraryError(SweepfrontError, ImportError):
    """A call needs a library that is not installed; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of a document or a parameter.

    Attributes:
        pointer: JSON pointer (RFC 6901) into the body as it was sent, or the parameter.
        message: what is wrong there and the remedy.
        value: the offending value, where it is short.
    """

    pointer: str
    message: str
    value: Any = None


class ProblemError(SweepfrontError):
    """The service answered with a problem (RFC 9457).

    Attributes:
        type: path of the service's page about this kind of problem, such as
            `/v1/problems/conflict`.
        status: the HTTP status.
        title: the kind in words.
        detail: what is wrong here, and what to do.
        errors: every fault with its place.
        facts: what was compared, where something was; such as a gate's figures.
        request_id: under which the service's log has it; empty when unknown.
        retry_after: seconds after which the service wants to be asked again; None: it does not say.
    """

    def __init__(
        self,
        *,
        status: int,
        title: str,
        detail: str,
        type: str = "about:blank",  # noqa: A002 - the name that RFC 9457 gives it
        errors: Sequence[Fault] = (),
        facts: Mapping[str, Any] | None = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        lines = [f"{title} ({status}): {detail}"]
        lines += [f"  {fault.pointer or '(the document)'}: {fault.message}" for fault in errors]
        super().__init__("\n".join(lines))
        self.type = type
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.facts = facts or {}
        self.request_id = request_id
        self.retry_after = retry_after


class RefusedError(ProblemError):
    """The service does not take the request as it is (status 4xx)."""


class ServiceError(ProblemError):
    """The service or its backend cannot do it now (status 5xx)."""
