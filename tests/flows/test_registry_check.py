"""What the check finds: broken one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hub.domain.catalogue import Catalogue
from hub.flows.community.check import Finding, Severity, check
from hub.flows.registry import Registry
from hub.storage.catalogue import load_catalogue
from hub.storage.community_toml import shipped

NOW = 1_800_000_000_000
C = "harmony-garden"
Change = Callable[[Registry], Registry]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def garden() -> Registry:
    return shipped(C)


def facility(**changes: object) -> Change:
    def change(registry: Registry) -> Registry:
        gym = replace(registry.facilities[C, "gym"], **changes)
        return replace(registry, facilities={**registry.facilities, (C, "gym"): gym})

    return change


def point(*spans: dict[str, object]) -> Change:
    key = (f"{C}~gym-air", "co2")

    def change(registry: Registry) -> Registry:
        bindings = tuple(replace(registry.bindings[key][0], **span) for span in spans)
        return replace(registry, bindings={**registry.bindings, key: bindings})

    return change


def rule(name: str, **changes: object) -> Change:
    def change(registry: Registry) -> Registry:
        rules = tuple(replace(r, **changes) if r.id == name else r for r in registry.rules[C])
        return replace(registry, rules={C: rules})

    return change


def without_crews(registry: Registry) -> Registry:
    return replace(registry, crews={})


def without_points_of_the_gym(registry: Registry) -> Registry:
    kept = {key: spans for key, spans in registry.bindings.items() if spans[0].facility != "gym"}
    return replace(registry, bindings=kept)


def serious(findings: list[Finding]) -> dict[str, Severity]:
    return {finding.pointer: finding.severity for finding in findings if finding.severity is not Severity.INFO}


def test_harmony_garden_is_complete(garden: Registry, catalogue: Catalogue) -> None:
    findings = check(garden, catalogue, now=NOW)
    assert serious(findings) == {}
    assert any("63 facilities: 63 in a building, 63 in a grid" in finding.say("en") for finding in findings)


@pytest.mark.parametrize(
    ("change", "pointer", "severity"),
    [
        (facility(party=None), "facilities.gym.party", Severity.WARNING),
        (facility(grid=None), "facilities.gym.grid", Severity.WARNING),
        (facility(grid="b1"), "facilities.gym.grid", Severity.WARNING),
        (facility(building=None), "facilities.gym.building", Severity.WARNING),
        (facility(kind="casino"), "facilities.gym.kind", Severity.ERROR),
        (without_crews, "facilities.gym.crew", Severity.ERROR),
        (point({"unit": "bike9"}), "devices.gym-air.points.co2.unit", Severity.ERROR),
        (point({"facility": "gum"}), "devices.gym-air.points.co2.facility", Severity.ERROR),
        (point({"metric": "carbon"}), "devices.gym-air.points.co2.metric", Severity.WARNING),
        (point({"valid_to": 9}, {"valid_from": 8}), "devices.gym-air.points.co2", Severity.ERROR),
        (rule("gym-air-bad", setpoint=99_999.0), "rules.gym-air-bad.above", Severity.ERROR),
        (rule("gym-air-bad", facility="gym", metric="noise"), "rules.gym-air-bad", Severity.WARNING),
        (without_points_of_the_gym, "facilities.gym", Severity.WARNING),
        (without_points_of_the_gym, "devices.gym-air.points", Severity.WARNING),
    ],
)
def test_what_is_wrong_is_found_where_it_is(
    change: Change, pointer: str, severity: Severity, *, garden: Registry, catalogue: Catalogue
) -> None:
    findings = check(change(garden), catalogue, now=NOW)
    assert serious(findings).get(pointer) is severity
    found = next(finding for finding in findings if finding.pointer == pointer)
    assert found.expected.en
    assert pointer in found.say("zh-CN")


def test_a_switched_off_rule_is_not_complained_about(garden: Registry, catalogue: Catalogue) -> None:
    off = rule("gym-air-bad", setpoint=99_999.0, enabled=False)(garden)
    assert serious(check(off, catalogue, now=NOW)) == {}
