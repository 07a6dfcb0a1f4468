"""What a document's environment comes to on this machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from app.backends.environments import PYTHON
from app.backends.local_options import LocalOptions
from app.sweep.document import SweepDocument
from app.sweep.errors import FieldError, SweepfrontError
from app.sweep.requirements import Requirements, file_of, requirements_of, written_out

Find = Callable[[str], Path]
"""Finds what a document names: below a code root, or in an upload; raises SweepfrontError."""
_AT = "/trial/environment"
_MAX_FILE = 256 * 1024
_OURS = "trials run in the service's own environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be built for a sweep.

    Attributes:
        requirements: None: nothing, trials run in the service's own environment.
        errors: what of it cannot be had.
        warnings: what of it has no effect.
    """

    requirements: Requirements | None = None
    errors: Sequence[FieldError] = ()
    warnings: Sequence[str] = ()


def wanted_environment(
    document: SweepDocument, options: LocalOptions, find: Find, code: Path | None = None
) -> Wanted:
    """Read a document's environment.

    Args:
        document: names it, or has it written out.
        options: the owner's own environments for names.
        find: finds files that are named.
        code: the snapshot of the trial's code, once there is one: its files count.
    """
    asked = document.trial.environment
    if asked is None:
        return Wanted()
    given = asked if isinstance(asked, str) else asked.model_dump(exclude_none=True)
    if isinstance(given, str) and (file := _named(given, options)) is not None:
        return _from_file(str(file), Path)
    name = file_of(given)
    if name is None:
        return _of_object(given) if isinstance(given, dict) else _foreign(given)
    return _from_file(name, lambda path: _search(path, document.trial.code, find, code), given)


def _named(name: str, options: LocalOptions) -> Path | None:
    """The owner's file for a name, given with or without azureml: in front."""
    known = options.environments
    return known.get(name) or known.get(name.removeprefix("azureml:"))


def _foreign(name: str) -> Wanted:
    words = (
        f"trial.environment has no effect on the local backend: {_OURS}; to give {name} one here, "
        "name its requirements file in SWEEPFRONT_ENVIRONMENTS"
    )
    return Wanted(warnings=[words])


def _of_object(environment: dict[str, object]) -> Wanted:
    requirements, errors = requirements_of(environment, python=PYTHON)
    if requirements is None and not errors:
        words = f"trial.environment has no effect on the local backend: {_OURS}"
        return Wanted(warnings=[f"{words}; it is kept for Azure ML"])
    warnings = []
    if "image" in environment:
        warnings.append(
            "trial.environment.image has no effect on the local backend, where the packages of "
            "conda_file are installed for the service's own Python; it is kept for Azure ML"
        )
    if requirements is not None and requirements.left_out:
        names = ", ".join(requirements.left_out)
        warnings.append(
            f"trial.environment: {names} is left out on the local backend, where mlflow leads to "
            "the engine"
        )
    return Wanted(requirements=requirements, errors=errors, warnings=warnings)


def _from_file(name: str, search: Find, given: object = None) -> Wanted:
    """An environment in a file; a conda file that it names in turn lies beside it."""
    try:
        environment = written_out(name, _read(search(name)))
        if isinstance(given, dict):
            environment = {**given, "conda_file": environment.get("conda_file", environment)}
        elif (inner := file_of(environment)) is not None:
            beside = str(PurePosixPath(name).parent / inner)
            environment = {**environment, **written_out(inner, _read(search(beside)))}
    except SweepfrontError as error:
        return Wanted(
            errors=[FieldError(pointer=_AT, message=f"{name}: {error.message}", value=name)]
        )
    wanted = _of_object(environment)
    errors = [
        FieldError(pointer=_AT, message=f"{name}: {error.message}", value=error.value)
        for error in wanted.errors
    ]
    return Wanted(requirements=wanted.requirements, errors=errors, warnings=wanted.warnings)


def _search(name: str, folder: str | None, find: Find, code: Path | None) -> Path:
    """The file in the trial's code, or else below a code root."""
    if code is not None:
        path = (code / name).resolve()
        if path.is_relative_to(code.resolve()) and path.is_file():
            return path
    if folder is not None:
        try:
            return find(f"{folder}/{name}")
        except SweepfrontError:
            pass
    return find(name)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise SweepfrontError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > _MAX_FILE:
        raise SweepfrontError(
            f"{path.name} is longer than {_MAX_FILE} bytes; is it the right file?"
        )
    return content
