"""Every series store the project ships runs the tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from hub.clock import WallClock
from hub.domain.retention import Before
from hub.flows.batch import PointKey, Position
from hub.flows.series import Aggregate, Capability, Forgotten, Rows, SeriesPlace, SeriesStore, Step, TextRow, Written
from hub.storage.influx.server import Server
from hub.storage.influx.target import parse
from hub.storage.series_duckdb import DuckSeries
from hub.storage.series_influx import InfluxSeries
from tests.influx_server import MISSING, PROGRAM, InfluxServer

HALL = SeriesPlace("harmony-garden", "hall", "", "activity_room")


class Hand:
    """Writes readings into one store and reads them back, in the fewest words; opens it again on demand."""

    def __init__(self, make: Callable[[], SeriesStore]) -> None:
        self._make = make
        self.store = make()
        self.store.open()

    def reopen(self) -> None:
        """As after a restart."""
        self.store.close()
        self.store = self._make()
        self.store.open()

    @staticmethod
    def key(name: str) -> PointKey:
        community, _, point = name.rpartition("/")
        community = community or "harmony-garden"
        return PointKey(community, f"{community}~d1", point)

    def write(
        self,
        readings: list[tuple[str, int, float]],
        *,
        batch: int = 1,
        place: SeriesPlace = HALL,
        quality: int = 0,
        texts: list[tuple[str, int, str]] | None = None,
    ) -> Written:
        """Append (point, time, value) triples and (point, time, text) triples."""
        store = self.store
        where = int(store.place_ids([place])[0])
        rows = Rows(
            point=store.point_ids([self.key(name) for name, _, _ in readings]),
            time=np.array([time for _, time, _ in readings], np.int64),
            value=np.array([value for _, _, value in readings], np.float64),
            quality=np.full(len(readings), quality, np.uint8),
            place=np.full(len(readings), where, np.int32),
        )
        said = [
            TextRow(int(store.point_ids([self.key(name)])[0]), time, text, quality, where)
            for name, time, text in texts or []
        ]
        return store.append(rows, said, Position("j", batch))

    def says(self, written: Written, *, added: int, replaced: int = 0, unchanged: int = 0) -> None:
        """What the append did; a store that does not look says of what it had already that it added it."""
        wanted = Written(added, replaced, unchanged, 0)
        if Capability.TELLS_REPEATS not in self.store.capabilities:
            wanted = Written(sum(wanted) - written.unchanged, 0, written.unchanged, 0)
        assert written == wanted

    def raw(self, name: str, start: int = 0, end: int = 2**53) -> list[tuple[int, float]]:
        """All readings of a point."""
        window = self.store.window([self.key(name)], start=start, end=end, step=Step.RAW, agg=Aggregate.MEAN)
        return list(zip(window.time.tolist(), window.value.tolist(), strict=True))

    def window(
        self, *names: str, start: int, end: int, step: Step, agg: Aggregate, zone: str = "UTC"
    ) -> list[tuple[int, float]]:
        """Steps of one or more points together."""
        points = [self.key(name) for name in names]
        window = self.store.window(points, start=start, end=end, step=step, agg=agg, zone=zone)
        return list(zip(window.time.tolist(), window.value.tolist(), strict=True))

    def forget(self, readings: int, cells: int = 0, **special: tuple[int, int]) -> Forgotten:
        """What was before these instants; points that are named have instants of their own."""
        return self.store.forget(lambda key: Before(*special.get(key.name, (readings, cells))))

    def refresh(self, until: int) -> int:
        """Work the waiting list off."""
        total = 0
        while done := self.store.refresh_cells(until):
            total += done
        return total


@pytest.fixture(scope="session")
def influx() -> Iterator[InfluxServer]:
    """One server for the run; every test has a database of its own."""
    if PROGRAM is None:
        pytest.skip(MISSING)
    server = InfluxServer()
    server.start()
    yield server
    server.remove()


def _maker(kind: str, request: pytest.FixtureRequest, folder: Path) -> Callable[[], SeriesStore]:
    if kind == "duckdb":
        return lambda: DuckSeries(folder / "series.duckdb", memory_limit="128MB", threads=1)
    if kind == "influxdb":
        server: InfluxServer = request.getfixturevalue("influx")
        target = parse(server.url(server.new_database()))
    else:
        target = parse(os.environ["HUB_TEST_INFLUX_URL"])
        other = Server(target, WallClock())
        other.query("DELETE FROM /.*/")
        other.close()
    return lambda: InfluxSeries(target, folder / "series.sqlite", WallClock())


_KINDS = ["duckdb", pytest.param("influxdb", marks=pytest.mark.servers)]
if "HUB_TEST_INFLUX_URL" in os.environ:
    _KINDS.append(pytest.param("influxdb-url", marks=pytest.mark.servers))


@pytest.fixture(params=_KINDS)
def second(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hand]:
    """An empty store of each kind beside the one under test."""
    if request.param == "influxdb-url":
        pytest.skip("one database cannot be two stores")
    (tmp_path / "second").mkdir()
    second = Hand(_maker(request.param, request, tmp_path / "second"))
    yield second
    second.store.close()


@pytest.fixture(params=_KINDS)
def hand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hand]:
    hand = Hand(_maker(request.param, request, tmp_path))
    yield hand
    hand.store.close()
