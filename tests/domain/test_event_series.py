"""Alarms and tickets as points: tags that never hold a person, fields of one type, and no two changes in one point."""

from __future__ import annotations

from dataclasses import replace

from hub.domain.alarms import Alarm, Change, Priority
from hub.domain.event_series import SeriesPoint, alarm_point, apart, kpi_point, ticket_point
from hub.domain.kpi import Figure
from hub.domain.places import Facility, Name
from hub.domain.tickets import Action, Ticket, TicketKey, TicketKind, TicketState

LIFT = Facility(community="garden", id="lift-1", kind="lift", name=Name(zh="一号梯", en="Lift 1"), grid="g1")
ALARM = Alarm(
    id="a1",
    rule="r",
    community="garden",
    device="garden~d1",
    point="p",
    code="E21",
    facility="lift-1",
    unit="",
    failure_mode="door_fault",
    priority=Priority.HIGH,
    acked_by="li",
)
TICKET = Ticket(
    id="t1",
    number="HG-2026-000001",
    key=TicketKey(community="garden", facility="lift-1", unit="", failure_mode="door_fault"),
    kind=TicketKind.FAULT,
    state=TicketState.CLOSED,
    priority=Priority.HIGH,
    title_zh="门故障",
    title_en="Door fault",
    crew="lifts",
    assignee="li",
    completed_by="li",
    reported_at=1,
)


def of_alarm(change: Change, at: int = 5) -> SeriesPoint:
    name = Name(zh="门故障", en="Door fault")
    return alarm_point(ALARM, at=at, change=change, occurrence=2, facility=LIFT, name=name)


def test_an_alarm_tells_whose_it_is() -> None:
    point = of_alarm(Change.RAISED)
    assert point.measurement == "alarm_event"
    assert point.tags == {
        "community": "garden",
        "facility": "lift-1",
        "kind": "lift",
        "grid": "g1",
        "priority": "high",
        "state": "raised",
        "failure_mode": "door_fault",
    }
    assert point.fields["title_zh"] == "门故障"
    assert point.time == 5


def test_active_is_told_where_it_changes_and_nowhere_else() -> None:
    told = {change: of_alarm(change).fields.get("active") for change in Change}
    assert told[Change.RAISED] == told[Change.ANNUNCIATED] == 1
    assert told[Change.RETURNED] == told[Change.RESET] == told[Change.WITHDRAWN] == 0
    assert {change for change, active in told.items() if active is None} == set(Change) - {
        Change.RAISED,
        Change.ANNUNCIATED,
        Change.RETURNED,
        Change.RESET,
        Change.WITHDRAWN,
    }


def test_a_ticket_is_told_as_it_was_then() -> None:
    point = ticket_point(TICKET, at=7, action=Action.OPEN, state=TicketState.ASSIGNED, facility=LIFT)
    assert point.tags["state"] == "assigned"
    assert point.fields["open"] == 1
    ended = ticket_point(TICKET, at=9, action=Action.CLOSE, state=TicketState.CLOSED, facility=LIFT)
    assert ended.fields["open"] == 0


def test_nobody_is_named() -> None:
    points = (
        of_alarm(Change.ACKNOWLEDGED),
        ticket_point(TICKET, at=7, action=Action.ACCEPT, state=TicketState.ACCEPTED, facility=LIFT),
    )
    for point in points:
        assert "li" not in {*point.tags.values(), *point.fields.values()}


def test_a_fault_of_a_sensor_has_neither_facility_nor_device_as_a_tag() -> None:
    alone = replace(ALARM, facility="", unit="garden~d1", failure_mode="no_data")
    point = alarm_point(alone, at=1, change=Change.RAISED, occurrence=1, facility=None)
    assert point.tags == {"community": "garden", "priority": "high", "state": "raised", "failure_mode": "no_data"}
    assert point.fields["device"] == "garden~d1"
    assert point.fields["title_en"] == "no_data"


def test_fields_keep_their_types() -> None:
    one, other = of_alarm(Change.RAISED), of_alarm(Change.RETURNED)
    for name in one.fields.keys() & other.fields.keys():
        assert type(one.fields[name]) is type(other.fields[name])
    figure = kpi_point(Figure("garden", "lift", "failures", 3, 3), hour=0)
    assert type(figure.fields["value"]) is float
    assert type(figure.fields["n"]) is int


def test_changes_that_would_be_one_point_are_a_millisecond_apart() -> None:
    points = [of_alarm(Change.RAISED), of_alarm(Change.RAISED), of_alarm(Change.RETURNED), of_alarm(Change.RAISED, 6)]
    assert [point.time for point in apart(points)] == [5, 6, 5, 7]
    assert apart(apart(points)) == apart(points)
