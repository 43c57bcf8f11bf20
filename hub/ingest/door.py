"""Repeats are turned away at the door: a redelivery of what the journal already holds is acknowledged, not kept again.

MQTT redelivers what was not acknowledged. Where a message carries neither time nor number, only that redelivery
tells a repeat from a second, equal reading. So, while the first receive window after a reconnect of a live session
passes: a message is a repeat if it has DUP set and its topic and payload are among the last two windows of the journal,
or if topic, packet id and payload are. Each journalled message answers for one repeat only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Protocol

from hub.ingest.frames import DUP, QOS_MASK, Frame


class JournalTail(Protocol):
    """The newest frames of the journal."""

    def recent(self, count: int) -> Iterable[Frame]:
        """At least the last ``count`` committed frames, as far as the journal still holds them, in any order."""
        ...


class Door:
    """One connection's. Used by its network thread alone."""

    def __init__(self, *, connection: str, tail: JournalTail, window: int) -> None:
        self._connection = connection
        self._tail = tail
        self._window = window
        self._left = 0
        self._known: dict[bytes, list[int]] = {}
        self.last_received_at: int | None = None
        """Of this connection's newest frame in the journal, as of ``load``."""

    @property
    def guarded(self) -> bool:
        """A repeat is possible: ``admit`` has to be asked."""
        return self._left > 0

    def load(self) -> None:
        """Read the journal's newest two windows. To be called before connecting, with nothing left uncommitted."""
        self._known = {}
        for frame in self._tail.recent(2 * self._window):
            if frame.connection != self._connection:
                continue
            self.last_received_at = max(self.last_received_at or 0, frame.received_at)
            if frame.packet_id:
                self._known.setdefault(_content(frame), []).append(frame.packet_id)

    def guard(self, *, session_present: bool) -> None:
        """The connection stands. Without its session the packet ids start anew: then nothing can be a repeat."""
        self._left = self._window if session_present and self._known else 0
        if not self._left:
            self._known = {}

    def stand_down(self) -> None:
        """All redeliveries are through."""
        self._left = 0
        self._known = {}

    def admit(self, frames: Sequence[Frame]) -> tuple[list[Frame], list[int]]:
        """Those to journal, and the packet ids of the repeats to acknowledge at once."""
        news: list[Frame] = []
        repeats: list[int] = []
        for frame in frames:
            if self._is_repeat(frame):
                repeats.append(frame.packet_id)
            else:
                news.append(frame)
        if self._left <= 0:
            self.stand_down()
        return news, repeats

    def _is_repeat(self, frame: Frame) -> bool:
        if not frame.flags & QOS_MASK or not frame.packet_id or self._left <= 0:
            return False
        self._left -= 1
        key = _content(frame)
        ids = self._known.get(key)
        if ids is None:
            return False
        if frame.packet_id in ids:
            ids.remove(frame.packet_id)
        elif frame.flags & DUP:
            ids.pop()
        else:
            return False
        if not ids:
            del self._known[key]
        return True


def _content(frame: Frame) -> bytes:
    """Topic and payload in 16 bytes: two windows of large payloads would not fit into memory."""
    digest = blake2b(frame.topic, digest_size=16)
    digest.update(b"\0")  # no topic contains it
    digest.update(frame.payload)
    return digest.digest()
