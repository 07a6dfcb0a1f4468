"""Checking API keys: slowly the first time, by a keyed digest while they are remembered."""

import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cachetools import LRUCache

from app.access.keys import PREFIX, ApiKey
from app.identity.key_ring import KeyRing
from app.sweep.errors import UnauthenticatedError

MAX_LENGTH = 200
"""Of a key; what is longer is none of ours."""
_REMEMBERED = 10_000
_REFUSED = UnauthenticatedError(
    "This API key is unknown, has expired or was taken back; ask for a new one."
)


class ApiKeys:
    """Tells whose a key is.

    The slow hash is for what lies in the settings; a process that has seen a key remembers a digest
    of it, keyed by a number that it never tells. A key whose id is unknown is refused at once: ids
    are no secrets, and nobody who knows none can keep the service busy with slow hashes.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._hasher = PasswordHasher()
        self._salt = secrets.token_bytes(32)
        self._lock = Lock()
        self._seen: LRUCache[bytes, tuple[str, bool]] = LRUCache(_REMEMBERED)
        # Each slow hash takes 64 MiB: two at once, and the others wait.
        self.pool = ThreadPoolExecutor(2, thread_name_prefix="api-keys")

    def remembered(self, presented: str) -> ApiKey | None:
        """Whose key it is, if it was checked before; None: it must be checked.

        Raises:
            UnauthenticatedError: it is none that is accepted.
        """
        entry = self._entry(presented)
        with self._lock:
            hash_seen, fits = self._seen.get(self._digest(presented), ("", False))
        if hash_seen != entry.hash:
            return None
        if not fits:
            raise _REFUSED
        return entry

    def check(self, presented: str) -> ApiKey:
        """Whose key it is; takes some 0.1 s.

        Raises:
            UnauthenticatedError: it is none that is accepted.
        """
        entry = self._entry(presented)
        fits = False
        with suppress(VerificationError, InvalidHashError):
            fits = self._hasher.verify(entry.hash, presented)
        with self._lock:
            self._seen[self._digest(presented)] = (entry.hash, fits)
        if not fits:
            raise _REFUSED
        return entry

    def again(self, key_id: str, mark: str) -> ApiKey:
        """The key of a session that began with it.

        Raises:
            UnauthenticatedError: it was taken back since, or replaced.
        """
        entry = self._ring.key(key_id)
        if entry is None or not secrets.compare_digest(mark, mark_of(entry)):
            raise _REFUSED
        return entry

    def _entry(self, presented: str) -> ApiKey:
        key_id, _, secret = presented.removeprefix(PREFIX).partition("_")
        shaped = presented.startswith(PREFIX) and secret and len(presented) <= MAX_LENGTH
        entry = self._ring.key(key_id) if shaped else None
        if entry is None:
            raise _REFUSED
        return entry

    def _digest(self, presented: str) -> bytes:
        return hashlib.blake2b(presented.encode(errors="replace"), key=self._salt).digest()


def mark_of(entry: ApiKey) -> str:
    """What tells an entry from one with the same id and another secret."""
    return hashlib.sha256(entry.hash.encode()).hexdigest()[:32]
