"""Whether an alarm definition can be enabled: what is missing or can never match, each with what would be right."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from hub.domain.metrics import METRICS, Metric, MetricKind
from hub.domain.rules import FailureMode, Rule, RuleKind, Side
from hub.domain.wording import Wording


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
        Flaw(key=key, reason=Wording("%(key)s is negative", key=key), expected=Wording("%(least)s or more", least=0))
        for key, value in (("on_delay", rule.on_delay_ms), ("off_delay", rule.off_delay_ms))
        if value < 0
    ]
    if rule.kind is RuleKind.FAULT_EVENT:
        return (
            flaws
            if rule.codes
            else [*flaws, Flaw(key="fault", reason=Wording("no fault code given"), expected='["*"]')]
        )
    if rule.kind is RuleKind.NO_DATA and rule.silence_ms is not None and rule.silence_ms <= 0:
        flaws.append(
            Flaw(
                key="silent",
                reason=Wording("the silence is not positive"),
                expected=Wording("e.g. %(example)s", example='"15min", "learned"'),
            )
        )
    if rule.kind is RuleKind.NO_DATA and not rule.metric:
        return flaws
    metric = metrics.get(rule.metric)
    if metric is None:
        return [
            *flaws,
            Flaw(
                key="metric",
                reason=Wording("unknown metric %(metric)r", metric=rule.metric),
                expected=_near(rule.metric, metrics),
            ),
        ]
    if rule.kind is RuleKind.LIMIT:
        flaws += _flaws_of_limit(rule, metric)
    if rule.kind is RuleKind.STATE:
        flaws += _flaws_of_states(rule, metric)
    return flaws


def _flaws_of_limit(rule: Rule, metric: Metric) -> list[Flaw]:
    key = "above" if rule.side is Side.HIGH else "below"
    if metric.kind is MetricKind.STATE:
        return [
            Flaw(
                key=key,
                reason=Wording("%(metric)s is a state and has no limits", metric=metric.name),
                expected="is = true, is = false",
            )
        ]
    if not (math.isfinite(rule.setpoint) and math.isfinite(rule.deadband)):
        return [Flaw(key=key, reason=Wording("limit or deadband is not a finite number"), expected=Wording("a number"))]
    flaws = []
    if rule.deadband < 0:
        flaws.append(
            Flaw(
                key="deadband",
                reason=Wording("deadband %(value)g is negative", value=rule.deadband),
                expected=Wording("%(least)s or more", least=0),
            )
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
                reason=Wording(
                    "no plausible %(metric)s is ever %(key)s %(limit)g: the rule cannot match",
                    metric=metric.name,
                    key=key,
                    limit=rule.setpoint,
                ),
                expected=Wording(
                    "within %(low)g and %(high)g (%(unit)s)", low=metric.low, high=metric.high, unit=metric.unit
                ),
            )
        )
    return flaws


def _flaws_of_states(rule: Rule, metric: Metric) -> list[Flaw]:
    if not rule.states:
        return [
            Flaw(
                key="is", reason=Wording("no state given"), expected=Wording("true, false, a word, or a list of words")
            )
        ]
    wrong = [state for state in rule.states if not metric.matches(state)]
    if not wrong:
        return []
    right = ", ".join(metric.texts) or (Wording("true or false") if metric.off else Wording("words"))
    if metric.kind is not MetricKind.STATE:
        right = Wording("above or below: %(metric)s is a %(kind)s", metric=metric.name, kind=metric.kind.value)
    reason = Wording("%(metric)s is never %(state)r: the rule cannot match", metric=metric.name, state=wrong[0])
    return [Flaw(key="is", reason=reason, expected=right)]


def _near(name: str, metrics: Mapping[str, Metric]) -> str:
    near = get_close_matches(name, metrics, n=3)
    return Wording("perhaps %(names)s", names=" / ".join(near)) if near else Wording("a metric of the table")
