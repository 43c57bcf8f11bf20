"""The histories of alarms and tickets as figures read them.

A row's id is a UUIDv7 that is never earlier than what the row tells of, so ids give the order of writing and a lower bound.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, exists, func, or_, select

from hub.domain.alarm_load import Fault, Turn
from hub.domain.alarms import Alarm, Change, Priority
from hub.domain.ids import instant_of, uuid7
from hub.domain.kpi import Acknowledged, Done, Life
from hub.domain.tickets import ENDED, Action, TicketState
from hub.flows.figures import AlarmChange, PeriodRows, TicketChange, Turns
from hub.storage.books.alarms import alarm_from_row
from hub.storage.books.tickets import ticket_from_row
from hub.storage.tables import alarm_events, alarms, meta, ticket_events, tickets

_KEY: Final = "figures."
"""Written by versions that had one mark for all stores."""
_AT_ONCE: Final = 1_000
"""Tickets whose histories are read at once: databases take so many parameters and not many more."""
_Where = tuple[ColumnElement[bool], ...]
_ENDED: Final = sorted(state.value for state in ENDED)
_ALARM_EVENT: Final = tuple(alarm_events.c[name].label(f"event_{name}") for name in ("id", "at", "kind", "occurrence"))
_TICKET_EVENT: Final = tuple(
    ticket_events.c[name].label(f"event_{name}") for name in ("id", "at", "action", "from_state", "to_state")
)
_OF_ALARMS: Final = (
    select(*_ALARM_EVENT, alarms).join(alarms, alarms.c.id == alarm_events.c.alarm).order_by(alarm_events.c.id)
)
_TURNED: Final = select(
    alarms.c.id,
    alarm_events.c.at,
    alarm_events.c.kind,
    alarms.c.facility,
    alarms.c.unit,
    alarms.c.device,
    alarms.c.failure_mode,
    alarms.c.priority,
).join(alarms, alarms.c.id == alarm_events.c.alarm)
_RAISED: Final = alarm_events.c.kind == Change.RAISED.value
_TOLD: Final = alarm_events.c.kind == Change.ANNUNCIATED.value
_ACKNOWLEDGED: Final = alarm_events.c.kind == Change.ACKNOWLEDGED.value
_SAME: Final = alarm_events.alias("same")
"""Other rows of the same occurrence of an alarm."""
_TURNS: Final = tuple(change.value for change in (Change.RAISED, Change.RETURNED, Change.RESET, Change.WITHDRAWN))
"""Changes after which an alarm is active, or is not."""
_OF_TICKETS: Final = (
    select(*_TICKET_EVENT, tickets).join(tickets, tickets.c.id == ticket_events.c.ticket).order_by(ticket_events.c.id)
)


class FigureBook:
    """Implements hub.flows.figures.FigureBook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def old_mark(self, name: str) -> str:
        found: str | None = self._connection.execute(select(meta.c.value).where(meta.c.key == _KEY + name)).scalar()
        return found or ""

    def alarm_changes(self, after: str, limit: int) -> list[AlarmChange]:
        return self._alarm_changes(_OF_ALARMS.where(alarm_events.c.id > after).limit(limit))

    def ticket_changes(self, after: str, limit: int) -> list[TicketChange]:
        return self._ticket_changes(_OF_TICKETS.where(ticket_events.c.id > after).limit(limit))

    def period(self, start: int, end: int, *, community: str | None = None) -> PeriodRows:
        mine = () if community is None else (alarms.c.community == community,)
        raised = _OF_ALARMS.where(*_within(alarm_events, start, end), _RAISED, ~_quiet(), *mine)
        return PeriodRows(
            lives=self._lives(start, end, () if community is None else (tickets.c.community == community,)),
            raised=[row.alarm for row in self._alarm_changes(raised)],
            active=self._active(start, end, mine),
            acknowledged=self._acknowledged(start, end, mine),
        )

    def turns(self, start: int, end: int, *, community: str, limit: int) -> Turns:
        mine = (alarms.c.community == community, alarms.c.late.is_(False))
        within = _TURNED.where(
            *_within(alarm_events, start, end),
            alarm_events.c.kind.in_(_TURNS),
            ~(_RAISED & _still_quiet(end)),
            *mine,
        )
        found = [_turn(row) for row in self._connection.execute(within.order_by(alarm_events.c.id.desc()).limit(limit))]
        if len(found) == limit:
            start = found[-1].at
        last = _last_turns(start, start, mine)
        before = _TURNED.where(alarm_events.c.id.in_(last), _RAISED, ~_still_quiet(end)).order_by(alarm_events.c.id)
        return Turns(start, [_turn(row) for row in self._connection.execute(before)], found[::-1])

    def begun(self, community: str) -> int | None:
        """An alarm is written when its condition first held, and its id tells when that was."""
        alarm = select(func.min(alarms.c.id)).where(alarms.c.community == community, alarms.c.late.is_(False))
        ticket = select(func.min(tickets.c.reported_at)).where(
            tickets.c.community == community, tickets.c.late.is_(False)
        )
        first: str | None = self._connection.execute(alarm).scalar()
        reported: int | None = self._connection.execute(ticket).scalar()
        known = [at for at in (reported, None if first is None else instant_of(first)) if at is not None]
        return min(known, default=None)

    def _lives(self, start: int, end: int, mine: _Where) -> list[Life]:
        changed = select(ticket_events.c.ticket).where(*_within(ticket_events, start, end))
        standing = tickets.c.state.not_in(_ENDED) | (tickets.c.closed_at >= start)
        query = select(tickets).where(tickets.c.reported_at < end, or_(standing, tickets.c.id.in_(changed)), *mine)
        found = {
            row["id"]: ticket_from_row(row) for row in self._connection.execute(query.order_by(tickets.c.id)).mappings()
        }
        histories: dict[str, list[Done]] = {id_: [] for id_ in found}
        ids = list(found)
        for first in range(0, len(ids), _AT_ONCE):
            for row in self._connection.execute(_history_of(ids[first : first + _AT_ONCE], end)):
                histories[row.ticket].append(Done(row.at, Action(row.action), row.from_state, row.to_state))
        return [Life(ticket=ticket, changes=tuple(histories[id_])) for id_, ticket in found.items()]

    def _active(self, start: int, end: int, mine: _Where) -> list[Alarm]:
        """Those whose last change before the end left them active: an alarm's own stamps are of its latest occurrence."""
        last = _last_turns(start, end, mine)
        found = _OF_ALARMS.where(alarm_events.c.id.in_(last), _RAISED, ~_still_quiet(end))
        return [row.alarm for row in self._alarm_changes(found)]

    def _acknowledged(self, start: int, end: int, mine: _Where) -> list[Acknowledged]:
        """The first acknowledgement of each occurrence, where it was in the period."""
        seen = select(alarm_events.c.alarm).where(*_within(alarm_events, start, end), _ACKNOWLEDGED)
        key = (alarm_events.c.alarm, alarm_events.c.occurrence, alarm_events.c.kind)
        query = (
            select(*key, func.min(alarm_events.c.at))
            .where(alarm_events.c.alarm.in_(seen), or_(_TOLD, _ACKNOWLEDGED))
            .group_by(*key)
        )
        told: dict[tuple[str, int], int] = {}
        acknowledged: dict[tuple[str, int], int] = {}
        for alarm, occurrence, kind, at in self._connection.execute(query):
            (told if kind == Change.ANNUNCIATED else acknowledged)[alarm, occurrence] = at
        inside = {key: at for key, at in acknowledged.items() if start <= at < end and told.get(key, end) <= at}
        rows = self._connection.execute(select(alarms).where(alarms.c.id.in_(seen), *mine)).mappings()
        by_id = {row["id"]: alarm_from_row(row) for row in rows}
        return [Acknowledged(by_id[key[0]], told[key], at) for key, at in sorted(inside.items()) if key[0] in by_id]

    def _alarm_changes(self, query: Select[Any]) -> list[AlarmChange]:
        return [_alarm_change(row) for row in self._connection.execute(query).mappings()]

    def _ticket_changes(self, query: Select[Any]) -> list[TicketChange]:
        return [_ticket_change(row) for row in self._connection.execute(query).mappings()]


