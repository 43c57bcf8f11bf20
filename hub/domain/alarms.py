"""The alarm of IEC 62682 / OPC UA Part 9: two memories, one overlay; ``step`` is its only way to change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AlarmState(StrEnum):
    """Derived from the two memories, never stored as one column."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RTN_UNACKNOWLEDGED = "rtn_unacknowledged"


class Overlay(StrEnum):
    """Stops annunciation only; judging, logging and counting go on."""

    NONE = "none"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed_by_design"
    OUT_OF_SERVICE = "out_of_service"


class Priority(StrEnum):
    """How much it matters. ``safety`` is its own class: always annunciated, always on top."""

    SAFETY = "safety"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm: one rule on one source. Times are epoch ms."""

    id: str
    """UUIDv7."""
    rule: str
    community: str
    device: str
    point: str
    """Name of the point; empty for an alarm of the device itself."""
    code: str
    """The device's own fault code, for fault events; else empty."""
    facility: str
    """Empty for an alarm of a device that speaks for no facility."""
    unit: str
    failure_mode: str
    priority: Priority
    late: bool = False
    """Made from late data: a record, without notice or clock."""
    active: bool = False
    acked: bool = True
    pending_since: int | None = None
    """Since when the condition differs from ``active`` without a break (on-delay or off-delay running)."""
    lag: int = 0
    """How much later than measured the sample that began the delay arrived: deadlines run at the lane's time."""
    occurrence: int = 0
    """How many times it has been raised; the running one's number."""
    repeats: int = 0
    """Re-annunciations of the running occurrence."""
    raised_at: int | None = None
    cleared_at: int | None = None
    acked_at: int | None = None
    acked_by: str | None = None
    annunciated_at: int | None = None
    overlay: Overlay = Overlay.NONE
    overlay_until: int | None = None
    overlay_reason: str = ""
    one_shot: bool = False
    latched: bool = False
    """Held active after its cause has gone, until it is reset."""
    value: float | None = None
    text: str = ""
    recheck_at: int | None = None
    """The next instant at which time alone can change it."""

    @property
    def state(self) -> AlarmState:
        """The state the standard names."""
        if self.active:
            return AlarmState.ACKNOWLEDGED if self.acked else AlarmState.UNACKNOWLEDGED
        return AlarmState.NORMAL if self.acked else AlarmState.RTN_UNACKNOWLEDGED
