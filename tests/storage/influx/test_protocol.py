"""Line protocol: what comes out is what a server reads, whatever a device calls its points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.event_series import SeriesPoint
from hub.domain.series_names import TAGS
from hub.flows import cells as cells_of
from hub.flows.batch import PointKey
from hub.storage.influx.points import point_line
from hub.storage.influx.protocol import (
    Spot,
    cell_lines,
    measurement_of,
    prefix,
    reading_lines,
    tag_text,
    tags,
    text_line,
    void_line,
)

KEY = PointKey("harmony-garden", "harmony-garden~gym", "bay3.power")
GYM = Spot("harmony-garden", "gym", "bay3", "gym", "")


def test_a_reading_is_one_line() -> None:
    start = prefix(measurement_of(KEY, GYM), tags(KEY, GYM))
    assert reading_lines([start], [0, 0], [1840.0, -0.0], [0, 4], [1763856000000, 5]) == [
        (
            "power,community=harmony-garden,device=harmony-garden~gym,facility=gym,kind=gym,point=bay3.power,unit=bay3 "
            "value=1840.0,quality=0i 1763856000000"
        ),
        (
            "power,community=harmony-garden,device=harmony-garden~gym,facility=gym,kind=gym,point=bay3.power,unit=bay3 "
            "value=-0.0,quality=4i 5"
        ),
    ]


def test_the_tags_are_those_that_are_published() -> None:
    assert set(tags(KEY, GYM)) == set(TAGS)


def test_empty_tags_are_left_out() -> None:
    assert "unit" not in tags(KEY, GYM._replace(unit=""))


@pytest.mark.parametrize(
    ("name", "metric", "measurement"),
    [
        ("t", "", "unknown"),
        ("bay3.power", "", "power"),
        ("ch1", "temperature", "temperature"),
        ("power", "no-such", "unknown"),
    ],
)
def test_the_measurement_is_the_metric_that_is_meant(name: str, metric: str, measurement: str) -> None:
    assert measurement_of(KEY._replace(name=name), GYM._replace(metric=metric)) == measurement


@given(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8))
def test_no_two_names_have_the_same_tag(one: str, other: str) -> None:
    assert (tag_text(one) == tag_text(other)) is (one == other)
    assert "\n" not in tag_text(one)
    assert "\\" not in tag_text(one)


def test_signs_that_mean_something_are_escaped() -> None:
    tagged = tags(KEY._replace(name="a b,c=d\\e"), GYM)
    assert prefix("power", {"point": tagged["point"]}) == r"power,point=a\ b\,c\=d%5Ce "
    assert text_line("s ", 'say "no"\\\n', 1, 7) == 's text="say \\"no\\"\\\\\n",quality=1i 7'


def test_a_cell_says_what_it_knows_and_nothing_that_no_server_can_hold() -> None:
    made = cells_of.compute(
        np.zeros(2, np.int32),
        np.zeros(2, np.int32),
        np.array([0, 60_000]),
        np.array([1e308, 1e308]),
        np.array([900_000, 1_500_000]),
    )
    full, carried = cell_lines(["c ", "c "], made)
    assert full == (
        "c count=2i,total=1.7976931348623157e+308,min=1e+308,max=1e+308,first=1e+308,last=1e+308,last_at=60000i,"
        "integral=1.7976931348623157e+308,known_ms=900000i 0"
    )
    assert carried == "c count=0i,total=0.0,integral=1.7976931348623157e+308,known_ms=660000i 900000"
    assert void_line("c ", 900_000) == "c count=0i,total=0.0,integral=0.0,known_ms=0i 900000"


def test_points_beside_readings_keep_the_types_of_their_fields() -> None:
    point = SeriesPoint(
        measurement="ticket_event",
        tags={"state": "on hold", "community": "hg", "unit": ""},
        fields={"n": 1, "value": 2.0, "title_zh": 'a "b"'},
        time=7,
    )
    assert point_line(point) == 'ticket_event,community=hg,state=on\\ hold n=1i,value=2.0,title_zh="a \\"b\\"" 7'
