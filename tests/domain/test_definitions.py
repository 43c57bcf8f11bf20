"""An alarm definition that lacks something, or can never match, is named with what would be right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.domain.alarms import Priority
from hub.domain.definitions import flaws_of_mode, flaws_of_rule
from hub.domain.places import Name
from hub.domain.rules import FailureMode, Rule, RuleKind, Side

TEXT = Name(zh="文", en="text")
MODE = FailureMode(
    id="hot",
    facility_kind="lift",
    name=TEXT,
    priority=Priority.HIGH,
    response=TEXT,
    consequence=TEXT,
    checks=(TEXT, TEXT, TEXT),
)
LIMIT = Rule(
    id="lift-hot",
    facility_kind="lift",
    failure_mode="hot",
    kind=RuleKind.LIMIT,
    priority=Priority.HIGH,
    metric="temperature",
    setpoint=40,
    deadband=2,
)


def test_a_complete_definition_has_no_flaw() -> None:
    assert flaws_of_mode(MODE) == []
    assert flaws_of_rule(LIMIT) == []


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"response": Name(zh="", en="")}, "response"),
        ({"response": Name(zh="只有中文", en="")}, "response"),
        ({"consequence": Name(zh="", en="only English")}, "consequence"),
        ({"checks": (TEXT, TEXT)}, "checks"),
        ({"checks": (TEXT, TEXT, TEXT, TEXT)}, "checks"),
        ({"verify_ms": 0}, "verify"),
    ],
)
def test_an_incomplete_definition_is_refused(change: dict[str, Any], key: str) -> None:
    assert [flaw.key for flaw in flaws_of_mode(replace(MODE, **change))] == [key]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"metric": "temprature"}, "metric"),
        ({"deadband": -1.0}, "deadband"),
        ({"setpoint": 125.0}, "above"),
        ({"setpoint": 1000.0}, "above"),
        ({"setpoint": -40.0, "side": Side.LOW}, "below"),
        ({"setpoint": float("nan")}, "above"),
        ({"metric": "door_open", "setpoint": 0.5}, "above"),
        ({"on_delay_ms": -1}, "on_delay"),
        ({"kind": RuleKind.STATE, "states": ()}, "is"),
        ({"kind": RuleKind.STATE, "states": (1.0,)}, "is"),
        ({"kind": RuleKind.STATE, "metric": "door_open", "states": (2.0,)}, "is"),
        ({"kind": RuleKind.FAULT_EVENT, "codes": ()}, "fault"),
        ({"kind": RuleKind.NO_DATA, "silence_ms": 0}, "silent"),
    ],
)
def test_a_rule_that_cannot_work_is_reported(change: dict[str, Any], key: str) -> None:
    assert [flaw.key for flaw in flaws_of_rule(replace(LIMIT, **change))] == [key]


def test_an_unknown_metric_names_the_nearest() -> None:
    (flaw,) = flaws_of_rule(replace(LIMIT, metric="temprature"))
    assert "temperature" in flaw.expected
