"""What people may do to a ticket: one guard and one change for each action, pure, each refusal with its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from hub.domain.alarms import Priority
from hub.domain.tickets import ARROWS, Action, Ticket, TicketState

DAY_MS: Final = 24 * 3_600_000
RATING_WINDOW_MS: Final = 7 * DAY_MS
"""RESOLVED becomes CLOSED after this."""
REOPEN_WINDOW_MS: Final = 30 * DAY_MS
HOLD_REASONS: Final = ("parts", "access", "third_party", "resident", "weather", "approval")
TEXT_LIMIT: Final = 4_000

_ALL: Final = frozenset({"admin", "manager", "desk", "crew"})
_LEADS: Final = frozenset({"admin", "manager", "desk"})
_ROLES: Final = {
    Action.TRIAGE: _LEADS,
    Action.ASSIGN: _LEADS,
    Action.ACCEPT: _ALL,
    Action.DECLINE: _ALL,
    Action.START: _ALL,
    Action.HOLD: _ALL,
    Action.RESUME: _ALL,
    Action.COMPLETE: _ALL,
    Action.VERIFY: _ALL,
    Action.FAIL: _ALL,
    Action.OVERRIDE: frozenset({"admin", "manager"}),
    Action.REOPEN: _LEADS,
    Action.CLOSE: _LEADS,
    Action.DUPLICATE: _LEADS,
    Action.REFER: _LEADS,
    Action.REJECT: _LEADS,
    Action.CANCEL: _LEADS,
    Action.COMMENT: frozenset({"admin", "manager", "desk", "crew", "planner", "viewer"}),
}
"""Who may do what. An action that is not here is the hub's own."""

NOT_WHILE_ACTIVE: Final = frozenset({Action.VERIFY, Action.OVERRIDE, Action.CANCEL})
"""Each says that the fault is gone: not while an alarm behind the ticket says that it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts. ``on_behalf_of``: a named person for whom the desk acts by radio or telephone."""

    login: str
    role: str
    on_behalf_of: str = ""

    @property
    def person(self) -> str:
        """Whose deed it is."""
        return self.on_behalf_of or self.login


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What was said with an action; which of it is needed depends on the action."""

    reason: str = ""
    comment: str = ""
    crew: str = ""
    assignee: str = ""
    party: str = ""
    priority: Priority | None = None
    hold_until: int | None = None
    cause: str = ""
    remedy: str = ""
    duplicate_of: str = ""
    refer_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known around the ticket when somebody acts."""

    alarm_active: bool = False
    """An alarm behind it is active now."""


NO_EVIDENCE: Final = Evidence()


class Denied(StrEnum):
    """Why an action is refused."""

    NO_SUCH_ARROW = "no_such_arrow"
    ROLE = "role"
    MISSING = "missing"
    UNKNOWN_VALUE = "unknown_value"
    TOO_LONG = "too_long"
    END_NOT_AHEAD = "end_not_ahead"
    SAME_PERSON = "same_person"
    """Who completed may not verify by hand."""
    SENSOR_DECIDES = "sensor_decides"
    """Born from a sensor: its data prove the repair, unless they are missing."""
    STILL_ACTIVE = "still_active"
    """The alarm behind it is active."""
    WINDOW_OVER = "window_over"
    """Closed too long ago: a new, linked ticket is right."""
    ITSELF = "itself"


class Refusal(NamedTuple):
    """Reason, where in the request (JSON pointer), and what would be right."""

    why: Denied
    pointer: str = ""
    expected: str = ""


def refusal(
    ticket: Ticket, action: Action, actor: Actor, details: Details, now: int, *, evidence: Evidence = NO_EVIDENCE
) -> Refusal | None:
    """Why the action may not be done, or None."""
    if action not in _ROLES:
        return Refusal(Denied.NO_SUCH_ARROW, expected="an action of a person")
    if actor.role not in _ROLES[action]:
        return Refusal(Denied.ROLE, expected=" or ".join(sorted(_ROLES[action])))
    if action is not Action.COMMENT and ticket.state not in ARROWS[action]:
        return Refusal(Denied.NO_SUCH_ARROW, expected=" or ".join(sorted(ARROWS[action])))
    return _form(action, details, now) or _situation(ticket, action, actor, details, now, evidence=evidence)


