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
        pure = PurePosixPath(path)
        if "\0" in path or "\\" in path:
            raise CodeError(f"{path!r} is not a path; write it with forward slashes")
        if pure.is_absolute() or ".." in pure.parts or path.startswith("~"):
            raise CodeError(
                f"{path!r} must be a path below a code root: relative, and without '..'; "
                "upload other code with POST /v1/code"
            )
        for folder in self._folders:
            try:
                real = (folder / pure).resolve(strict=True)
            except (OSError, RuntimeError):
                continue
            if not real.is_relative_to(folder):
                raise CodeError(f"{path!r} is a link that leaves its code root; copy the files in")
            return real
        raise CodeError(
            f"{path!r} does not exist in a code root of the service; check the path, "
            "set SWEEPFRONT_CODE_ROOTS, or upload the code with POST /v1/code"
        )