def _last_turns(start: int, end: int, mine: _Where) -> Select[Any]:
    """Ids of the last turn before ``end`` of each alarm that is active, or was so at ``start`` or later."""
    candidates = select(alarms.c.id).where(or_(alarms.c.active, alarms.c.cleared_at >= start), *mine)
    return (
        select(func.max(alarm_events.c.id))
        .where(alarm_events.c.alarm.in_(candidates), alarm_events.c.at < end, alarm_events.c.kind.in_(_TURNS))
        .group_by(alarm_events.c.alarm)
    )


def _turn(row: Any) -> Turn:
    alarm, at, kind, facility, unit, device, mode, priority = row
    fault = Fault(facility, unit if facility else device or unit, mode)
    return Turn(alarm, at, kind == Change.RAISED.value, fault, Priority(priority))


def _history_of(ids: list[str], end: int) -> Select[Any]:
    column = ticket_events.c
    return (
        select(column.ticket, column.at, column.action, column.from_state, column.to_state)
        .where(column.ticket.in_(ids), column.at < end, column.from_state != column.to_state)
        .order_by(column.id)
    )


def _also(kind: Change, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the occurrence has such a row too."""
    same = (_SAME.c.alarm == alarm_events.c.alarm, _SAME.c.occurrence == alarm_events.c.occurrence)
    return exists().where(*same, _SAME.c.kind == kind.value, *more)


def _quiet() -> ColumnElement[bool]:
    """Whether a row of RAISED was written in commissioning: it says so at once, or an overlay kept even that quiet."""
    covered = alarms.c.commissioning & (alarms.c.occurrence == alarm_events.c.occurrence) & ~_also(Change.COMMISSIONING)
    return _also(Change.NOT_TOLD, _SAME.c.at == alarm_events.c.at) | covered


def _still_quiet(end: int) -> ColumnElement[bool]:
    """And its place has not gone live before ``end`` while the fault lasted."""
    return _quiet() & ~_also(Change.LIVE, _SAME.c.at < end)


def _within(events: Any, start: int, end: int) -> tuple[ColumnElement[bool], ...]:
    """By time; the id spares the database all that was written before."""
    return events.c.id >= uuid7(start, 0, bytes(8)), events.c.at >= start, events.c.at < end


def _alarm_change(row: RowMapping) -> AlarmChange:
    return AlarmChange(
        id=row["event_id"],
        at=row["event_at"],
        kind=Change(row["event_kind"]),
        occurrence=row["event_occurrence"],
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
