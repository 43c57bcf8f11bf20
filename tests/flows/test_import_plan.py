"""What an import plans: what is gone keeps its past, and the past stays readable."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.domain.catalogue import Catalogue
from hub.domain.places import About
from hub.flows.community.picture import Picture
from hub.flows.community.plan import Action, plan_import
from hub.storage.catalogue import load_catalogue
from hub.storage.community_toml import parse_toml, write_toml

NOW = 1_800_000_000_000

BEFORE = """
[community]
id = "court"
name = "小院"
[parties.old]
name = "旧单位"
[parties.new]
name = "新单位"
[crews.night]
name = "夜班"
default = true
party = "old"
[crews.day]
name = "白班"
[places.b1]
kind = "building"
name = "1栋"
[places.b1-f1]
kind = "floor"
parent = "b1"
name = "一层"
[facilities.gym]
kind = "gym"
name = "健身房"
building = "b1-f1"
crew = "night"
units = ["bike1", "bike2"]
[devices.gym-plug]
facility = "gym"
unit = "bike1"
points = ["power"]
[facilities.pool]
kind = "pool"
name = "泳池"
party = "new"
[devices.pool-quality]
facility = "pool"
points = ["ph"]
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def stored(catalogue: Catalogue) -> Picture:
    return plan_import(None, parse_toml(BEFORE, catalogue), now=NOW - 10).result


def reads_back(picture: Picture, catalogue: Catalogue) -> bool:
    again = parse_toml(write_toml(picture, catalogue), catalogue)
    return plan_import(picture, again, now=NOW + 1).changes == ()


def test_a_retired_facility_keeps_what_it_names(stored: Picture, catalogue: Catalogue) -> None:
    kept = (
        BEFORE[: BEFORE.index("[parties.old]")] + BEFORE[BEFORE.index("[parties.new]") : BEFORE.index("[crews.night]")]
    )
    kept += '[crews.day]\nname = "白班"\ndefault = true\n' + BEFORE[BEFORE.index("[facilities.pool]") :]
    plan = plan_import(stored, parse_toml(kept, catalogue), now=NOW)
    assert {(change.action, change.table, change.id) for change in plan.changes} == {
        (Action.RETIRED, "facilities", "gym"),
        (Action.RETIRED, "devices", "court~gym-plug"),
        (Action.RETIRED, "points", "court~gym-plug/power"),
        (Action.CHANGED, "crews", "night"),
        (Action.CHANGED, "crews", "day"),
    }
    assert plan.result.places.keys() == {"b1", "b1-f1"}
    assert [crew.id for crew in plan.result.crews.values() if crew.is_default] == ["day"]
    assert reads_back(plan.result, catalogue)
    assert plan_import(plan.result, parse_toml(kept, catalogue), now=NOW + 1).changes == ()


def test_the_past_may_name_a_unit_that_is_gone(stored: Picture, catalogue: Catalogue) -> None:
    moved = BEFORE.replace('["bike1", "bike2"]', '["bike2"]').replace('unit = "bike1"', 'unit = "bike2"')
    plan = plan_import(stored, parse_toml(moved, catalogue), now=NOW)
    spans = plan.result.bindings["court~gym-plug", "power"]
    assert [(span.unit, span.valid_to) for span in spans] == [("bike1", NOW), ("bike2", None)]
    assert reads_back(plan.result, catalogue)


def test_what_nobody_names_any_more_is_removed(stored: Picture, catalogue: Catalogue) -> None:
    without = BEFORE.replace('building = "b1-f1"\n', "").replace(
        '[places.b1-f1]\nkind = "floor"\nparent = "b1"\nname = "一层"\n', ""
    )
    plan = plan_import(stored, parse_toml(without, catalogue), now=NOW)
    assert plan.counts() == {"added": 0, "changed": 1, "retired": 0, "removed": 1}


def test_dates_in_the_file_rewrite_the_past_and_nothing_else_does(stored: Picture, catalogue: Catalogue) -> None:
    dated = BEFORE.replace(
        'points = ["ph"]',
        'points = [{ name = "ph", until = 2026-01-01T00:00:00Z }, '
        '{ name = "ph", from = 2026-01-01T00:00:00Z, factor = 2.0 }]',
    )
    plan = plan_import(stored, parse_toml(dated, catalogue), now=NOW)
    spans = plan.result.bindings["court~pool-quality", "ph"]
    assert [(span.factor, span.valid_from) for span in spans] == [(1.0, 0), (2.0, 1_767_225_600_000)]
    assert plan_import(plan.result, parse_toml(dated, catalogue), now=NOW + 1).changes == ()


def test_what_a_device_has_said_of_itself_is_no_change(stored: Picture, catalogue: Catalogue) -> None:
    name = "court~gym-plug"
    spoken = replace(stored.devices[name], first_seen=NOW, about=About(format="zigbee2mqtt", maker="Aqara"))
    heard = replace(stored, devices={**stored.devices, name: spoken})
    plan = plan_import(heard, parse_toml(BEFORE, catalogue), now=NOW)
    assert plan.changes == ()
    assert plan.result.devices[name] == spoken


def test_an_address_is_never_shown_in_a_plan(catalogue: Catalogue) -> None:
    def with_address(address: str) -> str:
        contact = f'[crews.day.contacts.desk]\nname = "台"\nchannel = "webhook"\naddress = "{address}"\n'
        return BEFORE.replace("[places.b1]", f"{contact}[places.b1]")

    before = plan_import(None, parse_toml(with_address("https://a.example/secret1"), catalogue), now=NOW).result
    plan = plan_import(before, parse_toml(with_address("https://a.example/secret2"), catalogue), now=NOW)
    assert [str(change) for change in plan.changes] == ["changed crews day: contacts"]
