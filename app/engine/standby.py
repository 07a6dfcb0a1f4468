"""A child of the fork parent that is forked ahead and waits for a job, so that a start is quick.

A fork of a process with scikit-learn loaded takes some milliseconds; done while the parent is idle,
they are not between the end of one trial and the start of the next. What the child holds in memory
it shares with its parent.
"""

import json
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

Job = Mapping[str, Any]


class Standby:
    """The parent's end of the child that waits, if there is one; `pid` is the latest child's."""

    def __init__(self) -> None:
        self.pid = 0
        self._peer: socket.socket | None = None

    @property
    def waiting(self) -> bool:
        """True while there is a child to give a job to."""
        return self._peer is not None

    def fork(self, leave: Callable[[], None]) -> Job | None:
        """Fork a child that waits.

        Args:
            leave: called in the child, which drops there what belongs to the parent.

        Returns:
            None in the parent; in the child its job, as soon as it has one.
        """
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            leave()
            return _wait(theirs)
        theirs.close()
        self.pid, self._peer = pid, ours
        return None

    def give(self, job: Job) -> int | None:
        """Have the child do a job; its process id, None when there is no child that takes it."""
        peer, self._peer = self._peer, None
        if peer is None:
            return None
        with peer:
            try:
                peer.sendall(json.dumps(job).encode() + b"\n")
            except OSError:
                return None
        return self.pid

    def dismiss(self) -> None:
        """Let the child end without a job."""
        if self._peer is not None:
            self._peer.close()
            self._peer = None

    def ended(self, pid: int) -> None:
        """Take note that a child has ended."""
        if pid == self.pid:
            self.dismiss()


def _wait(peer: socket.socket) -> Job:
    """In the child: the job, one line; a parent that hangs up has none."""
    with peer:
        text = b""
        while not text.endswith(b"\n"):
            data = peer.recv(1024 * 1024)
            if not data:
                os._exit(0)
            text += data
    job: Job = json.loads(text)
    return job
