"""What a trial's environment asks for, as far as a machine with pip can make it.

An environment is text (azureml:name:version, or a requirements or conda file) or Azure ML's object
of an image and a conda file (https://learn.microsoft.com/azure/machine-learning/reference-yaml-environment).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.sweep.body import decode
from app.sweep.errors import FieldError
from app.sweep.faults import pointer

_AT = ("trial", "environment")
_FILE = "file:"
_TEXTS = (".txt",)
_YAMLS = (".yml", ".yaml")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_OTHER_FILES = re.compile(r"(-r|-c|-e|--requirement|--constraint|--editable)\b|\.{0,2}/|file:")
_CONDA = re.compile(r"(?:[\w./-]+::)?([A-Za-z0-9][\w.-]*)\s*(.*)\Z")
_CLAUSE = re.compile(r"(==|>=|<=|!=|~=|=|>|<|)\s*(\d+)(?:\.(\d+))?[\w.*]*\Z")
_CONDA_KEYS = ("name", "channels", "prefix", "dependencies")
AZURE_ONLY = frozenset({"azureml-mlflow"})
"""Packages that lead mlflow to Azure; elsewhere they are in the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What is to be installed.

    Attributes:
        lines: of a requirements file, without comments, `AZURE_ONLY` and empty ones.
        left_out: the packages of `AZURE_ONLY` that were named.
    """

    lines: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The packages that are named, normalised as PEP 503 says."""
        return frozenset(filter(None, map(_package, self.lines)))


def file_of(environment: object) -> str | None:
    """The file that an environment names: a requirements, conda or environment file."""
    if isinstance(environment, dict):
        conda = environment.get("conda_file")
        return conda.removeprefix(_FILE) if isinstance(conda, str) else None
    if not isinstance(environment, str):
        return None
    if environment.startswith(_FILE):
        return environment.removeprefix(_FILE)
    named = ":" not in environment and environment.endswith((*_TEXTS, *_YAMLS))
    return environment if named else None


def written_out(name: str, content: bytes) -> dict[str, object]:
    """An environment file's content as the object that stands for it.

    Raises:
        UnreadableBodyError, InvalidDocumentError: it is no YAML, as `decode` says.
    """
    if name.endswith(_TEXTS):
        lines: list[object] = list(content.decode("utf-8-sig", errors="replace").splitlines())
        return {"conda_file": {"dependencies": [{"pip": lines}]}}
    body = dict(decode(content, "application/yaml"))
    body.pop("$schema", None)
    return {"conda_file": body} if "dependencies" in body else body


def requirements_of(
    environment: Mapping[str, object], *, python: tuple[int, int]
) -> tuple[Requirements | None, list[FieldError]]:
    """What an environment's object asks for, and what of it cannot be had.

    Args:
        environment: with a conda file that is written out, or none.
        python: major and minor version of the only Python there is.

    Returns:
        None without a conda file, and one fault for each thing that cannot be had.
    """
    conda = environment.get("conda_file")
    if conda is None:
        return None, []
    at = (*_AT, "conda_file")
    if not isinstance(conda, dict) or not isinstance(conda.get("dependencies"), list):
        words = "needs a list of dependencies; write {dependencies: [python=3.11, {pip: [...]}]}"
        return None, [FieldError(pointer=pointer(at), message=words)]
    faults = [
        FieldError(
            pointer=pointer((*at, key)),
            message=f"{key} is not read on the local backend; remove it"
            + ("; set trial.environment_variables" if key == "variables" else ""),
        )
        for key in conda
        if key not in _CONDA_KEYS
    ]
    lines: list[str] = []
    for index, entry in enumerate(conda["dependencies"]):
        here = (*at, "dependencies", index)
        if isinstance(entry, dict) and list(entry) == ["pip"] and isinstance(entry["pip"], list):
            given = [str(line) for line in entry["pip"]]
            lines += _joined(given)
            faults += _of_other_files(given, (*here, "pip"))
        elif fault := _conda_fault(entry, python):
            faults.append(FieldError(pointer=pointer(here), message=fault, value=entry))
    kept = tuple(line for line in lines if _package(line) not in AZURE_ONLY)
    left_out = tuple(sorted(AZURE_ONLY.intersection(map(_package, lines))))
    return Requirements(lines=kept, left_out=left_out), faults


def _joined(lines: list[str]) -> Iterator[str]:
    """Lines as pip reads them: joined where a backslash says so, without comments."""
    whole = ""
    for line in [*lines, ""]:
        bare = re.sub(r"(^|\s)#.*", "", line).strip()
        whole += bare.removesuffix("\\")
        if bare.endswith("\\"):
            continue
        if whole.strip():
            yield " ".join(whole.split())
        whole = ""


def _of_other_files(lines: list[str], at: tuple[str | int, ...]) -> Iterator[FieldError]:
    for index, line in enumerate(lines):
        if _OTHER_FILES.match(line.strip()):
            yield FieldError(
                pointer=pointer((*at, index)),
                message="the requirements name another file or folder; write its requirements "
                "here, and packages of your own beside the script, in trial.code",
                value=line,
            )


def _conda_fault(entry: object, python: tuple[int, int]) -> str | None:
    """Why a dependency of conda cannot be had without conda; None: it is there."""
    found = _CONDA.match(entry) if isinstance(entry, str) else None
    if found is None:
        return "is no dependency; write a package, or {pip: [...]}"
    name, version = found[1].lower(), found[2]
    if name == "pip":
        return None
    if name != "python":
        return (
            f"{name} would have to come from conda, which the local backend does not use; move it "
            "into {pip: [...]}, or leave environment out to run in the service's own"
        )
    if _allows(version, python):
        return None
    running = ".".join(map(str, python))
    return (
        f"the local backend has Python {running} only; say python={running} or leave the version "
        f"out, or start the service with the other Python (make PYTHON=python{version.strip('= ')})"
    )


def _allows(version: str, python: tuple[int, int]) -> bool:
    """True when Python's minor version meets every clause, as far as it can tell."""
    return all(_clause(clause.strip(), python) for clause in version.split(",") if clause.strip())


def _clause(clause: str, python: tuple[int, int]) -> bool:
    # Conda's third part, after a blank or a second =, is the build.
    found = _CLAUSE.match(re.split(r"(?<=\d)[\s=]", clause)[0])
    if found is None:
        return False
    wanted = (int(found[2]), python[1] if found[3] is None else int(found[3]))
    match found[1]:
        case ">=":
            return python >= wanted
        case "<=":
            return python <= wanted
        case ">":
            return python > wanted
        case "<":
            return python < (wanted if found[3] is not None else (wanted[0], 0))
        case "!=":
            return python != wanted
        case "~=":
            return python[0] == wanted[0] and python >= wanted
        case _:
            return python == wanted


def _package(line: str) -> str | None:
    """The package that a line of a requirements file names; None for an option."""
    found = _NAME.match(line)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else None
