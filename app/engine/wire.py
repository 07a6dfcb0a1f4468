"""Unix sockets of the engine: addresses, streams that never block it, and what trials send.

A message between a trial and the engine is a length (4 bytes, big endian) and a pickle that may
hold nothing but plain values and MLflow's entity classes.
"""

import importlib
import io
import os
import pickle
import selectors
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

MAX_MESSAGE = 64 * 1024 * 1024
MAX_WAITING = 256 * 1024 * 1024
Message = Any
"""Plain values and MLflow's entities, which have no types."""
_LONGEST_PATH = 100
_LENGTH = struct.Struct(">I")
_ENTITY_MODULES = ("mlflow.entities.", "mlflow.store.entities.paged_list")


class ProtocolError(Exception):
    """The peer sent something that is no message."""


def listen(path: Path) -> socket.socket:
    """A listening socket at that path, which only this user may reach."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path.unlink(missing_ok=True)
    with _address(path) as address:
        listener.bind(address)
    path.chmod(0o600)
    listener.listen(128)
    return listener


def connect(path: Path) -> socket.socket:
    """A connection to the listener at that path.

    Raises:
        OSError: nobody listens there.
    """
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(path) as address:
            peer.connect(address)
    except OSError:
        peer.close()
        raise
    return peer


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """The path as a socket address, which may be no longer than 107 bytes."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class Stream:
    """One connection on a selector: what arrives is handed on, what is sent waits its turn."""

    def __init__(
        self,
        peer: socket.socket,
        selector: selectors.BaseSelector,
        *,
        on_data: Callable[[bytes], None],
        on_end: Callable[[], None],
    ) -> None:
        """Watch the peer.

        Args:
            peer: the connected socket; it belongs to the stream from now on.
            selector: its `data` for this stream is a function to call when the stream is ready.
            on_data: called with what arrived.
            on_end: called once, after the peer has gone and the stream is closed.
        """
        peer.settimeout(0)
        self._peer = peer
        self._selector = selector
        self._on_data = on_data
        self._on_end = on_end
        self._waiting = bytearray()
        self._open = True
        selector.register(peer, selectors.EVENT_READ, self._ready)

    def send(self, data: bytes) -> None:
        """Send, now or as soon as the peer takes it; a peer that never does is hung up on."""
        if not self._open:
            return
        self._waiting += data
        self._write()
        if len(self._waiting) > MAX_WAITING:
            self.close()

    def drain(self) -> None:
        """Hand on all that has arrived until now."""
        while self._open and self._read():
            pass

    def close(self) -> None:
        """Hang up."""
        if self._open:
            self._open = False
            self._selector.unregister(self._peer)
            self._peer.close()
            self._on_end()

    def _ready(self) -> None:
        if self._waiting:
            self._write()
        if self._open:
            self._read()

    def _read(self) -> bool:
        try:
            data = self._peer.recv(256 * 1024)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self.close()
            return False
        self._on_data(data)
        return True

    def _write(self) -> None:
        with suppress(BlockingIOError, OSError):
            sent = self._peer.send(self._waiting)
            del self._waiting[:sent]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._waiting else 0)
        self._selector.modify(self._peer, events, self._ready)


def frame(message: Message) -> bytes:
    """The message as it goes over the wire."""
    data = pickle.dumps(message, protocol=5)
    return _LENGTH.pack(len(data)) + data


class Frames:
    """Puts messages together from the pieces in which they arrive."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are whole now.

        Raises:
            ProtocolError: a message is too long, or holds what no message may hold.
        """
        self._data += data
        while len(self._data) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._data)
            if length > MAX_MESSAGE:
                raise ProtocolError(f"a message of {length} bytes is too long")
            end = _LENGTH.size + length
            if len(self._data) < end:
                return
            message = _load(bytes(self._data[_LENGTH.size : end]))
            del self._data[:end]
            yield message


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, name: str) -> object:
        """Only classes that MLflow's entity modules themselves define; names may walk attributes."""
        if module_name.startswith(_ENTITY_MODULES):
            found: object = importlib.import_module(module_name)
            for part in name.split("."):
                found = getattr(found, part, None)
            if isinstance(found, type) and found.__module__.startswith(_ENTITY_MODULES):
                return found
        raise ProtocolError(f"a message may not hold {module_name}.{name}")


def _load(data: bytes) -> Message:
    try:
        return _Unpickler(io.BytesIO(data)).load()
    except ProtocolError:
        raise
    except Exception as error:
        raise ProtocolError(f"not a message: {error}") from error
