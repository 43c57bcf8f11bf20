"""Every preset rule of every facility kind of the sample community: a scenario that raises it, and those that must not.

Generated from the rule itself, played through decoder and alarm lane into real books in virtual time. The devices are
made for the purpose; facility, crew, texts and rules are the community's own.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from functools import cache
from typing import Any, Final

import pytest

from hub.clock import HOUR, MINUTE, SECOND, from_iso
from hub.domain.metrics import METRICS
from hub.domain.places import Binding, Device, DeviceState, Facility, Name
from hub.domain.rules import Rule, RuleKind, Side, judge
from hub.domain.tickets import TicketState
from hub.domain.verdicts import Condition
from hub.flows.batch import Gap
from hub.flows.registry import Contact, Registry
from hub.ingest.control import EVERY_CONNECTION, gap_frame
from hub.ingest.frames import Frame
from hub.storage.community_toml import shipped
from hub.storage.unit import SqlRecords
from tests.acceptance.virtual import VirtualHub

COMMUNITY: Final = "harmony-garden"
PROBE: Final = "probe"
START: Final = from_iso("2026-11-23T02:00:00Z")
ROOT: Final = f"community/v1/{COMMUNITY}/{PROBE}"
STEPS: Final = 4
"""Samples while a delay runs: none may be so far apart that the sensor counts as silent."""


@cache
def garden() -> Registry:
    return shipped(COMMUNITY)


def facility_of(kind: str) -> Facility:
    return next(found for found in garden().facilities.values() if found.kind == kind)


def kinds() -> list[str]:
    return sorted({facility.kind for facility in garden().facilities.values()})


def presets(*rule_kinds: RuleKind) -> list[Rule]:
    """The rules in force at the facility that stands for its kind."""
    wanted = {kind: facility_of(kind).id for kind in kinds()}
    return [
        rule
        for rule in garden().rules[COMMUNITY]
        if rule.kind in rule_kinds
        and rule.facility_kind in wanted
        and rule.facility in ("", wanted[rule.facility_kind])
    ]


def names(rules: list[Rule]) -> list[Any]:
    return [pytest.param(rule, id=rule.id) for rule in rules]


SAMPLED: Final = presets(RuleKind.LIMIT, RuleKind.STATE)
FAULTS: Final = presets(RuleKind.FAULT_EVENT)
SILENCES: Final = presets(RuleKind.NO_DATA)


# --- the probe ------------------------------------------------------------------------------------------------------


def point_of(rule: Rule) -> str:
    """What the probe measures; for silence and for events anything that is told often, as a battery need not be."""
    return rule.metric or "temperature"


def with_probe(rule: Rule) -> Registry:
    """The community with one device at one facility of the rule's kind, whose crew reads both languages."""
    registry, facility = garden(), facility_of(rule.facility_kind)
    crew = registry.crew_for(COMMUNITY, facility.id)
    assert crew is not None
    both = tuple(
        Contact(id=language, name=language, channel="email", address=f"{language}@crew.example", language=language)
        for language in ("zh-CN", "en")
    )
    hub_id = f"{COMMUNITY}~{PROBE}"
    device = Device(
        id=hub_id,
        community=COMMUNITY,
        scheme="native",
        scheme_id=PROBE,
        state=DeviceState.ADOPTED,
        name=Name(zh="探头", en="Probe"),
    )
    binding = Binding(community=COMMUNITY, device=hub_id, point=point_of(rule), facility=facility.id)
    return replace(
        registry,
        facilities={(COMMUNITY, facility.id): facility},
        rules={COMMUNITY: tuple(r for r in registry.rules[COMMUNITY] if r.facility_kind == facility.kind)},
        crews={**registry.crews, (COMMUNITY, crew.id): replace(crew, contacts=both)},
        devices={hub_id: device},
        bindings={(hub_id, point_of(rule)): (binding,)},
    )


