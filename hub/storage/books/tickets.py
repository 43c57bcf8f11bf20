"""Tickets, their numbers and their events. Every write is a compare-and-set on ``version``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Executable, RowMapping, bindparam, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from hub.domain.alarms import Priority
from hub.domain.ids import IdMaker
from hub.domain.tickets import ENDED, Ticket, TicketKey, TicketKind, TicketState
from hub.errors import AlreadyOpen
from hub.flows.lists import EVERYTHING, Page, Scope, TicketFilter, TicketHistory
from hub.flows.ports import AlarmEvent, TicketEvent
from hub.storage.books.alarms import event_from_row
from hub.storage.books.notices import notices_of_ticket
from hub.storage.books.paging import equal, one_page, within
from hub.storage.constraints import violated
from hub.storage.tables import alarm_events, alarms, ticket_events, ticket_numbers, tickets

_PLAIN: Final = tuple(field.name for field in fields(Ticket) if field.name != "key")
_KEY: Final = tuple(field.name for field in fields(TicketKey))
_COLUMNS: Final = tuple(tickets.c[name] for name in (*_PLAIN, *_KEY))
_ENDED: Final = sorted(state.value for state in ENDED)
_ONE_OPEN: Final = "uq_tickets_one_open"

_OF_KEY: Final = select(*_COLUMNS).where(
    *(tickets.c[name] == bindparam(f"is_{name}") for name in _KEY), tickets.c.late == bindparam("is_late")
)
_OPEN_FOR: Final = _OF_KEY.where(tickets.c.state.not_in(_ENDED))
_LAST_ENDED: Final = (
    _OF_KEY.where(tickets.c.state.in_(_ENDED))
    .order_by(func.coalesce(tickets.c.closed_at, tickets.c.updated_at).desc(), tickets.c.id.desc())
    .limit(1)
)
_GET: Final = select(*_COLUMNS).where(tickets.c.id == bindparam("of"))
_BY_NUMBER: Final = select(*_COLUMNS).where(tickets.c.number == bindparam("of"))
_ADD: Final = insert(tickets)
_SWAP: Final = (
    update(tickets)
    .where(tickets.c.id == bindparam("of"), tickets.c.version == bindparam("expected"))
    .values({name: bindparam(f"to_{name}") for name in (*_PLAIN, *_KEY, "updated_at") if name != "id"})
)
_DUE: Final = (
    select(*_COLUMNS)
    .where(tickets.c.recheck_at <= bindparam("now"))
    .order_by(tickets.c.recheck_at, tickets.c.id)
    .limit(bindparam("most"))
)
_NEXT_DUE: Final = select(func.min(tickets.c.recheck_at))
_LOG: Final = insert(ticket_events)


def _counting(statement: Any) -> Executable:
    """Take the next number: the row is made with 1 or counted up, in one statement that locks it until the commit."""
    counted = statement.values(community=bindparam("community"), year=bindparam("year"), last=1)
    counted = counted.on_conflict_do_update(
        index_elements=[ticket_numbers.c.community, ticket_numbers.c.year], set_={"last": ticket_numbers.c.last + 1}
    )
    return counted.returning(ticket_numbers.c.last)  # type: ignore[no-any-return]


_NEXT_NUMBER: Final[Mapping[str, Executable]] = {
    "sqlite": _counting(sqlite.insert(ticket_numbers)),
    "postgresql": _counting(postgresql.insert(ticket_numbers)),
}


class TicketBook:
    """Implements hub.flows.ports.TicketBook and hub.flows.lists.TicketLists."""

    def __init__(self, connection: Connection, ids: IdMaker) -> None:
        self._connection = connection
        self._ids = ids

    def open_for(self, key: TicketKey, *, late: bool) -> Ticket | None:
        return self._one(_OPEN_FOR, _named(key, late=late))

    def last_ended_for(self, key: TicketKey, *, late: bool) -> Ticket | None:
        return self._one(_LAST_ENDED, _named(key, late=late))

    def get(self, ticket_id: str) -> Ticket | None:
        return self._one(_GET, {"of": ticket_id})

    def by_number(self, number: str) -> Ticket | None:
        return self._one(_BY_NUMBER, {"of": number})

    def next_number(self, community: str, prefix: str, year: int) -> str:
        statement = _NEXT_NUMBER[self._connection.dialect.name]
        number = self._connection.execute(statement, {"community": community, "year": year}).scalar_one()
        return f"{prefix}-{year}-{number:06d}"

    def add(self, ticket: Ticket) -> None:
        """AlreadyOpen where another one was first; the transaction goes on, so look again with ``open_for``."""
        try:
            with self._connection.begin_nested():
                self._connection.execute(_ADD, _row(ticket, now=ticket.reported_at))
        except IntegrityError as error:
            if violated(error) == _ONE_OPEN:
                raise AlreadyOpen(f"a ticket for {ticket.key} is already open: attach to that one") from error
            raise

    def swap(self, ticket: Ticket, *, expected: int, now: int) -> bool:
        values: dict[str, Any] = {f"to_{name}": value for name, value in _row(ticket, now=now).items() if name != "id"}
        values |= {"of": ticket.id, "expected": expected}
        try:
            with self._connection.begin_nested():
                return self._connection.execute(_SWAP, values).rowcount == 1
        except IntegrityError as error:
            if violated(error) == _ONE_OPEN:
                raise AlreadyOpen(f"another ticket for {ticket.key} is open: reopen that one instead") from error
            raise

    def due(self, now: int, limit: int) -> list[Ticket]:
        rows = self._connection.execute(_DUE, {"now": now, "most": limit}).mappings()
        return [ticket_from_row(row) for row in rows]

    def next_due(self) -> int | None:
        """The earliest ``recheck_at`` of all."""
        found: int | None = self._connection.execute(_NEXT_DUE).scalar_one()
        return found

    def log(self, events: Iterable[TicketEvent]) -> None:
        rows = [{"id": self._ids.make(event.at), **event._asdict()} for event in events]
        if rows:
            self._connection.execute(_LOG, rows)

    def page(
        self, what: TicketFilter, scope: Scope = EVERYTHING, *, limit: int = 100, cursor: str | None = None
    ) -> Page[Ticket]:
        query = select(*_COLUMNS).where(*_conditions(what, scope))
        order = (tickets.c.reported_at, tickets.c.id)
        return one_page(self._connection, query, order, ticket_from_row, limit=limit, cursor=cursor)

    def counts(self, what: TicketFilter, scope: Scope = EVERYTHING) -> dict[TicketState, int]:
        query = select(tickets.c.state, func.count()).where(*_conditions(what, scope)).group_by(tickets.c.state)
        return {TicketState(state): number for state, number in self._connection.execute(query)}

    def history(self, ticket_id: str) -> TicketHistory:
        """The ticket's own events, those of its alarms while it ran, and what was sent about it."""
        query = select(ticket_events).where(ticket_events.c.ticket == ticket_id).order_by(ticket_events.c.id)
        events = tuple(ticket_event_from_row(row) for row in self._connection.execute(query).mappings())
        notices, attempts = notices_of_ticket(self._connection, ticket_id)
        return TicketHistory(events, self._alarm_events(ticket_id, events), notices, attempts)

    def _alarm_events(self, ticket_id: str, events: tuple[TicketEvent, ...]) -> tuple[AlarmEvent, ...]:
        ticket = self.get(ticket_id)
        if ticket is None:
            return ()
        # An alarm row points at its latest ticket only; the ticket's own events remember the alarms of earlier ones.
        linked = select(alarms.c.id).where(alarms.c.ticket == ticket_id)
        named = sorted({event.alarm for event in events if event.alarm is not None})
        query = select(alarm_events).where(
            or_(alarm_events.c.alarm.in_(linked), alarm_events.c.alarm.in_(named)),
            alarm_events.c.at >= ticket.reported_at,
        )
        if ticket.closed_at is not None:
            query = query.where(alarm_events.c.at <= ticket.closed_at)
        rows = self._connection.execute(query.order_by(alarm_events.c.id)).mappings()
        return tuple(event_from_row(row) for row in rows)

    def _one(self, statement: Executable, values: Mapping[str, object]) -> Ticket | None:
        row = self._connection.execute(statement, values).mappings().one_or_none()
        return None if row is None else ticket_from_row(row)


