"""The outbox: notices, the leases on them, and every attempt to send one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, bindparam, func, or_, select, update

from hub.domain.alarms import Priority
from hub.domain.notices import Notice, NoticeKind, NoticeState
from hub.flows.lists import EVERYTHING, Attempt, NoticeFilter, Page, Scope
from hub.flows.ports import Queue
from hub.storage.books.paging import equal, one_page, within
from hub.storage.books.upserts import Upsert
from hub.storage.tables import notice_attempts, notices

_FIELDS: Final = tuple(field.name for field in fields(Notice))
_COLUMNS: Final = tuple(notices.c[name] for name in _FIELDS)
_ADD: Final = Upsert(notices, ("dedupe_key",))
_ATTEMPT: Final = Upsert(notice_attempts, ("notice", "number"))

_RANK: Final = {priority.value: rank for rank, priority in enumerate(Priority)}
_QUEUED: Final = and_(notices.c.state == NoticeState.QUEUED.value, notices.c.next_at <= bindparam("now"))
_LAPSED: Final = and_(notices.c.state == NoticeState.SENDING.value, notices.c.lease_until <= bindparam("now"))
_CLAIMABLE: Final = or_(_QUEUED, _LAPSED)
_FIRST: Final = (
    select(*_COLUMNS)
    .order_by(notices.c.next_at, notices.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_FIRST_LAPSED: Final = _FIRST.where(_LAPSED)
_FIRST_QUEUED: Final = _FIRST.where(_QUEUED, notices.c.priority == bindparam("of_priority"))
"""One question for each priority, answered by an index: a long queue is never sorted."""
_LEASE: Final = (
    update(notices)
    .where(notices.c.id == bindparam("of"), notices.c.attempts == bindparam("before"), _CLAIMABLE)
    .values(state=NoticeState.SENDING.value, attempts=notices.c.attempts + 1, lease_until=bindparam("until"))
)
_SENT: Final = (
    update(notices)
    .where(notices.c.id == bindparam("of"))
    .values(state=NoticeState.SENT.value, sent_at=bindparam("now"), lease_until=None, last_error="")
)
_HELD: Final = and_(
    notices.c.id == bindparam("of"),
    notices.c.state == NoticeState.SENDING.value,
    notices.c.attempts == bindparam("number"),
)
"""The caller's lease still stands: the number of the attempt is the fence."""
_RETRY: Final = (
    update(notices)
    .where(_HELD)
    .values(state=NoticeState.QUEUED.value, next_at=bindparam("again"), lease_until=None, last_error=bindparam("error"))
)
_FAILED: Final = (
    update(notices).where(_HELD).values(state=NoticeState.FAILED.value, lease_until=None, last_error=bindparam("error"))
)
_UNSENT: Final = notices.c.state.in_([NoticeState.QUEUED.value, NoticeState.SENDING.value])
_WITHDRAW: Final = update(notices).where(_UNSENT).values(state=NoticeState.WITHDRAWN.value, lease_until=None)
_WAITING: Final = select(func.count(), func.min(notices.c.created_at)).where(_UNSENT)
_NEXT_LAPSE: Final = select(func.min(notices.c.lease_until)).where(notices.c.state == NoticeState.SENDING.value)
_NEXT_QUEUED: Final = tuple(
    select(func.min(notices.c.next_at)).where(
        notices.c.state == NoticeState.QUEUED.value, notices.c.priority == priority
    )
    for priority in _RANK
)
ALL: Final = Queue()
LAPSED: Final = "the sender stopped before it could record how this attempt ended; sent again"


