"""Samples and fault events through rules into alarms. Works on one worksheet at a time; the alarm lane's thread only."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hub.domain.alarms import (
    Alarm,
    BeginCommissioning,
    Elapsed,
    GoLive,
    Judged,
    Manner,
    Momentary,
    Signal,
    Step,
    Withdraw,
)
from hub.domain.conduct import step
from hub.domain.places import Device, DeviceState
from hub.domain.rules import Rule, RuleKind, judge
from hub.domain.verdicts import FAULT_OVER, FAULT_SAID, NO_DATA, Condition
from hub.flows.batch import TOLD_AGAIN, FaultEvent, PointKey
from hub.flows.bindings import Bindings
from hub.flows.memory import Memory
from hub.flows.ticketing import Ticketing
from hub.flows.watch import GENERIC_FAULT, Place, Watch
from hub.flows.worksheet import AlarmKey, Worksheet, key_of

_CODE_LIMIT: Final = 64


class Judging:
    """Holds the alarms that are not plain normal, and which slots need every sample judged (the busy bits)."""

    def __init__(self, bindings: Bindings, watch: Watch, memory: Memory) -> None:
        self._bindings = bindings
        self._watch = watch
        self._memory = memory
        self.ticketing: Ticketing
        self.live: dict[AlarmKey, Alarm] = {}
        self._keys_of_slot: dict[int, set[AlarmKey]] = {}
        self.busy = np.zeros(0, np.bool_)
        self.late_busy = np.zeros(0, np.bool_)
        self.next_recheck: int | None = None

    # --- which samples need judging -----------------------------------------------------------------------------

    def grow(self) -> None:
        """Make room for slots given since."""
        more = self._memory.size - len(self.busy)
        if more > 0:
            self.busy = np.append(self.busy, np.zeros(more, np.bool_))
            self.late_busy = np.append(self.late_busy, np.zeros(more, np.bool_))

    def candidates(
        self,
        slot: NDArray[np.int64],
        rows: NDArray[np.int64],
        values: NDArray[np.float64],
        late: NDArray[np.bool_],
    ) -> list[int]:
        """Indices of all samples of those points of which any is outside its quiet band, or whose alarm is busy."""
        flagged = values < self._watch.low[rows]
        flagged |= values > self._watch.high[rows]
        flagged |= values != values  # noqa: PLR0124 - true for what is not a number, and nothing else
        flagged |= self.busy[slot]
        if late.any():
            flagged |= late & self.late_busy[slot]
        if not flagged.any():
            return []
        hot = np.zeros(self._memory.size, np.bool_)
        hot[slot[flagged]] = True
        return np.flatnonzero(hot[slot]).tolist()

    # --- judging ------------------------------------------------------------------------------------------------

    def sample(self, sheet: Worksheet, slot: int, value: float | str, *, time: int, arrival: int, late: bool) -> None:
        """One calibrated value (or word) of one point, in the order of its own times."""
        row = self._bindings.row(slot, time)
        for rule in self._watch.rules[row]:
            verdict = judge(rule, value)
            key = self._key(rule, self._memory.slots.keys[slot], late=late)
            alarm = sheet.alarms.get(key) or self.live.get(key)
            if alarm is None:
                if verdict.condition is not Condition.OVER:
                    continue
                alarm = sheet.alarm(key) or _new(sheet, key, rule, self._watch.place_of_row(row))
            if verdict.condition is Condition.OVER:
                alarm = _settled(alarm, rule, self._watch.place_of_row(row))
            number, text = (None, value) if isinstance(value, str) else (value, "")
            signal = Judged(verdict=verdict, value=number, text=text, lag=arrival - time)
            self.signal(sheet, alarm, signal, time, arrival=arrival)

    def event(self, sheet: Worksheet, event: FaultEvent, lateness: int) -> None:
        """A device's own word on a fault."""
        place = self._watch.place_of_device(event.device, event.community, event.time)
        if place is None:
            return
        late = event.arrival - event.time > lateness
        if late and event.mark & TOLD_AGAIN:
            return
        code = event.code[:_CODE_LIMIT]
        for rule in self._watch.fault_rules(place, event.type, code):
            key = AlarmKey(event.community, rule.id, event.device, "", code, late)
            alarm = sheet.alarm(key)
            if alarm is None:
                if event.active is False:
                    continue
                alarm = _new(sheet, key, rule, place)
            if event.time < max(alarm.raised_at or 0, alarm.cleared_at or 0, alarm.pending_since or 0):
                continue
            if event.active is not False:
                alarm = _settled(alarm, rule, place)
            self.signal(sheet, alarm, _signal_of(event), event.time, arrival=event.arrival)

    def signal(self, sheet: Worksheet, alarm: Alarm, signal: Signal, now: int, *, arrival: int | None = None) -> Step:
        """Step one alarm; what it changes goes onto the sheet, with its consequences.

        A deadline that had passed before a sample arrived is judged before the sample is.
        """
        rule = self._watch.rule(alarm.community, alarm.rule)
        if arrival is not None and alarm.recheck_at is not None and alarm.recheck_at <= arrival:
            alarm = self._one(sheet, alarm, Elapsed(), alarm.recheck_at, rule).alarm
        return self._one(sheet, alarm, signal, now, rule)

    def alone(self, sheet: Worksheet, alarm: Alarm, now: int) -> Alarm:
        """What fell silent is no part of something greater: its delay is its own, and may have ended."""
        rule = self._watch.rule(alarm.community, alarm.rule)
        return self._one(sheet, alarm, Elapsed(), now, rule, alone=True).alarm

    def _one(
        self, sheet: Worksheet, alarm: Alarm, signal: Signal, now: int, rule: Rule | None, *, alone: bool = False
    ) -> Step:
        if not (alarm.active or alarm.late) and alarm.commissioning != self._watch.commissioned(alarm, sheet.now):
            alarm = replace(alarm, commissioning=not alarm.commissioning)  # of no consequence before it is raised
        result = step(alarm, signal, now, self._manner(alarm, rule, alone=alone))
        if result.alarm is not alarm:
            sheet.put_alarm(result.alarm, result.events)
            if result.events:
                self.ticketing.alarm_changed(sheet, result.alarm, rule, result.events)
        return result

    def _manner(self, alarm: Alarm, rule: Rule | None, *, alone: bool) -> Manner:
        """What is silent has a delay of its own; an alarm whose rule has gone can only be ended."""
        if rule is None or rule.kind is not RuleKind.NO_DATA:
            return rule or GENERIC_FAULT
        delay = self._watch.silence_delay(alarm, rule, alone=alone)
        return rule if delay == rule.on_delay_ms else replace(rule, on_delay_ms=delay)

    def due(self, sheet: Worksheet, now: int) -> None:
        """Time alone: every alarm whose deadline has passed."""
        for alarm in sorted(
            (alarm for alarm in self.live.values() if alarm.recheck_at is not None and alarm.recheck_at <= now),
            key=lambda alarm: (alarm.recheck_at or 0, alarm.id),
        ):
            rule = self._watch.rule(alarm.community, alarm.rule)
            current = sheet.alarms.get(key_of(alarm), alarm)
            while current.recheck_at is not None and current.recheck_at <= now:
                result = self._one(sheet, current, Elapsed(), current.recheck_at, rule)
                if result.alarm is current:
                    break
                current = result.alarm

    def unknown(self, sheet: Worksheet, slot: int, now: int) -> None:
        """The point's data are missing: nothing about it can be told, so running delays are broken."""
        for key in self._keys_of_slot.get(slot, ()):
            alarm = sheet.alarms.get(key) or self.live.get(key)
            if alarm is not None and not alarm.late and alarm.pending_since is not None and not is_about_silence(alarm):
                self.signal(sheet, alarm, Judged(verdict=NO_DATA), now)

    def follow_registry(self, sheet: Worksheet) -> None:
        """The registry, or what of it is in commissioning, is another than before."""
        self._withdraw_unwatched(sheet)
        self._follow_commissioning(sheet)

    def _withdraw_unwatched(self, sheet: Worksheet) -> None:
        """Alarms whose rule, binding or device has gone do not stay active for ever."""
        for key, alarm in self.live.items():
            rule = self._watch.rule(alarm.community, alarm.rule)
            if rule is None:
                self._one(sheet, alarm, Withdraw(reason="rule_gone"), sheet.now, rule)
            elif not alarm.late and (retired := self._retired(alarm.device)):
                reason = "device_removed" if retired.about.retired_at else "device_retired"
                self._one(sheet, alarm, Withdraw(reason=reason), sheet.now, rule)
            elif key.point and not alarm.late and not self._still_bound(alarm):
                self._one(sheet, alarm, Withdraw(reason="binding_ended"), sheet.now, rule)

    def _follow_commissioning(self, sheet: Worksheet) -> None:
        """Commissioning has begun or ended somewhere: alarms that are active there fall quiet, or are told."""
        for key, live in self.live.items():
            alarm = sheet.alarms.get(key, live)
            begins = self._watch.commissioned(alarm, sheet.now)
            if alarm.late or not alarm.active or alarm.commissioning == begins:
                continue
            rule = self._watch.rule(alarm.community, alarm.rule)
            self._one(sheet, alarm, BeginCommissioning() if begins else GoLive(), sheet.now, rule)
            if begins:
                sheet.withdraw(alarm=alarm.id)

    def _retired(self, device: str) -> Device | None:
        found = self._watch.registry.devices.get(device)
        return found if found is not None and found.state is DeviceState.RETIRED else None

    def _still_bound(self, alarm: Alarm) -> bool:
        binding = self._watch.registry.binding(alarm.device, alarm.point, max(alarm.raised_at or 0, 0))
        spans = self._watch.registry.bindings.get((alarm.device, alarm.point), ())
        today = spans[-1] if spans and spans[-1].valid_to is None else binding
        return today is not None and (today.facility, today.unit) == (alarm.facility, alarm.unit)

    # --- after the commit ---------------------------------------------------------------------------------------

    def load(self, alarms: list[Alarm]) -> None:
        """Take over what is live in the records."""
        self.live = {}
        self._keys_of_slot = {}
        self.busy[:] = False
        self.late_busy[:] = False
        self.committed({key_of(alarm): alarm for alarm in alarms})

    def committed(self, changed: dict[AlarmKey, Alarm]) -> None:
        """The sheet has been written: what it says holds from now on."""
        slots = set()
        for key, alarm in changed.items():
            if alarm.is_plain and alarm.recheck_at is None:
                self.live.pop(key, None)
            else:
                self.live[key] = alarm
            slot = self._slot(key)
            if slot is not None:
                slots.add(slot)
                keys = self._keys_of_slot.setdefault(slot, set())
                (keys.add if key in self.live else keys.discard)(key)
        for slot in slots:
            mine = [self.live[key] for key in self._keys_of_slot[slot]]
            self.busy[slot] = any(_is_busy(alarm) for alarm in mine if not alarm.late)
            self.late_busy[slot] = any(_is_busy(alarm) for alarm in mine if alarm.late)
        if changed:
            rechecks = (alarm.recheck_at for alarm in self.live.values())
            self.next_recheck = min((at for at in rechecks if at is not None), default=None)

    def _slot(self, key: AlarmKey) -> int | None:
        if not key.point:
            return None
        slot = self._memory.slots.find(PointKey(key.community, key.device, key.point))
        if slot is not None and slot >= len(self.busy):
            self._memory.grow()
            self.grow()
        return slot

    @staticmethod
    def _key(rule: Rule, point: PointKey, *, late: bool) -> AlarmKey:
        return AlarmKey(point.community, rule.id, point.device, point.name, "", late)


