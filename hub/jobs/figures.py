"""Writes alarms, tickets and the hourly figures of maintenance as series, for dashboards. Safe to repeat at any moment.

Changes are written once each, in the order in which they were recorded, and the mark moves on after the store has them: a kill in
between writes the same points again. An hour's figures are written when the hour is over, and again for a few hours, because
what arrives late is still recorded in them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Final

from hub.clock import DAY, HOUR, MINUTE
from hub.domain.event_series import NOWHERE, SeriesPoint, alarm_point, apart, counts_point, kpi_point, ticket_point
from hub.domain.kpi import figures
from hub.domain.kpi_places import counts
from hub.domain.places import Facility
from hub.flows.figures import AlarmChange, Books, PointWriter, TicketChange, period_of
from hub.flows.ports import Records
from hub.flows.registry import Registrar, Registry

log = logging.getLogger(__name__)

EVERY: Final = 5 * MINUTE
SETTLED: Final = 5 * MINUTE
"""An hour is looked at when it has been over for so long."""
AGAIN: Final = 3 * HOUR
"""So far back figures are worked out again."""
FIRST: Final = 30 * DAY
"""So far back figures are made when there are none yet."""
DAY_OF_HOURS: Final = 24
"""Hours in one write."""
HOURS: Final = "hours"
"""The mark of the hours that are written. It was ``kpi`` before facilities had counts: those of the past month are made once."""
AT_ONCE: Final = 2_000
"""Changes in one write."""


class HourlyFigures:
    """``run`` is the work of a periodic job, every ``EVERY`` ms."""

    def __init__(self, records: Records[Books], registrar: Registrar, points: PointWriter) -> None:
        self._records = records
        self._registrar = registrar
        self._points = points

    def run(self, tick: int) -> None:
        """Write what has been recorded since the last time, and the figures of hours that are over. StoreUnavailable: later."""
        changed = self._follow("alarm_events", self._alarms) + self._follow("ticket_events", self._tickets)
        hours = self._hours(tick)
        for first in range(0, len(hours), DAY_OF_HOURS):
            self._write_hours(hours[first : first + DAY_OF_HOURS])
        if changed or hours:
            log.info("wrote %d changes and the figures of %d hours", changed, len(hours), extra={"action": "figures"})

    # --- changes ------------------------------------------------------------------------------------------------

    def _follow(self, name: str, page: Callable[[str], tuple[str, list[SeriesPoint]]]) -> int:
        """Page after page behind the mark; how many points."""
        count = 0
        while True:
            mark = self._mark(name)
            last, points = page(mark)
            if last == mark:
                return count
            if points:
                self._points.write_points(points)
            self._set(name, last)
            count += len(points)

    def _mark(self, name: str) -> str:
        return self._records.read(lambda books: books.figures.mark(name))

    def _set(self, name: str, mark: str) -> None:
        self._records.write(lambda books: books.figures.set_mark(name, mark))

    def _alarms(self, mark: str) -> tuple[str, list[SeriesPoint]]:
        rows = self._records.read(lambda books: books.figures.alarm_changes(mark, AT_ONCE))
        return (rows[-1].id if rows else mark), apart(self._of_alarm(row) for row in rows)

    def _tickets(self, mark: str) -> tuple[str, list[SeriesPoint]]:
        rows = self._records.read(lambda books: books.figures.ticket_changes(mark, AT_ONCE))
        moved = (row for row in rows if row.from_state != row.to_state)
        return (rows[-1].id if rows else mark), apart(self._of_ticket(row) for row in moved)

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

    def _hours(self, tick: int) -> range:
        """Starts of the hours to be worked out, the oldest first; none where the newest of them has been already."""
        end = (tick - SETTLED) // HOUR * HOUR
        done = self._done()
        begin = end if done >= end else max(done - AGAIN, end - FIRST)
        return range(begin, end, HOUR)

    def _done(self) -> int:
        """The end of the newest hour whose figures are written; 0: of none."""
        return int(self._mark(HOURS) or 0)

    def _write_hours(self, starts: range) -> None:
        """The figures of some hours in one write, the mark behind them."""
        points = [point for start in starts for point in self._points_of(start)]
        if points:
            self._points.write_points(points)
        if starts[-1] + HOUR > self._done():
            self._set(HOURS, str(starts[-1] + HOUR))

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
