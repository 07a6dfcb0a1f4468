"""Documents on this machine: read strictly, with the local files that they name sent along.

Paths are relative to the document's folder, as `az ml job create -f` takes them.
"""

import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.cli.calls import CommandError
from app.code.archives import Limits
from app.code.packing import pack
from app.code.snapshots import LEFT_OUT
from app.settings import Settings
from app.sweep.body import decode
from app.sweep.data import UPLOAD
from app.sweep.errors import InvalidDocumentError, SweepfrontError
from app.sweep.requirements import file_of, written_out
from sweepfront import Client, SweepHandle

Json = dict[str, Any]
Say = Callable[[str], None]
_FILE = "file:"


def read(path: Path) -> Json:
    """The object that a file holds: JSON if it is named so, else YAML.

    Raises:
        CommandError: the file cannot be read or is no document; each fault with its place.
    """
    body = _content(path)
    kind = "application/json" if path.suffix.lower() == ".json" else "application/yaml"
    with refused(str(path)):
        return dict(decode(body, kind))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}", refused=True) from error


@contextmanager
def refused(place: str) -> Iterator[None]:
    """What is wrong with the author's files becomes a CommandError that names the place."""
    try:
        yield
    except InvalidDocumentError as error:
        faults = (f"  {each.pointer or '(the document)'}: {each.message}" for each in error.errors)
        raise CommandError("\n".join([f"{place} is refused:", *faults]), refused=True) from error
    except SweepfrontError as error:
        raise CommandError(f"{place}: {error.message}", refused=True) from error


def submit(client: Client, path: Path, settings: Settings, say: Say) -> SweepHandle:
    """Submit a document and the code, data and conda file that lie where it says; the sweep.

    Args:
        client: of the service.
        path: the document, YAML or JSON.
        settings: the limits for what is sent.
        say: told what was sent, a line each.

    Raises:
        CommandError: a file cannot be read or sent.
        sweepfront.SweepfrontError: the service refuses something or is away.
    """
    document = read(path)
    local = _Local(client, path.parent, settings, say)
    if isinstance(trial := document.get("trial"), dict):
        document["trial"] = local.trial(trial)
    elif isinstance(trial, str):
        raise CommandError(
            "/trial: a sweep has its trial written out, as Azure ML's own schema wants it; put "
            f"command, code and environment of {trial} here",
            refused=True,
        )
    if isinstance(inputs := document.get("inputs"), dict):
        document["inputs"] = {
            name: local.input(f"inputs.{name}", given) if isinstance(given, dict) else given
            for name, given in inputs.items()
        }
    return client.submit(document)


class _Local:
    """What lies relative to one folder, and how it is sent."""

    def __init__(self, client: Client, folder: Path, settings: Settings, say: Say) -> None:
        self._client = client
        self._folder = folder
        self._limits = Limits(bytes=settings.max_upload_bytes, files=settings.max_code_files)
        self._say = say

    def trial(self, trial: Json) -> Json:
        """The trial with its code uploaded and its environment's files written out."""
        trial = dict(trial)
        if "environment" in trial:
            trial["environment"] = self._environment(trial["environment"])
        code = trial.get("code")
        if isinstance(code, str) and (source := self._found(code)) is not None:
            trial["code"] = self._upload("trial.code", code, source, LEFT_OUT)
        return trial

    def input(self, name: str, given: Json) -> Json:
        """The input with its local file or folder uploaded."""
        path = given.get("path")
        if not isinstance(path, str):
            return given
        source = self._found(path.removeprefix(_FILE))
        if source is None:
            return given
        upload = self._upload(name, path, source, ())
        return {**given, "path": upload if source.is_dir() else f"{upload}/{source.name}"}

    def _environment(self, given: object) -> object:
        """An environment in a file, or with its conda packages in one, written out.

        A file that is named without file: and is not there is left for the service to find.
        """
        folder = self._folder
        if isinstance(given, str) and (name := file_of(given)) is not None:
            file = folder / name
            if not given.startswith(_FILE) and not file.is_file():
                return given
            with refused(str(file)):
                given, folder = written_out(file.name, _content(file)), file.parent
            self._say(f"took the packages of trial.environment from {file}")
        if not isinstance(given, dict) or not isinstance(given.get("conda_file"), str):
            return given
        conda = folder / given["conda_file"]
        packages = read(conda)
        self._say(f"took the conda packages of trial.environment from {conda}")
        return {**given, "conda_file": packages}

    def _found(self, path: str) -> Path | None:
        """The file or folder that the document names, if it is there."""
        if path.startswith(UPLOAD):
            return None
        source = self._folder / path
        try:
            return source if source.exists() else None
        except OSError:
            return None

    def _upload(self, what: str, path: str, source: Path, without: Collection[str]) -> str:
        with tempfile.TemporaryFile() as archive:
            with refused(what):
                packed = pack(source, archive, self._limits, without=without)
            archive.seek(0)
            name = self._client.upload(archive)
        files = "1 file" if packed.files == 1 else f"{packed.files} files"
        self._say(f"uploaded {path} as {what}: {files}, {packed.bytes} bytes")
        return name
