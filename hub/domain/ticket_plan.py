"""What a fault does to tickets: one fault, one ticket. Pure; the flow looks up and writes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from hub.domain.alarms import Priority
from hub.domain.ticket_actions import check, close, in_reopen_window, reopened
from hub.domain.tickets import Action, Ticket, TicketState

_RANK: Final = {Priority.LOW: 0, Priority.MEDIUM: 1, Priority.HIGH: 2, Priority.SAFETY: 3}
_BEFORE_ACCEPTED: Final = frozenset({TicketState.REPORTED, TicketState.TRIAGED, TicketState.ASSIGNED})


class Why(StrEnum):
    """The reason of a plan, as the ticket's history and the notices see it."""

    FIRST = "first_occurrence"
    AGAIN_WHILE_OPEN = "occurrence_while_open"
    PRIORITY_RAISED = "priority_raised"
    FAILED_VERIFICATION = "alarm_came_back"
    RECURRED_IN_WINDOW = "recurred_within_window"
    RECURRED_AFTER_WINDOW = "recurred_after_window"
    CLEARED_BEFORE_ACCEPTED = "cleared_before_accepted"
    RESTORED = "restored"
    LATE_DATA = "late_data"
    NO_TICKET = "no_ticket"
    COVERED = "covered"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultOccurred:
    """An alarm was raised. ``annunciated`` False: an overlay covers it, so it may be counted but opens nothing."""

    priority: Priority
    late: bool = False
    annunciated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedToNormal:
    """Nothing behind the ticket is active any more, since ``at`` (the sensor's time)."""

    at: int


class Plan(NamedTuple):
    """``action`` None: nothing to do. OPEN: a new ticket, linked to ``previous``; else ``ticket`` is the changed one."""

    action: Action | None
    why: Why
    ticket: Ticket | None = None
    previous: Ticket | None = None


def plan(event: FaultOccurred | ReturnedToNormal, open_: Ticket | None, last_ended: Ticket | None, now: int) -> Plan:
    """What to do with the ticket of this key: ``open_`` has not ended, ``last_ended`` is the one before."""
    if isinstance(event, ReturnedToNormal):
        return _restored(event, open_, now)
    if open_ is not None:
        return _again(event, open_)
    if not event.annunciated:
        return Plan(None, Why.COVERED)
    if last_ended is None:
        return Plan(Action.OPEN, Why.FIRST)
    if event.late or not in_reopen_window(last_ended, now):
        return Plan(Action.OPEN, Why.RECURRED_AFTER_WINDOW, previous=last_ended)
    return Plan(Action.REOPEN, Why.RECURRED_IN_WINDOW, _counted(reopened(last_ended), event.priority))


def _again(event: FaultOccurred, open_: Ticket) -> Plan:
    counted = _counted(open_, event.priority)
    if open_.state is TicketState.VERIFYING:
        return Plan(Action.FAIL, Why.FAILED_VERIFICATION, reopened(counted))
    if open_.state is TicketState.RESOLVED:
        if not event.annunciated:
            return Plan(None, Why.COVERED)
        return Plan(Action.REOPEN, Why.RECURRED_IN_WINDOW, reopened(counted))
    raised = counted.priority is not open_.priority
    return Plan(Action.ATTACH, Why.PRIORITY_RAISED if raised else Why.AGAIN_WHILE_OPEN, counted)


def _counted(ticket: Ticket, priority: Priority) -> Ticket:
    """One more occurrence; the priority may rise, never fall."""
    higher = priority if _RANK[priority] > _RANK[ticket.priority] else ticket.priority
    return replace(ticket, occurrences=ticket.occurrences + 1, priority=higher, restored_at=None)


def _restored(event: ReturnedToNormal, open_: Ticket | None, now: int) -> Plan:
    if open_ is None or open_.state is TicketState.RESOLVED:
        return Plan(None, Why.NO_TICKET)
    restored = replace(open_, restored_at=event.at)
    if open_.late:
        done = replace(close(restored, event.at), verified="sensor", end_reason="late_data", resolved_at=event.at)
        return Plan(Action.END_LATE, Why.LATE_DATA, done)
    if open_.state in _BEFORE_ACCEPTED:
        return Plan(Action.SELF_CLEAR, Why.CLEARED_BEFORE_ACCEPTED, check(restored, now))
    if open_.state is TicketState.VERIFYING:
        return Plan(Action.ATTACH, Why.RESTORED, replace(restored, recheck_at=now))
    return Plan(Action.ATTACH, Why.RESTORED, restored)
