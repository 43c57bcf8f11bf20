"""Roll-up cells are what the readings give, however and in whatever order these came."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.clock import DAY, HOUR, MINUTE
from hub.domain.rollups import CELL, Cell, Sample, cells_of
from hub.flows.series import Aggregate, SeriesPlace, Step

START = 1_763_856_000_000  # 2025-11-23T00:00:00Z
HALL = SeriesPlace("harmony-garden", "hall", "", "activity_room")
POOL = SeriesPlace("harmony-garden", "pool", "", "pool")


def columns(hand: Any, *names: str) -> list[tuple]:
    cells = hand.store.cells([hand.key(name) for name in names], start=0, end=2**53)
    return list(zip(*(getattr(cells, name).tolist() for name in cells.__slots__), strict=True))


def definition(cell: Cell) -> tuple:
    return tuple(
        -1 if v is None and name == "last_at" else math.nan if v is None else v
        for name, v in dataclasses.asdict(cell).items()
    )


def test_cells_match_their_definition_before_and_after_they_are_computed(hand: Any) -> None:
    rng = np.random.default_rng(4)
    times = np.unique(rng.integers(START, START + 6 * HOUR, 120)).tolist()
    values = rng.normal(20, 5, len(times)).tolist()
    hand.write([("t", time, value) for time, value in zip(times, values, strict=True)])
    place = int(hand.store.place_ids([HALL])[0])
    samples = [Sample(time, value, place) for time, value in zip(times, values, strict=True)]
    expected = [definition(cell) for cell in cells_of(samples, hold=CELL)]
    for refreshed in (False, True):
        if refreshed:
            assert hand.refresh(START + DAY) == len(expected)
            assert hand.store.sizes().cells_waiting == 0
        found = columns(hand, "t")
        assert len(found) == len(expected)
        for one, want in zip(found, expected, strict=True):
            _, place_id, start, *numbers = one
            assert (start, place_id) == want[:2]
            np.testing.assert_allclose(numbers, want[2:], rtol=1e-12)


def test_only_ended_cells_are_computed(hand: Any) -> None:
    hand.write([("t", START + 5 * MINUTE, 1.0)])
    assert hand.refresh(START + CELL - 1) == 0
    assert hand.refresh(START + CELL) == 1
    assert hand.refresh(START + 2 * CELL) == 1
    assert hand.refresh(START + DAY) == 0


def test_a_silent_point_becomes_unknown_after_its_hold(hand: Any) -> None:
    hand.write([("t", START + 5 * MINUTE, 2.0)])
    hand.refresh(START + DAY)
    known = {row[2]: (row[3], row[-1]) for row in columns(hand, "t")}
    assert known == {START: (1, 10 * MINUTE), START + CELL: (0, 5 * MINUTE)}


def test_a_late_reading_changes_its_cell_and_those_up_to_the_next_reading(hand: Any) -> None:
    hand.write([("t", START, 1.0), ("t", START + 3 * CELL, 4.0)])
    hand.refresh(START + DAY)
    hand.write([("t", START + CELL + 5 * MINUTE, 10.0)], batch=2)
    assert hand.store.sizes().cells_waiting > 0
    before = columns(hand, "t")
    hand.refresh(START + DAY)
    assert str(columns(hand, "t")) == str(before)  # as text: NaN is not equal to itself
    by_start = {row[2]: row for row in before}
    assert by_start[START + CELL][-2:] == (10.0 * 10 * MINUTE, 10 * MINUTE)
    assert by_start[START + 2 * CELL][-2:] == (10.0 * 5 * MINUTE, 5 * MINUTE)
    assert by_start[START + 2 * CELL][3] == 0


def test_a_replaced_value_replaces_the_cell(hand: Any) -> None:
    hand.write([("t", START, 1.0)])
    hand.refresh(START + DAY)
    hand.write([("t", START, 7.0)], batch=2, place=POOL)
    hand.refresh(START + DAY)
    pool = int(hand.store.place_ids([POOL])[0])
    assert [(row[1], row[4]) for row in columns(hand, "t")] == [(pool, 7.0)]


def test_a_point_that_moves_inside_a_quarter_has_a_cell_for_each_place(hand: Any) -> None:
    hand.write([("t", START, 1.0)])
    hand.write([("t", START + 5 * MINUTE, 2.0)], batch=2, place=POOL)
    hand.refresh(START + DAY)
    hall, pool = hand.store.place_ids([HALL, POOL]).tolist()
    known = {(row[2], row[1]): row[-1] for row in columns(hand, "t")}
    assert known == {(START, hall): 5 * MINUTE, (START, pool): 10 * MINUTE, (START + CELL, pool): 5 * MINUTE}


def test_a_course_forgets_what_a_place_is_not_said_to_have_measured(hand: Any) -> None:
    hand.write([("t", START, 500.0), ("t", START + CELL, 1.0)])
    hand.refresh(START + DAY)
    hand.write([("t", START, 7.0)], batch=2, place=POOL)
    for _ in range(2):
        course = hand.store.courses([hand.key("t")], start=START, end=START + HOUR, width=HOUR)[hand.key("t")]
        assert sorted(course.value.tolist()) == [1.0, 7.0]
        hand.refresh(START + DAY)


def test_of_a_stretch_the_course_shows_first_what_lies_nearer_to_the_one_before(hand: Any) -> None:
    falls = [("t", START + n * 10 * MINUTE, 20.0 - n) for n in range(12)]
    hand.write([*falls, ("u", START, 1.0), ("u", START + CELL, 2.0)])
    hand.refresh(START + DAY)
    found = hand.store.courses([hand.key("t"), hand.key("u")], start=START, end=START + 2 * HOUR, width=HOUR)
    assert found[hand.key("t")].value.tolist() == [20.0, 15.0, 14.0, 9.0]
    assert found[hand.key("u")].value.tolist() == [1.0, 2.0], "with no other stretch it rises"


def test_a_course_is_the_same_with_some_of_its_cells_waiting(hand: Any) -> None:
    hand.write([("t", START + n * 7 * MINUTE, float(n * 37 % 101)) for n in range(200)])

    def draw() -> list[tuple[int, float]]:
        span = {"start": START, "end": START + DAY, "width": 2 * CELL}
        course = hand.store.courses([hand.key("t")], **span)[hand.key("t")]
        return list(zip(course.time.tolist(), course.value.tolist(), strict=True))

    first = draw()
    hand.refresh(START + 5 * HOUR + CELL)
    assert draw() == first
    hand.refresh(START + 2 * DAY)
    assert draw() == first


def test_another_hold_has_the_cells_computed_again(hand: Any) -> None:
    hand.write([("t", START, 1.0)])
    hand.refresh(START + DAY)
    points = hand.store.point_ids([hand.key("t")])
    hand.store.set_holds(points, np.array([3 * MINUTE], np.int64))
    hand.refresh(START + DAY)
    assert [(row[2], row[-1]) for row in columns(hand, "t")] == [(START, 3 * MINUTE)]
    hand.store.set_holds(points, np.array([40 * MINUTE], np.int64))
    hand.reopen()
    hand.refresh(START + DAY)
    assert [row[-1] for row in columns(hand, "t")] == [15 * MINUTE, 15 * MINUTE, 10 * MINUTE]


def test_work_left_undone_at_a_stop_is_done_after_it(hand: Any) -> None:
    hand.write([("t", START + n * MINUTE, float(n)) for n in range(300)])
    hand.store.refresh_cells(START + DAY, 3)
    hand.reopen()
    hand.write([("t", START + 300 * MINUTE, 300.0)], batch=2)
    hand.refresh(START + DAY)
    assert sum(row[3] for row in columns(hand, "t")) == 301


readings = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.integers(0, 300).map(lambda n: START + n * 37_000),
        st.integers(-99, 99).map(lambda n: n / 7),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda r: r[:2],
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(readings, st.data())
def test_any_order_partition_and_repetition_gives_the_cells_of_one_ordered_load(
    hand: Any, rows: list[tuple[str, int, float]], data: Any
) -> None:
    tag = hand.store.sizes().points  # points of this example's own, in the store all examples share
    ordered = [(f"{name}o{tag}", time, value) for name, time, value in sorted(rows, key=lambda r: r[1])]
    hand.write(ordered)
    hand.refresh(START + DAY)
    shuffled = data.draw(st.permutations(rows + data.draw(st.lists(st.sampled_from(rows), max_size=10))))
    while shuffled:
        size = data.draw(st.integers(1, len(shuffled)))
        part, shuffled = shuffled[:size], shuffled[size:]
        hand.write([(f"{name}s{tag}", time, value) for name, time, value in part])
        if data.draw(st.booleans()):
            hand.refresh(data.draw(st.integers(START, START + 5 * HOUR)))
    for name in "ab":
        want = [row[1:] for row in columns(hand, f"{name}o{tag}")]
        assert str([row[1:] for row in columns(hand, f"{name}s{tag}")]) == str(want)
        hand.refresh(START + DAY)
        assert str([row[1:] for row in columns(hand, f"{name}s{tag}")]) == str(want)


def test_windows_are_the_same_from_waiting_and_from_finished_cells(hand: Any) -> None:
    hand.write([("t", START + n * 7 * MINUTE, float(n % 5)) for n in range(100)])
    asked = [(step, agg) for step in (Step.QUARTER, Step.HOUR, Step.DAY) for agg in Aggregate]
    first = [hand.window("t", start=START, end=START + DAY, step=step, agg=agg) for step, agg in asked]
    hand.refresh(START + DAY)
    assert [hand.window("t", start=START, end=START + DAY, step=step, agg=agg) for step, agg in asked] == first


def test_a_newer_reading_of_a_finished_quarter_has_it_computed_again(hand: Any) -> None:
    hand.write([("t", START, 1.0)])
    hand.refresh(START + CELL)
    hand.write([("t", START + MINUTE, 2.0)], batch=2)
    hand.refresh(START + DAY)
    assert [row[3] for row in columns(hand, "t")] == [2, 0]
