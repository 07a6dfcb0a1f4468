"""The API keys that are accepted now: those of the settings, and of a file that may change."""

import json
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock

from argon2 import PasswordHasher
from pydantic import TypeAdapter, ValidationError

from app.access.callers import Role
from app.access.keys import PREFIX, ApiKey
from app.sweep.errors import SweepfrontError

_LOOK_SECONDS = 1.0
_SECRET_BYTES = 32
_ID_BYTES = 6
_KEYS = TypeAdapter(list[ApiKey])

log = logging.getLogger(__name__)


class KeyFileError(SweepfrontError):
    """The file of API keys cannot be used."""

    code = "key-file"


class KeyRing:
    """The keys by their ids; safe to use from many threads."""

    def __init__(self, keys: Sequence[ApiKey], file: Path | None) -> None:
        """Read the file, if there is one.

        Raises:
            KeyFileError: it cannot be read.
        """
        self._fixed = {key.id: key for key in keys}
        self._file = file
        self._lock = Lock()
        self._stamp: tuple[int, int] | None = None
        self._looked = -_LOOK_SECONDS
        self._found: dict[str, ApiKey] = {}
        if file is not None:
            self._found = self._read(file)
            self._stamp, self._looked = _stamp(file), time.monotonic()

    def key(self, key_id: str) -> ApiKey | None:
        """The key of that id, unless there is none or its time is over."""
        self._refresh()
        found = self._fixed.get(key_id) or self._found.get(key_id)
        return None if found is None or found.expired else found

    def _refresh(self) -> None:
        """Read the file again if it has changed; what cannot be read leaves the keys as they were."""
        if self._file is None or time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        with self._lock:
            self._looked = time.monotonic()
            stamp = _stamp(self._file)
            if stamp == self._stamp:
                return
            try:
                self._found = self._read(self._file)
                log.info("read %d API keys from %s", len(self._found), self._file)
            except KeyFileError as error:
                log.error("%s; the keys that were read before stay accepted", error)  # noqa: TRY400 - the message says all
            self._stamp = stamp

    @staticmethod
    def _read(file: Path) -> dict[str, ApiKey]:
        try:
            keys = _KEYS.validate_json(file.read_bytes())
        except OSError as error:
            raise KeyFileError(
                f"SWEEPFRONT_API_KEYS_FILE: {file} cannot be read: {error.strerror} "
                "(`python -m app keys new NAME --role ROLE` makes such a file)"
            ) from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = "/".join(map(str, first["loc"]))
            raise KeyFileError(
                f"SWEEPFRONT_API_KEYS_FILE: {file} is no list of API keys: {where}: {first['msg']}"
            ) from error
        return {key.id: key for key in keys}


def new_key(
    name: str, grants: Mapping[str, Role], *, expires_at: datetime | None = None
) -> tuple[str, ApiKey]:
    """A new key, which is shown once, and its entry in the settings."""
    key_id = secrets.token_hex(_ID_BYTES)
    key = f"{PREFIX}{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    entry = ApiKey(
        id=key_id,
        name=name,
        grants=grants,
        hash=PasswordHasher().hash(key),
        expires_at=expires_at,
    )
    return key, entry


def entry_text(entry: ApiKey) -> str:
    """An entry as the settings take it."""
    return json.dumps(entry.model_dump(mode="json", exclude_none=True))


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
