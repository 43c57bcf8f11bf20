"""The rooms of a walk test, in the order in which people look for them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from hub.flows.commissioning.overview import Overview, rooms


def test_building_2_comes_before_building_10_and_what_has_no_place_last() -> None:
    titles = {"b10": "10栋 · 地下室1", "b2": "2栋 · 地下室12", "b1": "2栋 · 地下室3", "": "-", "lobby": "大堂"}
    lines = [SimpleNamespace(place=place, to_test=["one"]) for place in titles]
    shown = cast("Overview", SimpleNamespace(sensors=lines))
    assert [room.place for room in rooms(shown, titles.__getitem__)] == ["b1", "b2", "b10", "lobby", ""]
