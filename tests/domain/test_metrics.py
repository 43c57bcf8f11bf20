"""The one table of metrics."""

from __future__ import annotations

import pytest

from hub.domain.metrics import METRICS, Metric, MetricKind, metric_of


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_every_metric_is_complete(metric: Metric) -> None:
    assert metric.name == metric.name.lower()
    assert metric.title.zh
    assert metric.title.en
    assert metric.unit
    assert metric.low <= metric.high
    assert (metric.off is None) == (metric.on is None)
    if metric.kind is MetricKind.TOTAL:
        assert metric.low == 0


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_a_unit_is_in_the_readers_language(metric: Metric) -> None:
    english = f"{metric.symbol_of('en')}{metric.symbol_of('en', 1)}"
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in english)
    assert bool(metric.symbol_of("en")) == bool(metric.symbol_of("zh-CN"))


def test_what_is_counted_has_a_singular_where_it_is_shown_as_one() -> None:
    occupancy, flow = METRICS["occupancy"], METRICS["flow"]
    assert [occupancy.symbol_of("en", value) for value in (0, 0.9, 1, 2)] == ["people", "person", "person", "people"]
    assert {occupancy.symbol_of("zh-CN", value) for value in (0, 1, 2)} == {"人"}
    assert METRICS["starts_per_hour"].symbol_of("zh-CN") == "次/h"
    assert METRICS["starts_per_hour"].symbol_of("en", 1) == "/h"
    assert {flow.symbol_of("en", 1), flow.symbol_of("zh-CN")} == {"m³/h"}


def test_names_are_said_once() -> None:
    assert len({metric.title.zh for metric in METRICS.values()}) == len(METRICS)
    assert len({metric.title.en for metric in METRICS.values()}) == len(METRICS)


@pytest.mark.parametrize(
    ("point", "metric"), [("temperature", "temperature"), ("bay3.power", "power"), ("a.b.level", "level"), ("x9", None)]
)
def test_a_points_own_name_tells_its_metric(point: str, metric: str | None) -> None:
    found = metric_of(point)
    assert (found.name if found else None) == metric


def test_plausible_ranges_include_their_ends() -> None:
    humidity = METRICS["humidity"]
    assert humidity.plausible(0)
    assert humidity.plausible(100)
    assert not humidity.plausible(100.1)
    assert not METRICS["temperature"].plausible(float("nan"))


@pytest.mark.parametrize(
    ("metric", "state", "possible"),
    [
        ("door_open", 1.0, True),
        ("door_open", 2.0, False),
        ("door_open", "open", False),
        ("service_mode", "inspection", True),
        ("service_mode", "party", False),
        ("service_mode", 1.0, False),
        ("fault_code", "E99", True),
        ("temperature", 1.0, False),
    ],
)
def test_a_state_is_possible_or_not(metric: str, state: float | str, *, possible: bool) -> None:
    assert METRICS[metric].matches(state) is possible
