"""Waking a thread that waits in poll."""

from __future__ import annotations

import contextlib
import socket


class Wake:
    """``up`` from any thread ends a poll on ``fileno``; many calls before the waiter looks cost one byte."""

    def __init__(self) -> None:
        self._ends: tuple[socket.socket, socket.socket] | None = None
        self._raised = False

    def open(self) -> None:
        self._ends = socket.socketpair()
        for end in self._ends:
            end.setblocking(False)

    def fileno(self) -> int:
        """For poll; -1 while closed."""
        return self._ends[0].fileno() if self._ends else -1

    def up(self) -> None:
        """Wake the waiter. What it is to find must be in place before."""
        ends = self._ends
        if self._raised or ends is None:
            return
        self._raised = True
        with contextlib.suppress(OSError):  # closed meanwhile: nobody waits any more
            ends[1].send(b"\0")

    def clear(self) -> None:
        """The waiter is awake and looks at its queues *after* this."""
        if self._ends is not None:
            with contextlib.suppress(BlockingIOError):
                self._ends[0].recv(64)
        self._raised = False

    def close(self) -> None:
        ends, self._ends = self._ends, None
        for end in ends or ():
            end.close()
