"""Histories as the hourly figures read them; on both databases."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import insert

from hub.domain.alarms import Change
from hub.domain.ids import uuid7
from hub.domain.tickets import Action, TicketState
from hub.flows.figures import Turns
from hub.flows.ports import AlarmEvent, TicketEvent
from hub.storage.tables import meta
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


def test_the_mark_of_versions_that_had_one_for_all_stores_is_still_known(records: SqlRecords) -> None:
    assert records.read(lambda books: books.figures.old_mark("kpi")) == ""
    records.write(lambda books: books.connection.execute(insert(meta).values(key="figures.kpi", value="2")))
    assert records.read(lambda books: books.figures.old_mark("kpi")) == "2"
    assert records.read(lambda books: books.figures.old_mark("ticket_events")) == ""


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


def test_an_hour_has_the_tickets_that_changed_or_stood_with_their_histories(records: SqlRecords) -> None:
    before, after = START - HOUR, START + HOUR
    keys = [replace(ticket(1).key, failure_mode=f"m{number}") for number in range(5)]
    assigned, closed = TicketState.ASSIGNED, TicketState.CLOSED
    add(
        records,
        ticket(1, key=keys[0], reported_at=before),
        ticket(2, key=keys[1], reported_at=before, state=closed, closed_at=START + 1),
        ticket(3, key=keys[2], reported_at=before, state=closed, closed_at=START - 1),
        ticket(4, key=keys[3], reported_at=after),
    )
    log(
        records,
        TicketEvent("ticket-001", before, Action.OPEN, "", assigned, "hub"),
        TicketEvent("ticket-001", before + 1, Action.COMMENT, assigned, assigned, "li", comment="x"),
        TicketEvent("ticket-001", after - 1, Action.ACCEPT, assigned, TicketState.ACCEPTED, "li"),
        TicketEvent("ticket-001", after, Action.START, TicketState.ACCEPTED, TicketState.IN_PROGRESS, "li"),
    )
    lives = records.read(lambda books: books.figures.period(START, after)).lives
    assert [life.ticket.id for life in lives] == ["ticket-001", "ticket-002"]
    assert [(change.at, change.action) for change in lives[0].changes] == [
        (before, Action.OPEN),
        (after - 1, Action.ACCEPT),
    ]
    log(records, TicketEvent("ticket-003", START, Action.REOPEN, closed, assigned, "hub"))
    lives = records.read(lambda books: books.figures.period(START, after)).lives
    assert [life.ticket.id for life in lives] == ["ticket-001", "ticket-002", "ticket-003"]


def test_an_alarm_is_active_by_its_history(records: SqlRecords) -> None:
    """Its own stamps are of its latest occurrence, which began after the hour."""
    end = START + HOUR
    save(
        records,
        alarm(1, active=True, raised_at=end + 5),
        alarm(2, active=False, raised_at=START, cleared_at=START + 5),
        alarm(3, active=True, raised_at=end),
        alarm(4, active=False, raised_at=START - 9, cleared_at=START - 1),
    )
    log(
        records,
        AlarmEvent("alarm-001", START - 5, Change.RAISED, "r", 1),
        AlarmEvent("alarm-001", START - 4, Change.ACKNOWLEDGED, "r", 1, "li"),
        AlarmEvent("alarm-002", START, Change.RAISED, "r", 1),
        AlarmEvent("alarm-002", START + 5, Change.RETURNED, "r", 1),
        AlarmEvent("alarm-001", end + 1, Change.RETURNED, "r", 1),
        AlarmEvent("alarm-003", end, Change.RAISED, "r", 1),
        AlarmEvent("alarm-001", end + 5, Change.RAISED, "r", 2),
    )
    hour = records.read(lambda books: books.figures.period(START, end))
    assert [one.id for one in hour.active] == ["alarm-001"]
    assert [one.id for one in hour.raised] == ["alarm-002"]


def test_what_was_raised_in_commissioning_counts_once_it_is_live_and_still_active(records: SqlRecords) -> None:
    names = [f"alarm-{number:03d}" for number in range(1, 7)]
    told, quiet = Change.ANNUNCIATED, Change.NOT_TOLD
    quiet_now, covered, back = 3, 4, 6
    save(
        records,
        *(alarm(n, active=True, occurrence=1, commissioning=n in (quiet_now, covered, back)) for n in range(1, 6)),
        alarm(back, active=True, occurrence=2, commissioning=True),
    )
    log(
        records,
        *(AlarmEvent(name, START, Change.RAISED, "r", 1) for name in names),
        AlarmEvent(names[0], START, told, "r", 1),
        AlarmEvent(names[1], START, quiet, "r", 1),  # and went live with the fault still there
        AlarmEvent(names[1], START + 9, Change.LIVE, "over", 1),
        AlarmEvent(names[1], START + 9, told, "over", 1),
        AlarmEvent(names[2], START, quiet, "r", 1),
        # names[3] was shelved: not even that it would have been told was written
        AlarmEvent(names[4], START, told, "r", 1),
        AlarmEvent(names[4], START + 5, Change.COMMISSIONING, "began", 1),
        AlarmEvent(names[5], START, told, "r", 1),  # told once, and raised anew in commissioning
        AlarmEvent(names[5], START + 5, Change.RETURNED, "r", 1),
        AlarmEvent(names[5], START + 7, Change.RAISED, "r", 2),
        AlarmEvent(names[5], START + 7, quiet, "r", 2),
    )
    hour = records.read(lambda books: books.figures.period(START, START + HOUR))
    assert [one.id for one in hour.raised] == [names[0], names[4], names[5]]
    assert sorted(one.id for one in hour.active) == [names[0], names[1], names[4]]
    early = records.read(lambda books: books.figures.period(START, START + 9))
    assert sorted(one.id for one in early.active) == [names[0], names[4]]
    for end, known in ((START + HOUR, {0, 1, 4, 5}), (START + 9, {0, 4, 5})):
        course = records.read(lambda books, end=end: books.figures.turns(START, end, community="garden", limit=99))
        assert sorted(turn.alarm for turn in course.turns if turn.active) == [names[number] for number in sorted(known)]
    later = records.read(lambda books: books.figures.turns(START + 10, START + HOUR, community="garden", limit=99))
    assert sorted(turn.alarm for turn in later.before) == [names[0], names[1], names[4]]


def test_the_first_acknowledgement_of_an_occurrence_counts_from_the_first_telling(records: SqlRecords) -> None:
    """Told again and acknowledged again is not a second case; an acknowledgement before anybody was told is none."""
    save(records, alarm(1), alarm(2), alarm(3))
    seen, told = Change.ACKNOWLEDGED, Change.ANNUNCIATED
    log(
        records,
        AlarmEvent("alarm-001", START - 60, told, "r", 1),
        AlarmEvent("alarm-001", START + 5, seen, "r", 1, "li"),
        AlarmEvent("alarm-001", START + 50, told, "r", 1),
        AlarmEvent("alarm-001", START + 60, seen, "r", 1, "li"),
        AlarmEvent("alarm-001", START + 70, told, "r", 2),
        AlarmEvent("alarm-001", START + 75, seen, "r", 2, "li"),
        AlarmEvent("alarm-002", START - 60, told, "r", 1),
        AlarmEvent("alarm-002", START - 50, seen, "r", 1, "li"),
        AlarmEvent("alarm-002", START + 60, seen, "r", 1, "li"),
        AlarmEvent("alarm-003", START + 5, seen, "r", 1, "li"),
        AlarmEvent("alarm-003", START + 9, told, "r", 1),
    )
    hour = records.read(lambda books: books.figures.period(START, START + HOUR))
    assert [(each.alarm.id, each.told_at, each.at) for each in hour.acknowledged] == [
        ("alarm-001", START - 60, START + 5),
        ("alarm-001", START + 70, START + 75),
    ]


def test_what_is_written_after_something_newer_is_still_found_in_its_hour(records: SqlRecords) -> None:
    save(records, alarm(1))
    late = AlarmEvent("alarm-001", START + 1, Change.RAISED, "r", 1)
    log(records, AlarmEvent("alarm-001", START + 5 * HOUR, Change.RAISED, "r", 2), late)
    hour = records.read(lambda books: books.figures.period(START, START + HOUR))
    assert [one.id for one in hour.raised] == ["alarm-001"]


def test_one_communitys_period_has_nothing_of_another(records: SqlRecords) -> None:
    save(records, alarm(1, active=True), alarm(2, community="park", active=True))
    add(records, ticket(1), ticket(2, key=replace(ticket(2).key, community="park")))
    for number in (1, 2):
        log(
            records,
            AlarmEvent(f"alarm-00{number}", START, Change.RAISED, "r", 1),
            AlarmEvent(f"alarm-00{number}", START, Change.ANNUNCIATED, "r", 1),
            AlarmEvent(f"alarm-00{number}", START + 1, Change.ACKNOWLEDGED, "r", 1, "li"),
            TicketEvent(f"ticket-00{number}", START, Action.OPEN, "", TicketState.ASSIGNED, "hub"),
        )
    rows = records.read(lambda books: books.figures.period(START, START + HOUR, community="park"))
    assert [life.ticket.id for life in rows.lives] == ["ticket-002"]
    assert [one.id for one in (*rows.raised, *rows.active)] == ["alarm-002", "alarm-002"]
    assert [each.alarm.id for each in rows.acknowledged] == ["alarm-002"]


def test_records_begin_with_the_first_alarm_or_ticket_that_was_on_time(records: SqlRecords) -> None:
    def begun() -> int | None:
        return records.read(lambda books: books.figures.begun("garden"))

    assert begun() is None
    save(records, alarm(1, id=uuid7(START - HOUR, 0, bytes(8)), late=True))
    add(records, ticket(1, key=replace(ticket(1).key, community="park"), reported_at=START - HOUR))
    assert begun() is None
    add(records, ticket(2, reported_at=START + 5))
    assert begun() == START + 5
    save(records, alarm(2, id=uuid7(START, 0, bytes(8)), raised_at=START + HOUR))
    assert begun() == START


def test_turns_of_alarms_with_those_that_were_active_before(records: SqlRecords) -> None:
    before, end = START - HOUR, START + HOUR
    save(records, alarm(1, active=True, device="d1", facility=""), alarm(2, cleared_at=START + 5), alarm(3, late=True))
    log(
        records,
        AlarmEvent("alarm-001", before, Change.RAISED, "r", 1),
        AlarmEvent("alarm-002", before + 1, Change.RAISED, "r", 1),
        AlarmEvent("alarm-002", START + 5, Change.RETURNED, "r", 1),
        AlarmEvent("alarm-002", START + 6, Change.ACKNOWLEDGED, "r", 1),
        AlarmEvent("alarm-003", START + 7, Change.RAISED, "r", 1),
        AlarmEvent("alarm-002", START + 8, Change.RAISED, "r", 2),
        AlarmEvent("alarm-002", end, Change.RETURNED, "r", 2),
    )

    def read(limit: int) -> Turns:
        return records.read(
            lambda books: books.figures.turns(START, end, community=alarm(1).community, limit=limit)  # type: ignore[no-any-return] # books of a file
        )

    found = read(10)
    assert found.start == START
    assert [(turn.alarm, turn.at) for turn in found.before] == [("alarm-001", before), ("alarm-002", before + 1)]
    assert [(turn.at, turn.active) for turn in found.turns] == [(START + 5, False), (START + 8, True)]
    assert found.before[0].fault == ("", "d1", alarm(1).failure_mode)
    cut = read(1)
    assert (cut.start, [turn.at for turn in cut.turns]) == (START + 8, [START + 8])
    assert [turn.alarm for turn in cut.before] == ["alarm-001"], "the other had returned by then"
    elsewhere = records.read(lambda books: books.figures.turns(START, end, community="elsewhere", limit=9))
    assert elsewhere == (START, [], [])
