"""Missing data: points and devices that should have been heard, and the statement that a device is offline."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from hub.domain.alarms import Alarm, Judged, Overlay
from hub.domain.places import DeviceState
from hub.domain.rules import Rule, RuleKind
from hub.domain.verdicts import HEARD, OFFLINE, SILENT, Verdict
from hub.domain.verification import Source
from hub.flows.areas import area_of
from hub.flows.batch import TOLD_AGAIN, Availability, Decoded, PointKey
from hub.flows.causes import Causes
from hub.flows.judging import Judging, new_alarm
from hub.flows.memory import NEVER, Memory
from hub.flows.watch import OFFLINE_CODE, Place, Watch
from hub.flows.worksheet import AlarmKey, Worksheet

SCAN_EVERY_MS: Final = 10_000
"""Learned intervals move: deadlines are looked at again at least this often (lane's time)."""


class _Key(NamedTuple):
    community: str
    device: str
    code: str


class Silence:
    """The alarm about the sensor. The alarm lane's thread only."""

    def __init__(self, watch: Watch, memory: Memory, judging: Judging) -> None:
        self._watch = watch
        self._memory = memory
        self._judging = judging
        self._causes = Causes(watch, memory, judging)
        self._alarms: list[Alarm] = []
        self._awaited = np.zeros(0, np.bool_)
        """Slots whose next word may end an alarm about silence."""

    def committed(self, changed: Iterable[Alarm]) -> None:
        """After a commit: what has returned, and which of the live alarms are about silence."""
        changed = tuple(changed)
        self._causes.committed(changed, filter(self._is_silence, changed))
        self.refresh()

    def set_back(self, by: int) -> None:
        """The machine's clock was, by so many ms."""
        self._causes.uplinks.set_back(by)

    def refresh(self) -> None:
        """Which of the live alarms are about the silence of points and devices."""
        self._alarms = [alarm for alarm in self._judging.live.values() if self._is_silence(alarm)]
        self._awaited = np.zeros(self._memory.size, np.bool_)
        for alarm in self._alarms:
            if alarm.active or alarm.pending_since is not None:
                self._awaited[self._slots_behind(alarm)] = True

    def _is_silence(self, alarm: Alarm) -> bool:
        rule = self._watch.rule(alarm.community, alarm.rule)
        return rule is not None and rule.kind is RuleKind.NO_DATA and bool(alarm.device)

    # --- a batch ------------------------------------------------------------------------------------------------

    def awaits(self, batch: Decoded) -> bool:
        """Whether somebody speaks in it about whom an alarm says that it is silent."""
        slot = batch.readings.slot
        if len(self._awaited) < self._memory.size:
            self.refresh()
        return bool(self._awaited[slot].any() or batch.texts or batch.events)

    def heard(self, sheet: Worksheet, batch: Decoded) -> None:
        """Whoever speaks is not silent: the end of alarms about it, at the time of arrival."""
        if not self._alarms or not self.awaits(batch):
            return
        slots, devices = self._last_words(batch)
        for alarm in self._alarms:
            if not alarm.active and alarm.pending_since is None:
                continue
            if alarm.point:
                slot = self._memory.slots.find(PointKey(alarm.community, alarm.device, alarm.point))
                at = slots.get(slot) if slot is not None else None
            else:
                at = max((devices[each] for each in self._speakers(alarm) if each in devices), default=None)
            if at is not None:
                self._judging.signal(sheet, alarm, Judged(verdict=HEARD), at, arrival=at)

    def _last_words(self, batch: Decoded) -> tuple[dict[int, int], dict[str, int]]:
        readings = batch.readings
        own = (readings.mark & TOLD_AGAIN) == 0
        slots = dict(zip(readings.slot[own].tolist(), readings.arrival[own].tolist(), strict=True))
        slots |= {text.slot: text.arrival for text in batch.texts if not text.mark & TOLD_AGAIN}
        keys = self._memory.slots.keys
        devices: dict[str, int] = {}
        for slot, at in slots.items():
            devices[keys[slot].device] = at
        devices |= {event.device: event.arrival for event in batch.events if not event.mark & TOLD_AGAIN}
        return slots, devices

    def _speakers(self, alarm: Alarm) -> tuple[str, ...]:
        """Whose words end the alarm: of a gateway of which nothing itself is watched, also those behind it."""
        if alarm.code or self._watch.hears_of_itself(alarm.device):
            return (alarm.device,)
        return (alarm.device, *self._watch.topology.gateways.get(alarm.device, ()))

    def statement(self, sheet: Worksheet, word: Availability) -> None:
        """A device, or its last will, says whether it is reachable."""
        rule = self._watch.device_silence_rule(word.device)
        if rule is None:
            return
        verdict = OFFLINE if word.online is False else HEARD
        self._device_alarm(sheet, _Key(word.community, word.device, OFFLINE_CODE), rule, verdict, word.arrival)

    def _device_alarm(self, sheet: Worksheet, of: _Key, rule: Rule, verdict: Verdict, at: int) -> None:
        community, device, code = of
        key = AlarmKey(community, rule.id, device, "", code, late=False)
        alarm = sheet.alarm(key)
        if alarm is None:
            if verdict is HEARD:
                return
            place = self._watch.place_of_device(device, community, sheet.now) or Place(community, "", "", "")
            alarm = new_alarm(sheet, key, rule, place)
        if verdict is SILENT and not alarm.active and alarm.overlay is Overlay.NONE:
            alarm = self._causes.covered(sheet, alarm, sheet.now)
        self._judging.signal(sheet, alarm, Judged(verdict=verdict), at, arrival=at)

    # --- time ---------------------------------------------------------------------------------------------------

    def cover(self, sheet: Worksheet, now: int) -> None:
        """Before anything is told by time alone: what fell together, and what it explains."""
        self._causes.cover(sheet, self._alarms, now)

    def scan(self, sheet: Worksheet, now: int) -> None:
        """Points and devices whose silence has become too long: the whole device where it says nothing at all."""
        told, undecided = self._untold(now)
        for slots in undecided.values():
            for slot in slots:
                self._judging.unknown(sheet, slot, now)
        for owner, slots in told.items():
            self._overdue(sheet, owner, slots, now)
        for gateway in self._causes.mute_gateways(self._told_devices(), now):
            self._mute(sheet, gateway, now)
        self._causes.release(sheet, self._alarms, now)

    def has_news(self, now: int) -> bool:
        """Whether ``cover`` or ``scan`` would have anything to say."""
        told, undecided = self._untold(now)
        return bool(
            told
            or any(self._judging.busy[slot] for slots in undecided.values() for slot in slots)
            or self._causes.has_news(self._alarms, now)
            or self._causes.mute_gateways(self._told_devices(), now)
        )

    def _untold(self, now: int) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
        """Overdue slots by device index, without those whose silence has been told: to be told, and undecided."""
        memory, watched = self._memory, self._watch.watched
        overdue = watched[memory.due(watched) <= now]
        told_devices = self._told_devices()
        told_points = {(a.device, a.point) for a in self._alarms if a.active and a.point}
        found: dict[int, list[int]] = {}
        for slot in overdue.tolist():
            key = self._memory.slots.keys[slot]
            if key.device not in told_devices and (key.device, key.name) not in told_points:
                found.setdefault(int(self._memory.owner[slot]), []).append(slot)
        undecided = {owner: slots for owner, slots in found.items() if self._causes.is_undecided(owner, slots, now)}
        return {owner: slots for owner, slots in found.items() if owner not in undecided}, undecided

    def _told_devices(self) -> set[str]:
        """Those whose silence has been told, or will be when its delay is over."""
        return {a.device for a in self._alarms if not a.point and (a.active or a.pending_since is not None)}

    def _overdue(self, sheet: Worksheet, owner: int, slots: list[int], now: int) -> None:
        memory, chosen = self._memory, np.array(slots, np.intp)
        heard = int(memory.device_heard[owner])
        hub_id = memory.devices[owner]
        dues = memory.due(chosen)
        earliest = int(dues.argmin())
        first, at, limit = slots[earliest], int(dues[earliest]), int(memory.device_limits(chosen)[earliest])
        for slot in slots:
            self._judging.unknown(sheet, slot, now)
        rule = self._watch.device_silence_rule(hub_id)
        if rule is not None and (heard == NEVER or now - heard >= limit):
            for slot in memory.slots_of[owner]:
                self._judging.unknown(sheet, slot, now)
            self._device_alarm(sheet, _Key(memory.slots.keys[first].community, hub_id, ""), rule, SILENT, at)
            return
        for slot in slots:
            self._point_alarm(sheet, slot, now)

    def _point_alarm(self, sheet: Worksheet, slot: int, now: int) -> None:
        """The device speaks, this point does not."""
        rule = self._watch.silence_rules[slot]
        point = self._memory.slots.keys[slot]
        key = AlarmKey(point.community, rule.id, point.device, point.name, "", late=False)
        place = self._watch.place_of_slot(slot)
        alarm = sheet.alarm(key) or new_alarm(sheet, key, rule, place)
        self._judging.signal(sheet, alarm, Judged(verdict=SILENT), now)

    def next_scan(self, now: int) -> int:
        """When ``scan`` is wanted next: at the next deadline, and at least every ten seconds."""
        memory, watched = self._memory, self._watch.watched
        ahead = memory.due(watched)
        ahead = ahead[ahead > now]
        return min(int(ahead.min()), now + SCAN_EVERY_MS) if len(ahead) else now + SCAN_EVERY_MS

    def _mute(self, sheet: Worksheet, gateway: str, now: int) -> None:
        """A gateway of which nothing is watched has been silent for too long, with all that is behind it."""
        rule = self._watch.device_silence_rule(gateway)
        community = self._watch.registry.devices[self._watch.topology.gateways[gateway][0]].community
        if rule is not None:
            due = self._causes.uplinks.uplink(gateway).due
            at = now if due is None else min(due, now)
            self._device_alarm(sheet, _Key(community, gateway, ""), rule, SILENT, at)

    # --- proof --------------------------------------------------------------------------------------------------

    def source(self, alarm: Alarm, rule: Rule | None, now: int) -> Source:
        """How fresh the data behind an alarm are, for verified closing.

        Of a device that another one has replaced: the data of the points that went on.
        """
        slots = self._slots_behind(alarm) if rule is not None else []
        return Source(
            active=alarm.active,
            inactive_since=self._gone_since(alarm),
            fresh_since=self._fresh_since(slots, now),
            off_delay_ms=rule.off_delay_ms if rule is not None else 0,
            interval_ms=min(
                (i for slot in slots if (i := self._memory.reporting_interval(slot)) is not None), default=None
            ),
        )

    def _slots_behind(self, alarm: Alarm) -> list[int]:
        if not alarm.device:
            return self._causes.uplinks.slots_of(area_of(alarm))
        keys = self._continued(alarm) or (((alarm.device, alarm.point),) if alarm.point else ())
        if keys:
            slots = (self._memory.slots.find(PointKey(alarm.community, *key)) for key in keys)
            return [slot for slot in slots if slot is not None and slot < self._memory.size]
        found = (self._memory.device_index.get(device) for device in self._speakers(alarm))
        return [slot for index in found if index is not None for slot in self._memory.slots_of[index]]

    def _gone_since(self, alarm: Alarm) -> int | None:
        """When the alarm last returned; that of a device that was taken away, when it was."""
        ends = [self._watch.registry.bindings[device, point][-1].valid_from for device, point in self._continued(alarm)]
        return max([at for at in (alarm.cleared_at, *ends) if at is not None], default=None)

    def _continued(self, alarm: Alarm) -> tuple[tuple[str, str], ...]:
        registry = self._watch.registry
        device = registry.devices.get(alarm.device)
        retired = device is not None and device.state is DeviceState.RETIRED
        return registry.continued(alarm.device, alarm.point) if retired else ()

    def _fresh_since(self, slots: list[int], now: int) -> int | None:
        """Of the point heard last: a device that speaks for all its points proves with any of them."""
        memory = self._memory
        heard = [slot for slot in slots if memory.fresh_since[slot] != NEVER]
        if not heard:
            return None
        last = max(heard, key=lambda slot: int(memory.heard[slot]))
        limit = int(memory.device_limits(np.array([last], np.intp))[0])
        return None if now - int(memory.heard[last]) >= limit else int(memory.fresh_since[last])
