"""Code roots: the folders that documents may name files of, and nothing outside them."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from app.sweep.errors import SweepfrontError


class CodeError(SweepfrontError):
    """The named code or data cannot be used; the message says why and what to do."""

    code = "unusable-code"


class Roots:
    """Resolves relative paths below the configured folders."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [folder.resolve() for folder in folders]

    def resolve(self, path: str) -> Path:
        """The file or folder that a document names, in the first root that has it.

        Raises:
            CodeError: the path is absolute, leaves its root by `..` or a link, or is not there.
        """
        pure = _relative(path, "a path below a code root")
        for folder in self._folders:
            if (real := _found(folder, pure, path)) is not None:
                return real
        raise CodeError(
            f"{path!r} does not exist in a code root of the service; check the path, "
            "set SWEEPFRONT_CODE_ROOTS, or upload the files with POST /v1/code"
        )


def resolve_inside(upload: Path, path: str) -> Path:
    """The file or folder that `path` names inside the folder of an upload; "" is the folder itself.

    Raises:
        CodeError: the path is absolute, leaves the folder by `..` or a link, or is not there.
    """
    real = _found(upload.resolve(), _relative(path, "a path inside the upload"), path)
    if real is None:
        raise CodeError(f"{path!r} is not in the upload; check the path, or send the files anew")
    return real


def _relative(path: str, wanted: str) -> PurePosixPath:
    pure = PurePosixPath(path)
    if "\0" in path or "\\" in path:
        raise CodeError(f"{path!r} is not a path; write it with forward slashes")
    if pure.is_absolute() or ".." in pure.parts or path.startswith("~"):
        raise CodeError(
            f"{path!r} must be {wanted}: relative, and without '..'; upload other files with "
            "POST /v1/code"
        )
    return pure


def _found(folder: Path, pure: PurePosixPath, path: str) -> Path | None:
    """The real path below the folder; None if there is nothing."""
    try:
        real = (folder / pure).resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    if not real.is_relative_to(folder):
        raise CodeError(f"{path!r} is a link that leaves its folder; copy the files in")
    return real
