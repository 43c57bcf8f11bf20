"""Alarms as JSON."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hub.domain.alarms import Alarm, AlarmState, Overlay, Priority
from hub.flows.ports import AlarmEvent
from hub.web.schemas import Instant, Schema, iso


class AlarmOut(Schema):
    """One alarm: two memories and one overlay; ``state`` is derived."""

    id: str
    rule: str
    community: str
    facility: str
    unit: str
    device: str
    point: str
    code: str
    failure_mode: str
    priority: Priority
    state: AlarmState
    active: bool
    acked: bool
    late: bool
    commissioning: bool
    """Recorded only: its place is in commissioning."""
    latched: bool
    occurrence: int
    repeats: int
    raised_at: str | None
    cleared_at: str | None
    acked_at: str | None
    acked_by: str | None
    overlay: Overlay
    overlay_until: str | None
    overlay_reason: str
    overlay_by: str
    """Who put it on; empty: the hub."""
    overlay_since: str | None
    overlay_ticket: str | None
    """Under which ticket it is out of service."""
    suppressed_by: str | None
    """What explains it while it is suppressed by design: the id of a gateway, of a building or of the community."""
    value: float | None
    text: str
    ticket: str | None = None

    @classmethod
    def of(cls, alarm: Alarm, cover: AlarmEvent | None, ticket: str | None = None) -> AlarmOut:
        """``cover``: the row that put its overlay on."""
        serviced = alarm.overlay is Overlay.OUT_OF_SERVICE
        return cls(
            id=alarm.id,
            rule=alarm.rule,
            community=alarm.community,
            facility=alarm.facility,
            unit=alarm.unit,
            device=alarm.device,
            point=alarm.point,
            code=alarm.code,
            failure_mode=alarm.failure_mode,
            priority=alarm.priority,
            state=alarm.state,
            active=alarm.active,
            acked=alarm.acked,
            late=alarm.late,
            commissioning=alarm.commissioning,
            latched=alarm.latched,
            occurrence=alarm.occurrence,
            repeats=alarm.repeats,
            raised_at=iso(alarm.raised_at),
            cleared_at=iso(alarm.cleared_at),
            acked_at=iso(alarm.acked_at),
            acked_by=alarm.acked_by,
            overlay=alarm.overlay,
            overlay_until=iso(alarm.overlay_until),
            overlay_reason=(cover.comment if cover else "") if serviced else alarm.overlay_reason,
            overlay_by=cover.by if cover else "",
            overlay_since=iso(cover.at) if cover else None,
            overlay_ticket=alarm.overlay_reason if serviced else None,
            suppressed_by=(
                alarm.overlay_reason.partition(" ")[2] or None if alarm.overlay is Overlay.SUPPRESSED else None
            ),
            value=alarm.value,
            text=alarm.text,
            ticket=ticket,
        )


class AcknowledgeIn(Schema):
    """A word with it, if any."""

    comment: Annotated[str, Field(max_length=1000)] = ""


class OutOfServiceIn(Schema):
    """``ticket``, by id or number: the one under which the asset is worked on; empty: the alarm's own."""

    reason: Annotated[str, Field(min_length=2, max_length=500)]
    ticket: Annotated[str, Field(max_length=40)] = ""


class ShelveIn(Schema):
    """``until`` null: until it next returns to normal (one-shot), at most the rule's longest time."""

    reason: Annotated[str, Field(min_length=2, max_length=500)]
    until: Instant | None = None
