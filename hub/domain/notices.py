"""A notice: what one contact is told about one ticket or alarm, once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NoticeKind(StrEnum):
    """Why somebody is told."""

    OPENED = "opened"
    RECURRED = "recurred"
    REOPENED = "reopened"
    PRIORITY_RAISED = "priority_raised"
    RESTORED = "restored"
    HOLD_EXPIRED = "hold_expired"
    WAITING_FOR_DATA = "waiting_for_data"
    SYSTEM = "system"


class NoticeState(StrEnum):
    """The life of a row of the outbox."""

    QUEUED = "queued"
    SENDING = "sending"
    """Leased by a sender; a lease that runs out puts it back to queued."""
    SENT = "sent"
    FAILED = "failed"
    """For good: the channel said that trying again cannot help, or the last attempt was used up."""
    WITHDRAWN = "withdrawn"
    """Overtaken before it left (acknowledged, ticket ended)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One row of the outbox. Times are epoch ms."""

    id: str
    """UUIDv7."""
    dedupe_key: str
    """(ticket or alarm, occurrence, kind, contact): a second one with the same key is not written."""
    community: str
    kind: NoticeKind
    contact: str
    channel: str
    address: str
    language: str
    subject: str
    body: str
    priority: str
    link: str = ""
    ticket: str | None = None
    alarm: str | None = None
    state: NoticeState = NoticeState.QUEUED
    attempts: int = 0
    created_at: int
    next_at: int
    lease_until: int | None = None
    sent_at: int | None = None
    last_error: str = ""
