"""Repeats are turned away at the door: a redelivery of what the journal already holds is acknowledged, not kept again.

MQTT redelivers what was not acknowledged. Where a message carries neither time nor number, only that redelivery
tells a repeat from a second, equal reading. So, after a reconnect of a live session: a message is a repeat if it has DUP
set and its topic and payload are in the journal, or, while the first receive window passes, if topic, packet id and
payload are. Each journalled message answers for one repeat only.

How far back it looks: two windows, and further, as far as ``FURTHEST``, for a message with DUP that is not there. For
mosquitto 2.0 forgets at each reconnect what is still under way, and sends another window on top: killed five times in a
row before the broker has read its acknowledgements, a hub is sent five windows again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from hub.ingest.frames import DUP, QOS_MASK, Frame
from hub.ingest.seen import Seen, content


class JournalTail(Protocol):
    """The journal, read from its end."""

    @property
    def last(self) -> int:
        """Number of the newest committed batch."""
        ...

    def frames_before(self, number: int, count: int) -> tuple[int, Iterable[Frame]]:
        """At least the last ``count`` frames before batch ``number``, and the batch that they begin with."""
        ...


FURTHEST: Final = 16
"""Receive windows that the door looks back at most."""


class Door:
    """One connection's. Used by its network thread alone."""

    def __init__(self, *, connection: str, tail: JournalTail, window: int) -> None:
        self._connection = connection
        self._tail = tail
        self._window = window
        self._guarded = False
        self._left = 0
        self._reached = 0
        self._looks = 0
        self._known = Seen()
        self.last_received_at: int | None = None
        """Of this connection's newest frame in the journal, as of ``load``."""

    @property
    def guarded(self) -> bool:
        """A repeat is possible: ``admit`` has to be asked."""
        return self._guarded

    def load(self) -> None:
        """Read the journal's newest two windows. To be called before connecting, with nothing left uncommitted."""
        self._known = Seen()
        self._looks = 0
        self._reached = self._tail.last + 1
        self._look_further_back()

    def _look_further_back(self) -> bool:
        """Two windows more; False where there are none, or none that may be asked for."""
        if self._reached <= 1 or self._looks >= FURTHEST // 2:
            return False
        self._looks += 1
        self._reached, frames = self._tail.frames_before(self._reached, 2 * self._window)
        self._known.add(self._own(frames))
        return True

    def _own(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            if frame.connection == self._connection:
                self.last_received_at = max(self.last_received_at or 0, frame.received_at)
                yield frame

    def guard(self, *, session_present: bool) -> None:
        """The connection stands. Without its session the packet ids start anew: then nothing can be a repeat."""
        self._guarded = session_present and bool(self._known)
        self._left = self._window
        if not self._guarded:
            self._known = Seen()

    def stand_down(self) -> None:
        """All redeliveries are through: something has come that was sent after the reconnect."""
        self._guarded = False
        self._known = Seen()

    def admit(self, frames: Sequence[Frame]) -> tuple[list[Frame], list[int]]:
        """Those to journal, and the packet ids of the repeats to acknowledge at once."""
        news: list[Frame] = []
        repeats: list[int] = []
        for frame in frames:
            if self._is_repeat(frame):
                repeats.append(frame.packet_id)
            else:
                news.append(frame)
        return news, repeats

    def _is_repeat(self, frame: Frame) -> bool:
        if not frame.flags & QOS_MASK or not frame.packet_id:
            return False
        self._left -= 1
        if self._left < 0 and not frame.flags & DUP:
            return False
        key, again = content(frame), bool(frame.flags & DUP)
        found = self._known.take(key, frame.packet_id, of_any_id=again)
        while found is None and again and self._look_further_back():
            found = self._known.take(key, frame.packet_id, of_any_id=True)
        return found is True
