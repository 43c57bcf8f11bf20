"""The series lane: from decoded batches to rows with places, calibration and quality, and a committed position."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hub.clock import DAY, MINUTE, SECOND, ManualClock
from hub.domain.health import Status
from hub.domain.places import Binding, Device, DeviceState, Facility, Name
from hub.domain.rollups import CELL
from hub.errors import StoreUnavailable
from hub.flows.batch import Decoded, Mark, PointKey, Position, Readings, Slots, TextReading
from hub.flows.registry import Registrar, Registry
from hub.flows.series import Aggregate, Latest, SeriesPlace, Step
from hub.flows.series_lane import (
    BEHIND_MS,
    GATHER_BEHIND_MS,
    GATHER_MS,
    GATHER_ROWS,
    REFRESH_BEHIND,
    REFRESH_MS,
    SeriesLane,
)
from hub.storage.series_duckdb import DuckSeries

START = 1_763_856_000_000  # 2025-11-23T00:00:00Z
TEMPERATURE = PointKey("hg", "hg~d1", "temperature")
DOOR = PointKey("hg", "hg~d1", "door_open")
STRANGE = PointKey("hg", "hg~new", "temperature")


class Flaky(DuckSeries):
    """A store that refuses on demand."""

    refuses = False

    def append(self, *args: Any) -> Any:
        if self.refuses:
            raise StoreUnavailable("series store: no space left on the disk")
        return super().append(*args)


class Bench:
    """A lane on a real store with a clock wound by hand."""

    def __init__(self, folder: Path, registry: Registry) -> None:
        self.store = Flaky(folder / "series.duckdb", threads=1, memory_limit="128MB")
        self.store.open()
        self.slots = Slots()
        self.registrar = Registrar(registry)
        self.clock = ManualClock(START)
        self.lane = SeriesLane(self.store, self.registrar, self.slots, self.clock)
        self.batch = 0

    def take(
        self,
        *readings: tuple[PointKey, int, float],
        mark: Mark = Mark.NONE,
        texts: tuple[tuple[PointKey, int, str], ...] = (),
    ) -> None:
        self.batch += 1
        self.lane.take(self.decoded(self.batch, readings, mark, texts))

    def decoded(self, batch: int, readings: Any, mark: Mark = Mark.NONE, texts: Any = ()) -> Decoded:
        size = len(readings)
        now = self.clock.now()
        return Decoded(
            position=Position("j", batch),
            received_at=now,
            frames=size,
            readings=Readings(
                slot=np.array([self.slots.slot(key) for key, _, _ in readings], np.int64),
                time=np.array([time for _, time, _ in readings], np.int64),
                value=np.array([value for _, _, value in readings], np.float64),
                arrival=np.full(size, now, np.int64),
                mark=np.full(size, mark, np.uint8),
                frame=np.arange(size, dtype=np.int64),
            ),
            texts=[TextReading(self.slots.slot(key), time, text, now, mark, 0) for key, time, text in texts],
        )

    def raw(self, key: PointKey) -> list[tuple[int, float]]:
        window = self.store.window([key], start=0, end=2**53, step=Step.RAW, agg=Aggregate.MEAN)
        return list(zip(window.time.tolist(), window.value.tolist(), strict=True))

    def places(self, key: PointKey) -> list[SeriesPlace]:
        cells = self.store.cells([key], start=0, end=2**53)
        return [self.store._names.places.keys[number] for number in cells.place.tolist()]


def registry(*bindings: Binding, version: int = 1, interval: int | None = None) -> Registry:
    name = Name(zh="一", en="one")
    facilities = {("hg", one): Facility(community="hg", id=one, kind="lift", name=name) for one in ("lift-1", "lift-2")}
    device = Device(
        id="hg~d1",
        community="hg",
        scheme="native",
        scheme_id="d1",
        state=DeviceState.ADOPTED,
        name=name,
        expected_interval=interval,
    )
    by_point: dict[tuple[str, str], tuple[Binding, ...]] = {}
    for binding in bindings:
        by_point[binding.device, binding.point] = (*by_point.get((binding.device, binding.point), ()), binding)
    return Registry(version=version, facilities=facilities, devices={device.id: device}, bindings=by_point)


def bound(point: str = "temperature", facility: str = "lift-1", **more: Any) -> Binding:
    return Binding(community="hg", device="hg~d1", point=point, facility=facility, unit="car", **more)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, registry(bound()))
    yield bench
    bench.store.close()


def test_small_batches_wait_a_moment_and_the_position_tells_the_truth(bench: Bench) -> None:
    bench.take((TEMPERATURE, START, 20.0))
    assert bench.lane.position() is None
    assert bench.lane.next_deadline() is not None
    bench.clock.advance(GATHER_MS)
    assert bench.lane.next_deadline() == 0
    bench.lane.tick(START)
    assert bench.lane.position() == Position("j", 1)
    assert bench.lane.oldest_needed() == 1
    assert bench.raw(TEMPERATURE) == [(START, 20.0)]


def test_many_rows_are_committed_at_once(bench: Bench) -> None:
    bench.take((TEMPERATURE, START, 20.0))
    bench.take(*((TEMPERATURE, START + n, 1.0) for n in range(1, GATHER_ROWS)))
    assert bench.lane.position() == Position("j", 2)
    assert bench.store.sizes().readings == GATHER_ROWS


def test_a_backlog_is_gathered_for_longer(bench: Bench) -> None:
    old = bench.decoded(1, [(TEMPERATURE, START, 20.0)])
    bench.clock.advance(BEHIND_MS + 1)
    bench.lane.tick(START)
    bench.lane.take(old)
    assert bench.lane.next_deadline() == bench.clock.now() + GATHER_BEHIND_MS
    bench.clock.advance(GATHER_MS)
    bench.lane.tick(START)
    assert bench.lane.position() is None
    bench.clock.advance(GATHER_BEHIND_MS - GATHER_MS)
    bench.lane.tick(START)
    assert bench.lane.position() == Position("j", 1)


@pytest.mark.parametrize(("age", "pause"), [(0, SECOND), (BEHIND_MS + 1, REFRESH_BEHIND * SECOND)])
def test_roll_ups_take_half_of_the_time_and_less_while_there_is_a_backlog(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, age: int, pause: int
) -> None:
    def refresh(_until: int, _limit: int) -> int:
        bench.clock.advance(SECOND)
        return left.pop()

    left = [0, 7]
    monkeypatch.setattr(bench.store, "refresh_cells", refresh)
    batch = bench.decoded(1, [])
    bench.clock.advance(age)
    bench.lane.take(batch)
    bench.lane.flush()
    bench.lane.tick(START)
    assert bench.lane.next_deadline() == bench.clock.now() + pause
    bench.clock.advance(pause)
    bench.lane.tick(START)
    assert left == []
    assert bench.lane.next_deadline() == bench.clock.now() + REFRESH_MS, "nothing was left to do"


def test_flush_commits_what_is_gathered(bench: Bench) -> None:
    bench.take((TEMPERATURE, START, 20.0))
    bench.lane.flush()
    assert bench.lane.position() == Position("j", 1)


def test_a_refused_commit_is_brought_again_and_stored_once(bench: Bench) -> None:
    bench.take((TEMPERATURE, START, 20.0))
    bench.store.refuses = True
    bench.clock.advance(GATHER_MS)
    second = bench.decoded(2, [(TEMPERATURE, START + 1, 21.0)])
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            bench.lane.take(second)
    assert bench.lane.health(START).status is Status.DEGRADED
    assert "no space" in bench.lane.health(START).reason
    assert bench.lane.well_since is None
    bench.store.refuses = False
    bench.lane.take(second)
    assert bench.lane.well_since == bench.clock.now()
    assert bench.lane.position() == Position("j", 2)
    assert bench.raw(TEMPERATURE) == [(START, 20.0), (START + 1, 21.0)]
    health = bench.lane.health(START)
    assert health.status is Status.OK
    assert health.facts["rows_added"] == 2
    assert health.facts["rows_unchanged"] == 0


def test_before_adoption_readings_are_unassigned(bench: Bench) -> None:
    bench.take((STRANGE, START, 20.0))
    bench.lane.flush()
    assert set(bench.places(STRANGE)) == {SeriesPlace("hg", "unassigned", "", "")}


def test_the_place_is_that_of_the_event_time(tmp_path: Path) -> None:
    move = START + CELL
    bench = Bench(tmp_path, registry(bound(valid_to=move), bound(facility="lift-2", valid_from=move, factor=2.0)))
    bench.take((TEMPERATURE, move, 3.0), (TEMPERATURE, move - CELL, 3.0))
    bench.lane.flush()
    assert bench.places(TEMPERATURE) == [
        SeriesPlace("hg", "lift-1", "car", "lift"),
        SeriesPlace("hg", "lift-2", "car", "lift"),
    ]
    assert bench.raw(TEMPERATURE) == [(START, 3.0), (move, 6.0)]
    bench.store.close()


def test_calibration_and_a_new_registry_between_two_batches(bench: Bench) -> None:
    bench.take((TEMPERATURE, START, 20.0), (DOOR, START, 1.0))
    bench.registrar.replace(registry(bound(offset=-1.5), bound("door_open", inverted=True), version=2))
    bench.take((TEMPERATURE, START + 1, 20.0), (DOOR, START + 1, 1.0))
    bench.lane.flush()
    assert bench.raw(TEMPERATURE) == [(START, 20.0), (START + 1, 18.5)]
    assert bench.raw(DOOR) == [(START, 1.0), (START + 1, 0.0)]


@pytest.mark.parametrize(
    ("value", "mark", "quality"),
    [
        (20.0, Mark.NONE, 0),
        (20.0, Mark.ARRIVAL_TIME, 0),
        (20.0, Mark.CLOCK_PROBLEM, 1),
        (900.0, Mark.NONE, 1),
        (-400.0, Mark.RETAINED, 1),
        (900.0, Mark.SIMULATED, 4),
    ],
)
def test_quality(bench: Bench, value: float, mark: Mark, quality: int) -> None:
    bench.take((TEMPERATURE, START, value), (STRANGE, START, value), mark=mark)
    bench.lane.flush()
    assert bench.store.latest([TEMPERATURE, STRANGE]) == dict.fromkeys(
        [TEMPERATURE, STRANGE], Latest(START, value, None, quality)
    )


def test_texts_go_the_same_way(bench: Bench) -> None:
    state = PointKey("hg", "hg~d1", "fault_code")
    bench.take(texts=((state, START, "E21"), (state, START + 1, "half \ud83d pair")), mark=Mark.CLOCK_PROBLEM)
    bench.lane.flush()
    assert bench.store.latest([state])[state] == Latest(START + 1, None, "half ? pair", 1)


def test_roll_ups_follow_the_lane_time(bench: Bench) -> None:
    bench.take((TEMPERATURE, START + MINUTE, 20.0))
    bench.lane.flush()
    bench.lane.tick(START + CELL - 1)
    assert bench.store.sizes().cells == 0
    bench.clock.advance(CELL + MINUTE)
    bench.lane.tick(START + CELL + MINUTE)
    assert bench.store.sizes().cells == 1


def test_roll_ups_are_looked_after_every_few_seconds_of_the_machine(bench: Bench) -> None:
    bench.lane.tick(START)
    due = bench.lane.next_deadline()
    assert due is not None
    assert START < due <= START + 10 * SECOND
    bench.clock.advance(-DAY)
    assert bench.lane.next_deadline() == 0, "a clock that jumped back does not stop the roll-ups"


def test_a_stated_interval_says_how_long_a_reading_counts(bench: Bench) -> None:
    bench.take((TEMPERATURE, START, 20.0))
    bench.lane.flush()
    bench.registrar.replace(registry(bound(), version=2, interval=MINUTE))
    bench.take((DOOR, START, 1.0))
    bench.lane.flush()
    cells = bench.store.cells([TEMPERATURE], start=0, end=2**53)
    assert cells.known_ms.tolist() == [3 * MINUTE]


def test_a_restart_goes_on_where_the_commit_was(bench: Bench, tmp_path: Path) -> None:
    bench.take((TEMPERATURE, START, 20.0))
    bench.lane.flush()
    bench.take((TEMPERATURE, START + 1, 21.0))
    bench.store.close()
    again = Bench(tmp_path, registry(bound()))
    assert again.lane.position() == Position("j", 1)
    again.batch = 1
    again.take((DOOR, START + 1, 1.0), (TEMPERATURE, START + 1, 21.0))
    again.lane.flush()
    assert again.raw(TEMPERATURE) == [(START, 20.0), (START + 1, 21.0)]
    assert again.raw(DOOR) == [(START + 1, 1.0)]
    again.store.close()
