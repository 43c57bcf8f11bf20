"""Rules: what a sensor may say before somebody must act, and how one sample is judged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from hub.domain import verdicts
from hub.domain.alarms import Priority
from hub.domain.places import Name
from hub.domain.verdicts import Verdict


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
    """For limit, state and no_data; a no_data rule without metric watches every point of the facility but how batteries are."""
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
    acknowledges_itself: bool = False
    """An alarm that has returned to normal needs nobody to acknowledge it."""
    raises_ticket: bool = True
    facility: str = ""
    """Only this facility; empty: all of the kind."""
    unit: str = ""
    """Only this unit; empty: all."""
    enabled: bool = True
    replaces: str = ""
    """A preset's id: where this rule applies, that one does not."""


LEAST_SILENCE_MS: Final = 2 * 60_000
UNLEARNED_SILENCE_MS: Final = 24 * 3_600_000
"""While nobody knows how often a point reports."""


def judge(rule: Rule, value: float | str) -> Verdict:
    """What one calibrated value says about a limit or state rule. Inputs of the wrong type are unknown, never normal."""
    if rule.kind is RuleKind.LIMIT:
        if isinstance(value, str) or math.isnan(value):
            return verdicts.NOT_COMPARABLE
        return _judge_high(rule, value) if rule.side is Side.HIGH else _judge_low(rule, value)
    if not isinstance(value, str) and math.isnan(value):
        return verdicts.NOT_COMPARABLE
    return verdicts.FAULT_STATE if value in rule.states else verdicts.GOOD_STATE


def _judge_high(rule: Rule, value: float) -> Verdict:
    if value > rule.setpoint:
        return verdicts.ABOVE
    return verdicts.WITHIN if value <= rule.setpoint - rule.deadband else verdicts.IN_DEADBAND


def _judge_low(rule: Rule, value: float) -> Verdict:
    if value < rule.setpoint:
        return verdicts.BELOW
    return verdicts.WITHIN if value >= rule.setpoint + rule.deadband else verdicts.IN_DEADBAND


def takes_code(rule: Rule, event_type: str, code: str) -> bool:
    """Whether a fault-event rule takes this event. ``*`` takes any code, but only of events of the type ``fault``."""
    return code in rule.codes or ("*" in rule.codes and event_type == "fault")


class QuietBand(NamedTuple):
    """Values from ``low`` to ``high``, both included, that a rule surely finds normal. Empty where low > high."""

    low: float
    high: float

    def within(self, other: QuietBand) -> QuietBand:
        """What both find normal."""
        return QuietBand(max(self.low, other.low), min(self.high, other.high))


EVERYTHING_QUIET: Final = QuietBand(-math.inf, math.inf)


def quiet_band(rule: Rule) -> QuietBand:
    """A pre-check: inside it ``judge`` says normal; outside it the value has to be judged."""
    if rule.kind is RuleKind.LIMIT:
        if rule.side is Side.HIGH:
            return QuietBand(-math.inf, rule.setpoint - rule.deadband)
        return QuietBand(rule.setpoint + rule.deadband, math.inf)
    if rule.kind is RuleKind.STATE:
        return _band_between([state for state in rule.states if not isinstance(state, str)])
    return EVERYTHING_QUIET


def _band_between(states: list[float]) -> QuietBand:
    """The stretch free of fault states around 0 (off, closed, dry) if 0 is good, else around 1, else none at all."""
    for usual in (0.0, 1.0):
        if usual not in states:
            low = max((state for state in states if state < usual), default=-math.inf)
            high = min((state for state in states if state > usual), default=math.inf)
            return QuietBand(math.nextafter(low, math.inf), math.nextafter(high, -math.inf))
    return QuietBand(math.inf, -math.inf)
