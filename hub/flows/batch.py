"""A decoded batch: what both lanes are handed, in columns.

A point is known inside the process by its *slot*, a dense integer given at first sight; ``Slots`` is the dictionary.
Slots mean nothing outside the process: every store keeps ids of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntFlag
from threading import Lock
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray


class PointKey(NamedTuple):
    """A point's name in every store: the device's hub id and the name the device uses (``bay3.power``)."""

    community: str
    device: str
    name: str


class Mark(IntFlag):
    """What the hub noticed about a reading while decoding it."""

    NONE = 0
    ARRIVAL_TIME = 1
    """The device gave no time: the time of arrival stands in."""
    CLOCK_PROBLEM = 2
    """The device's time was outside what is believable: the time of arrival stands in."""
    RETAINED = 4
    """A retained message with a time of its own: a replay of something said before."""
    SIMULATED = 8
    REDRIVEN = 16
    """Taken out of quarantine and sent through again: the alarm lane leaves out what is beyond the lateness bound."""
    UNCERTAIN = 32
    """The sender itself doubts the value."""
    STALE = 64
    """The sender says that the value is an old one."""
    BAD = 128
    """The sender says that the value is none: kept, but never judged and never current."""


TOLD_AGAIN: Final = Mark.RETAINED | Mark.REDRIVEN
"""Said before: no sign that the device speaks now, and no late record where the time has passed."""


UNFIT: Final = Mark.STALE | Mark.BAD
"""Stored with its quality, and no ground for any judgement."""


class Position(NamedTuple):
    """Where a lane stands: (journal id, number of the last batch whose effects are committed)."""

    journal: str
    batch: int


class Slots:
    """Slot <-> point. Grows only; shared by decoding, the lanes and the pages: safe to call from any thread."""

    def __init__(self) -> None:
        self.keys: list[PointKey] = []
        self._by_key: dict[PointKey, int] = {}
        self._growing = Lock()

    def __len__(self) -> int:
        return len(self.keys)

    def slot(self, key: PointKey) -> int:
        """The point's slot, given on first sight."""
        found = self._by_key.get(key)
        if found is not None:
            return found
        with self._growing:
            found = self._by_key.get(key)
            if found is None:
                found = len(self.keys)
                self.keys.append(key)
                self._by_key[key] = found
            return found

    def find(self, key: PointKey) -> int | None:
        """The point's slot if it has been seen in this process."""
        return self._by_key.get(key)


@dataclass(slots=True, kw_only=True)
class Readings:
    """Numeric readings, one row each, in order of arrival. All arrays have the same length.

    What is looked up with is int64, numpy's own type of index: any other is converted at each look-up, in five times
    the time.
    """

    slot: NDArray[np.int64]
    time: NDArray[np.int64]
    """Event time, epoch ms UTC."""
    value: NDArray[np.float64]
    """As sent, in canonical units, before the point's own calibration. Booleans are 0 and 1."""
    arrival: NDArray[np.int64]
    """When the hub received it, epoch ms UTC."""
    mark: NDArray[np.uint8]
    frame: NDArray[np.int64]
    """Index of the frame in its batch, so that a reading that cannot be judged can be quarantined."""

    def __len__(self) -> int:
        return len(self.slot)

    def only(self, chosen: NDArray[np.bool_]) -> Readings:
        """The chosen rows."""
        columns = {name: getattr(self, name)[chosen] for name in self.__slots__}
        return Readings(**columns)


class TextReading(NamedTuple):
    """A reading whose value is a string (state names, codes)."""

    slot: int
    time: int
    text: str
    arrival: int
    mark: int
    frame: int


class FaultEvent(NamedTuple):
    """A device's own word on a fault. ``active`` None means momentary."""

    community: str
    device: str
    time: int
    arrival: int
    type: str
    code: str
    active: bool | None
    text: str
    mark: int
    frame: int


class Availability(NamedTuple):
    """A device's statement (or its last will) about being reachable; ``online`` None withdraws it."""

    community: str
    device: str
    online: bool | None
    arrival: int
    frame: int = 0


