"""A complete small records store in memory: what is raised inside ``write`` leaves no trace."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from hub.domain.alarms import Alarm, Overlay
from hub.domain.notices import Notice, NoticeState
from hub.domain.tickets import ENDED, Ticket, TicketKey
from hub.domain.walk import PointTest
from hub.errors import AlreadyOpen, StoreUnavailable
from hub.flows.batch import Announced, DeviceSeen, Gap, Position, Refusal
from hub.flows.ports import AlarmEvent, LaneMark, TicketEvent

T = TypeVar("T")


class FakeAlarms:
    def __init__(self) -> None:
        self.rows: dict[str, Alarm] = {}
        self.tickets: dict[str, str] = {}
        self.events: list[AlarmEvent] = []

    def live(self) -> list[Alarm]:
        return [
            alarm
            for alarm in self.rows.values()
            if alarm.active
            or not alarm.acked
            or alarm.pending_since is not None
            or alarm.overlay is not Overlay.NONE
            or alarm.recheck_at is not None
        ]

    def find(self, **key: object) -> Alarm | None:
        return next((a for a in self.rows.values() if all(getattr(a, k) == v for k, v in key.items())), None)

    def get(self, alarm_id: str) -> Alarm | None:
        return self.rows.get(alarm_id)

    def save(self, alarm: Alarm, *, ticket: str | None, now: int) -> None:
        self.rows[alarm.id] = alarm
        if ticket is not None:
            self.tickets[alarm.id] = ticket

    def ticket_of(self, alarm_id: str) -> str | None:
        return self.tickets.get(alarm_id)

    def of_ticket(self, ticket_id: str) -> list[Alarm]:
        return [self.rows[alarm] for alarm, ticket in self.tickets.items() if ticket == ticket_id]

    def log(self, events: Iterable[AlarmEvent]) -> None:
        self.events += events


class FakeTickets:
    def __init__(self) -> None:
        self.rows: dict[str, Ticket] = {}
        self.events: list[TicketEvent] = []
        self.numbers: dict[tuple[str, int], int] = {}

    def _of(self, key: TicketKey, *, late: bool, ended: bool) -> list[Ticket]:
        return [t for t in self.rows.values() if t.key == key and t.late == late and (t.state in ENDED) == ended]

    def open_for(self, key: TicketKey, *, late: bool) -> Ticket | None:
        return next(iter(self._of(key, late=late, ended=False)), None)

    def last_ended_for(self, key: TicketKey, *, late: bool) -> Ticket | None:
        return max(self._of(key, late=late, ended=True), key=lambda t: (t.closed_at or 0, t.id), default=None)

    def get(self, ticket_id: str) -> Ticket | None:
        return self.rows.get(ticket_id)

    def next_number(self, community: str, prefix: str, year: int) -> str:
        self.numbers[community, year] = self.numbers.get((community, year), 0) + 1
        return f"{prefix}-{year}-{self.numbers[community, year]:06d}"

    def add(self, ticket: Ticket) -> None:
        if self.open_for(ticket.key, late=ticket.late) is not None and ticket.key.failure_mode:
            raise AlreadyOpen(str(ticket.key))
        self.rows[ticket.id] = ticket

    def swap(self, ticket: Ticket, *, expected: int, now: int) -> bool:
        if self.rows[ticket.id].version != expected:
            return False
        self.rows[ticket.id] = ticket
        return True

    def due(self, now: int, limit: int) -> list[Ticket]:
        found = [t for t in self.rows.values() if t.recheck_at is not None and t.recheck_at <= now]
        return sorted(found, key=lambda t: t.recheck_at or 0)[:limit]

    def next_due(self) -> int | None:
        return min((t.recheck_at for t in self.rows.values() if t.recheck_at is not None), default=None)

    def log(self, events: Iterable[TicketEvent]) -> None:
        self.events += events


class FakeNotices:
    def __init__(self) -> None:
        self.rows: dict[str, Notice] = {}

    def add(self, notices: Iterable[Notice]) -> int:
        before = len(self.rows)
        for notice in notices:
            self.rows.setdefault(notice.dedupe_key, notice)
        return len(self.rows) - before

    def withdraw(self, *, ticket: str | None = None, alarm: str | None = None) -> int:
        gone = [
            key
            for key, n in self.rows.items()
            if n.state is NoticeState.QUEUED and ((ticket and n.ticket == ticket) or (alarm and n.alarm == alarm))
        ]
        for key in gone:
            self.rows[key] = replace(self.rows[key], state=NoticeState.WITHDRAWN)
        return len(gone)


class FakeLanes:
    def __init__(self) -> None:
        self.rows: dict[str, LaneMark] = {}

    def load(self, lane: str) -> LaneMark | None:
        return self.rows.get(lane)

    def save(self, lane: str, mark: LaneMark) -> None:
        before = self.rows.get(lane)
        if mark.state is None and before is not None:
            mark = mark._replace(state=before.state, state_batch=before.state_batch)
        self.rows[lane] = mark


class FakeGaps:
    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, int], Gap] = {}

    def add(self, gaps: Iterable[Gap]) -> None:
        self.rows |= {(gap.connection, gap.kind, gap.started_at): gap for gap in gaps}

    def latest(self, limit: int) -> list[Gap]:
        return list(self.rows.values())[-limit:]


class FakeQuarantine:
    def __init__(self) -> None:
        self.rows: list[tuple[Position, Refusal]] = []

    def keep(self, position: Position, refusals: Sequence[Refusal]) -> int:
        self.rows += [(position, refusal) for refusal in refusals]
        return len(refusals)


class FakeDevices:
    def __init__(self) -> None:
        self.rows: dict[str, DeviceSeen] = {}
        self.gone: dict[str, int] = {}

    def seen(self, heard: Iterable[DeviceSeen]) -> int:
        before = len(self.rows)
        for device in heard:
            self.rows.setdefault(device.device, device)
        return len(self.rows) - before

    def announced(self, said: Iterable[Announced]) -> bool:
        return bool(tuple(said))

    def retire(self, gone: Iterable[str], now: int) -> None:
        self.gone.update(dict.fromkeys(gone, now))


class FakeCommissioning:
    """Nothing is expected here; tests are kept."""

    def __init__(self) -> None:
        self.rows: list[PointTest] = []

    def missing(self, communities: Iterable[str]) -> list[Any]:
        return []

    def add_tests(self, tests: Iterable[PointTest]) -> None:
        self.rows += tests

    def tests(self, community: str) -> list[PointTest]:
        return [test for test in self.rows if test.community == community]


class FakeBooks:
    def __init__(self) -> None:
        self.commissioning: Any = FakeCommissioning()
        self.alarms: Any = FakeAlarms()
        self.tickets: Any = FakeTickets()
        self.notices: Any = FakeNotices()
        self.lanes: Any = FakeLanes()
        self.gaps: Any = FakeGaps()
        self.quarantine: Any = FakeQuarantine()
        self.devices: Any = FakeDevices()


class FakeRecords:
    """``break_next`` makes the next write fail before its commit."""

    def __init__(self) -> None:
        self.books = FakeBooks()
        self.break_next = False

    def write(self, work: Callable[[Any], T]) -> T:
        draft = copy.copy(self.books)
        for name, book in vars(self.books).items():
            twin = copy.copy(book)
            for attribute, value in vars(book).items():
                setattr(twin, attribute, copy.copy(value))
            setattr(draft, name, twin)
        result = work(draft)
        if self.break_next:
            self.break_next = False
            raise StoreUnavailable("the disk is full")
        self.books = draft
        return result

    def read(self, work: Callable[[Any], T]) -> T:
        return work(self.books)
