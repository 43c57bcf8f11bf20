"""One look at a value: condition and reason."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.alarms import Priority
from hub.domain.rules import (
    Rule,
    RuleKind,
    Side,
    judge,
    quiet_band,
    takes_code,
)
from hub.domain.verdicts import Condition, Reason


def rule(**more: Any) -> Rule:
    values: dict[str, Any] = {
        "id": "r",
        "facility_kind": "lift",
        "failure_mode": "m",
        "kind": RuleKind.LIMIT,
        "priority": Priority.HIGH,
        "metric": "temperature",
        "setpoint": 80.0,
        "deadband": 5.0,
    }
    return Rule(**values | more)


LOW = {"side": Side.LOW, "setpoint": 20.0}
DOOR = {"kind": RuleKind.STATE, "states": (1.0,)}
WORD = {"kind": RuleKind.STATE, "states": ("manual", "off")}


@pytest.mark.parametrize(
    ("given_rule", "value", "condition", "reason"),
    [
        ({}, 80.1, Condition.OVER, Reason.ABOVE_LIMIT),
        ({}, 80.0, Condition.IN_BAND, Reason.IN_DEADBAND),
        ({}, 75.1, Condition.IN_BAND, Reason.IN_DEADBAND),
        ({}, 75.0, Condition.NORMAL, Reason.WITHIN_LIMIT),
        ({}, math.nan, Condition.UNKNOWN, Reason.NOT_COMPARABLE),
        ({}, "warm", Condition.UNKNOWN, Reason.NOT_COMPARABLE),
        ({}, math.inf, Condition.OVER, Reason.ABOVE_LIMIT),
        (LOW, 19.9, Condition.OVER, Reason.BELOW_LIMIT),
        (LOW, 20.0, Condition.IN_BAND, Reason.IN_DEADBAND),
        (LOW, 25.0, Condition.NORMAL, Reason.WITHIN_LIMIT),
        (DOOR, 1.0, Condition.OVER, Reason.FAULT_STATE),
        (DOOR, 0.0, Condition.NORMAL, Reason.GOOD_STATE),
        (DOOR, math.nan, Condition.UNKNOWN, Reason.NOT_COMPARABLE),
        (WORD, "manual", Condition.OVER, Reason.FAULT_STATE),
        (WORD, "auto", Condition.NORMAL, Reason.GOOD_STATE),
    ],
)
def test_verdicts(given_rule: dict[str, Any], value: float | str, condition: Condition, reason: Reason) -> None:
    assert judge(rule(**given_rule), value) == (condition, reason)


@given(
    st.sampled_from(
        [{}, LOW, DOOR, {"kind": RuleKind.STATE, "states": (0.0,)}, {"kind": RuleKind.STATE, "states": (0.0, 1.0)}]
    ),
    st.floats(-200, 200) | st.sampled_from([0.0, 1.0, 75.0, 80.0, 20.0, 25.0]),
)
def test_inside_the_quiet_band_every_value_is_normal(which: dict[str, Any], value: float) -> None:
    band = quiet_band(rule(**which))
    if band.low <= value <= band.high:
        assert judge(rule(**which), value).condition is Condition.NORMAL


def test_usual_values_are_inside_the_quiet_band() -> None:
    for which, value in (({}, 40.0), (LOW, 40.0), (DOOR, 0.0), ({"kind": RuleKind.STATE, "states": (0.0,)}, 1.0)):
        band = quiet_band(rule(**which))
        assert band.low <= value <= band.high


def test_a_star_takes_faults_only_and_a_named_code_takes_any_type() -> None:
    star, named = rule(kind=RuleKind.FAULT_EVENT, codes=("*",)), rule(kind=RuleKind.FAULT_EVENT, codes=("E21",))
    assert takes_code(star, "fault", "E99")
    assert not takes_code(star, "info", "E99")
    assert takes_code(named, "info", "E21")
    assert not takes_code(named, "fault", "E22")
