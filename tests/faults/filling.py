"""A lane in small on an InfluxDB, for tests of what its server and its disk do."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hub.clock import DAY, MINUTE, WallClock
from hub.errors import StoreUnavailable
from hub.flows.batch import PointKey, Position
from hub.flows.series import Aggregate, Rows, SeriesPlace, Step
from hub.storage.influx.target import parse
from hub.storage.series_influx import InfluxSeries

START = 1_763_856_000_000
KEYS = [PointKey("hg", f"hg~d{n}", "temperature") for n in range(5)]
HALL = SeriesPlace("hg", "hall", "", "activity_room")


class Filling:
    """A lane in small: brings every batch until it is taken, and begins after the position when the hub starts anew."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._path = folder / "series.sqlite"
        self.store = self._open()

    def _open(self) -> InfluxSeries:
        store = InfluxSeries(parse(self._url), self._path, WallClock(), question_seconds=5, wanted_ms=30 * DAY)
        store.open()
        return store

    def killed(self) -> None:
        """Its memory is gone; what it had not committed comes again."""
        self.store.close()
        self.store = self._open()

    def take(self, batch: int, *, at_most: int = 60) -> int:
        """How often it had to be tried."""
        for tried in range(1, at_most + 1):
            try:
                self.take_once(batch)
            except StoreUnavailable:
                continue
            return tried
        raise AssertionError(f"batch {batch} was not taken in {at_most} tries")

    def take_once(self, batch: int) -> None:
        """StoreUnavailable says why not."""
        self.store.append(self._rows(batch), [], Position("j", batch))

    def until_refused(self, batches: int) -> str:
        """What the first refusal says; nothing where there is none."""
        position = self.store.position()
        for batch in range(1 if position is None else position.batch + 1, batches + 1):
            try:
                self.take_once(batch)
            except StoreUnavailable as error:
                return str(error)
        return ""

    def until(self, batches: int) -> None:
        position = self.store.position()
        for batch in range(1 if position is None else position.batch + 1, batches + 1):
            self.take(batch)

    def _rows(self, batch: int) -> Rows:
        n = np.arange(100)
        return Rows(
            point=self.store.point_ids(KEYS)[n % 5],
            time=START + batch * MINUTE + n // 5 * 1000,
            value=(batch * 100 + n).astype(np.float64),
            quality=np.zeros(100, np.uint8),
            place=np.full(100, self.store.place_ids([HALL])[0], np.int32),
        )

    def check(self, batches: int) -> None:
        """What the server has is what was said."""
        window = self.store.window(KEYS, start=START, end=START + DAY, step=Step.RAW, agg=Aggregate.MEAN)
        n = np.arange(100)
        times = np.concatenate([START + batch * MINUTE + n // 5 * 1000 for batch in range(1, batches + 1)])
        values = np.concatenate([batch * 100.0 + n for batch in range(1, batches + 1)])
        assert window.time.tolist() == times.tolist()
        assert window.value.tolist() == values.tolist()
        assert self.store.position() == Position("j", batches)
