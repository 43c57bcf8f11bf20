"""The job that writes how the hub stands: each store gets every look, also those that it missed, and none holds up another."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hub.clock import MINUTE, from_iso
from hub.domain.event_series import SeriesPoint
from hub.domain.health_series import HubLook, LaneLook, health_points
from hub.errors import StoreUnavailable
from hub.jobs import own_health
from hub.jobs.own_health import HealthSeries, Target

NOON = from_iso("2026-03-02T12:00:00Z")


def look(minute: int, *, messages: int = 0, hours_left: float | None = 5.5) -> HubLook:
    return HubLook(
        hub="7e57",
        at=NOON + minute * MINUTE,
        lanes={"alarm": LaneLook(1_500, 2)},
        brokers={"main": True, "clubhouse": False},
        stores={"influxdb": False},
        room_bytes=1_000,
        hours_left=hours_left,
        messages=messages,
    )


def told(points: Sequence[SeriesPoint]) -> dict[tuple[str, str], dict[str, float | int | str]]:
    return {(point.tags["part"], point.tags["name"]): dict(point.fields) for point in points}


def test_a_point_for_each_part() -> None:
    points = health_points(look(1, messages=190), look(0, messages=40))
    assert told(points) == {
        ("lane", "alarm"): {"lag_s": 1.5, "waiting": 2},
        ("broker", "main"): {"connected": 1},
        ("broker", "clubhouse"): {"connected": 0},
        ("store", "influxdb"): {"reachable": 0},
        ("journal", "journal"): {"room_bytes": 1_000, "hours_left": 5.5, "messages_per_s": 2.5},
    }
    assert {(point.time, point.tags["hub"]) for point in points} == {(NOON + MINUTE, "7e57")}


@pytest.mark.parametrize("before", [None, look(1), look(2)])
def test_no_rate_without_a_span_and_no_hours_while_nothing_comes_in(before: HubLook | None) -> None:
    points = health_points(look(1, messages=40, hours_left=None), before)
    assert told(points)["journal", "journal"] == {"room_bytes": 1_000}


class Store:
    """Refuses while it is away; whether its lane knows it is another matter."""

    def __init__(self) -> None:
        self.away = False
        self.lane_waits = False
        self.asked = 0
        self.minutes: list[int] = []

    def write(self, points: Sequence[SeriesPoint]) -> None:
        self.asked += 1
        if self.away:
            raise StoreUnavailable("away")
        self.minutes += sorted({(point.time - NOON) // MINUTE for point in points})

    def target(self) -> Target:
        return Target(self.write, lambda: not self.lane_waits)


def test_a_store_that_was_away_gets_what_it_missed_and_the_other_waits_for_nothing() -> None:
    near, far = Store(), Store()
    minutes = iter(range(100))
    job = HealthSeries(lambda: look(next(minutes)), {"near": near.target(), "far": far.target()})
    job.run(0)
    far.away = True
    job.run(0)
    far.lane_waits = True
    job.run(0)
    assert (near.minutes, far.minutes) == ([0, 1, 2], [0])
    assert far.asked == 2, "a store whose lane waits is not tried"
    far.away = far.lane_waits = False
    job.run(0)
    assert far.minutes == near.minutes == [0, 1, 2, 3]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_health, "KEPT", 3)
    store = Store()
    store.lane_waits = True
    minutes = iter(range(100))
    job = HealthSeries(lambda: look(next(minutes)), {"far": store.target()})
    for _ in range(5):
        job.run(0)
    store.lane_waits = False
    job.run(0)
    assert store.minutes == [3, 4, 5]
