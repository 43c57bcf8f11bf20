"""The histories of alarms and tickets as the hourly figures read them, and how far they have been written as series.

A row's id is a UUIDv7 that is never earlier than what the row tells of, so ids give the order of writing and a lower bound.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, or_, select

from hub.domain.alarms import Change
from hub.domain.ids import uuid7
from hub.domain.tickets import ENDED, Action, TicketState
from hub.flows.figures import AlarmChange, HourRows, TicketChange
from hub.storage.books.alarms import alarm_from_row
from hub.storage.books.tickets import ticket_from_row
from hub.storage.books.upserts import Upsert
from hub.storage.tables import alarm_events, alarms, meta, ticket_events, tickets

_SET: Final = Upsert(meta, ("key",), update=("value",))
_KEY: Final = "figures."
_ENDED: Final = sorted(state.value for state in ENDED)
_ALARM_EVENT: Final = tuple(
    alarm_events.c[name].label(f"event_{name}") for name in ("id", "at", "kind", "occurrence", "by")
)
_TICKET_EVENT: Final = tuple(
    ticket_events.c[name].label(f"event_{name}") for name in ("id", "at", "action", "from_state", "to_state")
)
_OF_ALARMS: Final = (
    select(*_ALARM_EVENT, alarms).join(alarms, alarms.c.id == alarm_events.c.alarm).order_by(alarm_events.c.id)
)
_OF_TICKETS: Final = (
    select(*_TICKET_EVENT, tickets).join(tickets, tickets.c.id == ticket_events.c.ticket).order_by(ticket_events.c.id)
)


class FigureBook:
    """Implements hub.flows.figures.FigureBook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def mark(self, name: str) -> str:
        found: str | None = self._connection.execute(select(meta.c.value).where(meta.c.key == _KEY + name)).scalar()
        return found or ""

    def set_mark(self, name: str, value: str) -> None:
        self._connection.execute(_SET.on(self._connection), {"key": _KEY + name, "value": value})

    def alarm_changes(self, after: str, limit: int) -> list[AlarmChange]:
        return self._alarm_changes(_OF_ALARMS.where(alarm_events.c.id > after).limit(limit))

    def ticket_changes(self, after: str, limit: int) -> list[TicketChange]:
        return self._ticket_changes(_OF_TICKETS.where(ticket_events.c.id > after).limit(limit))

    def hour(self, start: int, end: int) -> HourRows:
        lasting = select(alarms).where(alarms.c.raised_at < end, or_(alarms.c.active, alarms.c.cleared_at >= start))
        standing = select(tickets).where(
            tickets.c.reported_at < end, or_(tickets.c.state.not_in(_ENDED), tickets.c.closed_at >= start)
        )
        return HourRows(
            alarm_changes=self._alarm_changes(_OF_ALARMS.where(*_within(alarm_events, start, end))),
            ticket_changes=self._ticket_changes(_OF_TICKETS.where(*_within(ticket_events, start, end))),
            alarms=[alarm_from_row(row) for row in self._connection.execute(lasting).mappings()],
            tickets=[ticket_from_row(row) for row in self._connection.execute(standing).mappings()],
        )

    def _alarm_changes(self, query: Select[Any]) -> list[AlarmChange]:
        return [_alarm_change(row) for row in self._connection.execute(query).mappings()]

    def _ticket_changes(self, query: Select[Any]) -> list[TicketChange]:
        return [_ticket_change(row) for row in self._connection.execute(query).mappings()]


def _within(events: Any, start: int, end: int) -> tuple[ColumnElement[bool], ...]:
    """By time; the id spares the database all that was written before."""
    return events.c.id >= uuid7(start, 0, bytes(8)), events.c.at >= start, events.c.at < end


def _alarm_change(row: RowMapping) -> AlarmChange:
    return AlarmChange(
        id=row["event_id"],
        at=row["event_at"],
        kind=Change(row["event_kind"]),
        occurrence=row["event_occurrence"],
        by=row["event_by"],
        alarm=alarm_from_row(row),
    )


def _ticket_change(row: RowMapping) -> TicketChange:
    return TicketChange(
        id=row["event_id"],
        at=row["event_at"],
        action=Action(row["event_action"]),
        from_state=row["event_from_state"],
        to_state=TicketState(row["event_to_state"]),
        ticket=ticket_from_row(row),
    )
