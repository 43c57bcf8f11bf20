"""An alarm's value stands there with its unit and its limit, and only what has been an alarm is listed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.domain.alarms import Alarm
from hub.domain.rules import Rule, RuleKind
from hub.web.evidence import evidence
from hub.web.telling import Teller
from hub.words import load
from tests.web.conftest import Browser
from tests.web.fakes.hub import HOME


def limited(web: Browser, alarm: Alarm) -> tuple[Alarm, Rule]:
    registry = web.hub.deps.registrar.current
    rule = next(r for r in registry.rules[HOME] if r.kind is RuleKind.LIMIT and r.metric == "temperature")
    return replace(alarm, rule=rule.id, value=rule.setpoint + 1), rule


def test_the_unit_and_limit_are_those_of_the_rule(morning: Browser) -> None:
    alarm, rule = limited(morning, morning.hub.alarms["sump"])
    found = evidence(morning.hub.deps.registrar.current, alarm)
    assert found.metric is not None
    assert (found.metric.symbol_of("en"), found.limit) == ("℃", rule.setpoint)
    teller = Teller("en", load()["en"], "Asia/Shanghai", 0)
    said = teller.evidence(morning.hub.deps.registrar.current, alarm, alarm.value, "")
    assert said == f"{rule.setpoint + 1:.1f} ℃ (limit {rule.setpoint:.1f} ℃)"


def test_a_rule_that_has_gone_leaves_the_unit_of_the_point(morning: Browser) -> None:
    alarm = replace(morning.hub.alarms["sump"], rule="gone")
    found = evidence(morning.hub.deps.registrar.current, alarm)
    assert found.metric is not None
    assert found.limit is None


def test_a_condition_that_never_became_an_alarm_is_on_no_page(web: Browser) -> None:
    pending = replace(
        web.hub.alarms["sump"], id="0" * 31 + "9", rule="never-raised", occurrence=0, active=False, acked=True
    )
    web.hub.records.write(lambda books: books.alarms.save(pending, ticket=None, now=0))
    client = web.program("manager")
    listed = client.get("/api/v1/alarms?state=normal").json()["items"]
    assert listed
    assert pending.id not in {item["id"] for item in listed}


@pytest.mark.parametrize(
    ("ms", "en", "zh"),
    [
        (999, "0 seconds", "0 秒"),
        (61_000, "1 minute", "1 分钟"),
        (7_500_000, "2 hours 5 minutes", "2 小时 5 分钟"),
        (86_400_000, "1 day", "1 天"),
    ],
)
def test_durations_are_words(ms: int, en: str, zh: str) -> None:
    for language, said in (("en", en), ("zh-CN", zh)):
        assert Teller(language, load()[language], "Asia/Shanghai", 0).span(ms) == said
