"""Two ways, one result: judging everything or only what is not quiet; running through or being killed at any batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.rules import RuleKind, Side
from tests.flows.community import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    START,
    Saying,
    Story,
    fault_rule,
    limit_rule,
    registry,
    silence_rule,
)
from tests.flows.fakes import FakeRecords

DEVICES = ("a", "b", "c")
RULES = (
    limit_rule(on_delay_ms=20 * SECOND, off_delay_ms=30 * SECOND),
    limit_rule(id="pump-room-cold", side=Side.LOW, setpoint=10.0, failure_mode="pump_trip"),
    limit_rule(id="pump-room-door", kind=RuleKind.STATE, metric="door_open", states=(1.0,), on_delay_ms=40 * SECOND),
    fault_rule(on_delay_ms=10 * SECOND),
    silence_rule(),
)
PICTURE = registry(*RULES, devices=DEVICES, points=("temperature", "door_open"))


@st.composite
def sayings(draw: st.DrawFn) -> list[Saying]:
    """Batches of three devices: noise around every limit, words, faults, gaps, silence, late and shuffled samples."""
    now, found = START, []
    for _ in range(draw(st.integers(2, 14))):
        now += draw(st.sampled_from([SECOND, 10 * SECOND, 25 * SECOND, MINUTE, 4 * MINUTE, HOUR]))
        saying = Saying()
        for _ in range(draw(st.integers(0, 6))):
            device = draw(st.sampled_from(DEVICES))
            behind = draw(st.sampled_from([0, 0, 0, 3 * SECOND, 40 * SECOND, HOUR, 20 * DAY]))
            if draw(st.booleans()):
                value = draw(st.sampled_from([40.0, 40.0, 81.0, 77.0, 74.0, 9.0, 12.0, float("nan")]))
                saying.value(device, value, now - behind, arrival=now)
            else:
                door = draw(st.sampled_from([0.0, 1.0]))
                saying.value(device, door, now - behind, point="door_open", arrival=now)
            now += draw(st.sampled_from([0, 1, SECOND, 15 * SECOND]))
        if draw(st.integers(0, 5)) == 0:
            saying.fault(draw(st.sampled_from(DEVICES)), "E21", now, active=draw(st.sampled_from([True, False, None])))
        if draw(st.integers(0, 5)) == 0:
            saying.online(draw(st.sampled_from(DEVICES)), now, online=draw(st.sampled_from([True, False, None])))
        if draw(st.integers(0, 7)) == 0:
            saying.gap(now, now + HOUR)
            now += HOUR
        saying.value("a", 40.0, now)
        found.append(saying)
    return found


def outcome(story: Story) -> dict[str, Any]:
    """All that was written, without ids that are made anew."""
    books = story.records.books
    names = {a.id: f"{a.rule}/{a.device}/{a.point}/{a.code}/{a.late}" for a in books.alarms.rows.values()}
    numbers = {t.id: t.number for t in books.tickets.rows.values()}
    return {
        "alarms": sorted(
            (replace(alarm, id=names[alarm.id]) for alarm in books.alarms.rows.values()), key=lambda alarm: alarm.id
        ),
        "tickets": [replace(t, id="", previous=numbers.get(t.previous or "")) for t in books.tickets.rows.values()],
        "alarm_events": [event._replace(alarm=names[event.alarm]) for event in books.alarms.events],
        "ticket_events": [
            e._replace(ticket=numbers[e.ticket], alarm=names.get(e.alarm or "")) for e in books.tickets.events
        ],
        "links": sorted((names[a], numbers[t]) for a, t in books.alarms.tickets.items()),
        "notices": sorted(
            (numbers[n.ticket], n.kind, n.contact, n.subject, n.body) for n in books.notices.rows.values()
        ),
    }


def remembered(story: Story) -> dict[str, Any]:
    memory = story.lane.memory
    slots = [memory.slots.slot(key) for key in sorted(memory.slots.keys)]
    columns = ("value", "time", "arrival", "heard", "fresh_since", "interval", "beats", "late_time")
    return {name: getattr(memory, name)[slots].tolist() for name in columns} | {
        "devices": {d: int(memory.device_heard[i]) for d, i in memory.device_index.items()}
    }


def same(one: dict[str, Any], other: dict[str, Any]) -> None:
    for name, value in one.items():
        np.testing.assert_equal(other[name], value, err_msg=name)


class JudgesAll(Story):
    """Without the pre-check: every sample of every point is judged."""

    def _boot(self) -> None:
        super()._boot()
        self.lane._judging.candidates = lambda slot, _rows, _values, _late: list(range(len(slot)))  # type: ignore[method-assign]  # the other way to compare with


@settings(max_examples=40, deadline=None)
@given(sayings())
def test_the_quiet_band_changes_nothing(said: list[Saying]) -> None:
    quick, whole = Story(FakeRecords(), PICTURE), JudgesAll(FakeRecords(), PICTURE)
    for saying in said:
        quick.say(saying)
        whole.say(saying)
    same(outcome(whole), outcome(quick))


@settings(max_examples=40, deadline=None)
@given(sayings(), st.data())
def test_a_kill_at_any_batch_changes_nothing(said: list[Saying], data: st.DataObject) -> None:
    through, killed = Story(FakeRecords(), PICTURE), Story(FakeRecords(), PICTURE)
    for saying in said:
        through.say(saying)
        killed.say(saying)
        if data.draw(st.integers(0, 2)) == 0:
            killed.crash()
    same(outcome(through), outcome(killed))
    same(remembered(through), remembered(killed))
