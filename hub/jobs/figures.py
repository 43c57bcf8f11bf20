"""Writes alarms, tickets and the hourly figures of maintenance as series, for dashboards. Safe to repeat at any moment.

Every store has marks of its own: one that is new gets everything from the beginning, one that is away catches up when it is back.
Changes are written once each, in the order in which they were recorded, and the mark moves on after the store has them: a kill in
between writes the same points again. An hour's figures are written when the hour is over, and again for a few hours, because
what arrives late is still recorded in them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

from hub.clock import DAY, HOUR, MINUTE
from hub.domain.event_series import NOWHERE, SeriesPoint, alarm_point, apart, counts_point, kpi_point, ticket_point
from hub.domain.ids import uuid7
from hub.domain.kpi import figures
from hub.domain.kpi_places import counts
from hub.domain.places import Facility
from hub.errors import StoreUnavailable
from hub.flows.figures import AlarmChange, Books, PointStore, TicketChange, period_of
from hub.flows.ports import Records
from hub.flows.registry import Registrar, Registry

log = logging.getLogger(__name__)

EVERY: Final = 5 * MINUTE
SETTLED: Final = 5 * MINUTE
"""An hour is looked at when it has been over for so long."""
AGAIN: Final = 3 * HOUR
"""So far back figures are worked out again."""
FIRST: Final = 30 * DAY
"""So far back figures are made at least when there are none yet; else from the first record on."""
FARTHEST: Final = 5 * 365 * DAY
"""And at most: a first record of 1970 was written by a machine without a clock."""
IN_ONE_RUN: Final = 30 * DAY // HOUR
"""Hours whose figures are worked out before other jobs have their turn."""
DAY_OF_HOURS: Final = 24
"""Hours in one write."""
HOURS: Final = "hours"
"""The mark of the hours that are written. It was ``kpi`` before facilities had counts: those of the past month are made once."""
AT_ONCE: Final = 2_000
"""Changes in one write."""
ALARMS: Final = "alarm_events"
TICKETS: Final = "ticket_events"
T = TypeVar("T", AlarmChange, TicketChange)


class Page(NamedTuple):
    """Some changes as points, and the mark behind them."""

    last: str
    points: list[SeriesPoint]


class HourlyFigures:
    """``run`` is the work of a periodic job, every ``EVERY`` ms."""

    def __init__(self, records: Records[Books], registrar: Registrar, stores: Sequence[PointStore]) -> None:
        self._records = records
        self._registrar = registrar
        self._stores = stores
        self._marking = threading.Lock()

    def run(self, tick: int) -> None:
        """Write what has been recorded since the last time, and the figures of hours that are over. StoreUnavailable: later."""
        failed: list[StoreUnavailable] = []
        for store in self._stores:
            try:
                with self._marking:
                    self._fill(store, tick)
            except StoreUnavailable as error:  # the other stores' turn comes all the same
                failed.append(error)
        if failed:
            raise failed[0]

    def again(self, store: PointStore, since: int | None) -> None:
        """Have the coming runs look once more at all that was recorded since then (epoch ms; None: ever): a store may have lost it.

        What it has already stays as it is.
        """
        with self._marking:
            first = "" if since is None else uuid7(since, 0, bytes(8))
            for name in (ALARMS, TICKETS):
                if first < self._mark(store, name):
                    store.set_mark(name, first)
            hour = (since or 0) // HOUR * HOUR
            if hour < self._done(store):
                store.set_mark(HOURS, str(hour))

    def _fill(self, store: PointStore, tick: int) -> None:
        changed = self._follow(store, ALARMS, self._alarms) + self._follow(store, TICKETS, self._tickets)
        hours = self._hours(store, tick)
        for first in range(0, len(hours), DAY_OF_HOURS):
            self._write_hours(store, hours[first : first + DAY_OF_HOURS])
        if changed or hours:
            log.info("wrote %d changes and the figures of %d hours", changed, len(hours), extra={"action": "figures"})

    # --- marks --------------------------------------------------------------------------------------------------

    def _mark(self, store: PointStore, name: str) -> str:
        """How far; where the store is older than marks of its own, as far as all stores had come together."""
        mark = store.mark(name)
        return self._records.read(lambda books: books.figures.old_mark(name)) if mark is None else mark

    def _done(self, store: PointStore) -> int:
        """The end of the newest hour whose figures are written; 0: of none."""
        return int(self._mark(store, HOURS) or 0)

    # --- changes ------------------------------------------------------------------------------------------------

    def _follow(self, store: PointStore, name: str, page: Callable[[str], Page]) -> int:
        """Page after page behind the mark; how many points."""
        count = 0
        while True:
            mark = self._mark(store, name)
            last, points = page(mark)
            if last == mark:
                return count
            if points:
                store.write_points(points)
            store.set_mark(name, last)
            count += len(points)

    def _alarms(self, mark: str) -> Page:
        rows = _whole(self._records.read(lambda books: books.figures.alarm_changes(mark, AT_ONCE)))
        return Page(rows[-1].id if rows else mark, apart(self._of_alarm(row) for row in rows))

    def _tickets(self, mark: str) -> Page:
        rows = _whole(self._records.read(lambda books: books.figures.ticket_changes(mark, AT_ONCE)))
        moved = (row for row in rows if row.from_state != row.to_state)
        return Page(rows[-1].id if rows else mark, apart(self._of_ticket(row) for row in moved))

    def _of_alarm(self, row: AlarmChange) -> SeriesPoint:
        alarm = row.alarm
        registry = self._registrar.current
        facility = _facility(registry, alarm.community, alarm.facility)
        mode = registry.failure_modes.get((facility.kind, alarm.failure_mode)) if facility else None
        name = mode.name if mode else NOWHERE
        return alarm_point(alarm, at=row.at, change=row.kind, occurrence=row.occurrence, facility=facility, name=name)

    def _of_ticket(self, row: TicketChange) -> SeriesPoint:
        key = row.ticket.key
        facility = _facility(self._registrar.current, key.community, key.facility)
        return ticket_point(row.ticket, at=row.at, action=row.action, state=row.to_state, facility=facility)

    # --- figures ------------------------------------------------------------------------------------------------

    def _hours(self, store: PointStore, tick: int) -> range:
        """Starts of the hours to be worked out now, the oldest first; none where the newest of them has been already."""
        end = (tick - SETTLED) // HOUR * HOUR
        done = self._done(store)
        if done >= end:
            return range(0)
        begin = done - AGAIN if done else min(end - FIRST, self._first_record())
        begin = max(begin, end - FARTHEST)
        return range(begin, min(end, begin + IN_ONE_RUN * HOUR), HOUR)

    def _first_record(self) -> int:
        """The hour of the first thing recorded of any community; the end of time where there is none."""
        begun = map(self._begun, self._registrar.current.communities)
        return min((at // HOUR * HOUR for at in begun if at is not None), default=1 << 62)

    def _begun(self, community: str) -> int | None:
        return self._records.read(lambda books: books.figures.begun(community))

    def _write_hours(self, store: PointStore, starts: range) -> None:
        """The figures of some hours in one write, the mark behind them."""
        points = [point for start in starts for point in self._points_of(start)]
        if points:
            store.write_points(points)
        if starts[-1] + HOUR > self._done(store):
            store.set_mark(HOURS, str(starts[-1] + HOUR))

    def _points_of(self, start: int) -> Iterator[SeriesPoint]:
        rows = self._records.read(lambda books: books.figures.period(start, start + HOUR))
        registry = self._registrar.current
        for community in registry.communities:
            period = period_of(rows, registry, community, start=start, end=start + HOUR)
            for figure in figures(period):
                yield kpi_point(figure, hour=start)
            for of_facility in counts(period):
                yield counts_point(of_facility, hour=start)


def _facility(registry: Registry, community: str, id_: str) -> Facility | None:
    return registry.facilities.get((community, id_)) or registry.retired.get((community, id_))


def _whole(rows: list[T]) -> list[T]:
    """A page that ends between two instants: changes of one instant are moved apart together, or not at all."""
    if len(rows) < AT_ONCE:
        return rows
    end = len(rows)
    while end and rows[end - 1].at == rows[-1].at:
        end -= 1
    return rows[:end] or rows
