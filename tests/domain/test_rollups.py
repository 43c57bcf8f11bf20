"""What a roll-up cell is, by worked examples; steps and zones."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.places import Rhythm
from hub.domain.rollups import (
    CELL,
    DEFAULT_HOLD,
    LONGEST_HOLD,
    SHORTEST_HOLD,
    Cell,
    Sample,
    cells_of,
    hold_of,
    offset_at,
    offsets,
    step_edges,
)
from hub.flows.cells import compute

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_763_856_000_000  # 2025-11-23T00:00:00Z


def at(minute: float, value: float, place: int = 0) -> Sample:
    return Sample(START + round(minute * MINUTE), value, place)


def test_a_cell_with_a_carried_value_and_two_readings() -> None:
    cells = cells_of([at(-5, 10.0), at(3, 20.0), at(9, 40.0)], hold=DEFAULT_HOLD)
    assert cells[1] == Cell(
        start=START,
        place=0,
        count=2,
        total=60.0,
        minimum=20.0,
        maximum=40.0,
        first=20.0,
        last=40.0,
        last_at=START + 9 * MINUTE,
        integral=(3 * 10.0 + 6 * 20.0 + 6 * 40.0) * MINUTE,
        known_ms=15 * MINUTE,
    )


def test_after_its_hold_a_value_is_unknown() -> None:
    (only,) = cells_of([at(1, 8.0)], hold=2 * MINUTE)
    assert (only.known_ms, only.integral) == (2 * MINUTE, 16.0 * MINUTE)


def test_a_cell_of_carried_values_alone_has_no_readings() -> None:
    carried = cells_of([at(14, 8.0)], hold=20 * MINUTE)[1]
    assert (carried.count, carried.minimum, carried.first, carried.last_at) == (0, None, None, None)
    assert carried.known_ms == 15 * MINUTE


def test_the_last_word_on_an_instant_counts() -> None:
    (only,) = cells_of([at(1, 8.0), at(1, 9.0)], hold=MINUTE)
    assert (only.count, only.total) == (1, 9.0)


def test_a_reading_at_the_edge_belongs_to_the_cell_that_begins() -> None:
    assert [cell.start for cell in cells_of([at(15, 1.0)], hold=15 * MINUTE)] == [START + CELL]


def test_a_move_splits_the_quarter() -> None:
    first, second = cells_of([at(0, 1.0, place=1), at(5, 2.0, place=2)], hold=10 * MINUTE)
    assert (first.place, first.known_ms, second.place, second.known_ms) == (1, 5 * MINUTE, 2, 10 * MINUTE)


@pytest.mark.parametrize(
    ("rhythm", "hold"),
    [
        (Rhythm(), DEFAULT_HOLD),
        (Rhythm(60_000), 180_000),
        (Rhythm(1_000), SHORTEST_HOLD),
        (Rhythm(interval=60_000, silence=600_000), 600_000),
        (Rhythm(30 * DAY), LONGEST_HOLD),
    ],
)
def test_hold(rhythm: Rhythm, hold: int) -> None:
    assert hold_of(rhythm) == hold


samples = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 400), st.floats(-1e6, 1e6), st.integers(0, 2)), min_size=1, max_size=60
)


@given(samples, st.sampled_from([MINUTE, 15 * MINUTE, 40 * MINUTE]))
def test_columns_give_the_cells_of_the_definition(given_samples: list[tuple[int, int, float, int]], hold: int) -> None:
    once = {(point, time): (value, place) for point, time, value, place in given_samples}
    rows = [(point, START + time * 31_000, *once[point, time]) for point, time in sorted(once)]
    found = compute(
        np.array([row[0] for row in rows], np.int32),
        np.array([row[3] for row in rows], np.int32),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows]),
        np.full(len(rows), hold, np.int64),
    )
    want = [
        (point, cell)
        for point in sorted({row[0] for row in rows})
        for cell in cells_of([Sample(row[1], row[2], row[3]) for row in rows if row[0] == point], hold=hold)
    ]
    by_key = {(found.point[i], found.start[i], found.place[i]): i for i in range(len(found))}
    assert set(by_key) == {(point, cell.start, cell.place) for point, cell in want}
    for point, cell in want:
        i = by_key[point, cell.start, cell.place]
        exact = (cell.count, cell.known_ms, -1 if cell.last_at is None else cell.last_at)
        assert (found.count[i], found.known_ms[i], found.last_at[i]) == exact
        sums = [cell.total, cell.integral]
        np.testing.assert_allclose([found.total[i], found.integral[i]], sums, rtol=1e-9, atol=1e-3)
        ends = [np.nan if v is None else v for v in (cell.minimum, cell.maximum, cell.first, cell.last)]
        np.testing.assert_array_equal([found.minimum[i], found.maximum[i], found.first[i], found.last[i]], ends)


@given(st.integers(0, 4_000_000_000_000), st.integers(1, 40 * DAY), st.sampled_from(["15m", "1h", "1d"]))
def test_steps_cover_the_span_without_gaps(start: int, length: int, step: str) -> None:
    for zone in ("Asia/Shanghai", "Europe/Berlin"):
        edges = step_edges(start, start + length, step, zone)
        assert edges[0] <= start < edges[1]
        assert edges[-2] < start + length <= edges[-1]
        lengths = {b - a for a, b in pairwise(edges)}
        assert lengths <= {"15m": {CELL}, "1h": {HOUR}, "1d": {23 * HOUR, DAY, 25 * HOUR}}[step]


def test_an_unknown_step_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="unknown step '2h': expected 15m, 1h or 1d"):
        step_edges(0, 1, "2h", "UTC")


def test_days_in_shanghai() -> None:
    assert step_edges(START, START + 1, "1d", "Asia/Shanghai") == [START - 8 * HOUR, START + 16 * HOUR]


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"])
def test_offsets_name_every_change_of_the_clocks(zone: str) -> None:
    tz = ZoneInfo(zone)
    found = offsets(START, START + 400 * DAY, zone)
    assert len(found) == (1 if zone == "Asia/Shanghai" else 3)
    for probe in range(START, START + 400 * DAY, 7 * HOUR):
        told = [offset for since, offset in found if since <= probe][-1]
        assert told == offset_at(probe, tz)
        moment = datetime.fromtimestamp(probe / 1000, UTC).astimezone(tz).utcoffset()
        assert moment is not None
        assert told == moment.total_seconds() * 1000
