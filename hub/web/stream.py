"""The events that browsers follow: those of the last five minutes, and a bounded queue per listener."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Final

from hub.clock import MINUTE

KINDS: Final = ("reading", "alarm", "ticket", "health", "walk")
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
        self._ring: OrderedDict[int, tuple[Change, Hashable]] = OrderedDict()
        self._newest: dict[Hashable, int] = {}
        self._forgotten = 0
        """The highest id that is no longer told again."""
        self._next = 1
        self._listeners: set[Listener] = set()

    def publish(self, kind: str, data: dict[str, Any], at: int, *, subject: Hashable = None) -> None:
        """Hand a change to everyone who wants it. From any thread; never waits.

        ``subject``: of changes with the same one only the newest is told again to whoever comes back: five minutes of
        readings are more than a listener's queue holds.
        """
        with self._lock:
            change = Change(self._next, at, kind, data)
            self._next += 1
            self._keep(change, subject)
            listeners = [listener for listener in self._listeners if listener.wanted(change)]
            for listener in listeners:
                _hand(listener, change)
        for listener in listeners:
            _wake(listener)

    def _keep(self, change: Change, subject: Hashable) -> None:
        if subject is not None:
            self._ring.pop(self._newest.get(subject, 0), None)
            self._newest[subject] = change.id
        self._ring[change.id] = (change, subject)
        while len(self._ring) > RING or next(iter(self._ring.values()))[0].at < change.at - KEPT_MS:
            self._forgotten, (_, gone) = self._ring.popitem(last=False)
            if self._newest.get(gone) == self._forgotten:
                del self._newest[gone]

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
        if last < self._forgotten or last >= self._next:
            return None
        return [change for number, (change, _) in self._ring.items() if number > last]


def _hand(listener: Listener, change: Change) -> None:
    if len(listener.waiting) >= QUEUE:
        listener.waiting.clear()
        listener.overrun = True
    listener.waiting.append(change)


def _wake(listener: Listener) -> None:
    """A browser that has just gone takes its event loop's place with it."""
    with contextlib.suppress(RuntimeError):
        listener.wake()
