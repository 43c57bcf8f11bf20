"""Readings from one series store into another: what is older than the journal, or what was there before the second store.

The other store's own lane may run meanwhile: what it has of an instant already is never overwritten, for that is as new or
newer. So doing it twice, or going on after a stop, adds nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hub.clock import DAY, MINUTE
from hub.flows import cells as cells_of
from hub.flows.batch import PointKey
from hub.flows.series import UNASSIGNED, Cells, Extract, IdArray, IntArray, Rows, SeriesStore, TextRow

FEW: Final = 20_000
MANY: Final = 100_000
"""Rows of one step: fewer, and the next step is twice as long; more, and it is half as long."""
SHORTEST: Final = MINUTE
FIRST: Final = 15 * MINUTE
LONGEST: Final = DAY


class Copied(NamedTuple):
    """What has been done up to ``at``."""

    at: int
    readings: int
    """Looked at in the first store."""
    added: int
    """Not there yet in the second: readings and texts."""
    cells: int
    """Roll-ups whose readings are gone, taken as they are."""


class Replay:
    """``on_lane`` runs the writing where the second store is written: on its lane's thread, between two batches."""

    def __init__(
        self,
        source: SeriesStore,
        target: SeriesStore,
        *,
        metric_of: Callable[[PointKey], str],
        on_lane: Callable[[Callable[[], tuple[int, int]]], tuple[int, int]],
    ) -> None:
        self._source = source
        self._target = target
        self._metric_of = metric_of
        self._on_lane = on_lane
        self._spans = source.spans()
        self.start = min((span.first for span in self._spans), default=0)
        self.end = max((span.last for span in self._spans), default=-1) + 1

    def run(self, start: int, end: int) -> Iterator[Copied]:
        """Step by step; each step is finished in the second store before it is told."""
        self._on_lane(self._set_holds)
        at, width = start, FIRST
        readings = added = cells = 0
        while at < end:
            until = min(at + width, end)
            extract = self._source.extract(at, until)
            size = len(extract.rows) + len(extract.texts)
            if size > MANY and until - at > SHORTEST:
                width = max((until - at) // 2, SHORTEST)
                continue
            if size < FEW:
                width = min(width * 2, LONGEST)
            new_rows, new_cells = self._on_lane(partial(self._step, extract, at, until))
            readings, added, cells, at = readings + size, added + new_rows, cells + new_cells, until
            yield Copied(at, readings, added, cells)

    def _set_holds(self) -> tuple[int, int]:
        """How long readings count is the same in both, before the first roll-up is computed there."""
        ids = self._target.point_ids([span.point for span in self._spans])
        self._target.set_holds(ids, np.array([span.hold for span in self._spans], np.int64))
        return 0, 0

    def _step(self, extract: Extract, start: int, end: int) -> tuple[int, int]:
        cells = self._gone_cells(start, end)
        there = self._target.extract(start, end)
        rows = extract.rows
        point = self._points(extract, rows.point)
        known = _pairs(self._points(there, there.rows.point), there.rows.time)
        new = np.flatnonzero(~np.isin(_pairs(point, rows.time), known))
        told = {(there.points[text.point], text.time) for text in there.texts}
        texts = [text for text in extract.texts if (extract.points[text.point], text.time) not in told]
        if len(new) or texts:
            place = self._places(extract, rows.point[new], rows.place[new])
            self._target.append(
                Rows(
                    point=point[new],
                    time=rows.time[new],
                    value=rows.value[new],
                    quality=rows.quality[new],
                    place=place,
                ),
                [self._text(extract, text) for text in texts],
                None,
            )
        self._target.put_cells(cells)
        return len(new) + len(texts), len(cells)

    def _points(self, extract: Extract, point: IdArray) -> IdArray:
        """The target's ids of the rows' points."""
        distinct, inverse = np.unique(point, return_inverse=True)
        ids: IdArray = self._target.point_ids([extract.points[number] for number in distinct.tolist()])[inverse]
        return ids

    def _places(self, extract: Extract, point: IdArray, place: IdArray) -> IdArray:
        """The target's ids of the rows' places, each with the metric that its point has there."""
        distinct, inverse = np.unique(point.astype(np.int64) << 32 | place, return_inverse=True)
        pairs = [(extract.points[pair >> 32], extract.places[pair & 0xFFFFFFFF]) for pair in distinct.tolist()]
        metrics = ["" if where.facility == UNASSIGNED else self._metric_of(key) for key, where in pairs]
        ids: IdArray = self._target.place_ids([where for _, where in pairs], metrics)[inverse]
        return ids

    def _text(self, extract: Extract, text: TextRow) -> TextRow:
        point = np.array([text.point], np.int32)
        place = self._places(extract, point, np.array([text.place], np.int32))
        return text._replace(point=int(self._points(extract, point)[0]), place=int(place[0]))

    def _gone_cells(self, start: int, end: int) -> Cells:
        """Roll-ups of this span whose readings are forgotten in the first store, and which the second has not."""
        gone = [span for span in self._spans if span.gone > start and span.first < end]
        if not gone:
            return cells_of.empty()
        keys = [span.point for span in gone]
        until = dict(zip(self._source.point_ids(keys).tolist(), (span.gone for span in gone), strict=True))
        found = self._source.cells(keys, start=start, end=end)
        limit = np.array([until[point] for point in found.point.tolist()], np.int64)
        found = cells_of.select(found, found.start < limit)
        if not len(found):
            return found
        extract = self._source.extract(start, start)  # its names alone
        have = self._target.cells(keys, start=start, end=end)
        point = self._points(extract, found.point)
        new = ~np.isin(_pairs(point, found.start), _pairs(have.point, have.start))
        place = self._places(extract, found.point, found.place)
        moved = cells_of.select(found, new)
        moved.point, moved.place = point[new], place[new]
        return moved


def _pairs(point: IdArray, time: IntArray) -> NDArray[np.complex128]:
    """(point, instant) as one sortable value each; instants are below 2^53, so nothing is rounded."""
    pairs: NDArray[np.complex128] = time.astype(np.float64) + 1j * point
    return pairs