class Story:
    """The probe speaks; the hub listens."""

    def __init__(self, rule: Rule, records: SqlRecords) -> None:
        self.rule = rule
        self.registry = with_probe(rule)
        self.hub = VirtualHub(self.registry, records, start=START)
        self.now = START

    def say(self, value: float | str, after: int = SECOND) -> None:
        self._send("telemetry", {"ts": self.now + after, "values": {point_of(self.rule): value}}, after)

    def event(self, code: str, *, active: bool, type_: str = "fault", after: int = SECOND) -> None:
        self._send("event", {"ts": self.now + after, "type": type_, "code": code, "active": active}, after)

    def hold(self, value: float | str, duration: int) -> None:
        """Say it again and again, the last time when ``duration`` is over."""
        for _ in range(STEPS):
            self.say(value, duration // STEPS)

    def gap(self, duration: int) -> None:
        """The hub itself is down."""
        gap = Gap(EVERY_CONNECTION, "hub_down", self.now, self.now + duration, "")
        self.now += duration
        self.hub.wake([gap_frame(gap, self.now)])

    def wait(self, duration: int) -> None:
        self.now += duration
        self.hub.wait_until(self.now)

    def _send(self, leaf: str, body: dict[str, object], after: int) -> None:
        self.now += after
        self.hub.hear([Frame("main", 1, f"{ROOT}/{leaf}".encode(), json.dumps(body).encode(), 1, self.now)])

    def raised(self) -> set[str]:
        """Failure modes that have an active alarm or had one."""
        return {alarm.failure_mode for alarm in self.hub.alarms() if alarm.occurrence}


# --- what is bad and what is good -------------------------------------------------------------------------------------


def step_of(rule: Rule) -> float:
    """A difference that a crew would see on a display."""
    return max(10.0 ** -METRICS[rule.metric].decimals, abs(rule.setpoint) * 0.01)


def bad(rule: Rule) -> float | str:
    """A value that the rule finds wrong: just over the limit, or the fault state."""
    if rule.kind is RuleKind.STATE:
        return rule.states[0]
    return rule.setpoint + step_of(rule) * (1 if rule.side is Side.HIGH else -1)


def borderline(rule: Rule) -> float | str:
    """The last value that is allowed: the limit itself, or the state that is no fault."""
    return good(rule) if rule.kind is RuleKind.STATE else rule.setpoint


def good(rule: Rule) -> float | str:
    """A value that this rule and its sisters on the same metric find normal."""
    sisters = [r for r in SAMPLED if r.facility_kind == rule.facility_kind and r.metric == rule.metric]
    metric = METRICS[rule.metric]
    states: list[float | str] = [*metric.texts, *([0.0, 1.0] if metric.off is not None else [])]
    levels = sorted(s.setpoint for s in sisters if s.kind is RuleKind.LIMIT)
    between = [(low + high) / 2 for low, high in itertools.pairwise(levels)]
    numbers: list[float | str] = [*between, *(s.setpoint - 2 * s.deadband - step_of(s) for s in sisters)]
    numbers += [s.setpoint + 2 * s.deadband + step_of(s) for s in sisters]
    candidates = states if rule.kind is RuleKind.STATE else numbers
    return next(c for c in candidates if all(judge(s, c).condition is Condition.NORMAL for s in sisters))


def modes_that_may_come_too(rule: Rule) -> set[str]:
    """Sister rules that find the same value wrong, or the same code."""
    sisters = [r for r in SAMPLED if r.facility_kind == rule.facility_kind and r.metric == rule.metric]
    return {s.failure_mode for s in sisters if judge(s, bad(rule)).condition is Condition.OVER} | {rule.failure_mode}


# --- one fault: one alarm, one ticket, the right words ------------------------------------------------------------------


def assert_one_ticket(story: Story) -> None:
    rule, hub = story.rule, story.hub
    mode = story.registry.failure_modes[rule.facility_kind, rule.failure_mode]
    (alarm,) = [found for found in hub.alarms() if found.failure_mode == rule.failure_mode and found.rule == rule.id]
    assert (alarm.active, alarm.occurrence, alarm.late) == (True, 1, False)
    (ticket,) = [found for found in hub.tickets() if found.key.failure_mode == rule.failure_mode]
    crew = story.registry.crew_for(COMMUNITY, facility_of(rule.facility_kind).id)
    assert crew is not None
    assert (ticket.state, ticket.crew, ticket.priority) == (TicketState.ASSIGNED, crew.id, rule.priority)
    assert not ticket.late
    assert ticket.title_zh.endswith(f"：{mode.name.zh}")
    assert ticket.title_en.endswith(f": {mode.name.en}")
    notices = {notice.language: notice for notice in hub.notices() if notice.ticket == ticket.id}
    assert set(notices) == {"zh-CN", "en"}
    for language, notice in notices.items():
        assert mode.name.say(language) in notice.subject
        assert len(mode.checks) == 3
        for number, check in enumerate(mode.checks, 1):
            assert f"{number}. {check.say(language)}" in notice.body
        assert mode.response.say(language) in notice.body


@pytest.mark.parametrize("rule", names(SAMPLED))
def test_a_bad_value_that_lasts_makes_one_ticket(rule: Rule, records: SqlRecords) -> None:
    story = Story(rule, records)
    story.say(good(rule))
    story.say(bad(rule))
    story.hold(bad(rule), max(rule.on_delay_ms, STEPS * SECOND))
    assert story.raised() <= modes_that_may_come_too(rule)
    assert_one_ticket(story)


@pytest.mark.parametrize("rule", names(SAMPLED))
def test_the_limit_itself_and_a_short_visit_beyond_it_make_none(rule: Rule, records: SqlRecords) -> None:
    story = Story(rule, records)
    story.say(good(rule))
    story.say(borderline(rule))
    story.hold(borderline(rule), 2 * max(rule.on_delay_ms, STEPS * SECOND))
    if rule.on_delay_ms:
        story.say(bad(rule))
        story.say(bad(rule), rule.on_delay_ms * 9 // 10)
        story.say(good(rule), rule.on_delay_ms // 20)
        story.hold(good(rule), rule.on_delay_ms)
    assert rule.failure_mode not in story.raised()


@pytest.mark.parametrize("rule", names(FAULTS))
def test_each_of_its_codes_makes_one_ticket(rule: Rule, records: SqlRecords) -> None:
    story = Story(rule, records)
    code = "E-77" if rule.codes == ("*",) else rule.codes[0]
    story.event(code, active=True)
    story.wait(max(rule.on_delay_ms, SECOND))
    assert story.raised() == {rule.failure_mode}
    assert_one_ticket(story)
    for other in rule.codes[1:]:
        story.event(other, active=True)
        story.wait(max(rule.on_delay_ms, SECOND))
    (ticket,) = story.hub.tickets()
    assert ticket.occurrences == max(1, len(rule.codes))


@pytest.mark.parametrize("rule", names(FAULTS))
def test_another_code_another_type_and_the_end_of_a_fault_make_none(rule: Rule, records: SqlRecords) -> None:
    story = Story(rule, records)
    code = "E-77" if rule.codes == ("*",) else rule.codes[0]
    story.event(code, active=False)
    if rule.codes == ("*",):
        story.event(code, active=True, type_="notice")
    else:
        story.event("E-77", active=True)
    story.wait(rule.on_delay_ms + MINUTE)
    assert rule.failure_mode not in story.raised()


@pytest.mark.parametrize("rule", names(SILENCES))
def test_silence_makes_one_ticket(rule: Rule, records: SqlRecords) -> None:
    story = Story(rule, records)
    for _ in range(8):
        story.say(1.0, MINUTE)
    story.wait((rule.silence_ms or 3 * MINUTE) + rule.on_delay_ms + MINUTE)
    assert story.raised() == {rule.failure_mode}
    assert_one_ticket(story)


@pytest.mark.parametrize("rule", names(SILENCES))
def test_a_gap_of_the_hub_is_no_silence(rule: Rule, records: SqlRecords) -> None:
    story = Story(rule, records)
    for _ in range(8):
        story.say(1.0, MINUTE)
    story.gap((rule.silence_ms or 3 * MINUTE) + rule.on_delay_ms + HOUR)
    story.say(1.0, MINUTE)
    assert story.raised() == set()


def test_each_kind_has_at_least_two_failure_modes_with_rules() -> None:
    for kind in kinds():
        own = {r.failure_mode for r in presets(*RuleKind) if r.facility_kind == kind} - {"no_data", "device_fault"}
        assert len(own) >= 2, f"{kind}: {own}"


def test_no_failure_mode_of_a_shown_kind_is_without_a_rule() -> None:
    ruled = {(rule.facility_kind, rule.failure_mode) for rule in [*SAMPLED, *FAULTS, *SILENCES]}
    assert {key for key in garden().failure_modes if key[0] in kinds()} == ruled
