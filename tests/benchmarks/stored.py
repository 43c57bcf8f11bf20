"""A data folder with a past: filled by one process, asked by another one, which is a whole hub.

python -m tests.benchmarks.stored fill --data DIR --facilities N --points N --days N --step-s N
python -m tests.benchmarks.stored ask --data DIR --facilities N --points N --days N [--times N]

``ask`` prints one line of JSON: ``ms`` (of each question: weekday x hour of every facility), ``rss`` (bytes, after the
first one) and ``places``.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from hub import log
from hub.clock import DAY, SECOND
from hub.datadir import DataDir
from hub.flows.batch import PointKey, Position
from hub.flows.series import Rows, SeriesPlace, SeriesWriter
from hub.settings import Settings
from hub.storage.community_toml import parse_toml
from hub.storage.series_duckdb import DuckSeries
from hub.wiring import Hub
from tests.benchmarks.community import community
from tests.benchmarks.hub_case import rss

_NAMES: Final = ("temperature", "power", "humidity", "level", "seq")
_ZONE: Final = "Asia/Shanghai"
CHUNK: Final = 50_000
_KIND: Final = "low_voltage_room"


def keys(facilities: int, points: int) -> list[PointKey]:
    """The points of the bench community's first facilities."""
    return [PointKey("bench", f"bench~d{number:04}", name) for number in range(facilities) for name in _NAMES[:points]]


def end_of_past() -> int:
    """Last midnight (UTC)."""
    return time.time_ns() // 1_000_000 // DAY * DAY


def fill(chosen: argparse.Namespace) -> None:
    """A past that ends at midnight, and the roll-ups of all of it."""
    folder = DataDir(chosen.data)
    folder.make()
    store = DuckSeries(folder.series)
    store.open()
    shape = Shape(facilities=chosen.facilities, points=chosen.points, days=chosen.days, step_s=chosen.step_s)
    write_past(store, shape, end_of_past())
    while store.refresh_cells(end_of_past() + DAY, CHUNK):
        pass
    store.close()


class Shape(NamedTuple):
    """How much of a past there is."""

    facilities: int
    points: int
    """Of each facility, 1 to 5."""
    days: int
    step_s: int


def write_past(store: SeriesWriter, past: Shape, end: int) -> None:
    """A sine with noise for each point, day by day, and the roll-ups of what is over."""
    ids = store.point_ids(keys(past.facilities, past.points))
    places = store.place_ids([SeriesPlace("bench", f"f{number:04}", "", _KIND) for number in range(past.facilities)])
    place = np.repeat(places, past.points)
    store.set_holds(ids, np.full(len(ids), 3 * past.step_s * SECOND, np.int64))
    random = np.random.default_rng(1)
    for day in range(past.days):
        times = np.arange(end - (past.days - day) * DAY, end - (past.days - day - 1) * DAY, past.step_s * SECOND)
        time_of = np.repeat(times, len(ids))
        shape = 50 + 40 * np.sin(2 * np.pi * (time_of % DAY) / DAY)
        rows = Rows(
            point=np.tile(ids, len(times)),
            time=time_of,
            value=np.round(shape + random.normal(0, 3, len(time_of)), 2),
            quality=np.zeros(len(time_of), np.uint8),
            place=np.tile(place, len(times)),
        )
        store.append(rows, [], Position("the-past", day + 1))
        while store.refresh_cells(int(times[-1]), CHUNK):
            pass


def ask(chosen: argparse.Namespace) -> None:
    """A hub as it runs, without a broker; the planner's question, first once and then some times more."""
    log.set_up(level="warning")
    text = community(1000)
    hub = Hub(
        Settings(data_dir=chosen.data, web={"port": 0}),  # type: ignore[arg-type]  # pydantic reads it
        first_steps=lambda hub: hub.registry.import_file(parse_toml(text, hub.catalogue, file="bench.toml")),
    )
    hub.start()
    wanted, end = keys(chosen.facilities, chosen.points), end_of_past()
    taken: list[float] = []
    resident = 0
    for _ in range(chosen.times):
        began = time.perf_counter()
        answer = hub.series.week_hours(wanted, start=end - chosen.days * DAY, end=end, zone=_ZONE)
        taken.append((time.perf_counter() - began) * 1000)
        resident = resident or rss(os.getpid())
    print(json.dumps({"ms": taken, "rss": resident, "places": len(answer.places)}), flush=True)
    hub.stop()


def main() -> None:
    """See the head of this file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=("fill", "ask"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--facilities", type=int, required=True)
    parser.add_argument("--points", type=int, required=True, help="of each facility, 1 to 5")
    parser.add_argument("--days", type=int, required=True)
    parser.add_argument("--step-s", type=int, default=60)
    parser.add_argument("--times", type=int, default=1)
    chosen = parser.parse_args()
    (fill if chosen.action == "fill" else ask)(chosen)


if __name__ == "__main__":
    main()
