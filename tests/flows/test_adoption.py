"""What a device that waits in the inbox seems to be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devices.formats.points import chosen
from hub.domain.catalogue import Catalogue
from hub.domain.places import About, Binding, Device, DeviceState, Name
from hub.errors import InvalidInput
from hub.flows.community.adoption import Adoption, InboxPoint, adopt, suggest, suited
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
    ("point", "metric", "guessed"),
    [
        (InboxPoint.of("bay3.power", "1840"), "power", False),
        (InboxPoint.of("Temp", "21", guess="temperature"), "temperature", True),
        (InboxPoint.of("t1", "21", said="water_temperature", guess="temperature"), "water_temperature", False),
        (InboxPoint.of("ain1", "4.2", said="no_such", guess="nor_this"), "", False),
    ],
)
def test_what_a_device_says_stands_before_what_a_name_suggests(
    point: InboxPoint, metric: str, *, guessed: bool
) -> None:
    assert (point.metric, point.guessed, point.known) == (metric, guessed, "" if guessed else metric)


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
    assert suited([InboxPoint.of(name, "") for name in points], catalogue)[0] == kind


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
        ("box-22", ("leak", "battery"), None, ""),  # of the many kinds with such a head only laundries are one
    ],
)
def test_the_place_is_suggested_by_name_then_by_what_is_measured(
    name: str, points: tuple[str, ...], facility: str | None, unit: str, *, garden: Registry, catalogue: Catalogue
) -> None:
    found = suggest(waiting(name), [InboxPoint.of(point, "") for point in points], garden, catalogue)
    assert (found.facility, found.unit) == (facility, unit)
    assert found.reason
    assert found.kinds == suited(found.points, catalogue)


def test_of_kinds_that_suit_equally_the_one_for_just_that_comes_first(catalogue: Catalogue) -> None:
    assert suited([InboxPoint.of("leak", ""), InboxPoint.of("battery", "")], catalogue)[0] == "leak_watch"


def test_the_name_that_people_gave_a_device_at_its_gateway_tells_its_place(
    garden: Registry, catalogue: Catalogue
) -> None:
    device = replace(waiting("00158d0000000001"), about=About(name="Pump-room-low-pump-2"))
    found = suggest(device, [InboxPoint.of("running", "")], garden, catalogue)
    assert (found.facility, found.unit) == ("pump-room-low", "pump2")


def test_the_class_of_a_device_is_proposed(garden: Registry, catalogue: Catalogue) -> None:
    found = suggest(waiting("box-20"), [InboxPoint.of("Temp", "", guess="temperature")], garden, catalogue)
    assert found.classed is not None
    assert found.classed.device_class.id == "climate_sensor"


def adopted(point: InboxPoint, **chosen_metrics: str) -> Binding:
    device = waiting("box-21")
    wish = Adoption(device=device.id, facility="gym", points=chosen_metrics)
    _, (binding,) = adopt(wish, {device.id: (device, (point,))}, shipped("harmony-garden"), chosen)
    return binding


def test_a_guess_is_taken_only_where_somebody_says_so() -> None:
    guess = InboxPoint.of("temp", "", guess="temperature")
    assert adopted(guess).metric_name() == "temp"
    assert adopted(guess, temp="temperature").metric_name() == "temperature"
    assert adopted(guess, temp="").metric_name() == "temp"
    said = InboxPoint.of("t1", "", said="temperature")
    assert adopted(said).metric_name() == "temperature"
    assert adopted(said, t1="").metric_name() == "t1"


@pytest.mark.parametrize(
    ("unit", "metric", "factor", "offset"),
    [
        ("cm", "level", 0.01, 0.0),
        ("°F", "temperature", 5 / 9, -160 / 9),
        ("Grad", "temperature", 1.0, 0.0),
        ("", "temperature", 1.0, 0.0),
        ("count", "occupancy", 1.0, 0.0),
    ],
)
def test_values_are_converted_from_the_unit_that_was_announced(
    unit: str, metric: str, factor: float, offset: float
) -> None:
    binding = adopted(InboxPoint.of("ain1", "")._replace(unit=unit), ain1=metric)
    assert (binding.factor, binding.offset) == (pytest.approx(factor), pytest.approx(offset))


def test_values_of_a_known_metric_come_in_its_unit_whatever_the_sender_writes() -> None:
    binding = adopted(InboxPoint.of("t1", "", said="power")._replace(unit="kW"), t1="heat_power")
    assert binding.factor == pytest.approx(0.001)


def test_a_unit_that_measures_something_else_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="'ain1' comes in °C, which is no unit of level") as refused:
        adopted(InboxPoint.of("ain1", "")._replace(unit="°C"), ain1="level")
    assert refused.value.pointer == "/points/ain1"