def ticket_from_row(row: RowMapping) -> Ticket:
    """A row of ``tickets`` as a value."""
    values: dict[str, Any] = {name: row[name] for name in _PLAIN}
    values |= {
        "key": TicketKey(**{name: row[name] for name in _KEY}),
        "kind": TicketKind(row["kind"]),
        "state": TicketState(row["state"]),
        "priority": Priority(row["priority"]),
    }
    return Ticket(**values)


def ticket_event_from_row(row: RowMapping) -> TicketEvent:
    """A row of ``ticket_events`` as a value."""
    return TicketEvent(**{name: row[name] for name in TicketEvent._fields})


def _row(ticket: Ticket, *, now: int) -> dict[str, Any]:
    row = {name: getattr(ticket, name) for name in _PLAIN}
    row |= {name: getattr(ticket.key, name) for name in _KEY}
    row |= {name: getattr(ticket, name).value for name in ("kind", "state", "priority")}
    return row | {"updated_at": now}


def _named(key: TicketKey, *, late: bool) -> dict[str, object]:
    return {f"is_{name}": getattr(key, name) for name in _KEY} | {"is_late": late}


def _conditions(what: TicketFilter, scope: Scope) -> list[ColumnElement[bool]]:
    column = tickets.c
    found = equal(
        (
            (column.community, what.community),
            (column.facility, what.facility),
            (column.unit, what.unit),
            (column.priority, what.priority and what.priority.value),
            (column.crew, what.crew),
            (column.assignee, what.assignee),
            (column.late, what.late),
        )
    )
    if what.states:
        found.append(column.state.in_(sorted(state.value for state in what.states)))
    if what.open is not None:
        found.append(column.state.not_in(_ENDED) if what.open else column.state.in_(_ENDED))
    if what.since is not None:
        found.append(column.reported_at >= what.since)
    return found + within(scope, column.community, column.facility)
