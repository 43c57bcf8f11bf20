"""Rules: what a sensor may say before somebody must act, and how one sample is judged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hub.domain.alarms import Priority
from hub.domain.places import Name


class RuleKind(StrEnum):
    """The four ways in which a signal can be wrong."""

    LIMIT = "limit"
    STATE = "state"
    FAULT_EVENT = "fault_event"
    NO_DATA = "no_data"


class Side(StrEnum):
    """Which side of a limit is the bad one."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureMode:
    """What is wrong, in words a crew can act on. An alarm definition without response and consequence is refused."""

    id: str
    facility_kind: str
    name: Name
    priority: Priority
    response: Name
    """What to do."""
    consequence: Name
    """What happens if nobody does."""
    checks: tuple[Name, ...]
    """The first three things to check on site."""
    verify_ms: int = 10 * 60_000
    """The class preset in T_verify = max(2 x off-delay, 5 sampling periods, preset)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of one facility kind. Delays in ms, limits in the metric's canonical unit."""

    id: str
    """Slug, unique in a community; presets are called ``{kind}-{failure mode}[-{n}]``."""
    facility_kind: str
    failure_mode: str
    kind: RuleKind
    priority: Priority
    metric: str = ""
    """For limit, state and no_data; a no_data rule without metric watches every point of the facility."""
    side: Side = Side.HIGH
    setpoint: float = 0.0
    deadband: float = 0.0
    states: tuple[float | str, ...] = ()
    """For state rules: the values that are the fault (booleans as 0.0 and 1.0)."""
    codes: tuple[str, ...] = ()
    """For fault events: the device's codes; ``*`` takes any."""
    silence_ms: int | None = None
    """For no_data: how long is too long; None: three times the learned interval, at least two minutes."""
    on_delay_ms: int = 0
    off_delay_ms: int = 0
    latched: bool = False
    realarm_ms: int | None = None
    realarm_limit: int = 3
    shelve_max_ms: int = 8 * 3_600_000
    raises_ticket: bool = True
    facility: str = ""
    """Only this facility; empty: all of the kind."""
    unit: str = ""
    """Only this unit; empty: all."""
    enabled: bool = True
