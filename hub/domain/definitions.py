"""Whether an alarm definition can be enabled: what is missing or can never match, each with what would be right."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from hub.domain.metrics import METRICS, Metric, MetricKind
from hub.domain.rules import FailureMode, Rule, RuleKind, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One thing wrong with a definition. ``key`` is the key a person would have to change."""

    key: str
    reason: str
    expected: str


def flaws_of_mode(mode: FailureMode) -> list[Flaw]:
    """An alarm is something a person must act on: without response, consequence and three checks it is none."""
    flaws = []
    for key, text in (("name", mode.name), ("response", mode.response), ("consequence", mode.consequence)):
        if not (text.zh and text.en):
            flaws.append(
                Flaw(
                    key=key,
                    reason=f"{key} is missing in Chinese or English: an alarm without it cannot be enabled",
                    expected="a text in zh and in en",
                )
            )
    if len(mode.checks) != 3 or not all(check.zh and check.en for check in mode.checks):
        flaws.append(
            Flaw(
                key="checks",
                reason=f"{len(mode.checks)} checks on site given",
                expected="exactly three, each in zh and in en",
            )
        )
    if mode.verify_ms <= 0:
        flaws.append(Flaw(key="verify", reason="the time to verify is not positive", expected="e.g. 10min"))
    return flaws


def flaws_of_rule(rule: Rule, metrics: Mapping[str, Metric] = METRICS) -> list[Flaw]:
    """What keeps a rule from working: unknown metric, a limit nothing plausible can pass, negative times."""
    flaws = [
        Flaw(key=key, reason=f"{key} is negative", expected="0 or more")
        for key, value in (("on_delay", rule.on_delay_ms), ("off_delay", rule.off_delay_ms))
        if value < 0
    ]
    if rule.kind is RuleKind.FAULT_EVENT:
        return flaws if rule.codes else [*flaws, Flaw(key="fault", reason="no fault code given", expected='["*"]')]
    if rule.kind is RuleKind.NO_DATA and rule.silence_ms is not None and rule.silence_ms <= 0:
        flaws.append(Flaw(key="silent", reason="the silence is not positive", expected='e.g. "15min" or "learned"'))
    if rule.kind is RuleKind.NO_DATA and not rule.metric:
        return flaws
    metric = metrics.get(rule.metric)
    if metric is None:
        return [
            *flaws,
            Flaw(key="metric", reason=f"unknown metric {rule.metric!r}", expected=_near(rule.metric, metrics)),
        ]
    if rule.kind is RuleKind.LIMIT:
        flaws += _flaws_of_limit(rule, metric)
    if rule.kind is RuleKind.STATE:
        flaws += _flaws_of_states(rule, metric)
    return flaws


def _flaws_of_limit(rule: Rule, metric: Metric) -> list[Flaw]:
    key = "above" if rule.side is Side.HIGH else "below"
    if metric.kind is MetricKind.STATE:
        return [Flaw(key=key, reason=f"{metric.name} is a state and has no limits", expected="is = true or is = false")]
    if not (math.isfinite(rule.setpoint) and math.isfinite(rule.deadband)):
        return [Flaw(key=key, reason="limit or deadband is not a finite number", expected="a number")]
    flaws = []
    if rule.deadband < 0:
        flaws.append(
            Flaw(key="deadband", reason=f"deadband {rule.deadband:g} is negative", expected="0 or more, in the unit")
        )
    reachable = (
        metric.low <= rule.setpoint < metric.high
        if rule.side is Side.HIGH
        else metric.low < rule.setpoint <= metric.high
    )
    if not reachable:
        flaws.append(
            Flaw(
                key=key,
                reason=f"no plausible {metric.name} is ever {key} {rule.setpoint:g}: the rule cannot match",
                expected=f"within {metric.low:g} and {metric.high:g} {metric.symbol.en or metric.unit}",
            )
        )
    return flaws


def _flaws_of_states(rule: Rule, metric: Metric) -> list[Flaw]:
    if not rule.states:
        return [Flaw(key="is", reason="no state given", expected="is = true, is = false or words")]
    wrong = [state for state in rule.states if not metric.matches(state)]
    if not wrong:
        return []
    right = ", ".join(metric.texts) if metric.texts else "true or false" if metric.off else "words"
    if metric.kind is not MetricKind.STATE:
        right = f"above or below: {metric.name} is a {metric.kind.value}"
    return [Flaw(key="is", reason=f"{metric.name} is never {wrong[0]!r}: the rule cannot match", expected=right)]


def _near(name: str, metrics: Mapping[str, Metric]) -> str:
    near = get_close_matches(name, metrics, n=3)
    return f"a metric of the table, perhaps {' or '.join(near)}" if near else "a metric of the table"
