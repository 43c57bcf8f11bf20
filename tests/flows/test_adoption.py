"""What a device that waits in the inbox seems to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.catalogue import Catalogue
from hub.domain.metrics import METRICS
from hub.domain.places import Device, DeviceState, Name
from hub.flows.community.adoption import InboxPoint, guess, guess_metric, suggest
from hub.flows.registry import Registry
from hub.storage.catalogue import load_catalogue
from hub.storage.community_toml import shipped


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def garden() -> Registry:
    return shipped("harmony-garden")


@pytest.mark.parametrize(
    ("name", "sample", "metric"),
    [
        ("temperature", "21.5", "temperature"),
        ("bay3.power", "1840", "power"),
        ("Temp", "21", "temperature"),
        ("waterLevel", "1.2", "level"),
        ("co2", "", "co2"),
        ("temperature_2", "20", "temperature"),
        ("contact", "1.0", "door_open"),
        ("running", "87.5", ""),
        ("temperature", "warm", ""),
        ("ain1", "4.2", ""),
        ("", "", ""),
    ],
)
def test_a_points_name_and_first_value_suggest_its_metric(name: str, sample: str, metric: str) -> None:
    assert guess_metric(name, sample) == metric


@given(st.text(max_size=20), st.text(max_size=8))
def test_a_guess_is_a_metric_or_nothing(name: str, sample: str) -> None:
    assert guess_metric(name, sample) in {"", *METRICS}


@pytest.mark.parametrize(
    ("points", "kind"),
    [
        (("trips", "door_cycles", "floor"), "lift"),
        (("extra_high_level", "high_level", "level"), "sump"),
        (("shielded_points", "fire_alarm"), "fire_panel"),
        (("charging_time", "power"), "ebike_shed"),
        (("chlorine", "ph", "water_temperature"), "pool"),
    ],
)
def test_rare_metrics_tell_the_kind(points: tuple[str, ...], kind: str, catalogue: Catalogue) -> None:
    assert guess([InboxPoint.of(name, "") for name in points], catalogue).kinds[0] == kind


def waiting(name: str) -> Device:
    return Device(
        id=f"harmony-garden~{name}",
        community="harmony-garden",
        scheme="native",
        scheme_id=name,
        state=DeviceState.INBOX,
        name=Name(zh=name, en=name),
    )


@pytest.mark.parametrize(
    ("name", "points", "facility", "unit"),
    [
        ("lift-b3-2-door-new", ("door_open",), "lift-b3-2", ""),
        ("pump-room-low-pump-2", ("running",), "pump-room-low", "pump2"),
        ("box-17", ("rain_rate", "wind_speed"), "weather", ""),
        ("box-18", ("trips", "floor"), None, ""),
        ("box-19", ("x", "y"), None, ""),
    ],
)
def test_the_place_is_suggested_by_name_then_by_what_is_measured(
    name: str, points: tuple[str, ...], facility: str | None, unit: str, *, garden: Registry, catalogue: Catalogue
) -> None:
    found = suggest(waiting(name), [InboxPoint.of(point, "") for point in points], garden, catalogue)
    assert (found.facility, found.unit) == (facility, unit)
    assert found.reason