class Refusal(NamedTuple):
    """A frame, or a part of it, that could not be understood: goes to quarantine."""

    frame: int
    reason: str
    detail: str
    device: str | None
    community: str | None
    whole: bool
    connection: str
    topic: str
    payload: bytes
    received_at: int
    content_type: str = ""
    """As it came with the frame: the same bytes may be JSON or CBOR."""
    retained: bool = False
    """The broker's copy of something said before: no new reading."""


class DeviceSeen(NamedTuple):
    """First message of a device that this process has seen: the registry may not know it yet."""

    community: str
    device: str
    scheme: str
    scheme_id: str
    connection: str
    at: int
    names: tuple[str, ...]
    guesses: tuple[tuple[str, str], ...] = ()
    """(name, metric): what a name alone suggests, of those that say no metric. A proposal for people, never taken unasked."""


class PointSaid(NamedTuple):
    """What a device said of one of its points beside any value."""

    name: str
    metric: str
    unit: str
    """The sender's own spelling."""
    label: str
    upkeep: bool
    """How the device is (battery, signal), not what it measures."""
    kind: str = ""
    """``gauge``, ``total`` or ``state``, where the sender says it."""


class Announced(NamedTuple):
    """What a device, or its gateway, said that it is. Empty fields say nothing: what was said before stays."""

    device: str
    """Hub id; the device has been seen in this batch or before."""
    at: int
    format: str
    name: str
    maker: str
    model: str
    firmware: str
    serial: str
    power: str
    gateway: str
    """Hub id of the device that it speaks through."""
    interval_s: int | None
    """How often it reports, as it says itself."""
    hints: tuple[tuple[str, str], ...]
    aliases: tuple[tuple[str, str], ...]
    """(scheme, id)"""
    points: tuple[PointSaid, ...]
    withdrawn: bool
    points_only: bool = False
    """A better format speaks for the device itself: of this one's word only the points count."""
    silence_s: int | None = None
    """The longest silence that it promises; 0 takes an earlier promise back."""


class Learned(NamedTuple):
    """A format of a connection knows from now on: ``value`` (plain data), or no longer anything (None)."""

    connection: str
    format: str
    key: str
    value: Any


class Asked(NamedTuple):
    """A message that a format would have the hub send to a device."""

    connection: str
    topic: str
    payload: bytes
    why: str
    key: str
    retain: bool
    received_at: int
    """When the message that caused it was received: an old one causes nothing."""


SET_BACK: Final = "set_back"
"""The kind of a gap that is none: time that the machine's clock shows twice."""


class Gap(NamedTuple):
    """Time in which the hub could not hear a connection; written into the journal by the ingest itself, in order.

    Counts towards no silence and no delay. ``kind``: hub_down, broker_down, session_lost (messages may be missing),
    standstill (connected, and not even the heartbeat came: a machine asleep, a full disk, a clock set forward);
    set_back: the clock was at ``ended_at`` and was set back to ``started_at``, alone in its batch.
    """

    connection: str
    kind: str
    started_at: int
    ended_at: int
    detail: str


class Beat(NamedTuple):
    """The hub's own heartbeat, come back through the broker and the journal."""

    connection: str
    sent_at: int
    received_at: int


@dataclass(slots=True, kw_only=True)
class Decoded:
    """One journal batch, decoded once and handed to every lane that is level."""

    position: Position
    received_at: int
    """When the last frame of the batch was received, epoch ms UTC: the lane's time once the batch is done."""
    frames: int
    readings: Readings
    texts: list[TextReading] = field(default_factory=list)
    events: list[FaultEvent] = field(default_factory=list)
    availability: list[Availability] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    seen: list[DeviceSeen] = field(default_factory=list)
    announced: list[Announced] = field(default_factory=list)
    learned: list[Learned] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    beats: list[Beat] = field(default_factory=list)

    def judgeable(self) -> Decoded:
        """The batch without what its senders themselves call bad or stale; usually the batch itself."""
        unfit = self.readings.mark & UNFIT
        if not unfit.any() and not any(text.mark & UNFIT for text in self.texts):
            return self
        texts = [text for text in self.texts if not text.mark & UNFIT]
        return replace(self, readings=self.readings.only(unfit == 0), texts=texts)

    @property
    def set_back(self) -> int:
        """By how much the machine's clock was set back before this batch, ms: what was noted before is off by so much."""
        return sum(gap.ended_at - gap.started_at for gap in self.gaps if gap.kind == SET_BACK)
