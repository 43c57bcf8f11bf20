"""What devices will need, and when: low and falling batteries, and days from the registry."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.places import Device, DeviceState, Name
from hub.domain.upkeep import HORIZON_DAYS, Level, Need, Why, battery, dated, low_volts

TODAY = date(2026, 11, 23)


def course(first: float, pace: float, days: int = 30) -> list[Level]:
    return [Level(TODAY - timedelta(days=days - n), first + pace * n) for n in range(days)]


def device(**days: date) -> Device:
    return Device(
        id="garden~a",
        community="garden",
        scheme="native",
        scheme_id="a",
        state=DeviceState.ADOPTED,
        name=Name(zh="甲", en="A"),
        **days,
    )


@pytest.mark.parametrize(
    ("metric", "now", "levels", "why", "days"),
    [
        ("battery", 20.0, [], Why.LOW, 0),
        ("battery", 20.1, [], None, None),
        ("battery", None, [], None, None),
        ("battery", None, [Level(TODAY, 5.0)], Why.LOW, 0),
        ("battery", 40.0, course(70.0, -1.0), Why.FALLING, 20),
        ("battery", 40.0, course(40.0, 0.0), None, None),
        ("battery", 69.0, course(70.0, -0.1), None, None),
        ("battery", 71.0, course(100.0, -3.0), None, None),
        ("battery", 40.0, course(70.0, -1.0, days=6), None, None),
        ("battery_voltage", 2.6, course(3.0, 0.0), Why.LOW, 0),
        ("battery_voltage", 2.9, course(3.0, 0.0), None, None),
        ("battery_voltage", 3.3, course(3.6, -0.01), Why.FALLING, 16),
        ("battery_low", 1.0, [], Why.LOW, 0),
        ("battery_low", 0.0, [Level(TODAY, 1.0)], None, None),
        ("battery_low", None, [Level(TODAY, 1.0)], Why.LOW, 0),
        ("temperature", 5.0, [], None, None),
    ],
)
def test_worked_examples(
    metric: str, now: float | None, levels: list[Level], why: Why | None, days: int | None
) -> None:
    found = battery("garden~a", metric, now, levels, TODAY)
    assert (None if found is None else found.why) == why
    if found is not None and days is not None:
        assert (found.due - TODAY).days == days
        assert found.need is Need.BATTERY


def test_a_new_battery_begins_a_new_course() -> None:
    before = course(60.0, -1.0)
    after = [Level(TODAY + timedelta(days=n), 70.0) for n in range(10)]
    assert battery("garden~a", "battery", 65.0, [*before, *after], TODAY + timedelta(days=10)) is None


def test_one_wild_day_does_not_move_the_course() -> None:
    levels = course(60.0, -0.1)
    levels[20] = Level(levels[20].day, 48.0)
    assert battery("garden~a", "battery", 57.0, levels, TODAY) is None


@pytest.mark.parametrize(("highest", "low"), [(1.6, 1.305), (3.05, 2.61), (3.67, 3.132), (12.8, 10.44), (26.0, 20.88)])
def test_what_is_low_is_told_by_the_nominal_voltage(highest: float, low: float) -> None:
    assert low_volts([highest, highest - 0.1]) == pytest.approx(low)


def test_the_days_of_the_registry() -> None:
    near, far = TODAY + timedelta(days=HORIZON_DAYS), TODAY + timedelta(days=HORIZON_DAYS + 1)
    found = dated(device(sim_expires=near, calibrated_until=far, end_of_life=TODAY - timedelta(days=400)), TODAY)
    assert [(chore.need, chore.due) for chore in found] == [
        (Need.SIM, near),
        (Need.END_OF_LIFE, TODAY - timedelta(days=400)),
    ]
    assert dated(device(calibrated_until=far), TODAY, days=HORIZON_DAYS + 1)


levels_of = st.lists(
    st.tuples(st.integers(-100, 0), st.floats(0, 100, allow_nan=False)), max_size=40, unique_by=lambda pair: pair[0]
).map(lambda rows: [Level(TODAY + timedelta(days=n), v) for n, v in sorted(rows)])


@given(st.sampled_from(["battery", "battery_voltage"]), st.one_of(st.none(), st.floats(-1, 100)), levels_of)
def test_any_course_is_answered_within_the_horizon(metric: str, now: float | None, levels: list[Level]) -> None:
    found = battery("garden~a", metric, now, levels, TODAY)
    assert found is None or TODAY <= found.due <= TODAY + timedelta(days=HORIZON_DAYS)


@given(levels_of, st.floats(0, 100), st.floats(0, 100))
def test_less_charge_is_never_less_urgent(levels: list[Level], one: float, other: float) -> None:
    low, high = sorted((one, other))
    later = battery("garden~a", "battery", high, levels, TODAY)
    if later is not None:
        sooner = battery("garden~a", "battery", low, levels, TODAY)
        assert sooner is not None
        assert sooner.due <= later.due
