"""Inputs that do not lie below a code root: on the web, or in a cloud with a copy here."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from app.backends.local_options import LocalOptions
from app.sweep.data import DataInput
from app.sweep.document import SweepDocument
from app.sweep.errors import FieldError
from app.sweep.faults import pointer

INPUT_TYPES = ("uri_file", "uri_folder")
_WEB = ("http", "https")


def refused_inputs(document: SweepDocument, options: LocalOptions) -> Iterator[FieldError]:
    """One fault for each input that the local backend cannot give to a trial."""
    for name, given in document.inputs.items():
        if not isinstance(given, DataInput):
            continue
        if given.type not in INPUT_TYPES:
            yield FieldError(
                pointer=pointer(("inputs", name, "type")),
                message=f"the local backend takes {' and '.join(INPUT_TYPES)}",
                value=given.type,
            )
        elif given.remote and (fault := _fault(given, options)):
            where = "type" if on_the_web(given.path) and given.type != "uri_file" else "path"
            yield FieldError(
                pointer=pointer(("inputs", name, where)), message=fault, value=given.path
            )


def mapped(path: str, options: LocalOptions) -> Path | None:
    """What stands here for an input's path, by the longest beginning that the settings know.

    The rest of the path leads further down; nothing stands for one with `..` in it.
    """
    for start, target in sorted(options.data.items(), key=lambda item: -len(item[0])):
        rest = path.removeprefix(start)
        if path.startswith(start) and (not rest or start.endswith("/") or rest[0] == "/"):
            inside = PurePosixPath(rest.lstrip("/"))
            return None if ".." in inside.parts else target.absolute() / inside
    return None


def on_the_web(path: str) -> bool:
    """True for an http or https address."""
    return path.partition(":")[0].lower() in _WEB


def from_the_web(document: SweepDocument, options: LocalOptions) -> Mapping[str, str]:
    """The address of every input that has to be downloaded."""
    return {
        name: given.path
        for name, given in document.inputs.items()
        if isinstance(given, DataInput)
        and on_the_web(given.path)
        and mapped(given.path, options) is None
    }


def from_here(document: SweepDocument, options: LocalOptions) -> Mapping[str, Path]:
    """What stands here for every input of which the settings know a copy."""
    found = {
        name: mapped(given.path, options)
        for name, given in document.inputs.items()
        if isinstance(given, DataInput) and given.remote
    }
    return {name: path for name, path in found.items() if path is not None}


def _fault(given: DataInput, options: LocalOptions) -> str | None:
    """Why an input that is not below a code root cannot be used."""
    copy = mapped(given.path, options)
    if copy is not None:
        there = copy.is_file() if given.type == "uri_file" else copy.is_dir()
        kind = "file" if given.type == "uri_file" else "folder"
        return (
            None
            if there
            else f"SWEEPFRONT_DATA_MAPPINGS leads to {copy}, which is no {kind}; put the {kind} "
            "there, or correct the setting or the type"
        )
    remedy = (
        "download the data and name it below a code root, or have SWEEPFRONT_DATA_MAPPINGS say "
        "where a copy lies here"
    )
    if not on_the_web(given.path):
        return f"the local backend does not reach data in the cloud; {remedy}"
    if not options.downloads:
        return f"downloads are switched off here (SWEEPFRONT_DOWNLOADS); {remedy}"
    if given.type != "uri_file":
        return f"a folder cannot be downloaded; use type: uri_file for a single file, or {remedy}"
    return None if _has_host(given.path) else "is no http(s) address; write https://HOST/PATH"


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
