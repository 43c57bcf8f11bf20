"""Alarm rows: what goes in comes out, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.domain.alarms import Alarm, AlarmState, Overlay, Priority
from hub.errors import InvalidInput
from hub.flows.lists import AlarmFilter, Scope
from hub.flows.ports import AlarmEvent
from hub.storage.books import Books
from hub.storage.unit import SqlRecords

FULL = Alarm(
    id="0197-a",
    rule="lift-door-fault",
    community="garden",
    device="garden~lift-1",
    point="door_state",
    code="E21",
    facility="lift-1",
    unit="car-1",
    failure_mode="door_fault",
    priority=Priority.SAFETY,
    late=True,
    active=True,
    acked=False,
    pending_since=11,
    occurrence=3,
    repeats=2,
    raised_at=12,
    cleared_at=13,
    acked_at=14,
    acked_by="li",
    annunciated_at=15,
    overlay=Overlay.SHELVED,
    overlay_until=16,
    overlay_reason="检修",
    one_shot=True,
    latched=True,
    value=21.5,
    text="门机过载",
    recheck_at=17,
)


def alarm(number: int, **changes: object) -> Alarm:
    plain = Alarm(
        id=f"alarm-{number:03d}",
        rule="r",
        community="garden",
        device=f"garden~d{number}",
        point="p",
        code="",
        facility=f"facility-{number % 3}",
        unit="",
        failure_mode="m",
        priority=Priority.MEDIUM,
        raised_at=number,
    )
    return replace(plain, **changes)


def save(records: SqlRecords, *alarms: Alarm) -> None:
    records.write(lambda books: [books.alarms.save(one, ticket=None, now=1) for one in alarms])


def test_every_field_comes_back(records: SqlRecords) -> None:
    save(records, FULL)
    assert records.read(lambda books: books.alarms.get(FULL.id)) == FULL


def test_saving_again_replaces_all_but_the_ticket(records: SqlRecords) -> None:
    records.write(lambda books: books.alarms.save(FULL, ticket="ticket-1", now=1))
    changed = replace(FULL, active=False, value=None, overlay=Overlay.NONE)
    records.write(lambda books: books.alarms.save(changed, ticket=None, now=2))
    assert records.read(lambda books: books.alarms.get(FULL.id)) == changed
    assert records.read(lambda books: books.alarms.ticket_of(FULL.id)) == "ticket-1"
    assert records.read(lambda books: books.alarms.of_ticket("ticket-1")) == [changed]


def test_an_alarm_is_found_by_its_source_and_late_ones_stand_apart(records: SqlRecords) -> None:
    save(records, FULL, replace(FULL, id="0197-b", late=False))
    source = {"community": "garden", "rule": FULL.rule, "device": FULL.device, "point": FULL.point, "code": "E21"}
    found = records.read(lambda books: [books.alarms.find(**source, late=late) for late in (True, False)])
    assert [one.id if one else None for one in found] == ["0197-a", "0197-b"]
    assert records.read(lambda books: books.alarms.find(**(source | {"code": ""}), late=True)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"active": True},
        {"acked": False},
        {"pending_since": 5},
        {"latched": True},
        {"overlay": Overlay.OUT_OF_SERVICE},
        {"recheck_at": 5},
    ],
)
def test_live_is_all_that_is_not_plain_normal(records: SqlRecords, change: dict[str, object]) -> None:
    interesting = alarm(2, **change)
    save(records, alarm(1), interesting)
    assert records.read(lambda books: books.alarms.live()) == [interesting]


def test_which_tickets_have_an_active_alarm_behind_them(records: SqlRecords) -> None:
    def work(books: Books) -> frozenset[str]:
        books.alarms.save(alarm(1, active=True), ticket="t1", now=1)
        books.alarms.save(alarm(2, active=True), ticket="t1", now=1)
        books.alarms.save(alarm(3, active=False), ticket="t2", now=1)
        books.alarms.save(alarm(4, active=True), ticket="t3", now=1)
        assert books.alarms.active_behind([]) == frozenset()
        return books.alarms.active_behind(["t1", "t2", "none"])

    assert records.write(work) == {"t1"}


def test_who_covered_an_alarm_is_the_last_row_that_did(records: SqlRecords) -> None:
    def row(of: str, at: int, kind: str, by: str) -> AlarmEvent:
        return AlarmEvent(of, at, kind, "operator", 1, by, None, f"{by} says so")

    rows = [
        row("a1", 1, "shelved", "ana"),
        row("a1", 2, "unshelved", "bo"),
        row("a1", 3, "out_of_service", "chen"),
        row("a1", 4, "raised", ""),
        row("a2", 5, "raised", ""),
        row("a3", 6, "suppressed", ""),
    ]
    records.write(lambda books: books.alarms.log(rows))
    found = records.read(lambda books: books.alarms.covers(["a1", "a2"]))
    assert found == {"a1": rows[2]}
    assert records.read(lambda books: books.alarms.covers([])) == {}


def test_a_list_of_what_is_covered(records: SqlRecords) -> None:
    save(records, alarm(1, overlay=Overlay.SHELVED), alarm(2), alarm(3, overlay=Overlay.OUT_OF_SERVICE))
    covered = AlarmFilter(overlays=frozenset({Overlay.OUT_OF_SERVICE}))
    assert [one.id for one in records.read(lambda books: books.alarms.page(covered)).items] == ["alarm-003"]


def test_events_come_back_in_the_order_in_which_they_were_written(records: SqlRecords) -> None:
    events = [AlarmEvent(alarm="a", at=5, kind=kind, reason="why", occurrence=1, value=2.5) for kind in "zyxwv"]
    records.write(lambda books: books.alarms.log(events[:3]))
    records.write(lambda books: books.alarms.log(events[3:]))
    assert records.read(lambda books: books.alarms.events("a")) == tuple(events)
    assert records.read(lambda books: books.alarms.events("a", limit=2)) == tuple(events[3:])


def test_pages_follow_one_another_without_gap_or_repeat(records: SqlRecords) -> None:
    save(records, *(alarm(n, raised_at=10 + n // 4) for n in range(1, 24)), alarm(99, raised_at=None))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        found = records.read(lambda books, at=cursor: books.alarms.page(AlarmFilter(), limit=5, cursor=at))
        seen += [one.id for one in found.items]
        cursor = found.next
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 24
    assert seen[0] == "alarm-023"
    assert seen[-1] == "alarm-099"


@pytest.mark.parametrize("cursor", ["", "x", "W10", "WyJhIiwgImIiXQ", "ÿ", "bnVsbA"])
def test_a_foreign_cursor_is_refused_by_name(records: SqlRecords, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor") as refused:
        records.read(lambda books: books.alarms.page(AlarmFilter(), cursor=cursor))
    assert refused.value.pointer == "cursor"


def test_filters_and_counts_agree(records: SqlRecords) -> None:
    save(
        records,
        alarm(1, active=True, acked=False),
        alarm(2, active=True),
        alarm(3, acked=False, priority=Priority.HIGH),
        alarm(4),
        alarm(5, active=True, acked=False, late=True),
    )
    counts = records.read(lambda books: books.alarms.counts(AlarmFilter(late=False)))
    assert counts == dict.fromkeys(AlarmState, 1)
    for state in AlarmState:
        what = AlarmFilter(states=frozenset({state}), late=False)
        assert [one.state for one in records.read(lambda books, w=what: books.alarms.page(w)).items] == [state]
    assert ids(records, AlarmFilter(priority=Priority.HIGH)) == ["alarm-003"]
    assert ids(records, AlarmFilter(since=4)) == ["alarm-005", "alarm-004"]
    assert ids(records, AlarmFilter(facility="facility-1", community="garden")) == ["alarm-004", "alarm-001"]
    assert ids(records, AlarmFilter(community="elsewhere")) == []


def test_a_list_stays_inside_the_callers_scope(records: SqlRecords) -> None:
    save(records, *(alarm(n) for n in range(3)), replace(alarm(7), community="other", id="other"))
    assert ids(records, AlarmFilter(), Scope()) == []
    assert ids(records, AlarmFilter(), Scope(communities=frozenset({"other"}))) == ["other"]
    grid = Scope(facilities=frozenset({("garden", "facility-1"), ("other", "facility-9")}))
    assert ids(records, AlarmFilter(), grid) == ["alarm-001"]
    assert ids(records, AlarmFilter(), Scope(everything=True)) == ["other", "alarm-002", "alarm-001", "alarm-000"]


def ids(records: SqlRecords, what: AlarmFilter, scope: Scope | None = None) -> list[str]:
    scope = scope or Scope(everything=True)
    return [one.id for one in records.read(lambda books: books.alarms.page(what, scope)).items]
