"""The facility catalogue that ships with the hub, and what the loader says of a wrong one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.domain.alarms import Priority
from hub.domain.catalogue import Catalogue
from hub.domain.rules import RuleKind
from hub.errors import ConfigError
from hub.storage.catalogue import EVERY_KIND, load_catalogue
from hub.storage.community_toml import shipped

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_every_kind_of_the_sample_community_is_there(catalogue: Catalogue) -> None:
    kinds = {facility.kind for facility in shipped("harmony-garden").facilities.values()}
    assert len(kinds) >= 16
    assert kinds <= catalogue.kinds.keys()


def test_every_kind_has_two_failure_modes_of_its_own_and_the_common_ones(catalogue: Catalogue) -> None:
    for kind in catalogue.kinds:
        modes = {mode.id for mode in catalogue.modes_of(kind)}
        assert {"no_data", "device_fault"} <= modes
        assert len(modes - {"no_data", "device_fault"}) >= 2, kind


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        ("lift", 8),
        ("pump_room", 8),
        ("sump", 6),
        ("fire_panel", 6),
        ("fire_water", 6),
        ("power_room", 8),
        ("ebike_shed", 6),
    ],
)
def test_what_matters_most_has_more(catalogue: Catalogue, kind: str, least: int) -> None:
    assert len(catalogue.modes_of(kind)) - 2 >= least


def test_every_text_is_bilingual(catalogue: Catalogue) -> None:
    for mode in catalogue.failure_modes.values():
        for text in (mode.name, mode.response, mode.consequence, *mode.checks):
            assert CHINESE.search(text.zh), f"{mode.facility_kind}.{mode.id}: {text.zh}"
            assert text.en, f"{mode.facility_kind}.{mode.id}"
            assert not CHINESE.search(text.en), f"{mode.facility_kind}.{mode.id}: {text.en}"


def test_every_rule_watches_a_sensor_that_the_kind_lists(catalogue: Catalogue) -> None:
    for rule in catalogue.rules.values():
        if rule.metric:
            assert rule.metric in catalogue.kinds[rule.facility_kind].sensors, rule.id


def test_no_fault_code_is_taken_by_two_modes_of_a_kind(catalogue: Catalogue) -> None:
    for kind in catalogue.kinds:
        codes = [code for rule in catalogue.rules_of(kind) if rule.kind is RuleKind.FAULT_EVENT for code in rule.codes]
        assert len(codes) == len(set(codes)), kind


def test_rule_ids_say_kind_and_failure_mode(catalogue: Catalogue) -> None:
    assert catalogue.rules["lift-door-fault"].failure_mode == "door_fault"
    assert catalogue.rules["pump-room-water-quality-2"].setpoint == 2
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name) for name in catalogue.rules)


def test_what_threatens_people_is_of_the_class_safety(catalogue: Catalogue) -> None:
    for kind, mode in [
        ("lift", "entrapment"),
        ("sump", "extra_high_level"),
        ("fire_panel", "fire"),
        ("fire_water", "pump_not_auto"),
        ("ebike_shed", "smoke_or_heat"),
    ]:
        assert catalogue.failure_modes[kind, mode].priority is Priority.SAFETY


def test_a_kind_may_say_a_common_mode_better(catalogue: Catalogue) -> None:
    (rule,) = catalogue.rules_of("household_detector", "no_data")
    assert rule.silence_ms == 86_400_000
    assert catalogue.failure_modes["household_detector", "no_data"].priority is Priority.MEDIUM


GOOD = """
name = { zh = "电梯", en = "Lift" }
icon = "lift"
sensors = ["temperature"]

[failure_modes.hot]
priority = "high"
name = { zh = "热", en = "Hot" }
response = { zh = "看", en = "Look" }
consequence = { zh = "停", en = "It stops" }
checks = [{ zh = "一", en = "One" }, { zh = "二", en = "Two" }, { zh = "三", en = "Three" }]
rules = [{ metric = "temperature", above = 40, deadband = 2, on_delay = "5min" }]
"""


def written(folder: Path, text: str) -> Path:
    common = (
        GOOD[GOOD.index("[failure_modes") :]
        .replace("hot", "no_data")
        .replace('metric = "temperature", above = 40, deadband = 2, on_delay = "5min"', 'silent = "learned"')
    )
    (folder / EVERY_KIND).write_text(common, encoding="utf-8")
    (folder / "lift.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_catalogue_of_ones_own_is_read(tmp_path: Path) -> None:
    catalogue = load_catalogue(written(tmp_path, GOOD))
    assert [mode.id for mode in catalogue.modes_of("lift")] == ["hot", "no_data"]
    assert catalogue.rules["lift-hot"].on_delay_ms == 300_000


@pytest.mark.parametrize(
    ("found", "instead", "said"),
    [
        ('response = { zh = "看", en = "Look" }', "", "lift.toml: failure_modes.hot.response: response is missing"),
        ('consequence = { zh = "停", en = "It stops" }', "", "failure_modes.hot.consequence: consequence is missing"),
        (', { zh = "三", en = "Three" }', "", "failure_modes.hot.checks: 2 checks"),
        ("above = 40", "above = 400", "failure_modes.hot.rules[1].above: no plausible temperature"),
        ("deadband = 2", "deadband = -2", "failure_modes.hot.rules[1].deadband: deadband -2 is negative"),
        ('metric = "temperature"', 'metric = "heat_level"', "unknown metric 'heat_level'"),
        ('sensors = ["temperature"]', 'sensors = ["warmth"]', "sensors: unknown metric 'warmth'"),
        ("above = 40", "above = 40, below = 3", "a rule watches for one thing; found above, below"),
        ("above = 40, ", "", "says nothing to watch for"),
        ('"5min"', '"5 minutes"', "is no duration"),
        ('icon = "lift"', 'icon = "lift"\ncolour = "red"', "colour"),
        ('priority = "high"', 'priority = "urgent"', "priority"),
    ],
)
def test_a_flaw_is_named_with_its_place(tmp_path: Path, found: str, instead: str, said: str) -> None:
    assert found in GOOD
    with pytest.raises(ConfigError) as refused:
        load_catalogue(written(tmp_path, GOOD.replace(found, instead)))
    assert said in str(refused.value)
