"""The registry in the words of Brick, Haystack and NGSI-LD: whole, current, and safe for any name that people type."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib import resources
from typing import Any

import msgspec
import pytest

from hub.clock import DAY
from hub.domain.metrics import METRICS
from hub.domain.places import DeviceState, Name
from hub.flows.community.interop.brick import write_brick
from hub.flows.community.interop.haystack import haystack_grid
from hub.flows.community.interop.ngsi_ld import ngsi_entities
from hub.flows.community.interop.vocabulary import (
    BRICK_OF_KIND,
    HAYSTACK_OF_KIND,
    HAYSTACK_OF_METRIC,
    HAYSTACK_UNIT_OF,
    LOCATIONS,
    QUDT_OF,
    SDM_OF_METRIC,
)
from hub.flows.community.picture import Picture
from hub.storage.catalogue import load_catalogue
from hub.storage.community_toml import parse_toml

NOW = 1_795_000_000_000


@pytest.fixture(scope="module")
def picture() -> Picture:
    text = resources.files("hub").joinpath("communities/harmony-garden.toml").read_text(encoding="utf-8")
    return parse_toml(text, load_catalogue(), file="harmony-garden.toml").picture


def test_every_word_of_the_table_is_about_something_we_have() -> None:
    kinds = load_catalogue().kinds.keys()
    assert BRICK_OF_KIND.keys() <= kinds
    assert HAYSTACK_OF_KIND.keys() <= kinds
    assert set(BRICK_OF_KIND.values()) >= LOCATIONS
    assert HAYSTACK_OF_METRIC.keys() <= METRICS.keys()
    assert SDM_OF_METRIC.keys() <= METRICS.keys()
    assert QUDT_OF.keys() & {metric.unit for metric in METRICS.values()}


def points_of(picture: Picture) -> int:
    return sum(span.holds_at(NOW) for spans in picture.bindings.values() for span in spans)


def test_brick_names_every_facility_and_every_point(picture: Picture) -> None:
    turtle = write_brick(picture, now=NOW)
    assert turtle.count("brick:isPointOf") == points_of(picture)
    for facility in picture.facilities.values():
        assert f"facility:{facility.id}> a brick:" in turtle
    assert 'rdfs:label "' in turtle
    assert "brick:hasUnit unit:DEG_C" in turtle


def test_brick_survives_any_name(picture: Picture) -> None:
    odd = {
        key: replace(facility, name=Name(zh='一"号\\', en="line\nbreak> <x"))
        for key, facility in picture.facilities.items()
    }
    turtle = write_brick(replace(picture, facilities=odd), now=NOW)
    assert '"一\\"号\\\\"@zh' in turtle
    assert '"line\\nbreak> <x"@en' in turtle


def test_haystack_rows_point_at_rows_that_are_there(picture: Picture) -> None:
    grid = haystack_grid(picture, now=NOW)
    ids = {row["id"]["val"] for row in grid["rows"]}
    assert len(ids) == len(grid["rows"])
    for row in grid["rows"]:
        for name, value in row.items():
            if name.endswith("Ref"):
                assert value["val"] in ids, row
    points = [row for row in grid["rows"] if "point" in row]
    assert len(points) == points_of(picture)
    assert all(row["kind"] in {"Number", "Bool", "Str"} for row in points)
    assert {name for row in grid["rows"] for name in row} == {column["name"] for column in grid["cols"]}
    msgspec.json.encode(grid)


def test_ngsi_entities_are_whole(picture: Picture) -> None:
    batteries = {min(picture.devices): 0.93}
    made = ngsi_entities(picture, now=NOW, batteries=batteries)
    entities: list[dict[str, Any]] = json.loads(msgspec.json.encode(made))
    assert {entity["type"] for entity in entities} == {"Building", "Facility", "Device"}
    assert len({entity["id"] for entity in entities}) == len(entities)
    for entity in entities:
        assert re.fullmatch(r"urn:ngsi-ld:\w+:[^\s~]+", entity["id"])
        for key, value in entity.items():
            assert key in {"id", "type", "@context"} or value["type"] in {"Property", "Relationship"}
    targets = [v["object"] for e in entities for v in e.values() if isinstance(v, dict) and v["type"] == "Relationship"]
    named = {target for each in targets for target in (each if isinstance(each, list) else [each])}
    assert named <= {entity["id"] for entity in entities}
    assert {target.split(":")[2] for target in named} == {"Building", "Facility"}
    assert [entity["batteryLevel"]["value"] for entity in entities if "batteryLevel" in entity] == [0.93]


def test_haystack_units_are_of_its_database_or_marked_as_our_own(picture: Picture) -> None:
    units = {row["dis"]: row["unit"] for row in haystack_grid(picture, now=NOW)["rows"] if "unit" in row}
    assert units["Temperature"] == "°C"
    assert units["Turbidity"] == "ntu"
    assert units["Relative humidity"] == "%"
    assert (units["Combustible gas"], units["Outlet pressure"], units["Trips"]) == ("_%LEL", "_MPa", "_trips")
    assert HAYSTACK_UNIT_OF.keys() <= {metric.unit for metric in METRICS.values()}


def test_a_device_that_is_retired_is_no_device_any_more_for_others(picture: Picture) -> None:
    first = min(picture.devices)
    gone = replace(
        picture, devices={**picture.devices, first: replace(picture.devices[first], state=DeviceState.RETIRED)}
    )
    ids = {entity["id"] for entity in ngsi_entities(gone, now=NOW)}
    assert f"urn:ngsi-ld:Device:{first.replace('~', ':')}" not in ids
    assert len(ids) == len(ngsi_entities(picture, now=NOW)) - 1


def test_a_binding_that_has_ended_is_left_out(picture: Picture) -> None:
    ended = {
        point: tuple(replace(span, valid_to=NOW - DAY) for span in spans) for point, spans in picture.bindings.items()
    }
    past = replace(picture, bindings=ended)
    assert "isPointOf" not in write_brick(past, now=NOW)
    assert not [row for row in haystack_grid(past, now=NOW)["rows"] if "point" in row]
