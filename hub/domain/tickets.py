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
