"""What the pages see of this moment, from the alarm lane's own memory: never from a store, never a guess.

Any thread may ask; each answer is a copy. A point that is silent is *unknown*: its last value is told with its age, never
as the present one, and never as zero.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hub.clock import to_iso
from hub.domain.alarms import Alarm
from hub.domain.readings import Quality
from hub.domain.tickets import Ticket
from hub.flows.batch import Mark, PointKey
from hub.flows.bindings import UNBOUND, Bindings
from hub.flows.judging import Judging
from hub.flows.memory import NEVER, Memory
from hub.flows.watch import Watch


class LiveReading(NamedTuple):
    """The latest word of one point. ``value`` and ``text`` None: it has never been heard."""

    slot: int
    point: PointKey
    facility: str
    """Empty before the device is adopted."""
    unit: str
    metric: str
    value: float | None
    text: str | None
    time: int | None
    """Event time."""
    arrival: int | None
    quality: Quality
    stale: bool
    """Silent for longer than allowed: the present state is unknown."""


class Changes(NamedTuple):
    """Readings that changed since a cursor, and the cursor to ask with next."""

    readings: list[LiveReading]
    cursor: int


class LiveState:
    """Safe to read from any thread."""

    def __init__(self, memory: Memory, bindings: Bindings, watch: Watch, judging: Judging) -> None:
        self._memory = memory
        self._bindings = bindings
        self._watch = watch
        self._judging = judging

    def of_facility(self, community: str, facility: str, now: int) -> list[LiveReading]:
        """The latest readings of every point that speaks for a facility today."""
        slots = list(self._watch.slots_of_facility.get((community, facility), ()))
        return [self._reading(slot, now) for slot in slots]

    def of_device(self, hub_id: str, now: int) -> list[LiveReading]:
        """The latest readings of every point of a device, bound or not."""
        index = self._memory.device_index.get(hub_id)
        return [] if index is None else [self._reading(slot, now) for slot in list(self._memory.slots_of[index])]

    def of_point(self, point: PointKey, now: int) -> LiveReading | None:
        """The latest reading of one point; None: not known to this process."""
        slot = self._memory.slots.find(point)
        return None if slot is None or slot >= self._memory.size else self._reading(slot, now)

    def changed_since(self, cursor: int, now: int) -> Changes:
        """Readings newer than ``cursor`` (0: all that are known); bound points only."""
        counter = self._memory.counter
        changed = self._memory.changed
        slots = np.flatnonzero(changed > cursor).tolist()
        bound = [slot for slot in slots if self._row(slot) != UNBOUND]
        return Changes([self._reading(slot, now) for slot in bound], counter)

    def open_alarms(self) -> list[Alarm]:
        """Alarms that are not plain normal: active, unacknowledged or under an overlay; newest first."""
        live = [alarm for alarm in list(self._judging.live.values()) if alarm.active or not alarm.is_plain]
        shown = [alarm for alarm in live if alarm.raised_at is not None or alarm.overlay_until is not None]
        return sorted(shown, key=lambda alarm: alarm.raised_at or 0, reverse=True)

    def heard(self, hub_id: str) -> int | None:
        """When a device was last heard, by arrival."""
        index = self._memory.device_index.get(hub_id)
        at = NEVER if index is None else int(self._memory.device_heard[index])
        return None if at == NEVER else at

    def offline(self, hub_id: str) -> bool | None:
        """What the device (or its last will) said about being reachable; None: nothing."""
        return self._memory.offline.get(hub_id)

    def interval(self, point: PointKey) -> int | None:
        """How often the point reports, as set or learned (ms); None: not known yet."""
        slot = self._memory.slots.find(point)
        return None if slot is None or slot >= self._memory.size else self._memory.reporting_interval(slot)

    def _row(self, slot: int) -> int:
        try:
            return self._bindings.newest(slot)
        except IndexError:
            return UNBOUND

    def _reading(self, slot: int, now: int) -> LiveReading:
        memory = self._memory
        row = self._row(slot)
        spot = self._bindings.spots[row]
        time, arrival = int(memory.time[slot]), int(memory.arrival[slot])
        known = time != NEVER
        text = memory.texts.get(slot)
        limit = int(memory.limits(np.array([slot], np.intp))[0])
        stale = not known or now - int(memory.heard[slot]) >= limit
        value = float(memory.value[slot])
        return LiveReading(
            slot=slot,
            point=memory.slots.keys[slot],
            facility=spot.facility,
            unit=spot.unit,
            metric=spot.metric,
            value=None if not known or text is not None or np.isnan(value) else value,
            text=text,
            time=time if known else None,
            arrival=arrival if known else None,
            quality=_quality(int(memory.mark[slot]), stale=stale),
            stale=stale,
        )


def _quality(mark: int, *, stale: bool) -> Quality:
    if stale:
        return Quality.STALE
    if mark & Mark.CLOCK_PROBLEM:
        return Quality.UNCERTAIN
    return Quality.SIMULATED if mark & Mark.SIMULATED else Quality.GOOD


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
