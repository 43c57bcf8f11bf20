"""One transaction's changes, gathered before they are written: what was decided for one batch sees what was decided before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from hub.domain.alarms import Alarm, Event
from hub.domain.ids import IdMaker
from hub.domain.notices import Notice
from hub.domain.tickets import ENDED, Ticket, TicketKey
from hub.errors import AlreadyOpen, StoreUnavailable
from hub.flows.ports import AlarmEvent, Books, TicketEvent


class AlarmKey(NamedTuple):
    """One rule on one source."""

    community: str
    rule: str
    device: str
    point: str
    code: str
    late: bool


def key_of(alarm: Alarm) -> AlarmKey:
    """The alarm's source."""
    return AlarmKey(alarm.community, alarm.rule, alarm.device, alarm.point, alarm.code, alarm.late)


class Worksheet:
    """Reads through to the books, writes nothing before ``flush``. Lives inside one unit of work."""

    def __init__(self, books: Books, live: Mapping[AlarmKey, Alarm], ids: IdMaker, now: int) -> None:
        self.books = books
        self.now = now
        self.ids = ids
        self._live = live
        self.alarms: dict[AlarmKey, Alarm] = {}
        """Changed alarms, newest value."""
        self.tickets: dict[str, Ticket] = {}
        """Changed tickets by id, newest value."""
        self._expected: dict[str, int | None] = {}
        self._ticket_of: dict[str, str] = {}
        self._alarm_rows: list[AlarmEvent] = []
        self._ticket_rows: list[TicketEvent] = []
        self.notices: list[Notice] = []
        self._withdrawn: list[tuple[str | None, str | None]] = []

    # --- alarms -------------------------------------------------------------------------------------------------

    def alarm(self, key: AlarmKey) -> Alarm | None:
        """As it stands now."""
        found = self.alarms.get(key) or self._live.get(key)
        if found is not None:
            return found
        return self.books.alarms.find(**key._asdict())

    def put_alarm(self, alarm: Alarm, events: tuple[Event, ...]) -> None:
        """Keep a changed alarm and its history rows."""
        self.alarms[key_of(alarm)] = alarm
        self._alarm_rows += [
            AlarmEvent(alarm.id, e.at, e.kind, e.reason, alarm.occurrence, e.by, alarm.value, e.comment) for e in events
        ]

    def link(self, alarm: Alarm, ticket: Ticket) -> None:
        """The alarm belongs to this ticket from now on."""
        self._ticket_of[alarm.id] = ticket.id
        self.alarms.setdefault(key_of(alarm), alarm)

    def alarms_of(self, ticket: Ticket) -> list[Alarm]:
        """All alarms behind a ticket, as they stand now."""
        found = {alarm.id: alarm for alarm in self.books.alarms.of_ticket(ticket.id)}
        found = {i: alarm for i, alarm in found.items() if self._ticket_of.get(i, ticket.id) == ticket.id}
        for alarm in self.alarms.values():
            if alarm.id in found or self._ticket_of.get(alarm.id) == ticket.id:
                found[alarm.id] = alarm
        return list(found.values())

    # --- tickets ------------------------------------------------------------------------------------------------

    def open_ticket(self, key: TicketKey, *, late: bool) -> Ticket | None:
        """The ticket of this fault that has not ended."""
        for ticket in self.tickets.values():
            if ticket.key == key and ticket.late == late and ticket.state not in ENDED:
                return ticket
        found = self.books.tickets.open_for(key, late=late)
        return None if found is None or found.id in self.tickets else found

    def ended_ticket(self, key: TicketKey, *, late: bool) -> Ticket | None:
        """The last ticket of this fault that has ended."""
        for ticket in reversed(self.tickets.values()):
            if ticket.key == key and ticket.late == late and ticket.state in ENDED:
                return ticket
        found = self.books.tickets.last_ended_for(key, late=late)
        return None if found is None or found.id in self.tickets else found

    def ticket_of(self, alarm: Alarm) -> Ticket | None:
        """The ticket an alarm belongs to."""
        ticket_id = self._ticket_of.get(alarm.id) or self.books.alarms.ticket_of(alarm.id)
        if ticket_id is None:
            return None
        return self.tickets.get(ticket_id) or self.books.tickets.get(ticket_id)

    def put_ticket(self, ticket: Ticket, *rows: TicketEvent, new: bool = False) -> Ticket:
        """Keep a changed (or new) ticket and its history rows; the ticket with its new version."""
        if ticket.id not in self._expected:
            self._expected[ticket.id] = None if new else ticket.version
            if not new:
                ticket = replace(ticket, version=ticket.version + 1)
        self.tickets[ticket.id] = ticket
        self._ticket_rows += rows
        return ticket

    # --- notices ------------------------------------------------------------------------------------------------

    def withdraw(self, *, ticket: str | None = None, alarm: str | None = None) -> None:
        """What has not left yet is overtaken, also what this transaction has planned so far."""
        self._withdrawn.append((ticket, alarm))
        self.notices = [
            n for n in self.notices if not (ticket and n.ticket == ticket) and not (alarm and n.alarm == alarm)
        ]

    # --- writing ------------------------------------------------------------------------------------------------

    @property
    def is_blank(self) -> bool:
        """Nothing was decided."""
        return not (self.alarms or self.tickets or self.notices or self._alarm_rows or self._withdrawn)

    def flush(self) -> None:
        """Write everything. StoreUnavailable where another process was first: the caller decides again."""
        try:
            self._flush()
        except AlreadyOpen as error:
            raise StoreUnavailable(f"{error}: decided again") from error

    def _flush(self) -> None:
        for ticket in self.tickets.values():
            expected = self._expected[ticket.id]
            if expected is None:
                self.books.tickets.add(ticket)
            elif not self.books.tickets.swap(ticket, expected=expected, now=self.now):
                raise StoreUnavailable(f"ticket {ticket.number} was changed at the same moment: decided again")
        for alarm in self.alarms.values():
            self.books.alarms.save(alarm, ticket=self._ticket_of.get(alarm.id), now=self.now)
        if self._alarm_rows:
            self.books.alarms.log(self._alarm_rows)
        if self._ticket_rows:
            self.books.tickets.log(self._ticket_rows)
        for ticket_id, alarm_id in self._withdrawn:
            self.books.notices.withdraw(ticket=ticket_id, alarm=alarm_id)
        if self.notices:
            self.books.notices.add(self.notices)
