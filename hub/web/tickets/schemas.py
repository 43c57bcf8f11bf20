"""Tickets as JSON."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hub.domain.alarms import Priority
from hub.domain.ticket_actions import TEXT_LIMIT, Details
from hub.domain.tickets import Ticket, TicketKind, TicketState
from hub.flows.lists import TicketHistory
from hub.web.schemas import Instant, NameOut, Schema, iso

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Text = Annotated[str, Field(max_length=TEXT_LIMIT)]


class TicketOut(Schema):
    """One ticket, whole."""

    id: str
    number: str
    community: str
    facility: str
    unit: str
    failure_mode: str
    kind: TicketKind
    state: TicketState
    priority: Priority
    title: NameOut
    crew: str
    assignee: str | None
    party: str | None
    sensor_born: bool
    late: bool
    occurrences: int
    reopened: int
    reported_at: str | None
    triaged_at: str | None
    assigned_at: str | None
    accepted_at: str | None
    started_at: str | None
    completed_at: str | None
    verifying_since: str | None
    restored_at: str | None
    resolved_at: str | None
    closed_at: str | None
    verified: str
    hold_reason: str
    hold_until: str | None
    cause: str
    remedy: str
    end_reason: str
    previous: str | None
    due_at: str | None
    version: int
    actions: list[str]
    """What the state machine offers this caller now."""

    @classmethod
    def of(cls, ticket: Ticket, actions: tuple[str, ...]) -> TicketOut:
        return cls(
            id=ticket.id,
            number=ticket.number,
            community=ticket.key.community,
            facility=ticket.key.facility,
            unit=ticket.key.unit,
            failure_mode=ticket.key.failure_mode,
            kind=ticket.kind,
            state=ticket.state,
            priority=ticket.priority,
            title=NameOut(zh=ticket.title_zh, en=ticket.title_en),
            crew=ticket.crew,
            assignee=ticket.assignee,
            party=ticket.party,
            sensor_born=ticket.sensor_born,
            late=ticket.late,
            occurrences=ticket.occurrences,
            reopened=ticket.reopened,
            reported_at=iso(ticket.reported_at),
            triaged_at=iso(ticket.triaged_at),
            assigned_at=iso(ticket.assigned_at),
            accepted_at=iso(ticket.accepted_at),
            started_at=iso(ticket.started_at),
            completed_at=iso(ticket.completed_at),
            verifying_since=iso(ticket.verifying_since),
            restored_at=iso(ticket.restored_at),
            resolved_at=iso(ticket.resolved_at),
            closed_at=iso(ticket.closed_at),
            verified=ticket.verified,
            hold_reason=ticket.hold_reason,
            hold_until=iso(ticket.hold_until),
            cause=ticket.cause,
            remedy=ticket.remedy,
            end_reason=ticket.end_reason,
            previous=ticket.previous,
            due_at=iso(ticket.due_at),
            version=ticket.version,
            actions=list(actions),
        )


class TicketIn(Schema):
    """A ticket that a person makes."""

    community: Slug
    facility: Slug
    unit: Annotated[str, Field(max_length=63)] = ""
    failure_mode: Annotated[str, Field(max_length=63)] = ""
    kind: TicketKind = TicketKind.REPORT
    priority: Priority = Priority.MEDIUM
    title: Annotated[str, Field(min_length=2, max_length=200)]
    comment: Text = ""


class ActionIn(Schema):
    """What is said with a transition; which of it is needed depends on the action."""

    on_behalf_of: Annotated[str, Field(max_length=63)] = ""
    reason: Text = ""
    comment: Text = ""
    crew: Annotated[str, Field(max_length=63)] = ""
    assignee: Annotated[str, Field(max_length=63)] = ""
    party: Annotated[str, Field(max_length=63)] = ""
    priority: Priority | None = None
    hold_until: Instant | None = None
    cause: Text = ""
    remedy: Text = ""
    duplicate_of: Annotated[str, Field(max_length=36)] = ""
    refer_to: Annotated[str, Field(max_length=200)] = ""

    def details(self) -> Details:
        """For the flow."""
        return Details(**self.model_dump(exclude={"on_behalf_of"}))


class TicketEventOut(Schema):
    """One row of a ticket's history."""

    at: str | None
    action: str
    from_state: str
    to_state: str
    by: str
    on_behalf_of: str
    reason: str
    comment: str
    alarm: str | None


class AlarmEventOut(Schema):
    """One change of an alarm behind the ticket."""

    alarm: str
    at: str | None
    kind: str
    reason: str
    occurrence: int
    by: str
    value: float | None
    comment: str


class NoticeOut(Schema):
    """One notice about the ticket; the address stays in the hub."""

    id: str
    kind: str
    contact: str
    channel: str
    language: str
    subject: str
    state: str
    attempts: int
    created_at: str | None
    sent_at: str | None
    last_error: str


class AttemptOut(Schema):
    """One try at sending a notice."""

    notice: str
    number: int
    at: str | None
    took_ms: int
    outcome: str
    detail: str


class HistoryOut(Schema):
    """All that happened around a ticket, each part oldest first."""

    events: list[TicketEventOut]
    alarm_events: list[AlarmEventOut]
    notices: list[NoticeOut]
    attempts: list[AttemptOut]

    @classmethod
    def of(cls, history: TicketHistory) -> HistoryOut:
        return cls(
            events=[
                TicketEventOut(
                    at=iso(e.at),
                    action=e.action,
                    from_state=e.from_state,
                    to_state=e.to_state,
                    by=e.by,
                    on_behalf_of=e.on_behalf_of,
                    reason=e.reason,
                    comment=e.comment,
                    alarm=e.alarm,
                )
                for e in history.events
            ],
            alarm_events=[
                AlarmEventOut(
                    alarm=e.alarm,
                    at=iso(e.at),
                    kind=e.kind,
                    reason=e.reason,
                    occurrence=e.occurrence,
                    by=e.by,
                    value=e.value,
                    comment=e.comment,
                )
                for e in history.alarm_events
            ],
            notices=[
                NoticeOut(
                    id=n.id,
                    kind=n.kind,
                    contact=n.contact,
                    channel=n.channel,
                    language=n.language,
                    subject=n.subject,
                    state=n.state,
                    attempts=n.attempts,
                    created_at=iso(n.created_at),
                    sent_at=iso(n.sent_at),
                    last_error=n.last_error,
                )
                for n in history.notices
            ],
            attempts=[
                AttemptOut(
                    notice=a.notice,
                    number=a.number,
                    at=iso(a.at),
                    took_ms=a.took_ms,
                    outcome=a.outcome,
                    detail=a.detail,
                )
                for a in history.attempts
            ],
        )
