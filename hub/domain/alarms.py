"""The alarm of IEC 62682 / OPC UA Part 9: two memories, one overlay; ``step`` is its only way to change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from hub.domain.verdicts import Verdict


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
    commissioning: bool = False
    """Raised while its place is in commissioning: a record, until it goes live. Beside any overlay, which may come and go."""
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

    @property
    def is_plain(self) -> bool:
        """Nothing to remember: normal, nothing running, no overlay."""
        return (
            self.acked and not self.active and self.pending_since is None and self.overlay is Overlay.NONE
        )  # latched implies active


class Manner(Protocol):
    """How the class of an alarm behaves; a Rule is one."""

    @property
    def on_delay_ms(self) -> int: ...
    @property
    def off_delay_ms(self) -> int: ...
    @property
    def latched(self) -> bool: ...
    @property
    def acknowledges_itself(self) -> bool: ...
    @property
    def realarm_ms(self) -> int | None: ...
    @property
    def realarm_limit(self) -> int: ...
    @property
    def shelve_max_ms(self) -> int: ...


# --- what can happen to an alarm --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A sample was judged; ``now`` is the sample's own time. ``lag``: how much later it arrived (may be negative)."""

    verdict: Verdict
    value: float | None = None
    text: str = ""
    lag: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Momentary:
    """The device says that something happened, without saying that it lasts: raised and gone at once."""

    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elapsed:
    """Time alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretched:
    """The hub could not hear from ``started_at`` to ``ended_at``: that time counts towards no delay."""

    started_at: int
    ended_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBack:
    """The machine's clock was set back by so many ms: a delay that runs ends so much earlier by the new time."""

    by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """Somebody has seen it."""

    by: str
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelve:
    """An operator stops its annunciation until an instant; ``one_shot``: or until the next return to normal.

    ``until`` None: the longest that the class allows.
    """

    by: str
    reason: str
    until: int | None
    one_shot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unshelve:
    """An operator ends the shelving."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """An operator ends a latched alarm whose cause has gone."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppress:
    """Logic stops annunciation: a parent cause is active, or the facility's mode makes the alarm meaningless."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The reason for suppression has gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOutOfService:
    """Maintenance works on the asset under this ticket, whose id stands as the overlay's reason."""

    by: str
    ticket: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnToService:
    """Maintenance is over: by hand, or because the ticket has ended."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginCommissioning:
    """Its place is being commissioned from now on: recorded, and told to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoLive:
    """Commissioning of its place is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """Nobody watches the source any more: the rule, the binding or the device has gone."""

    reason: str


Signal = (
    Judged
    | Momentary
    | Elapsed
    | Stretched
    | SetBack
    | Acknowledge
    | Shelve
    | Unshelve
    | Reset
    | Suppress
    | Release
    | TakeOutOfService
    | ReturnToService
    | BeginCommissioning
    | GoLive
    | Withdraw
)


class Change(StrEnum):
    """What happened, as the history and the other flows see it."""

    RAISED = "raised"
    ANNUNCIATED = "annunciated"
    """People are to be told, and the ticket rule applies."""
    RETURNED = "returned"
    """The condition is normal again."""
    CAUSE_GONE = "cause_gone"
    """Latched: the condition is normal again, the alarm stays until it is reset."""
    ACKNOWLEDGED = "acknowledged"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SUPPRESSED = "suppressed"
    RELEASED = "released"
    OUT_OF_SERVICE = "out_of_service"
    IN_SERVICE = "in_service"
    RESET = "reset"
    WITHDRAWN = "withdrawn"
    NOT_TOLD = "not_told"
    """Raised in commissioning: what would have been annunciated."""
    COMMISSIONING = "commissioning"
    LIVE = "live"


class Event(NamedTuple):
    """One change of one alarm: a row of its history."""

    kind: Change
    reason: str
    at: int
    by: str = ""
    comment: str = ""


class Refused(StrEnum):
    """Why an operator's wish was not granted."""

    NOT_LATCHED = "not_latched"
    CAUSE_PRESENT = "cause_present"
    NOT_SHELVED = "not_shelved"
    ALREADY_COVERED = "already_covered"
    """Another overlay is on it."""
    REASON_MISSING = "reason_missing"
    END_NOT_AHEAD = "end_not_ahead"
    END_TOO_FAR = "end_too_far"
    SAFETY = "safety"
    """Safety alarms are always annunciated."""
    TICKET_MISSING = "ticket_missing"
    NOT_OUT_OF_SERVICE = "not_out_of_service"


class Step(NamedTuple):
    """The alarm after a signal, what changed, when time alone can change it next, and why a wish was refused."""

    alarm: Alarm
    events: tuple[Event, ...]
    recheck_at: int | None
    refused: Refused | None = None
