"""Who may write next: the lane before the housekeeping."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class Turns:
    """One writer at a time. A plain lock has no queue: who takes it again at once would keep the lane out for hours."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._changed = threading.Condition()
        self.waiting = 0
        """How many wait for their turn at once."""

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """As soon as the present writer is done. A thread whose turn it is may ask again."""
        self._count(1)
        try:
            self._lock.acquire()
        finally:
            self._count(-1)
        try:
            yield
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def when_idle(self) -> Iterator[None]:
        """After everybody who waits."""
        with self._changed:
            self._changed.wait_for(lambda: not self.waiting)
        with self._lock:
            yield

    def _count(self, by: int) -> None:
        with self._changed:
            self.waiting += by
            self._changed.notify_all()