def is_about_silence(alarm: Alarm) -> bool:
    """Whether the alarm is about missing data."""
    return alarm.failure_mode == "no_data"


def _is_busy(alarm: Alarm) -> bool:
    return (alarm.active and not alarm.latched) or alarm.pending_since is not None


def _signal_of(event: FaultEvent) -> Signal:
    if event.active is None:
        return Momentary(text=event.text)
    verdict = FAULT_SAID if event.active else FAULT_OVER
    return Judged(verdict=verdict, text=event.text, lag=event.arrival - event.time)


def new_alarm(sheet: Worksheet, key: AlarmKey, rule: Rule, place: Place) -> Alarm:
    """The alarm of a rule on a source, before anything has happened to it."""
    return Alarm(
        id=sheet.ids.make(sheet.now),
        **key._asdict(),
        facility=place.facility,
        unit=place.unit,
        failure_mode=rule.failure_mode,
        priority=rule.priority,
    )


_new = new_alarm


def _settled(alarm: Alarm, rule: Rule, place: Place) -> Alarm:
    """Rule and binding may have changed since it was last raised; a running occurrence keeps what it was raised with."""
    if alarm.active or alarm.pending_since is not None:
        return alarm
    now = (place.facility, place.unit, rule.failure_mode, rule.priority)
    if (alarm.facility, alarm.unit, alarm.failure_mode, alarm.priority) == now:
        return alarm
    return replace(
        alarm, facility=place.facility, unit=place.unit, failure_mode=rule.failure_mode, priority=rule.priority
    )