def _form(action: Action, details: Details, now: int) -> Refusal | None:
    for name in ("reason", "comment", "cause", "remedy"):
        if len(getattr(details, name)) > TEXT_LIMIT:
            return Refusal(Denied.TOO_LONG, f"/{name}", f"at most {TEXT_LIMIT} characters")
    for name in _NEEDED.get(action, ()):
        if not getattr(details, name):
            return Refusal(Denied.MISSING, f"/{name}", _HINTS.get(name, "a text"))
    if action is Action.HOLD:
        if details.reason not in HOLD_REASONS:
            return Refusal(Denied.UNKNOWN_VALUE, "/reason", " or ".join(HOLD_REASONS))
        if details.hold_until is None or details.hold_until <= now:
            return Refusal(Denied.END_NOT_AHEAD, "/hold_until", "an instant in the future")
    if action is Action.ASSIGN and not (details.crew or details.assignee):
        return Refusal(Denied.MISSING, "/crew", "a crew or a person (assignee)")
    return None


_NEEDED: Final[dict[Action, tuple[str, ...]]] = {
    Action.TRIAGE: ("party",),
    Action.DECLINE: ("reason",),
    Action.HOLD: ("reason", "hold_until"),
    Action.COMPLETE: ("cause", "remedy"),
    Action.OVERRIDE: ("reason",),
    Action.FAIL: ("reason",),
    Action.REOPEN: ("reason",),
    Action.DUPLICATE: ("duplicate_of",),
    Action.REFER: ("refer_to", "reason"),
    Action.REJECT: ("reason",),
    Action.CANCEL: ("reason",),
    Action.COMMENT: ("comment",),
}
_HINTS: Final = {
    "party": "the one responsible party, or unclear",
    "hold_until": "the expected end",
    "duplicate_of": "the id of the ticket that carries the fault",
    "refer_to": "to whom it goes",
}


def _situation(
    ticket: Ticket, action: Action, actor: Actor, details: Details, now: int, *, evidence: Evidence
) -> Refusal | None:
    if evidence.alarm_active and action in NOT_WHILE_ACTIVE:
        return Refusal(Denied.STILL_ACTIVE, expected="the alarm back to normal")
    if action is Action.VERIFY:
        if ticket.sensor_born and not ticket.waiting:
            return Refusal(Denied.SENSOR_DECIDES, expected="the sensor's proof, an override, or missing data")
        if ticket.completed_by is not None and actor.person == ticket.completed_by:
            return Refusal(Denied.SAME_PERSON, expected="another person")
    if action is Action.REOPEN and not in_reopen_window(ticket, now):
        return Refusal(Denied.WINDOW_OVER, expected="a new ticket: it will be linked to this one")
    if action is Action.DUPLICATE and details.duplicate_of == ticket.id:
        return Refusal(Denied.ITSELF, "/duplicate_of", "another ticket")
    return None


def in_reopen_window(ticket: Ticket, now: int) -> bool:
    """Whether a recurrence reopens it (RESOLVED always; CLOSED within 30 days of its proof)."""
    if ticket.state is TicketState.RESOLVED:
        return True
    proven = ticket.resolved_at or ticket.closed_at
    return ticket.state is TicketState.CLOSED and proven is not None and now < proven + REOPEN_WINDOW_MS


def after_failure(ticket: Ticket) -> TicketState:
    """Where a ticket goes whose repair did not hold: back to work, or to its crew if nobody had accepted it."""
    return TicketState.ASSIGNED if ticket.accepted_at is None else TicketState.IN_PROGRESS


def allowed(ticket: Ticket, role: str, *, evidence: Evidence = NO_EVIDENCE) -> tuple[Action, ...]:
    """The actions to offer, none that an active alarm forbids; what else they need is judged when they are tried."""
    return tuple(
        action
        for action, roles in _ROLES.items()
        if role in roles
        and (action is Action.COMMENT or ticket.state in ARROWS[action])
        and not (evidence.alarm_active and action in NOT_WHILE_ACTIVE)
    )


def act(ticket: Ticket, action: Action, actor: Actor, details: Details, now: int) -> Ticket:
    """The ticket after an action that ``refusal`` let pass. Comments change nothing; ``version`` is the caller's."""
    return _CHANGES[action](ticket, actor, details, now)


def _triage(ticket: Ticket, _actor: Actor, details: Details, now: int) -> Ticket:
    return replace(
        ticket,
        state=TicketState.TRIAGED,
        triaged_at=now,
        party=details.party,
        priority=details.priority or ticket.priority,
    )


def _assign(ticket: Ticket, _actor: Actor, details: Details, now: int) -> Ticket:
    return replace(
        ticket,
        state=TicketState.ASSIGNED,
        assigned_at=now,
        crew=details.crew or ticket.crew,
        assignee=details.assignee or None,
    )


def _accept(ticket: Ticket, actor: Actor, _details: Details, now: int) -> Ticket:
    return replace(ticket, state=TicketState.ACCEPTED, accepted_at=now, assignee=actor.person)


