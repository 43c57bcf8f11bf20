"""What the pages see of this moment, from the alarm lane's own memory: never from a store, never a guess.

Any thread may ask; each answer is a copy. A point that is silent is *unknown*: its last value is told with its age, never
as the present one, and never as zero.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from threading import Lock
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hub.clock import Clock, to_iso
from hub.domain.alarms import Alarm
from hub.domain.readings import Quality
from hub.domain.tickets import Ticket
from hub.flows.areas import area_of
from hub.flows.batch import Mark, PointKey, Slots
from hub.flows.judging import Judging
from hub.flows.memory import NEVER, Memory
from hub.flows.qualities import limits_of, qualities
from hub.flows.registry import Registry
from hub.flows.topology import seen_first
from hub.flows.watch import AREA_LOST, Watch


class LiveReading(NamedTuple):
    """The latest word of one point, calibrated."""

    key: PointKey
    value: float | None
    text: str
    time: int
    """Event time."""
    arrival: int
    quality: int
    silent: bool
    """For longer than allowed: the present state is unknown."""


class ClockFault(NamedTuple):
    """What is wrong with a device's own clock."""

    behind: int | None
    """By how much, ms; negative: ahead; None: it says a time that cannot be believed at all."""


BEARABLE_AHEAD: Final = 60 * 1000
"""A clock that is ahead by less is not told; behind, less than what makes a reading late."""


class LiveState:
    """``lateness`` (ms): what comes later than this is late. Safe to ask from any thread. A point that has never been heard has no reading here at all."""

    def __init__(self, memory: Memory, watch: Watch, judging: Judging, clock: Clock, *, lateness: int) -> None:
        self._lateness = lateness
        self._memory = memory
        self._watch = watch
        self._judging = judging
        self._clock = clock
        self._asking = Lock()
        self._silent = np.zeros(0, np.bool_)
        self._fell_silent = np.zeros(0, np.int64)
        self._bounds = Bounds(memory.slots)

    def readings(self, keys: Collection[PointKey]) -> Mapping[PointKey, LiveReading]:
        """Those of the points that have been heard of."""
        slots = [slot for key in keys if (slot := self._memory.slots.find(key)) is not None]
        return {reading.key: reading for reading in self._all(slots)}

    def of_device(self, hub_id: str) -> list[LiveReading]:
        """The latest readings of every point of a device, bound or not."""
        index = self._memory.device_index.get(hub_id)
        return [] if index is None else self._all(self._memory.slots_of[index])

    def changed_since(self, mark: int) -> tuple[int, Sequence[LiveReading]]:
        """What has changed (a newer reading, or fallen silent) after ``mark``, and the mark for the next call.

        Mark 0 asks for everything that is known.
        """
        with self._asking:
            counter = self._memory.counter
            self._look_for_silence(counter)
            size = len(self._fell_silent)
            newer = (self._memory.changed[:size] > mark) | (self._fell_silent > mark)
            return counter, self._all(np.flatnonzero(newer).tolist())

    def _look_for_silence(self, counter: int) -> None:
        """Silence comes without a message, so it is looked for when somebody asks."""
        memory, size = self._memory, self._memory.size
        more = size - len(self._silent)
        self._silent = np.append(self._silent, np.zeros(more, np.bool_))
        self._fell_silent = np.append(self._fell_silent, np.zeros(more, np.int64))
        silent = (memory.heard[:size] != NEVER) & (memory.due(np.arange(size)) <= self._clock.now())
        self._fell_silent[silent != self._silent] = counter + 1
        self._silent = silent

    def heard_at(self, device: str) -> int | None:
        """When a device was last heard, by arrival, epoch ms; of one that has said only that it is there, when that was."""
        heard = self._memory.heard_at(device)
        if heard is None and self.online(device):
            heard = self._memory.stated_at.get(device)
        return None if heard is None else self._memory.by_the_clock(heard)

    def online(self, device: str) -> bool | None:
        """Its own statement, or its last will; None: it made none."""
        offline = self._memory.offline.get(device)
        return None if offline is None else not offline

    def clock_fault(self, device: str) -> ClockFault | None:
        """What is wrong with the device's own clock, as its newest readings show; None: nothing that can be told."""
        index = self._memory.device_index.get(device)
        memory = self._memory
        slots = [] if index is None else [slot for slot in memory.slots_of[index] if slot < memory.size]
        slots = [slot for slot in slots if memory.heard[slot] != NEVER]
        newest = {slot: max(int(memory.time[slot]), int(memory.late_time[slot])) for slot in slots}
        slots = [slot for slot in slots if newest[slot] != NEVER]
        if not slots:
            return None
        last = max(slots, key=lambda slot: int(memory.heard[slot]))
        if int(memory.mark[last]) & Mark.CLOCK_PROBLEM:
            return ClockFault(None)
        if memory.was_away(newest[last]):
            return None  # it waited at the broker: that says nothing of a clock
        current = int(memory.time[last]) >= int(memory.late_time[last])
        behind = (int(memory.arrival[last]) if current else memory.by_the_clock(int(memory.heard[last]))) - newest[last]
        return ClockFault(behind) if behind > self._lateness or behind < -BEARABLE_AHEAD else None

    def interval(self, key: PointKey) -> int | None:
        """How often the point reports, as set or learned (ms); None: not known yet."""
        slot = self._memory.slots.find(key)
        return None if slot is None or slot >= self._memory.size else self._memory.reporting_interval(slot)

    def open_alarms(self) -> list[Alarm]:
        """Alarms that are not plain normal: active, unacknowledged or under an overlay; newest first."""
        live = [alarm for alarm in list(self._judging.live.values()) if alarm.active or not alarm.is_plain]
        shown = [alarm for alarm in live if alarm.raised_at is not None or alarm.overlay_until is not None]
        return sorted(shown, key=lambda alarm: alarm.raised_at or 0, reverse=True)

    def lost_facilities(self) -> frozenset[tuple[str, str]]:
        """(community, id) of the lifts and pumps where most gateways are away together: nobody can tell how they are."""
        live = list(self._judging.live.values())
        areas = [area_of(alarm) for alarm in live if alarm.rule == AREA_LOST.id and alarm.active]
        return frozenset((f.community, f.id) for area in areas for f in seen_first(self._watch.registry, area))

    def _all(self, slots: Iterable[int]) -> list[LiveReading]:
        now, memory = self._clock.now(), self._memory
        asked = np.array(list(slots), np.intp)
        asked = asked[asked < memory.size]
        known = asked[memory.time[asked] != NEVER]
        silent = memory.due(known) <= now
        low, high = self._bounds.of(known, self._watch.registry)
        value = memory.value[known]
        quality = qualities((value < low) | (value > high), memory.mark[known])
        quality[silent] = Quality.STALE
        columns = (value, memory.time[known], memory.arrival[known], quality, silent)
        rows = zip(known.tolist(), *(column.tolist() for column in columns), strict=True)
        keys, texts = memory.slots.keys, memory.texts
        return [
            LiveReading(
                key=keys[slot],
                value=None if texts.get(slot) or math.isnan(value) else value,
                text=texts.get(slot, ""),
                time=time,
                arrival=arrival,
                quality=worth,
                silent=still,
            )
            for slot, value, time, arrival, worth, still in rows
        ]


