"""The events that browsers follow: a ring of the last five minutes, and a bounded queue per listener."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from hub.clock import MINUTE

KINDS: Final = ("reading", "alarm", "ticket", "health")
KEPT_MS: Final = 5 * MINUTE
RING: Final = 50_000
"""Never more events than this, however many come in five minutes."""
QUEUE: Final = 2_000
"""A listener that is this far behind is told to load anew instead."""


@dataclass(frozen=True, slots=True)
class Change:
    """One event. ``id`` rises by one within an epoch; ``data`` names its community, and its facility if it has one."""

    id: int
    at: int
    kind: str
    data: dict[str, Any]


@dataclass(slots=True, eq=False)
class Listener:
    """One browser's place in the stream. Used by one reader; fed by any thread."""

    wanted: Callable[[Change], bool]
    wake: Callable[[], object]
    waiting: deque[Change] = field(default_factory=deque)
    overrun: bool = False

    def take(self) -> tuple[bool, list[Change]]:
        """Whether something was lost, and what has come since the last call."""
        lost, self.overrun = self.overrun, False
        taken: list[Change] = []
        while self.waiting:
            taken.append(self.waiting.popleft())
        return lost, taken


class Changes:
    """Kept in memory only: after a restart every browser is told to load anew, because the epoch differs."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.closed = False
        self._lock = threading.Lock()
        self._ring: deque[Change] = deque(maxlen=RING)
        self._next = 1
        self._listeners: set[Listener] = set()

    def publish(self, kind: str, data: dict[str, Any], at: int) -> None:
        """Hand a change to everyone who wants it. From any thread; never waits."""
        with self._lock:
            change = Change(self._next, at, kind, data)
            self._next += 1
            self._ring.append(change)
            while self._ring and self._ring[0].at < at - KEPT_MS:
                self._ring.popleft()
            listeners = [listener for listener in self._listeners if listener.wanted(change)]
            for listener in listeners:
                _hand(listener, change)
        for listener in listeners:
            _wake(listener)

    def listen(self, listener: Listener, last_event_id: str | None) -> bool:
        """Start handing changes over, what came after ``last_event_id`` first. False: too long ago, load anew."""
        with self._lock:
            missed = self._after(last_event_id)
            if missed is not None:
                for change in missed:
                    if listener.wanted(change):
                        _hand(listener, change)
            self._listeners.add(listener)
        return missed is not None

    def leave(self, listener: Listener) -> None:
        """Stop."""
        with self._lock:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End every stream: the server is going down."""
        self.closed = True
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            _wake(listener)

    def last_id(self) -> str:
        """The id of the latest change, as browsers see it."""
        with self._lock:
            return self.id_of(self._next - 1)

    def id_of(self, number: int) -> str:
        """Ids name the epoch, so that one from before a restart is recognised."""
        return f"{self.epoch:x}-{number}"

    @property
    def listeners(self) -> int:
        """How many browsers follow."""
        return len(self._listeners)

    def _after(self, last_event_id: str | None) -> list[Change] | None:
        if not last_event_id:
            return []
        epoch, _, number = last_event_id.partition("-")
        if epoch != f"{self.epoch:x}" or not number.isdecimal() or len(number) > 15:
            return None
        last = int(number)
        oldest = self._ring[0].id if self._ring else self._next
        if last < oldest - 1 or last >= self._next:
            return None
        return [change for change in self._ring if change.id > last]


def _hand(listener: Listener, change: Change) -> None:
    if len(listener.waiting) >= QUEUE:
        listener.waiting.clear()
        listener.overrun = True
    listener.waiting.append(change)


def _wake(listener: Listener) -> None:
    """A browser that has just gone takes its event loop's place with it."""
    with contextlib.suppress(RuntimeError):
        listener.wake()
