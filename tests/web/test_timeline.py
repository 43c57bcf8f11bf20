"""Counters as what they rose by, states as stretches; silence is neither."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.clock import DAY, HOUR, MINUTE
from hub.web.charts import Sample
from hub.web.timeline import Rise, Stretch, draw_rises, draw_stretches, rises, stretches
from tests.web.conftest import Browser

START = 1_763_769_600_000


def test_a_counter_rises_by_the_difference_to_the_step_before() -> None:
    samples = [Sample(START, 100.0), Sample(START + 50 * MINUTE, 104.0), Sample(START + HOUR, 105.0), Sample(START + 3 * HOUR, 111.0)]  # fmt: skip
    assert rises(samples, HOUR) == [Rise(START, 4.0), Rise(START + HOUR, 1.0), Rise(START + 3 * HOUR, 6.0)]


def test_a_counter_that_was_set_back_never_falls() -> None:
    samples = [Sample(START, 900.0), Sample(START + HOUR, 2.0), Sample(START + HOUR + MINUTE, 5.0)]
    assert rises(samples, HOUR) == [Rise(START, 0.0), Rise(START + HOUR, 3.0)]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40))
def test_nothing_that_rose_is_lost(amounts: list[float]) -> None:
    total, samples = 0.0, []
    for number, amount in enumerate(amounts):
        total += amount
        samples.append(Sample(START + number * 7 * MINUTE, total))
    assert abs(sum(rise.amount for rise in rises(samples, HOUR)) - (total - amounts[0])) < 1e-3


def test_silence_between_bars_is_marked() -> None:
    found = [Rise(START, 1.0), Rise(START + 2 * HOUR, 2.0)]
    chart = draw_rises(found, HOUR, start=START, end=START + 3 * HOUR, offset_ms=0)
    assert chart is not None
    assert (len(chart.bars), len(chart.gaps)) == (2, 1)


def test_an_axis_of_bars_reaches_as_far_as_it_is_told_and_as_far_as_it_must() -> None:
    for amount, highest in ((1.0, "4"), (7.0, "6")):
        chart = draw_rises([Rise(START, amount)], DAY, start=START, end=START + 90 * DAY, offset_ms=0, least=4.0)
        assert chart is not None
        assert chart.y_ticks[-1].label == highest
        assert len(chart.x_ticks) == 6


def test_states_hold_but_not_over_silence() -> None:
    samples = [Sample(START + n * MINUTE, float(n >= 5)) for n in range(10)]
    samples += [Sample(START + 5 * HOUR + n * MINUTE, 0.0) for n in range(3)]
    assert stretches(samples, START + DAY) == [
        Stretch(START, START + 5 * MINUTE, 0.0),
        Stretch(START + 5 * MINUTE, START + 9 * MINUTE, 1.0),
        Stretch(START + 5 * HOUR, START + 5 * HOUR + 2 * MINUTE, 0.0),
    ]
    chart = draw_stretches(stretches(samples, START + DAY), start=START, end=START + DAY, offset_ms=0)
    assert chart is not None
    assert [band.on for band in chart.bands] == [False, True, False]
    assert len(chart.gaps) == 2


def test_nothing_known_draws_nothing() -> None:
    assert stretches([], START) == []
    assert draw_stretches([], start=START, end=START + DAY, offset_ms=0) is None
    assert draw_rises([], HOUR, start=START, end=START + DAY, offset_ms=0) is None


def test_a_facility_page_asks_the_series_store_once(web: Browser) -> None:
    client, _ = web.person("manager")
    before = web.hub.series.asked
    page = client.get(f"/facilities/{web.hub.alarms['pump'].facility}?range=30d").text
    assert web.hub.series.asked == before + 1
    assert page.index('id="charts"') < page.index('id="now"')
    assert 'class="chart card chart-band"' in page