class Bounds:
    """Between what values each slot's readings are plausible, as it is bound today. Worked out anew for another picture."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._registry: Registry | None = None
        self._limits = np.zeros((0, 2))
        self._working = Lock()

    def of(self, asked: NDArray[np.intp], registry: Registry) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The lowest and the highest, one for each slot asked for. From any thread."""
        with self._working:
            if registry is not self._registry:
                self._registry, self._limits = registry, np.zeros((0, 2))
            more = self._slots.keys[len(self._limits) :]
            if more:
                self._limits = np.append(self._limits, [self._of(key, registry) for key in more], axis=0)
            found = self._limits[asked]
        return found[:, 0], found[:, 1]

    @staticmethod
    def _of(key: PointKey, registry: Registry) -> tuple[float, float]:
        return limits_of(registry.metric_of(key.device, key.name))


def alarm_data(alarm: Alarm) -> dict[str, Any]:
    """An alarm as the event stream tells it."""
    return {
        "id": alarm.id,
        "community": alarm.community,
        "facility": alarm.facility,
        "unit": alarm.unit,
        "device": alarm.device,
        "point": alarm.point,
        "rule": alarm.rule,
        "failure_mode": alarm.failure_mode,
        "priority": alarm.priority.value,
        "state": alarm.state.value,
        "overlay": alarm.overlay.value,
        "commissioning": alarm.commissioning,
        "occurrence": alarm.occurrence,
        "late": alarm.late,
        "raised_at": None if alarm.raised_at is None else to_iso(alarm.raised_at),
    }


def ticket_data(ticket: Ticket) -> dict[str, Any]:
    """A ticket as the event stream tells it."""
    return {
        "id": ticket.id,
        "number": ticket.number,
        "community": ticket.key.community,
        "facility": ticket.key.facility,
        "unit": ticket.key.unit,
        "failure_mode": ticket.key.failure_mode,
        "state": ticket.state.value,
        "priority": ticket.priority.value,
        "crew": ticket.crew,
        "late": ticket.late,
        "version": ticket.version,
        "reported_at": to_iso(ticket.reported_at),
    }
