"""The simulated community is well while no scenario plays: no limit or state rule of any preset would raise."""

from __future__ import annotations

import pytest

from devices.simulator import rhythm
from devices.simulator.model import SimCommunity, SimPoint
from devices.simulator.signals import Value
from hub.commands.simulated_community import simulated
from hub.domain.rules import Rule, RuleKind, Side
from hub.flows.registry import Registry
from hub.storage.community_toml import shipped

DAY = 86_400_000
MONDAY = 1_795_363_200_000  # 2026-11-22T16:00Z, Monday's first minute in Shanghai


@pytest.fixture(scope="module")
def registry() -> Registry:
    return shipped("harmony-garden")


@pytest.fixture(scope="module")
def community(registry: Registry) -> SimCommunity:
    return simulated(registry, seed=1)


def is_wrong(rule: Rule, value: Value) -> bool:
    if rule.kind is RuleKind.STATE:
        return (value if isinstance(value, str) else float(value)) in rule.states
    if isinstance(value, str):
        return False
    return value > rule.setpoint if rule.side is Side.HIGH else value < rule.setpoint


def longest_wrong(rule: Rule, point: SimPoint, zone: str, times: range) -> int:
    longest, since = -1, None
    for at in times:
        if not is_wrong(rule, point.signal.at(at, rhythm.local(at, zone), point.key, point.capacity)):
            since = None
            continue
        since = at if since is None else since
        longest = max(longest, at - since)
    return longest


def test_no_preset_would_raise_on_a_healthy_day(registry: Registry, community: SimCommunity) -> None:
    wrong = []
    for device in community.devices.values():
        times = range(MONDAY + device.phase, MONDAY + DAY, max(device.interval, 60_000))
        for point in device.points:
            binding = registry.bindings[f"{community.id}~{device.id}", point.name][-1]
            for rule in registry.rules_for_point(binding):
                if rule.kind in (RuleKind.LIMIT, RuleKind.STATE):
                    lasted = longest_wrong(rule, point, community.zone, times)
                    if lasted >= rule.on_delay_ms:
                        wrong.append(f"{rule.id} at {device.id} {point.name}: wrong for {lasted // 1000} s")
    assert not wrong, "\n".join(wrong)


def test_there_are_rules_to_be_kept(registry: Registry, community: SimCommunity) -> None:
    watched = sum(bool(registry.rules_for_point(bindings[-1])) for bindings in registry.bindings.values())
    assert watched > 0.5 * len(registry.bindings)
