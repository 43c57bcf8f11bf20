"""What the figures of maintenance need of the records, and the job that writes them as series of the series store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from hub.domain.alarm_load import Turn
from hub.domain.alarms import Alarm, Change
from hub.domain.event_series import SeriesPoint
from hub.domain.kpi import Acknowledged, Life, Period
from hub.domain.tickets import Action, Ticket, TicketState
from hub.flows.registry import Registry


class PointStore(Protocol):
    """A store that other programs read: InfluxDB. How far each job has come there is kept with it."""

    def mark(self, name: str) -> str | None:
        """How far; empty: nothing yet; None: the store is older than marks of its own."""
        ...

    def set_mark(self, name: str, value: str) -> None: ...
    def write_points(self, points: Sequence[SeriesPoint]) -> None:
        """Store all of them before returning; the same point again changes nothing. StoreUnavailable: try again later."""
        ...


class AlarmChange(NamedTuple):
    """A row of the alarms' history, with the alarm as it is now."""

    id: str
    at: int
    kind: Change
    occurrence: int
    alarm: Alarm


class TicketChange(NamedTuple):
    """A row of the tickets' history, with the ticket as it is now."""

    id: str
    at: int
    action: Action
    from_state: str
    to_state: TicketState
    ticket: Ticket


class PeriodRows(NamedTuple):
    """What happened in a period, and what lasted through it; see hub.domain.kpi.Period."""

    lives: list[Life]
    raised: list[Alarm]
    active: list[Alarm]
    acknowledged: list[Acknowledged]


class Turns(NamedTuple):
    """When alarms became active, and ended to be, in a period. Late data aside, and what commissioning has kept quiet."""

    start: int
    """Of the period, or later where more happened in it than was asked for."""
    before: list[Turn]
    """Of each alarm that was active at ``start``, the last time it became so."""
    turns: list[Turn]
    """Since then, in order."""


class Histories(Protocol):
    """Reads what the figures of a period follow from."""

    def period(self, start: int, end: int, *, community: str | None = None) -> PeriodRows:
        """Of one community, or of all."""
        ...

    def turns(self, start: int, end: int, *, community: str, limit: int) -> Turns:
        """The newest ``limit`` of them."""
        ...

    def begun(self, community: str) -> int | None:
        """Since when there are records of what happened, late data aside (epoch ms); None: there are none."""
        ...


class FigureBook(Histories, Protocol):
    """And tells the changes one after the other."""

    def old_mark(self, name: str) -> str:
        """How far they had been written as series when one mark stood for all stores; empty: not at all."""
        ...

    def alarm_changes(self, after: str, limit: int) -> list[AlarmChange]:
        """Rows behind this one, in the order in which they were written."""
        ...

    def ticket_changes(self, after: str, limit: int) -> list[TicketChange]: ...


class Books(Protocol):
    """The one book."""

    @property
    def figures(self) -> FigureBook: ...


def period_of(rows: PeriodRows, registry: Registry, community: str, *, start: int, end: int) -> Period:
    """One community's part of what was read. Pure."""
    everything = (*registry.facilities.values(), *registry.retired.values())
    return Period(
        community=community,
        start=start,
        end=end,
        facilities=[facility for facility in everything if facility.community == community],
        lives=[life for life in rows.lives if life.ticket.key.community == community],
        raised=[alarm for alarm in rows.raised if alarm.community == community],
        active=[alarm for alarm in rows.active if alarm.community == community],
        acknowledged=[each for each in rows.acknowledged if each.alarm.community == community],
    )
