"""Histories as the hourly figures read them, and how far they have been written; on both databases."""

from __future__ import annotations

from dataclasses import replace

from hub.domain.alarms import Change
from hub.domain.tickets import Action, TicketState
from hub.flows.ports import AlarmEvent, TicketEvent
from hub.storage.unit import SqlRecords
from tests.contract.records.test_alarm_book import alarm, save
from tests.contract.records.test_ticket_book import add, ticket

HOUR = 3_600_000
START = 1_772_409_600_000


def log(records: SqlRecords, *events: AlarmEvent | TicketEvent) -> None:
    for event in events:
        if isinstance(event, AlarmEvent):
            records.write(lambda books, one=event: books.alarms.log([one]))
        else:
            records.write(lambda books, one=event: books.tickets.log([one]))


def test_a_mark_is_remembered(records: SqlRecords) -> None:
    assert records.read(lambda books: books.figures.mark("kpi")) == ""
    for value in ("1", "2"):
        records.write(lambda books, one=value: books.figures.set_mark("kpi", one))
    assert records.read(lambda books: books.figures.mark("kpi")) == "2"
    assert records.read(lambda books: books.figures.mark("other")) == ""


def test_changes_come_in_the_order_of_writing_page_by_page(records: SqlRecords) -> None:
    save(records, alarm(1))
    times = [START + 5, START + 9, START + 2]
    log(records, *(AlarmEvent("alarm-001", at, Change.RAISED, "r", number) for number, at in enumerate(times)))
    first = records.read(lambda books: books.figures.alarm_changes("", 2))
    rest = records.read(lambda books: books.figures.alarm_changes(first[-1].id, 2))
    assert [row.at for row in (*first, *rest)] == times
    assert [row.occurrence for row in (*first, *rest)] == [0, 1, 2]
    assert rest[0].kind is Change.RAISED
    assert rest[0].alarm == alarm(1)
    assert records.read(lambda books: books.figures.alarm_changes(rest[-1].id, 2)) == []


def test_changes_of_tickets_have_the_ticket(records: SqlRecords) -> None:
    add(records, ticket(1))
    log(records, TicketEvent("ticket-001", START, Action.OPEN, "", TicketState.ASSIGNED, "hub"))
    (row,) = records.read(lambda books: books.figures.ticket_changes("", 10))
    assert (row.action, row.from_state, row.to_state) == (Action.OPEN, "", TicketState.ASSIGNED)
    assert row.ticket == ticket(1)


def test_an_hour_has_what_happened_in_it_and_what_lasted(records: SqlRecords) -> None:
    before, after = START - HOUR, START + HOUR
    save(
        records,
        alarm(1, active=True, raised_at=before),
        alarm(2, raised_at=before, cleared_at=START + 1),
        alarm(3, raised_at=before, cleared_at=START - 1),
        alarm(4, active=True, raised_at=after),
        alarm(5, raised_at=None),
    )
    keys = [replace(ticket(1).key, failure_mode=f"m{number}") for number in range(5)]
    closed = TicketState.CLOSED
    add(
        records,
        ticket(1, key=keys[0], reported_at=before),
        ticket(2, key=keys[1], reported_at=before, state=closed, closed_at=START + 1),
        ticket(3, key=keys[2], reported_at=before, state=closed, closed_at=START - 1),
        ticket(4, key=keys[3], reported_at=after),
    )
    log(
        records,
        *(AlarmEvent("alarm-003", at, Change.RETURNED, "r", 1) for at in (START - 1, START, after - 1, after)),
        *(
            TicketEvent("ticket-003", at, Action.CLOSE, "resolved", closed, "hub")
            for at in (START - 1, START, after - 1, after)
        ),
    )
    hour = records.read(lambda books: books.figures.hour(START, after))
    assert [one.id for one in hour.alarms] == ["alarm-001", "alarm-002"]
    assert sorted(one.id for one in hour.tickets) == ["ticket-001", "ticket-002"]
    assert [row.at for row in hour.alarm_changes] == [START, after - 1]
    assert [row.at for row in hour.ticket_changes] == [START, after - 1]


def test_what_is_written_after_something_newer_is_still_found_in_its_hour(records: SqlRecords) -> None:
    save(records, alarm(1))
    late = AlarmEvent("alarm-001", START + 1, Change.RAISED, "r", 1)
    log(records, AlarmEvent("alarm-001", START + 5 * HOUR, Change.RAISED, "r", 2), late)
    hour = records.read(lambda books: books.figures.hour(START, START + HOUR))
    assert [row.at for row in hour.alarm_changes] == [START + 1]
