"""Alarms and their events. Written by the alarm lane only; read by the pages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, func, insert, or_, select

from hub.domain.alarms import Alarm, AlarmState, Change, Overlay, Priority
from hub.domain.ids import IdMaker
from hub.flows.lists import EVERYTHING, AlarmFilter, Page, Scope
from hub.flows.ports import AlarmEvent
from hub.storage.books.paging import equal, one_page, within
from hub.storage.books.upserts import Upsert
from hub.storage.tables import alarm_events, alarms

_FIELDS: Final = tuple(field.name for field in fields(Alarm))
_COLUMNS: Final = tuple(alarms.c[name] for name in _FIELDS)
_CHANGING: Final = tuple(name for name in _FIELDS if name != "id")
_SAVE: Final = Upsert(alarms, ("id",), update=(*_CHANGING, "updated_at"))
_SAVE_WITH_TICKET: Final = Upsert(alarms, ("id",), update=(*_CHANGING, "updated_at", "ticket"))
_GET: Final = select(*_COLUMNS).where(alarms.c.id == bindparam("of"))
_FIND: Final = select(*_COLUMNS).where(
    *(alarms.c[name] == bindparam(f"is_{name}") for name in ("community", "rule", "device", "point", "code", "late"))
)
_LIVE: Final = select(*_COLUMNS).where(
    or_(
        alarms.c.active,
        ~alarms.c.acked,
        alarms.c.pending_since.is_not(None),
        alarms.c.latched,
        alarms.c.overlay != Overlay.NONE.value,
        alarms.c.recheck_at.is_not(None),
    )
)
_TICKET_OF: Final = select(alarms.c.ticket).where(alarms.c.id == bindparam("of"))
_OF_TICKET: Final = select(*_COLUMNS).where(alarms.c.ticket == bindparam("of")).order_by(alarms.c.id)
_COVERING: Final = (Change.SHELVED.value, Change.SUPPRESSED.value, Change.OUT_OF_SERVICE.value)
_LOG: Final = insert(alarm_events)

_STATES: Final[Mapping[AlarmState, ColumnElement[bool]]] = {
    AlarmState.NORMAL: and_(~alarms.c.active, alarms.c.acked),
    AlarmState.UNACKNOWLEDGED: and_(alarms.c.active, ~alarms.c.acked),
    AlarmState.ACKNOWLEDGED: and_(alarms.c.active, alarms.c.acked),
    AlarmState.RTN_UNACKNOWLEDGED: and_(~alarms.c.active, ~alarms.c.acked),
}


class AlarmBook:
    """Implements hub.flows.ports.AlarmBook and hub.flows.lists.AlarmLists."""

    def __init__(self, connection: Connection, ids: IdMaker) -> None:
        self._connection = connection
        self._ids = ids

    def live(self) -> list[Alarm]:
        return [alarm_from_row(row) for row in self._connection.execute(_LIVE).mappings()]

    def find(self, *, community: str, rule: str, device: str, point: str, code: str, late: bool) -> Alarm | None:
        source = {
            "is_community": community,
            "is_rule": rule,
            "is_device": device,
            "is_point": point,
            "is_code": code,
            "is_late": late,
        }
        row = self._connection.execute(_FIND, source).mappings().one_or_none()
        return None if row is None else alarm_from_row(row)

    def get(self, alarm_id: str) -> Alarm | None:
        row = self._connection.execute(_GET, {"of": alarm_id}).mappings().one_or_none()
        return None if row is None else alarm_from_row(row)

    def save(self, alarm: Alarm, *, ticket: str | None, now: int) -> None:
        row = {name: getattr(alarm, name) for name in _FIELDS}
        row |= {"priority": alarm.priority.value, "overlay": alarm.overlay.value, "updated_at": now, "ticket": ticket}
        statement = _SAVE if ticket is None else _SAVE_WITH_TICKET
        self._connection.execute(statement.on(self._connection), row)

    def ticket_of(self, alarm_id: str) -> str | None:
        return self._connection.execute(_TICKET_OF, {"of": alarm_id}).scalar_one_or_none()

    def of_ticket(self, ticket_id: str) -> list[Alarm]:
        return [alarm_from_row(row) for row in self._connection.execute(_OF_TICKET, {"of": ticket_id}).mappings()]

    def active_behind(self, tickets: Collection[str]) -> frozenset[str]:
        query = select(alarms.c.ticket).where(alarms.c.ticket.in_(tickets), alarms.c.active).distinct()
        return frozenset(self._connection.execute(query).scalars()) if tickets else frozenset()

    def covers(self, alarms: Collection[str]) -> dict[str, AlarmEvent]:
        last = select(func.max(alarm_events.c.id)).where(
            alarm_events.c.alarm.in_(alarms), alarm_events.c.kind.in_(_COVERING)
        )
        query = select(alarm_events).where(alarm_events.c.id.in_(last.group_by(alarm_events.c.alarm)))
        rows = self._connection.execute(query).mappings() if alarms else ()
        return {row["alarm"]: event_from_row(row) for row in rows}

    def log(self, events: Iterable[AlarmEvent]) -> None:
        rows = [{"id": self._ids.make(event.at), **event._asdict()} for event in events]
        if rows:
            self._connection.execute(_LOG, rows)

    def page(
        self, what: AlarmFilter, scope: Scope = EVERYTHING, *, limit: int = 100, cursor: str | None = None
    ) -> Page[Alarm]:
        order = (func.coalesce(alarms.c.raised_at, 0), alarms.c.id)
        query = select(*_COLUMNS).where(*_conditions(what, scope))
        return one_page(self._connection, query, order, alarm_from_row, limit=limit, cursor=cursor)

    def counts(self, what: AlarmFilter, scope: Scope = EVERYTHING) -> dict[AlarmState, int]:
        query = (
            select(alarms.c.active, alarms.c.acked, func.count())
            .where(*_conditions(what, scope))
            .group_by(alarms.c.active, alarms.c.acked)
        )
        return {_state(active=active, acked=acked): number for active, acked, number in self._connection.execute(query)}

    def events(self, alarm_id: str, *, limit: int = 200) -> tuple[AlarmEvent, ...]:
        query = (
            select(alarm_events).where(alarm_events.c.alarm == alarm_id).order_by(alarm_events.c.id.desc()).limit(limit)
        )
        return tuple(event_from_row(row) for row in reversed(self._connection.execute(query).mappings().all()))


def alarm_from_row(row: RowMapping) -> Alarm:
    """A row of ``alarms`` as a value."""
    values: dict[str, Any] = {name: row[name] for name in _FIELDS}
    values |= {"priority": Priority(row["priority"]), "overlay": Overlay(row["overlay"])}
    return Alarm(**values)


def event_from_row(row: RowMapping) -> AlarmEvent:
    """A row of ``alarm_events`` as a value."""
    return AlarmEvent(**{name: row[name] for name in AlarmEvent._fields})


def _state(*, active: bool, acked: bool) -> AlarmState:
    if active:
        return AlarmState.ACKNOWLEDGED if acked else AlarmState.UNACKNOWLEDGED
    return AlarmState.NORMAL if acked else AlarmState.RTN_UNACKNOWLEDGED


def _conditions(what: AlarmFilter, scope: Scope) -> list[ColumnElement[bool]]:
    column = alarms.c
    found = equal(
        (
            (column.community, what.community),
            (column.facility, what.facility),
            (column.device, what.device),
            (column.priority, what.priority and what.priority.value),
            (column.ticket, what.ticket),
            (column.late, what.late),
        )
    )
    if what.states:
        found.append(or_(*(_STATES[state] for state in sorted(what.states))))
    if what.overlays:
        found.append(column.overlay.in_(sorted(what.overlays)))
    if what.raised is not None:
        found.append(column.occurrence > 0 if what.raised else column.occurrence == 0)
    if what.since is not None:
        found.append(column.raised_at >= what.since)
    return found + within(scope, column.community, column.facility)
