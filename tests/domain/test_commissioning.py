"""Commissioning: who is quiet when, what an alarm does meanwhile, and what would have been sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.alarms import (
    Alarm,
    AlarmState,
    BeginCommissioning,
    Change,
    Elapsed,
    GoLive,
    Judged,
    Overlay,
    Priority,
    Shelve,
    Unshelve,
)
from hub.domain.commissioning import Commissioning, GoneLive, Part, Recorded, Span, Subject, would_have_sent
from hub.domain.conduct import step
from hub.domain.rules import Rule, RuleKind
from hub.domain.tickets import TicketKey
from hub.domain.verdicts import ABOVE, WITHIN

SUMP = Subject("sump-1", "sump", "garden~sump-level", "garden~gw-1")
GYM = Subject("gym", "gym", "garden~gym-air", "garden~gw-2")
GATEWAY = Subject("", "", "garden~gw-1", "")


def span(part: Part, of: str = "", since: int = 100, until: int | None = None) -> Span:
    return Span(id=f"{part}-{of}-{since}", community="garden", part=part, of=of, since=since, until=until)


def live(kind: str, at: int) -> GoneLive:
    return GoneLive(community="garden", kind=kind, at=at, by="ana")


@pytest.mark.parametrize(
    ("part", "of", "subject", "quiet"),
    [
        (Part.COMMUNITY, "", SUMP, True),
        (Part.COMMUNITY, "", GATEWAY, True),
        (Part.GATEWAY, "garden~gw-1", SUMP, True),
        (Part.GATEWAY, "garden~gw-1", GATEWAY, True),
        (Part.GATEWAY, "garden~gw-1", GYM, False),
        (Part.FACILITY, "sump-1", SUMP, True),
        (Part.FACILITY, "sump-1", GYM, False),
        (Part.FACILITY, "", GATEWAY, False),
    ],
)
def test_a_span_covers_what_it_names(part: Part, of: str, subject: Subject, *, quiet: bool) -> None:
    said = Commissioning(spans=(span(part, of),))
    assert (said.over(subject, 100) is not None) is quiet


def test_a_span_is_dated() -> None:
    said = Commissioning(spans=(span(Part.COMMUNITY, since=100, until=200),))
    assert [said.over(SUMP, at) is not None for at in (99, 100, 199, 200)] == [False, True, True, False]
    assert [said.next_change(at) for at in (0, 100, 200)] == [100, 200, None]


def test_going_live_ends_it_for_one_kind_until_the_next_begins() -> None:
    said = Commissioning(
        spans=(span(Part.COMMUNITY), span(Part.FACILITY, "sump-1", since=300)), live=(live("sump", 200),)
    )
    assert [said.over(SUMP, at) is not None for at in (199, 200, 299, 300)] == [True, False, False, True]
    assert said.over(GYM, 250) is not None
    assert said.over(GATEWAY, 250) is not None
    assert said.next_change(150) == 200


# --- the alarm --------------------------------------------------------------------------------------------------

RULE = Rule(
    id="hot",
    facility_kind="pump_room",
    failure_mode="hot",
    kind=RuleKind.LIMIT,
    priority=Priority.HIGH,
    realarm_ms=1_000,
)


def alarm(**more: Any) -> Alarm:
    values: dict[str, Any] = {
        "id": "a",
        "rule": "hot",
        "community": "garden",
        "device": "garden~pump",
        "point": "temperature",
        "code": "",
        "facility": "room",
        "unit": "",
        "failure_mode": "hot",
        "priority": Priority.SAFETY,
    }
    return Alarm(**values | more)


def after(start: Alarm, *signals: tuple[int, Any]) -> tuple[Alarm, list[Change]]:
    events: list[Change] = []
    for at, signal in signals:
        result = step(start, signal, at, RULE)
        start = result.alarm
        events += [event.kind for event in result.events]
    return start, events


OVER, FINE = Judged(verdict=ABOVE, value=90.0), Judged(verdict=WITHIN, value=20.0)


def test_an_alarm_in_commissioning_is_recorded_and_needs_nobody() -> None:
    raised, events = after(alarm(commissioning=True), (10, OVER))
    assert events == [Change.RAISED, Change.NOT_TOLD]
    assert (raised.active, raised.acked, raised.annunciated_at) == (True, True, None)
    quiet, events = after(raised, (5_000, Elapsed()), (6_000, FINE))
    assert events == [Change.RETURNED]
    assert quiet.is_plain


def test_what_is_active_is_told_when_its_place_goes_live() -> None:
    raised, _ = after(alarm(commissioning=True), (10, OVER))
    told, events = after(raised, (20, GoLive()))
    assert events == [Change.LIVE, Change.ANNUNCIATED]
    assert (told.state, told.annunciated_at, told.commissioning) == (AlarmState.UNACKNOWLEDGED, 20, False)
    gone, events = after(alarm(commissioning=True), (10, OVER), (15, FINE), (20, GoLive()))
    assert events[-1] is Change.LIVE
    assert gone.is_plain


def test_what_was_told_before_falls_quiet() -> None:
    raised, _ = after(alarm(), (10, OVER))
    quiet, events = after(raised, (20, BeginCommissioning()), (21, BeginCommissioning()))
    assert events == [Change.COMMISSIONING]
    assert (quiet.active, quiet.acked) == (True, True)


def test_an_overlay_that_ends_in_commissioning_tells_nobody_and_one_that_stays_keeps_it_quiet() -> None:
    shelf = Shelve(by="desk", reason="wait", until=500)
    shelved = alarm(priority=Priority.HIGH, commissioning=True)
    quiet, events = after(shelved, (5, shelf), (10, OVER), (20, Unshelve(by="desk")))
    assert events == [Change.SHELVED, Change.RAISED, Change.UNSHELVED, Change.NOT_TOLD]
    assert quiet.acked
    covered, events = after(shelved, (5, shelf), (10, OVER), (20, GoLive()))
    assert events == [Change.SHELVED, Change.RAISED, Change.LIVE]
    assert (covered.overlay, covered.annunciated_at) == (Overlay.SHELVED, None)


def test_late_records_know_no_commissioning() -> None:
    late = alarm(late=True, active=True)
    assert step(late, BeginCommissioning(), 5, RULE).alarm is late


# --- what would have been sent ----------------------------------------------------------------------------------


def recorded(
    at: int, kind: Change, name: str = "a", *, facility: str = "sump-1", priority: Priority = Priority.HIGH
) -> Recorded:
    key = TicketKey(community="garden", facility=facility, unit="", failure_mode="level")
    return Recorded(at, kind, name, f"rule-{name}", key, facility, priority)


def cycle(times: int, *, facility: str = "sump-1") -> list[Recorded]:
    return [
        recorded(10 * n + offset, kind, facility=facility)
        for n in range(times)
        for offset, kind in ((0, Change.NOT_TOLD), (5, Change.RETURNED))
    ]


@pytest.mark.parametrize(("times", "tellings"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (9, 5), (40, 7)])
def test_a_fault_that_clears_itself_is_told_at_its_1st_2nd_4th_8th_return(times: int, tellings: int) -> None:
    (row,) = would_have_sent(cycle(times))
    assert (row.alarms, row.tellings) == (times, tellings)


def test_a_second_rule_on_the_same_fault_tells_only_what_is_worse() -> None:
    rows = would_have_sent(
        [
            recorded(1, Change.NOT_TOLD, "a"),
            recorded(2, Change.NOT_TOLD, "b"),
            recorded(3, Change.NOT_TOLD, "c", priority=Priority.SAFETY),
        ]
    )
    assert {row.rule: row.tellings for row in rows} == {"rule-a": 1, "rule-b": 0, "rule-c": 1}


def test_the_loudest_come_first() -> None:
    rows = would_have_sent([*cycle(1, facility="gym"), *cycle(20, facility="sump-2")])
    assert [row.facility for row in rows] == ["sump-2", "gym"]
    assert would_have_sent([]) == []


@given(
    st.lists(st.tuples(st.integers(0, 50), st.sampled_from([Change.NOT_TOLD, Change.RETURNED]), st.sampled_from("abc")))
)
def test_nobody_is_told_more_often_than_something_happens(rows: list[tuple[int, Change, str]]) -> None:
    found = would_have_sent([recorded(at, kind, name) for at, kind, name in rows])
    raised = sum(kind is Change.NOT_TOLD for _, kind, _ in rows)
    assert sum(row.alarms for row in found) == raised
    assert all(0 <= row.tellings <= row.alarms for row in found)
    assert (sum(row.tellings for row in found) > 0) is (raised > 0)
