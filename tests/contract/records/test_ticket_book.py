"""Tickets: one open per fault, numbers that never repeat, nothing overwritten unseen; on both databases."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from hub.domain.alarms import Alarm, Priority
from hub.domain.notices import Notice, NoticeKind
from hub.domain.tickets import Ticket, TicketKey, TicketKind, TicketState
from hub.errors import AlreadyOpen
from hub.flows.lists import Scope, TicketFilter
from hub.flows.ports import AlarmEvent, TicketEvent
from hub.storage.books import Books
from hub.storage.unit import SqlRecords

KEY = TicketKey(community="garden", facility="lift-1", unit="", failure_mode="door_fault")


def ticket(number: int, **changes: Any) -> Ticket:
    plain = Ticket(
        id=f"ticket-{number:03d}",
        number=f"HG-2026-{number:06d}",
        key=KEY,
        kind=TicketKind.FAULT,
        state=TicketState.ASSIGNED,
        priority=Priority.HIGH,
        title_zh="电梯门故障",
        title_en="Lift door fault",
        crew="lifts",
        reported_at=1_000 + number,
    )
    return replace(plain, **changes)


def add(records: SqlRecords, *tickets: Ticket) -> None:
    records.write(lambda books: [books.tickets.add(one) for one in tickets])


def test_every_field_comes_back(records: SqlRecords) -> None:
    full = ticket(
        1,
        assignee="li",
        party="owner",
        sensor_born=False,
        occurrences=4,
        reopened=2,
        triaged_at=1,
        assigned_at=2,
        accepted_at=3,
        started_at=4,
        completed_at=5,
        verifying_since=6,
        restored_at=7,
        resolved_at=8,
        closed_at=9,
        verified="sensor",
        hold_reason="parts",
        hold_until=10,
        cause="磨损",
        remedy="更换",
        end_reason="done",
        previous="ticket-000",
        due_at=11,
        recheck_at=12,
        version=5,
        state=TicketState.CLOSED,
    )
    add(records, full)
    assert records.read(lambda books: books.tickets.get(full.id)) == full
    assert records.read(lambda books: books.tickets.by_number(full.number)) == full


def test_a_second_open_ticket_for_a_fault_is_refused_and_the_transaction_goes_on(records: SqlRecords) -> None:
    add(records, ticket(1))

    def attach(books: Books) -> str:
        try:
            books.tickets.add(ticket(2))
        except AlreadyOpen:
            found = books.tickets.open_for(KEY, late=False)
            assert found is not None
            return found.id
        return "made a second one"

    assert records.write(attach) == "ticket-001"


@pytest.mark.parametrize(
    "other",
    [
        {"late": True},
        {"key": replace(KEY, unit="car-2")},
        {"key": replace(KEY, facility="", unit="garden~lift-1")},
        {"key": replace(KEY, community="other")},
        {"state": TicketState.CANCELLED},
    ],
)
def test_what_differs_in_the_key_or_has_ended_stands_beside_it(records: SqlRecords, other: dict[str, Any]) -> None:
    add(records, ticket(1), ticket(2, **other))


def test_tickets_without_failure_mode_never_collide(records: SqlRecords) -> None:
    report = replace(KEY, failure_mode="")
    add(records, ticket(1, key=report), ticket(2, key=report))


def test_a_hundred_callers_at_once_make_one_ticket(records: SqlRecords) -> None:
    together = threading.Barrier(100)
    outcomes: list[str] = []

    def fault(number: int) -> None:
        together.wait()
        outcomes.append(records.write(lambda books: open_or_attach(books, number)))

    threads = [threading.Thread(target=fault, args=(n,)) for n in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["attached"] * 99 + ["made"]
    found = records.read(lambda books: books.tickets.page(TicketFilter())).items
    assert len(found) == 1
    assert found[0].occurrences == 100


def open_or_attach(books: Books, number: int) -> str:
    found = books.tickets.open_for(KEY, late=False)
    if found is None:
        try:
            books.tickets.add(ticket(number))
        except AlreadyOpen:
            found = books.tickets.open_for(KEY, late=False)
        else:
            return "made"
    while found is not None:
        counted = replace(found, occurrences=found.occurrences + 1, version=found.version + 1)
        if books.tickets.swap(counted, expected=found.version, now=1):
            return "attached"
        found = books.tickets.get(found.id)
    return "lost"


def test_a_swap_on_an_old_version_changes_nothing(records: SqlRecords) -> None:
    add(records, ticket(1))
    newer = ticket(1, state=TicketState.ACCEPTED, version=2)
    assert records.write(lambda books: books.tickets.swap(newer, expected=1, now=5)) is True
    other = ticket(1, state=TicketState.CANCELLED, version=2)
    assert records.write(lambda books: books.tickets.swap(other, expected=1, now=6)) is False
    assert records.read(lambda books: books.tickets.get(newer.id)) == newer


def test_reopening_beside_an_open_one_is_refused(records: SqlRecords) -> None:
    add(records, ticket(1, state=TicketState.CLOSED), ticket(2))
    reopened = ticket(1, state=TicketState.ASSIGNED, version=2)
    with pytest.raises(AlreadyOpen):
        records.write(lambda books: books.tickets.swap(reopened, expected=1, now=5))


def test_the_last_ended_one_is_the_one_closed_last(records: SqlRecords) -> None:
    closed = [ticket(n, state=TicketState.CLOSED, closed_at=at) for n, at in ((1, 50), (2, 90), (3, 70))]
    add(records, *closed)
    found = records.read(lambda books: books.tickets.last_ended_for(KEY, late=False))
    assert found == closed[1]
    assert records.read(lambda books: books.tickets.open_for(KEY, late=False)) is None
    assert records.read(lambda books: books.tickets.last_ended_for(KEY, late=True)) is None


def test_due_are_those_whose_time_has_come_oldest_first(records: SqlRecords) -> None:
    keys = [replace(KEY, unit=f"u{n}") for n in range(4)]
    add(records, *(ticket(n, key=keys[n], recheck_at=at) for n, at in enumerate((30, 10, None, 20))))
    due = records.read(lambda books: [one.id for one in books.tickets.due(20, 10)])
    assert due == ["ticket-001", "ticket-003"]
    assert records.read(lambda books: len(books.tickets.due(99, 1))) == 1
    assert records.read(lambda books: books.tickets.next_due()) == 10


def test_lists_filter_page_and_count(records: SqlRecords) -> None:
    keys = [replace(KEY, facility=f"f{n % 2}", unit=f"u{n}") for n in range(6)]
    states = [TicketState.ASSIGNED, TicketState.ACCEPTED, TicketState.CLOSED] * 2
    add(records, *(ticket(n, key=keys[n], state=states[n], assignee=f"user{n}") for n in range(6)))
    assert numbers(records, TicketFilter(open=True)) == [4, 3, 1, 0]
    assert numbers(records, TicketFilter(open=False)) == [5, 2]
    assert numbers(records, TicketFilter(states=frozenset({TicketState.ACCEPTED}))) == [4, 1]
    assert numbers(records, TicketFilter(facility="f1", since=1_002)) == [5, 3]
    assert numbers(records, TicketFilter(assignee="user2", crew="lifts", priority=Priority.HIGH)) == [2]
    assert numbers(records, TicketFilter(crew="pumps")) == []
    assert numbers(records, TicketFilter(), Scope(facilities=frozenset({("garden", "f0")}))) == [4, 2, 0]
    assert numbers(records, TicketFilter(), Scope()) == []
    counts = records.read(lambda books: books.tickets.counts(TicketFilter()))
    assert counts == {TicketState.ASSIGNED: 2, TicketState.ACCEPTED: 2, TicketState.CLOSED: 2}
    first = records.read(lambda books: books.tickets.page(TicketFilter(), limit=4))
    second = records.read(lambda books: books.tickets.page(TicketFilter(), limit=4, cursor=first.next))
    assert [one.id for one in (*first.items, *second.items)] == [f"ticket-{n:03d}" for n in (5, 4, 3, 2, 1, 0)]
    assert second.next is None


def numbers(records: SqlRecords, what: TicketFilter, scope: Scope | None = None) -> list[int]:
    scope = scope or Scope(everything=True)
    return [int(one.id[-3:]) for one in records.read(lambda books: books.tickets.page(what, scope)).items]


def test_the_history_tells_events_alarms_and_what_was_sent(records: SqlRecords) -> None:
    opened = TicketEvent("ticket-001", 1_001, "open", "", "assigned", "hub", alarm="earlier-alarm")
    accepted = TicketEvent("ticket-001", 1_005, "accept", "assigned", "accepted", "li", comment="on my way")
    alarm_events = [
        AlarmEvent("earlier-alarm", 900, "raised", "before this ticket", 1),
        AlarmEvent("earlier-alarm", 1_001, "raised", "limit", 2),
        AlarmEvent("linked-alarm", 1_003, "raised", "limit", 1),
        AlarmEvent("strange-alarm", 1_003, "raised", "limit", 1),
    ]
    linked = Alarm(
        id="linked-alarm",
        rule="r",
        community="garden",
        device="garden~d",
        point="p",
        code="",
        facility="lift-1",
        unit="",
        failure_mode="door_fault",
        priority=Priority.HIGH,
    )
    notice = Notice(
        id="notice-1",
        dedupe_key="k",
        community="garden",
        kind=NoticeKind.OPENED,
        contact="c",
        channel="email",
        address="a@example.org",
        language="en",
        subject="s",
        body="b",
        priority="high",
        ticket="ticket-001",
        created_at=1_001,
        next_at=1_001,
    )

    def write(books: Books) -> None:
        books.tickets.add(ticket(1))
        books.tickets.log([opened, accepted])
        books.alarms.save(linked, ticket="ticket-001", now=1)
        books.alarms.log(alarm_events)
        books.notices.add([notice])
        (leased,) = books.notices.claim(1_002, lease_ms=10, limit=1)
        books.notices.sent(leased, now=1_004, took_ms=2)

    records.write(write)
    history = records.read(lambda books: books.tickets.history("ticket-001"))
    assert history.events == (opened, accepted)
    assert [(event.alarm, event.at) for event in history.alarm_events] == [
        ("earlier-alarm", 1_001),
        ("linked-alarm", 1_003),
    ]
    assert [(one.id, one.sent_at) for one in history.notices] == [("notice-1", 1_004)]
    assert [(one.number, one.outcome, one.took_ms) for one in history.attempts] == [(1, "sent", 2)]
