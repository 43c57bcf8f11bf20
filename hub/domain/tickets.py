"""The ticket: its states, the arrows between them, and what a fault does to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hub.domain.alarms import Priority


class TicketState(StrEnum):
    """As in the states table of docs/design.md; lower snake_case in the API."""

    REPORTED = "reported"
    TRIAGED = "triaged"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    COMPLETED = "completed"
    VERIFYING = "verifying"
    RESOLVED = "resolved"
    CLOSED = "closed"
    DUPLICATE = "duplicate"
    REFERRED = "referred"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


ENDED: Final = frozenset(
    {TicketState.CLOSED, TicketState.DUPLICATE, TicketState.REFERRED, TicketState.REJECTED, TicketState.CANCELLED}
)
"""Read-only. The one way out is a counted reopen, and only from CLOSED (and RESOLVED)."""


class TicketKind(StrEnum):
    """报修 故障 保养 巡检 检测."""

    REPORT = "report"
    FAULT = "fault"
    PREVENTIVE = "preventive"
    INSPECTION = "inspection"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketKey:
    """One fault: at most one ticket that has not ended. ``unit`` is the empty string where there is none."""

    community: str
    facility: str
    """For a fault of the sensor itself: empty, and ``unit`` is the device's hub id."""
    unit: str
    failure_mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One fault, one owner, one deadline. Times are epoch ms."""

    id: str
    """UUIDv7."""
    number: str
    """For people, ``HG-2026-000123``; never repeats."""
    key: TicketKey
    kind: TicketKind
    state: TicketState
    priority: Priority
    title_zh: str
    title_en: str
    crew: str
    """The crew that owns it: always one."""
    assignee: str | None = None
    """A user's login."""
    party: str | None = None
    sensor_born: bool = True
    late: bool = False
    occurrences: int = 1
    reopened: int = 0
    reported_at: int
    triaged_at: int | None = None
    assigned_at: int | None = None
    accepted_at: int | None = None
    started_at: int | None = None
    completed_at: int | None = None
    completed_by: str | None = None
    """Who said that it is done: may not verify it by hand."""
    verifying_since: int | None = None
    restored_at: int | None = None
    """When the condition returned to normal, as the sensor saw it."""
    resolved_at: int | None = None
    closed_at: int | None = None
    waiting: str = ""
    """What verification waits for beyond time: ``data`` or ``inspection``; empty: nothing."""
    verified: str = ""
    """How it was proven: ``sensor``, ``inspection``, ``override``, ``not_verified``; empty while it is not."""
    hold_reason: str = ""
    hold_until: int | None = None
    cause: str = ""
    remedy: str = ""
    end_reason: str = ""
    duplicate_of: str | None = None
    """The ticket that carries the same fault."""
    previous: str | None = None
    """The ticket this one follows on the same key, outside the reopen window."""
    due_at: int | None = None
    recheck_at: int | None = None
    """The next instant at which time alone can change it (verification, hold expiry, closing)."""
    version: int = 1


class Action(StrEnum):
    """What is done to a ticket: the last part of ``POST /tickets/{id}/{action}``, and the action of a history row."""

    TRIAGE = "triage"
    ASSIGN = "assign"
    ACCEPT = "accept"
    DECLINE = "decline"
    START = "start"
    HOLD = "hold"
    RESUME = "resume"
    COMPLETE = "complete"
    VERIFY = "verify"
    OVERRIDE = "override"
    FAIL = "fail"
    """Not fixed: verification says no."""
    REOPEN = "reopen"
    CLOSE = "close"
    DUPLICATE = "duplicate"
    REFER = "refer"
    REJECT = "reject"
    CANCEL = "cancel"
    COMMENT = "comment"
    # What only the hub does:
    OPEN = "open"
    ATTACH = "attach"
    SELF_CLEAR = "self_clear"
    CHECK = "check"
    """COMPLETED becomes VERIFYING."""
    UNACCEPT = "unaccept"
    END_LATE = "end_late"
    WAIT = "wait"
    """Verification waits for data, or for somebody who looks."""


_S = TicketState

ARROWS: Final[dict[Action, dict[TicketState, frozenset[TicketState]]]] = {
    Action.TRIAGE: {_S.REPORTED: frozenset({_S.TRIAGED})},
    Action.ASSIGN: {_S.TRIAGED: frozenset({_S.ASSIGNED}), _S.ASSIGNED: frozenset({_S.ASSIGNED})},
    Action.ACCEPT: {_S.ASSIGNED: frozenset({_S.ACCEPTED})},
    Action.DECLINE: {_S.ACCEPTED: frozenset({_S.ASSIGNED}), _S.ASSIGNED: frozenset({_S.ASSIGNED})},
    Action.UNACCEPT: {_S.ACCEPTED: frozenset({_S.ASSIGNED})},
    Action.START: {_S.ACCEPTED: frozenset({_S.IN_PROGRESS})},
    Action.HOLD: {_S.IN_PROGRESS: frozenset({_S.ON_HOLD})},
    Action.RESUME: {_S.ON_HOLD: frozenset({_S.IN_PROGRESS})},
    Action.COMPLETE: {_S.IN_PROGRESS: frozenset({_S.COMPLETED})},
    Action.CHECK: {_S.COMPLETED: frozenset({_S.VERIFYING})},
    Action.SELF_CLEAR: dict.fromkeys((_S.REPORTED, _S.TRIAGED, _S.ASSIGNED), frozenset({_S.VERIFYING})),
    Action.VERIFY: {_S.VERIFYING: frozenset({_S.RESOLVED})},
    Action.OVERRIDE: {_S.VERIFYING: frozenset({_S.RESOLVED})},
    Action.FAIL: {_S.VERIFYING: frozenset({_S.IN_PROGRESS, _S.ASSIGNED})},
    Action.REOPEN: dict.fromkeys((_S.RESOLVED, _S.CLOSED), frozenset({_S.IN_PROGRESS, _S.ASSIGNED})),
    Action.CLOSE: {_S.RESOLVED: frozenset({_S.CLOSED})},
    Action.DUPLICATE: {_S.TRIAGED: frozenset({_S.DUPLICATE})},
    Action.REFER: {_S.TRIAGED: frozenset({_S.REFERRED})},
    Action.REJECT: {_S.TRIAGED: frozenset({_S.REJECTED})},
    Action.CANCEL: dict.fromkeys((_S.REPORTED, _S.TRIAGED, _S.ASSIGNED, _S.ACCEPTED), frozenset({_S.CANCELLED})),
    Action.END_LATE: {_S.ASSIGNED: frozenset({_S.CLOSED})},
}
"""Only these arrows exist. CANCELLED is for what ends before work has begun; ASSIGNED to itself changes who it is."""


def is_arrow(action: Action, before: TicketState, after: TicketState) -> bool:
    """Whether the table has this arrow."""
    return after in ARROWS.get(action, {}).get(before, frozenset())