def _decline(ticket: Ticket, _actor: Actor, _details: Details, _now: int) -> Ticket:
    return replace(ticket, state=TicketState.ASSIGNED, accepted_at=None, assignee=None)


def _start(ticket: Ticket, _actor: Actor, _details: Details, now: int) -> Ticket:
    return replace(ticket, state=TicketState.IN_PROGRESS, started_at=ticket.started_at or now)


def _hold(ticket: Ticket, _actor: Actor, details: Details, _now: int) -> Ticket:
    return replace(
        ticket,
        state=TicketState.ON_HOLD,
        hold_reason=details.reason,
        hold_until=details.hold_until,
        recheck_at=details.hold_until,
    )


def resume(ticket: Ticket) -> Ticket:
    """Back from hold, by hand or because its end has come."""
    return replace(ticket, state=TicketState.IN_PROGRESS, hold_reason="", hold_until=None, recheck_at=None)


def _resume(ticket: Ticket, _actor: Actor, _details: Details, _now: int) -> Ticket:
    return resume(ticket)


def _complete(ticket: Ticket, actor: Actor, details: Details, now: int) -> Ticket:
    return replace(
        ticket,
        state=TicketState.COMPLETED,
        completed_at=now,
        completed_by=actor.person,
        cause=details.cause,
        remedy=details.remedy,
    )


def check(ticket: Ticket, now: int) -> Ticket:
    """Into verification, judged at once."""
    return replace(ticket, state=TicketState.VERIFYING, verifying_since=now, waiting="", recheck_at=now)


def resolve(ticket: Ticket, verified: str, now: int) -> Ticket:
    """Proven; the resident has the rating window to say otherwise."""
    return replace(
        ticket,
        state=TicketState.RESOLVED,
        resolved_at=now,
        verified=verified,
        waiting="",
        recheck_at=now + RATING_WINDOW_MS,
    )


def _verify(ticket: Ticket, _actor: Actor, _details: Details, now: int) -> Ticket:
    return resolve(ticket, "inspection", now)


def _override(ticket: Ticket, _actor: Actor, details: Details, now: int) -> Ticket:
    return replace(resolve(ticket, "override", now), end_reason=details.reason)


def reopened(ticket: Ticket) -> Ticket:
    """Counted; earlier stamps stay (each cycle has its own rows in the history), proof and ending do not."""
    return replace(
        ticket,
        state=after_failure(ticket),
        reopened=ticket.reopened + 1,
        verified="",
        waiting="",
        end_reason="",
        recheck_at=None,
    )


def _reopen(ticket: Ticket, _actor: Actor, _details: Details, _now: int) -> Ticket:
    return reopened(ticket)


def close(ticket: Ticket, now: int) -> Ticket:
    """Final."""
    return replace(ticket, state=TicketState.CLOSED, closed_at=now, recheck_at=None)


def _close(ticket: Ticket, _actor: Actor, _details: Details, now: int) -> Ticket:
    return close(ticket, now)


def _ended(ticket: Ticket, state: TicketState, reason: str, now: int) -> Ticket:
    return replace(ticket, state=state, closed_at=now, end_reason=reason, recheck_at=None)


def _duplicate(ticket: Ticket, _actor: Actor, details: Details, now: int) -> Ticket:
    ended = _ended(ticket, TicketState.DUPLICATE, details.reason, now)
    return replace(ended, duplicate_of=details.duplicate_of)


def _refer(ticket: Ticket, _actor: Actor, details: Details, now: int) -> Ticket:
    return _ended(ticket, TicketState.REFERRED, f"{details.refer_to}: {details.reason}", now)


def _reject(ticket: Ticket, _actor: Actor, details: Details, now: int) -> Ticket:
    return _ended(ticket, TicketState.REJECTED, details.reason, now)


def _cancel(ticket: Ticket, _actor: Actor, details: Details, now: int) -> Ticket:
    return _ended(ticket, TicketState.CANCELLED, details.reason, now)


def _comment(ticket: Ticket, _actor: Actor, _details: Details, _now: int) -> Ticket:
    return ticket


_CHANGES: Final = {
    Action.TRIAGE: _triage,
    Action.ASSIGN: _assign,
    Action.ACCEPT: _accept,
    Action.DECLINE: _decline,
    Action.START: _start,
    Action.HOLD: _hold,
    Action.RESUME: _resume,
    Action.COMPLETE: _complete,
    Action.VERIFY: _verify,
    Action.OVERRIDE: _override,
    Action.FAIL: _reopen,
    Action.REOPEN: _reopen,
    Action.CLOSE: _close,
    Action.DUPLICATE: _duplicate,
    Action.REFER: _refer,
    Action.REJECT: _reject,
    Action.CANCEL: _cancel,
    Action.COMMENT: _comment,
}
