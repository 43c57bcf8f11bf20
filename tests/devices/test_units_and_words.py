"""The table of unit spellings, and the words that makers use, lead to the hub's own metrics."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.units import UNITS, convert, unit_of
from devices.words import METRICS, SWITCHES, TEXTS, UNIT_OF, fit, guess_for, metric_for
from hub.domain.metrics import METRICS as HUB_METRICS
from hub.domain.metrics import MetricKind


def test_the_devices_speak_of_the_hubs_own_metrics_in_its_own_units() -> None:
    switches = {m.name for m in HUB_METRICS.values() if m.kind is MetricKind.STATE and m.off is not None}
    texts = {m.name for m in HUB_METRICS.values() if m.kind is MetricKind.STATE and m.off is None}
    numbers = {m.name: m.unit for m in HUB_METRICS.values() if m.kind is not MetricKind.STATE}
    assert numbers == UNIT_OF
    assert switches == SWITCHES
    assert texts == TEXTS


@pytest.mark.parametrize(
    ("value", "spelling", "to", "expected"),
    [
        (68.0, "°F", "Cel", 20.0),
        (293.15, "K", "Cel", 20.0),
        (21.5, "  C", "Cel", 21.5),
        (120.0, "W.min", "kW.h", 0.002),
        (1500.0, "Wh", "kW.h", 1.5),
        (2.0, "bar", "MPa", 0.2),
        (90.0, "min", "h", 1.5),
        (3600.0, "L/h", "m3/h", 3.6),
        (450.0, "ppb", "[ppm]", 0.45),
        (3000.0, "mV", "V", 3.0),
    ],
)
def test_a_value_is_converted(value: float, spelling: str, to: str, expected: float) -> None:
    found = convert(value, spelling, to)
    assert found is not None
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("spelling", ["%RH", "C", "pH", "lx", "VAR", "µg/m³", "μg/m³", "mbar", "度"])
def test_spellings_that_a_general_parser_misreads_are_known(spelling: str) -> None:
    assert unit_of(spelling) is not None


def test_what_is_not_in_the_table_is_unknown() -> None:
    assert unit_of("furlong") is None
    assert convert(1.0, "furlong", "m") is None
    assert convert(1.0, "kg", "m") is None


@given(st.sampled_from(sorted(UNITS)), st.floats(-1e6, 1e6))
def test_there_and_back_is_the_same(spelling: str, value: float) -> None:
    unit = UNITS[spelling]
    for other in {each.ucum for each in UNITS.values() if each.dimension == unit.dimension}:
        there = convert(value, spelling, other)
        assert there is not None
        back = convert(there, other, unit.ucum)
        assert back == pytest.approx(value, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    ("word", "metric"),
    [("airTemperature", "temperature"), ("Relative-Humidity", "humidity"), ("co2", "co2"), ("status", ""), ("x", "")],
)
def test_a_word_tells_its_metric_or_nothing(word: str, metric: str) -> None:
    assert metric_for(word) == metric


def test_a_value_goes_under_its_metric_or_under_its_own_name() -> None:
    assert fit("temperature", 68.0, "°F", name="tempF") == ("temperature", convert(68.0, "°F", "Cel"), "temperature")
    assert fit("temperature", 5, "kg", name="odd") == ("odd", 5.0, "")
    assert fit("temperature", "warm", name="t") == ("t", "warm", "")
    assert fit("leak", value=True) == ("leak", True, "leak")
    assert fit("leak", 1, channel="bay1") == ("bay1.leak", True, "leak")
    assert fit("", 3, name="odd") == ("odd", 3.0, "")
    nothings: tuple[object, ...] = (None, float("nan"), float("inf"), 10**400, [], {}, "")
    for nothing in nothings:
        assert fit("temperature", nothing, name="t") is None


@given(st.sampled_from(sorted(UNIT_OF)), st.floats() | st.integers() | st.text() | st.booleans() | st.none())
def test_whatever_is_fitted_is_a_reading(metric: str, value: object) -> None:
    found = fit(metric, value, name="own")
    assert found is None or (type(found.value) in (float, bool, str) and found.name)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("Temp", "temperature"),
        ("waterLevel", "level"),
        ("bay3.batt", "battery"),
        ("temperature_2", "temperature"),
        ("temperature", ""),  # no guess: the name is the metric's own
        ("linkquality", ""),
        ("contact", ""),
        ("count", ""),
        ("press", ""),
        ("ph2", ""),
        ("ain1", ""),
        ("", ""),
    ],
)
def test_what_a_name_suggests(name: str, metric: str) -> None:
    assert guess_for(name) == metric


@given(st.text(max_size=20))
def test_a_suggestion_is_a_metric_or_nothing(name: str) -> None:
    assert guess_for(name) in {"", *METRICS}
