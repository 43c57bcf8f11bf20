"""Charts: gaps stay gaps, peaks stay peaks, ticks are round in the community's zone."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hub.clock import DAY, HOUR, MINUTE
from hub.web.charts import HEIGHT, LEFT, WIDTH, Chart, Sample
from hub.web.charts import draw as draw_arrays

START = 1_763_769_600_000  # midnight UTC


def draw(samples: list[Sample], **more: Any) -> Chart | None:
    times = np.array([sample.time for sample in samples], np.int64)
    return draw_arrays(times, np.array([sample.value for sample in samples], np.float64), **more)


def test_nothing_known_is_no_chart() -> None:
    assert draw([], start=START, end=START + DAY) is None


def test_silence_breaks_the_line_and_is_marked() -> None:
    samples = [Sample(START + n * MINUTE, 1.0 + n % 3) for n in range(120)]
    samples += [Sample(START + 20 * HOUR + n * MINUTE, 2.0) for n in range(240)]
    chart = draw(samples, start=START, end=START + DAY)
    assert chart is not None
    assert len(chart.paths) == 2
    assert len(chart.gaps) == 1


def test_a_peak_survives_thinning() -> None:
    samples = [Sample(START + n * 1000, 5.0) for n in range(80_000)]
    samples[41_234] = Sample(samples[41_234].time, 99.0)
    chart = draw(samples, start=START, end=START + DAY)
    assert chart is not None
    top = min(tick.at for tick in chart.y_ticks)
    heights = [float(part.split(" ")[1]) for path in chart.paths for part in path[1:].split("L")]
    assert min(heights) <= top + 20
    assert sum(path.count("L") for path in chart.paths) < 1000


def test_ticks_are_round_in_the_zone() -> None:
    samples = [Sample(START, 1.0), Sample(START + HOUR, 2.0)]
    chart = draw(samples, start=START, end=START + DAY, offset_ms=8 * HOUR)
    assert chart is not None
    assert [tick.label for tick in chart.x_ticks] == ["08:00", "12:00", "16:00", "20:00", "00:00", "04:00"]


def test_a_limit_in_reach_is_drawn_and_one_far_away_is_not() -> None:
    samples = [Sample(START + n * HOUR, float(n)) for n in range(10)]
    chart = draw(samples, start=START, end=START + DAY, limits=[(12.0, "limit 12"), (5000.0, "limit 5000")])
    assert chart is not None
    assert [limit.label for limit in chart.limits] == ["limit 12"]


@given(st.lists(st.tuples(st.integers(0, DAY - 1), st.floats(-1e9, 1e9)), min_size=1, max_size=60))
def test_everything_stays_inside_the_frame(pairs: list[tuple[int, float]]) -> None:
    samples = [Sample(START + at, value) for at, value in sorted(pairs)]
    chart = draw(samples, start=START, end=START + DAY)
    assert chart is not None
    assert all(LEFT - 1 <= tick.at <= WIDTH for tick in chart.x_ticks)
    assert all(-1 <= tick.at <= HEIGHT for tick in chart.y_ticks)
    for x, y in (map(float, found) for path in chart.paths for found in re.findall(r"[ML](\S+) ([^LhM]+)", path)):
        assert LEFT <= x <= WIDTH
        assert 0 <= y <= HEIGHT