class NoticeBook:
    """Implements hub.flows.ports.NoticeBook and hub.flows.lists.NoticeLists."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, notices: Iterable[Notice]) -> int:
        statement = _ADD.on(self._connection)
        return sum(self._connection.execute(statement, _row(notice)).rowcount for notice in notices)

    def claim(self, now: int, *, lease_ms: int, limit: int, queue: Queue = ALL) -> list[Notice]:
        """Each comes back as leased: state sending, ``attempts`` counts the one that now begins."""
        part = _of_queue(queue)
        rows = self._rows(_FIRST_LAPSED.where(*part), {"now": now, "most": limit})
        for priority in _RANK:
            of_priority = {"now": now, "most": limit, "of_priority": priority}
            rows += self._rows(_FIRST_QUEUED.where(*part), of_priority)
            if len(rows) >= limit:
                break
        rows.sort(key=lambda notice: (_RANK[notice.priority], notice.next_at, notice.id))
        claimed = [self._lease(notice, now, now + lease_ms) for notice in rows[:limit]]
        return [notice for notice in claimed if notice is not None]

    def sent(self, notice: Notice, *, now: int, took_ms: int) -> None:
        """It left: that holds also where the lease ran out or it was withdrawn meanwhile."""
        self._connection.execute(_SENT, {"of": notice.id, "now": now})
        self._record(notice, now, took_ms, "sent", "")

    def retry(self, notice: Notice, *, now: int, took_ms: int, next_at: int, error: str) -> None:
        held = {"of": notice.id, "number": notice.attempts}
        self._connection.execute(_RETRY, held | {"again": next_at, "error": error})
        self._record(notice, now, took_ms, "temporary", error)

    def failed(self, notice: Notice, *, now: int, took_ms: int, error: str, permanent: bool = True) -> None:
        """The end: ``permanent`` False where the last of the attempts was used up."""
        self._connection.execute(_FAILED, {"of": notice.id, "number": notice.attempts, "error": error})
        self._record(notice, now, took_ms, "permanent" if permanent else "temporary", error)

    def withdraw(self, *, ticket: str | None = None, alarm: str | None = None) -> int:
        """What has not left yet will not be tried again; one being sent at this moment may still arrive."""
        owners = equal(((notices.c.ticket, ticket), (notices.c.alarm, alarm)))
        if not owners:
            return 0
        return self._connection.execute(_WITHDRAW.where(*owners)).rowcount

    def waiting(self) -> tuple[int, int | None]:
        number, oldest = self._connection.execute(_WAITING).one()
        return number, oldest

    def next_due(self, queue: Queue = ALL) -> int | None:
        """When the next one can be claimed."""
        found = self._connection.execute(_next_due(queue)).one()
        return min((instant for instant in found if instant is not None), default=None)

    def page(
        self, what: NoticeFilter, scope: Scope = EVERYTHING, *, limit: int = 100, cursor: str | None = None
    ) -> Page[Notice]:
        query = select(*_COLUMNS).where(*_conditions(what, scope))
        order = (notices.c.created_at, notices.c.id)
        return one_page(self._connection, query, order, notice_from_row, limit=limit, cursor=cursor)

    def counts(self, what: NoticeFilter, scope: Scope = EVERYTHING) -> dict[NoticeState, int]:
        query = select(notices.c.state, func.count()).where(*_conditions(what, scope)).group_by(notices.c.state)
        return {NoticeState(state): number for state, number in self._connection.execute(query)}

    def get(self, notice_id: str) -> Notice | None:
        query = select(*_COLUMNS).where(notices.c.id == notice_id)
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else notice_from_row(row)

    def attempts(self, notice_id: str) -> tuple[Attempt, ...]:
        query = select(notice_attempts).where(notice_attempts.c.notice == notice_id).order_by(notice_attempts.c.number)
        return tuple(attempt_from_row(row) for row in self._connection.execute(query).mappings())

    def _rows(self, query: Select[Any], values: Mapping[str, object]) -> list[Notice]:
        return [notice_from_row(row) for row in self._connection.execute(query, values).mappings()]

    def _lease(self, notice: Notice, now: int, until: int) -> Notice | None:
        values = {"of": notice.id, "before": notice.attempts, "now": now, "until": until}
        if self._connection.execute(_LEASE, values).rowcount == 0:
            return None
        if notice.state is NoticeState.SENDING:
            self._record(notice, notice.lease_until or now, 0, "temporary", LAPSED)
        return _leased(notice, until)

    def _record(self, notice: Notice, at: int, took_ms: int, outcome: str, detail: str) -> None:
        row = Attempt(notice.id, notice.attempts, at, took_ms, outcome, detail)._asdict()
        self._connection.execute(_ATTEMPT.on(self._connection), row)


def notices_of_ticket(connection: Connection, ticket: str) -> tuple[tuple[Notice, ...], tuple[Attempt, ...]]:
    """What was sent about a ticket, and each attempt, oldest first."""
    query = select(*_COLUMNS).where(notices.c.ticket == ticket).order_by(notices.c.created_at, notices.c.id)
    found = tuple(notice_from_row(row) for row in connection.execute(query).mappings())
    tries = (
        select(notice_attempts)
        .join(notices, notices.c.id == notice_attempts.c.notice)
        .where(notices.c.ticket == ticket)
        .order_by(notice_attempts.c.at, notice_attempts.c.notice, notice_attempts.c.number)
    )
    return found, tuple(attempt_from_row(row) for row in connection.execute(tries).mappings())


def notice_from_row(row: RowMapping) -> Notice:
    """A row of ``notices`` as a value."""
    values: dict[str, Any] = {name: row[name] for name in _FIELDS}
    return Notice(**(values | {"kind": NoticeKind(row["kind"]), "state": NoticeState(row["state"])}))


def attempt_from_row(row: RowMapping) -> Attempt:
    """A row of ``notice_attempts`` as a value."""
    return Attempt(**{name: row[name] for name in Attempt._fields})


def _row(notice: Notice) -> dict[str, Any]:
    row = {name: getattr(notice, name) for name in _FIELDS}
    return row | {"kind": notice.kind.value, "state": notice.state.value}


def _of_queue(queue: Queue) -> list[ColumnElement[bool]]:
    found = []
    if queue.only is not None:
        found.append(notices.c.channel == queue.only)
    if queue.without:
        found.append(notices.c.channel.not_in(sorted(queue.without)))
    return found


@cache
def _next_due(queue: Queue) -> Select[Any]:
    """Built once for each of the few queues: it is asked at every turn of their threads."""
    part = _of_queue(queue)
    return select(*(query.where(*part).scalar_subquery() for query in (_NEXT_LAPSE, *_NEXT_QUEUED)))


def _leased(notice: Notice, until: int) -> Notice:
    return replace(notice, state=NoticeState.SENDING, attempts=notice.attempts + 1, lease_until=until)


def _conditions(what: NoticeFilter, scope: Scope) -> list[ColumnElement[bool]]:
    column = notices.c
    found = equal(
        (
            (column.community, what.community),
            (column.ticket, what.ticket),
            (column.channel, what.channel),
            (column.contact, what.contact),
        )
    )
    if what.states:
        found.append(column.state.in_(sorted(state.value for state in what.states)))
    if what.since is not None:
        found.append(column.created_at >= what.since)
    return found + within(scope, column.community, None)
