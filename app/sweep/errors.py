"""Everything that can go wrong for a reason a caller can act on; no HTTP numbers here."""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class SweepfrontError(Exception):
    """Base of the errors whose message is meant for the caller.

    Attributes:
        code: the kind of error, a stable word for programs.
        message: what is wrong and what to do about it.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One fault of a document.

    Attributes:
        pointer: JSON pointer (RFC 6901) to the fault, into the body as it was sent.
        message: what is wrong there and the remedy.
        value: the offending value, when it is short enough to show.
    """

    pointer: str
    message: str
    value: object = None


class InvalidDocumentError(SweepfrontError):
    """The document was read but breaks one or more rules of the language."""

    code = "invalid-document"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        count = len(errors)
        super().__init__(f"The document has {count} fault{'s' if count != 1 else ''}; see errors.")
        self.errors = tuple(errors)


class UnreadableBodyError(SweepfrontError):
    """The body is not well-formed JSON, YAML or archive.

    Attributes:
        line: where reading ended, from 1; None when that is no line of YAML.
    """

    code = "unreadable-body"

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class UnsupportedMediaTypeError(SweepfrontError):
    """The body's content type is not one the call takes."""

    code = "unsupported-media-type"


class TooLargeError(SweepfrontError):
    """The body, or what it unpacks to, is over a limit."""

    code = "too-large"


class NotFoundError(SweepfrontError):
    """The named thing does not exist (or not yet)."""

    code = "not-found"


class RemovedError(SweepfrontError):
    """The named thing was there once; retention has removed it."""

    code = "removed"


class ConflictError(SweepfrontError):
    """The thing exists, and its state forbids the call.

    Attributes:
        facts: what the caller needs to see, such as the comparison of a gate.
    """

    code = "conflict"

    def __init__(self, message: str, *, facts: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.facts = facts or {}


class UnauthenticatedError(SweepfrontError):
    """The caller did not say who they are, or not so that it can be believed."""

    code = "unauthenticated"


class ForbiddenError(SweepfrontError):
    """The caller is known, and may not do this."""

    code = "forbidden"


class IdempotencyMismatchError(SweepfrontError):
    """An Idempotency-Key was used again with another document."""

    code = "idempotency-mismatch"


class StoreBusyError(SweepfrontError):
    """The records cannot be written now: locked, full or read-only; nothing was stored."""

    code = "store-busy"


class DiskFullError(StoreBusyError):
    """There is no room for what was to be stored; nothing was."""

    code = "disk-full"


class ReadOnlyError(StoreBusyError):
    """What was to be stored may not be written; nothing was."""

    code = "read-only"


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NOT_ALLOWED = (errno.EROFS, errno.EACCES, errno.EPERM)


def storage_error(error: BaseException) -> StoreBusyError | None:
    """What an error of the operating system says of a folder that cannot be written.

    Returns:
        The error with its remedy; None when neither room nor permission is what is missing.
    """
    if not isinstance(error, OSError) or error.errno not in (*_NO_ROOM, *_NOT_ALLOWED):
        return None
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in _NO_ROOM:
        return DiskFullError(
            f"{error.strerror}{where}: free some space, or move the data folder to a larger disk; "
            "nothing needs to be started again"
        )
    return ReadOnlyError(
        f"{error.strerror}{where}: let the service's user write there; nothing needs to be "
        "started again"
    )
