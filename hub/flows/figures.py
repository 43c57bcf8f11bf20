"""What the job that writes alarms, tickets and hourly figures as series needs of the records and of the series store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from hub.domain.alarms import Alarm, Change
from hub.domain.event_series import SeriesPoint
from hub.domain.kpi import Acknowledged, Life
from hub.domain.tickets import Action, Ticket, TicketState


class PointWriter(Protocol):
    """A store that other programs read: InfluxDB."""

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


class HourRows(NamedTuple):
    """What happened in an hour, and what lasted through it, of all communities; see hub.domain.kpi.Hour."""

    lives: list[Life]
    raised: list[Alarm]
    active: list[Alarm]
    acknowledged: list[Acknowledged]


class FigureBook(Protocol):
    """Reads histories, and remembers how far they have been written."""

    def mark(self, name: str) -> str:
        """How far; empty: nothing yet."""
        ...

    def set_mark(self, name: str, value: str) -> None: ...
    def alarm_changes(self, after: str, limit: int) -> list[AlarmChange]:
        """Rows behind this one, in the order in which they were written."""
        ...

    def ticket_changes(self, after: str, limit: int) -> list[TicketChange]: ...
    def hour(self, start: int, end: int) -> HourRows: ...


class Books(Protocol):
    """The one book."""

    @property
    def figures(self) -> FigureBook: ...
