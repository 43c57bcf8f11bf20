"""Windows, weekday x hour, counts, points of a facility, retention."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from hub.clock import DAY, HOUR, MINUTE, from_iso
from hub.flows.series import Aggregate, SeriesPlace, Step

START = 1_763_856_000_000  # 2025-11-23T00:00:00Z, a Sunday
POOL = SeriesPlace("harmony-garden", "pool", "", "pool")


@pytest.fixture(params=[False, True], ids=["waiting", "finished"])
def loaded(hand: Any, request: pytest.FixtureRequest) -> Any:
    """Two points over two hours, with their roll-ups waiting or finished."""
    hand.write([("t", START + n * 10 * MINUTE, float(n)) for n in range(12)])
    hand.write([("u", START + n * 20 * MINUTE, 100.0) for n in range(3)], batch=2)
    if request.param:
        hand.refresh(START + DAY)
    return hand


@pytest.mark.parametrize(
    ("agg", "first", "second"),
    [
        (Aggregate.MEAN, 2.5, 8.5),
        (Aggregate.MIN, 0.0, 6.0),
        (Aggregate.MAX, 5.0, 11.0),
        (Aggregate.SUM, 15.0, 51.0),
        (Aggregate.COUNT, 6.0, 6.0),
        (Aggregate.FIRST, 0.0, 6.0),
        (Aggregate.LAST, 5.0, 11.0),
        (Aggregate.DELTA, 5.0, 6.0),
        (Aggregate.TIME_MEAN, 2.5, 8.5),
    ],
)
def test_every_aggregate_over_an_hour(loaded: Any, agg: Aggregate, first: float, second: float) -> None:
    found = loaded.window("t", start=START, end=START + 2 * HOUR, step=Step.HOUR, agg=agg)
    assert found == [(START, pytest.approx(first)), (START + HOUR, pytest.approx(second))]


def test_delta_starts_from_the_last_reading_before_the_window(loaded: Any) -> None:
    found = loaded.window("t", start=START + HOUR, end=START + 2 * HOUR, step=Step.HOUR, agg=Aggregate.DELTA)
    assert found == [(START + HOUR, 6.0)]
    later = START + 40 * DAY
    loaded.write([("t", later, 20.0)], batch=3)
    assert loaded.window("t", start=later, end=later + HOUR, step=Step.HOUR, agg=Aggregate.DELTA) == [(later, 9.0)]


def test_several_points_make_one_series(loaded: Any) -> None:
    def ask(agg: Aggregate) -> list[tuple[int, float]]:
        return loaded.window("t", "u", start=START, end=START + HOUR, step=Step.HOUR, agg=agg)

    assert ask(Aggregate.COUNT) == [(START, 9.0)]
    assert ask(Aggregate.MAX) == [(START, 100.0)]
    assert ask(Aggregate.DELTA) == [(START, 5.0)]
    assert ask(Aggregate.LAST) == [(START, 5.0)]


def test_steps_without_readings_are_left_out(hand: Any) -> None:
    hand.write([("t", START, 1.0), ("t", START + 3 * HOUR, 2.0)])
    found = hand.window("t", start=START, end=START + DAY, step=Step.HOUR, agg=Aggregate.MEAN)
    assert found == [(START, 1.0), (START + 3 * HOUR, 2.0)]


def test_unknown_points_and_empty_spans_give_an_empty_window(loaded: Any) -> None:
    assert loaded.window("nobody", start=START, end=START + DAY, step=Step.HOUR, agg=Aggregate.MEAN) == []
    assert loaded.window("t", start=START, end=START, step=Step.HOUR, agg=Aggregate.MEAN) == []
    assert loaded.window("t", start=START, end=START, step=Step.RAW, agg=Aggregate.MEAN) == []


def test_days_begin_at_midnight_of_the_zone(hand: Any) -> None:
    hand.write([("t", START + n * HOUR, 1.0) for n in range(48)])
    found = hand.window("t", start=START, end=START + 2 * DAY, step=Step.DAY, agg=Aggregate.COUNT, zone="Asia/Shanghai")
    assert found == [(START - 8 * HOUR, 16.0), (START + 16 * HOUR, 24.0), (START + 40 * HOUR, 8.0)]


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23.0), ("2025-10-26", 25.0), ("2025-06-01", 24.0)])
def test_a_day_on_which_the_clocks_change_has_its_own_length(hand: Any, day: str, hours: float) -> None:
    midnight = round(datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp() * 1000)
    hand.write([("t", midnight + n * HOUR, 1.0) for n in range(-30, 60)])
    found = dict(
        hand.window("t", start=midnight, end=midnight + 1, step=Step.DAY, agg=Aggregate.COUNT, zone="Europe/Berlin")
    )
    assert found == {midnight: hours}


def test_hours_of_a_half_hour_zone(hand: Any) -> None:
    hand.write([("t", START + 45 * MINUTE, 1.0)])
    found = hand.window("t", start=START, end=START + DAY, step=Step.HOUR, agg=Aggregate.MEAN, zone="Asia/Kolkata")
    assert found == [(START + 30 * MINUTE, 1.0)]


@pytest.mark.parametrize("beyond", [1, 15 * MINUTE], ids=["inside an hour", "whole hours"])
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_weekday_x_hour_matches_the_calendar(hand: Any, zone: str, beyond: int) -> None:
    start = from_iso("2025-10-20T00:00:00Z")
    times = [start + n * 15 * MINUTE for n in range(21 * 96)]
    hand.write([("t", time, float(n % 7)) for n, time in enumerate(times)])
    hand.write([("u", time, 1.0) for time in times[:4]], place=POOL, batch=2)
    hand.refresh(times[-1] + DAY)
    found = hand.store.week_hours([hand.key("t"), hand.key("u")], start=start, end=times[-1] + beyond, zone=zone)
    want_sum, want_known = np.zeros((7, 24)), np.zeros((7, 24))
    for n, time in enumerate(times):
        local = datetime.fromtimestamp(time / 1000, ZoneInfo(zone))
        want_sum[local.weekday(), local.hour] += n % 7
        want_known[local.weekday(), local.hour] += 15 * MINUTE
    hall = [place.facility for place in found.places].index("hall")
    assert sorted(place.facility for place in found.places) == ["hall", "pool"]
    np.testing.assert_array_equal(found.known_ms[hall], want_known)
    np.testing.assert_allclose(found.mean[hall], want_sum * 15 * MINUTE / want_known)
    assert found.known_ms[1 - hall].sum() == HOUR
    assert np.isnan(found.mean[1 - hall]).sum() == 7 * 24 - np.count_nonzero(found.known_ms[1 - hall])


def test_doubtful_readings_are_told_by_point(hand: Any) -> None:
    hand.write([("t", START, 1.0), ("t", START + 2000, 2.0), ("t", START - 1, 0.0)], quality=1)
    hand.write([("t", START + 3000, 3.0), ("u", START, 1.0)], batch=2)
    hand.write([], texts=[("mode", START + 5, "away")], quality=4, batch=3)
    t, u, mode = map(hand.key, ("t", "u", "mode"))
    found = hand.store.doubtful([t, u, mode], start=START, end=START + DAY)
    assert found == sorted([(t, 2, START + 2000, 1), (mode, 1, START + 5, 4)])
    assert hand.store.doubtful([u], start=START, end=START + DAY) == []
    assert hand.store.doubtful([], start=START, end=START + DAY) == []


def test_counts_for_each_point_and_day(loaded: Any) -> None:
    loaded.write([("t", START + DAY, 1.0), ("lake-view/t", START, 1.0)], batch=3)
    found = loaded.store.counts(community="harmony-garden", start=START, end=START + 2 * DAY, zone="UTC")
    assert list(zip(found.point, found.day.tolist(), found.count.tolist(), strict=True)) == [
        (loaded.key("t"), START, 12),
        (loaded.key("t"), START + DAY, 1),
        (loaded.key("u"), START, 3),
    ]


def test_points_that_spoke_for_a_facility(loaded: Any) -> None:
    def ask(**more: Any) -> list[str]:
        span = {"community": "harmony-garden", "facility": "hall", "start": START, "end": START + DAY} | more
        return [key.name for key in loaded.store.points_of(**span)]

    loaded.write([("v", START, 1.0)], place=POOL, batch=3)
    assert ask() == ["t", "u"]
    assert ask(facility="pool") == ["v"]
    assert ask(unit="car") == []
    assert ask(start=START + 10 * DAY, end=START + 11 * DAY) == []
    assert ask(community="lake-view") == []


def test_retention_takes_whole_months_and_keeps_their_roll_ups(hand: Any) -> None:
    october, november = from_iso("2025-10-15T00:00:00Z"), from_iso("2025-11-15T00:00:00Z")
    hand.write([("t", october, 1.0), ("t", october + HOUR, 2.0), ("t", november, 3.0)], texts=[("s", october, "E1")])
    forgotten = hand.forget(november)
    assert (forgotten.readings, forgotten.cells) == (2, 0)
    assert hand.raw("t") == [(november, 3.0)]
    assert hand.store.window_of_texts(hand.key("s"), start=0, end=2**53, limit=5) == []
    hours = hand.window("t", start=october, end=october + DAY, step=Step.HOUR, agg=Aggregate.MEAN)
    assert hours == [(october, 1.0), (october + HOUR, 2.0)]


def test_late_rows_of_a_forgotten_month_are_counted_and_not_stored(hand: Any) -> None:
    october, november = from_iso("2025-10-15T00:00:00Z"), from_iso("2025-11-15T00:00:00Z")
    hand.write([("t", october, 1.0), ("t", november, 3.0)])
    hand.forget(november)
    for _ in range(2):
        written = hand.write([("t", october, 9.0), ("t", november + 1, 4.0)], batch=2, texts=[("s", october, "E1")])
        assert written.expired == 1
        hand.refresh(november + DAY)
        assert [row[1] for row in hand.window("t", start=october, end=november, step=Step.HOUR, agg=Aggregate.SUM)] == [
            1.0
        ]
        assert hand.raw("t") == [(november, 3.0), (november + 1, 4.0)]
        hand.reopen()


def test_roll_ups_are_forgotten_too(hand: Any) -> None:
    october, november = from_iso("2025-10-15T00:00:00Z"), from_iso("2025-11-15T00:00:00Z")
    hand.write([("t", october, 1.0), ("t", november, 3.0)])
    forgotten = hand.forget(november, november)
    assert forgotten.cells == 1
    assert hand.window("t", start=0, end=november + DAY, step=Step.DAY, agg=Aggregate.SUM) == [
        (from_iso("2025-11-15T00:00:00Z"), 3.0)
    ]
    assert hand.forget(november, november) == (0, 0)


def test_each_point_is_kept_for_as_long_as_it_is_to_be_kept(hand: Any) -> None:
    october, november, december = (from_iso(f"2025-{month}-15T00:00:00Z") for month in (10, 11, 12))
    for batch, (point, text) in enumerate((("short", "s"), ("usual", "u"), ("long", "l")), 1):
        readings = [(point, time, 1.0) for time in (october, november, december)]
        hand.write(readings, batch=batch, texts=[(text, november, "E1")])
    taken = hand.forget(november, november, short=(december, december), s=(december, 0), long=(0, 0))
    assert taken == (3, 3)
    assert [time for time, _ in hand.raw("short")] == [december]
    assert [time for time, _ in hand.raw("usual")] == [november, december]
    assert [time for time, _ in hand.raw("long")] == [october, november, december]
    days = {
        point: len(hand.window(point, start=0, end=december + DAY, step=Step.DAY, agg=Aggregate.COUNT))
        for point in ("short", "usual", "long")
    }
    assert days == {"short": 1, "usual": 2, "long": 3}
    told = {text: hand.store.window_of_texts(hand.key(text), start=0, end=2**53, limit=5) for text in "sul"}
    assert {text: len(rows) for text, rows in told.items()} == {"s": 0, "u": 1, "l": 1}


def test_late_rows_are_judged_by_their_own_points_limit(hand: Any) -> None:
    october, november, december = (from_iso(f"2025-{month}-15T00:00:00Z") for month in (10, 11, 12))
    hand.write([("short", december, 3.0), ("usual", december, 3.0)])
    hand.forget(november, short=(december, 0))
    for _ in range(2):
        late = [(point, time, 9.0) for point in ("short", "usual", "new") for time in (october, november)]
        written = hand.write(late, batch=2)
        assert written.expired == 3
        assert hand.raw("short") == [(december, 3.0)]
        assert hand.raw("usual") == [(november, 9.0), (december, 3.0)]
        assert hand.raw("new") == [(october, 9.0), (november, 9.0)]
        hand.reopen()


def test_what_has_been_given_up_stays_so_when_the_limit_is_moved_back(hand: Any) -> None:
    october, november = from_iso("2025-10-15T00:00:00Z"), from_iso("2025-11-15T00:00:00Z")
    hand.write([("t", october, 1.0), ("t", november, 3.0)])
    hand.forget(november)
    assert hand.forget(0) == (0, 0)
    assert hand.write([("t", october, 9.0)], batch=2).expired == 1
    hours = hand.window("t", start=october, end=november, step=Step.HOUR, agg=Aggregate.SUM)
    assert hours == [(october, 1.0)], "computed again from late rows alone it would be wrong"


def test_sizes(loaded: Any) -> None:
    sizes = loaded.store.sizes()
    assert (sizes.readings, sizes.points) == (15, 2)
    assert sizes.bytes > 0


def test_courses_carry_the_extremes_of_every_stretch_at_their_instants(loaded: Any) -> None:
    points = [loaded.key("t"), loaded.key("u"), loaded.key("nobody")]
    found = loaded.store.courses(points, start=START, end=START + HOUR, width=14 * MINUTE)
    assert set(found) == {loaded.key("t"), loaded.key("u")}
    first = found[loaded.key("t")]
    assert first.time.tolist() == [START + n * 10 * MINUTE for n in range(6)]
    assert first.value.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert found[loaded.key("u")].value.tolist() == [100.0, 100.0, 100.0]


def test_long_courses_are_read_from_the_cells(loaded: Any) -> None:
    found = loaded.store.courses([loaded.key("t")], start=START, end=START + 2 * HOUR, width=HOUR)[loaded.key("t")]
    assert found.time.tolist() == [START, START + HOUR // 2, START + HOUR, START + HOUR * 3 // 2]
    assert found.value.tolist() == [0.0, 5.0, 6.0, 11.0]
    assert loaded.store.courses([], start=START, end=START + HOUR, width=HOUR) == {}
