"""What an alarm stands on: its value in the metric's own words, and the limit it crossed."""

from __future__ import annotations

from typing import NamedTuple

from hub.domain.alarms import Alarm
from hub.domain.metrics import METRICS, Metric
from hub.domain.rules import Rule, RuleKind
from hub.flows.registry import Registry


class Evidence(NamedTuple):
    """None: not known, or none."""

    metric: Metric | None
    limit: float | None
    """In the metric's unit."""


def evidence(registry: Registry, alarm: Alarm) -> Evidence:
    """By the alarm's rule where the community still has it; else by what its point measures. Pure."""
    rule = _rule(registry, alarm)
    if rule is not None and rule.kind is RuleKind.NO_DATA:
        return Evidence(None, None)
    name = (rule.metric if rule is not None else "") or _measured(registry, alarm)
    limit = rule.setpoint if rule is not None and rule.kind is RuleKind.LIMIT else None
    return Evidence(METRICS.get(name), limit)


def _rule(registry: Registry, alarm: Alarm) -> Rule | None:
    return next((rule for rule in registry.rules.get(alarm.community, ()) if rule.id == alarm.rule), None)


def _measured(registry: Registry, alarm: Alarm) -> str:
    spans = registry.bindings.get((alarm.device, alarm.point), ())
    return spans[-1].metric_name() if spans else alarm.point.rpartition(".")[2]
