"""Every series the hub has written: point and place as ids, the words of its lines, the span of its readings.

In memory, as the book has it. The lane's thread alone adds to it; other threads read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from hub.domain import series_names
from hub.domain.rollups import DEFAULT_HOLD
from hub.flows.batch import PointKey
from hub.flows.series import FloatArray, IdArray, IntArray
from hub.storage.duck.names import Dictionary
from hub.storage.influx.book import Book, SpotRow
from hub.storage.influx.protocol import Spot, cells_measurement, measurement_of, prefix, tags
from hub.storage.influx.questions import Table

NEVER: Final = int(np.iinfo(np.int64).min)
EVER: Final = int(np.iinfo(np.int64).max)
TAGS: Final = tuple(sorted(series_names.TAGS))
"""In the order in which InfluxDB has them."""


class Catalogue:
    """Names and series. A series is one point at one place, numbered from 0."""

    def __init__(self) -> None:
        self.points: Dictionary[PointKey] = Dictionary()
        self.places: Dictionary[Spot] = Dictionary()
        self.hold: IntArray = np.zeros(0, np.int64)
        self.gone: IntArray = np.zeros(0, np.int64)
        """Up to when readings of each point have been forgotten; as long as there are points, or longer."""
        self.point_of: list[int] = []
        self.place_of: list[int] = []
        self.prefixes: list[str] = []
        self.cell_prefixes: list[str] = []
        self.measurements: list[str] = []
        self.at_point: dict[int, list[int]] = {}
        """The series of each point."""
        self.first: IntArray = np.zeros(0, np.int64)
        self.last: IntArray = np.zeros(0, np.int64)
        self.newest_at: IntArray = np.zeros(0, np.int64)
        self.newest: FloatArray = np.zeros(0)
        self.quality: IntArray = np.zeros(0, np.int64)
        self._by_pair: dict[int, int] = {}
        self._by_tags: dict[tuple[str, ...], int] = {}

    def __len__(self) -> int:
        return len(self.point_of)

    # --- loading ----------------------------------------------------------------------------------------------------

    def load(self, book: Book) -> None:
        """Take over what is stored. Names that were given ids but never stored keep them."""
        stored, places = book.points(), book.places()
        later_points, later_places = self.points.keys[len(stored) :], self.places.keys[len(places) :]
        self.points = Dictionary([key for key, _, _ in stored])
        self.places = Dictionary(places)
        self.grow_points(len(stored) + len(later_points))
        for number, (_, hold, gone) in enumerate(stored):
            self.hold[number] = hold
            self.gone[number] = NEVER if gone is None else gone
        self.points.ids(later_points)
        self.places.ids(later_places)
        for row in book.spots():
            number = self.number(row.point, row.place)
            self.first[number], self.last[number] = row.first, row.last
            if row.at is not None and row.value is not None and row.quality is not None:
                self.newest_at[number], self.newest[number] = row.at, row.value
                self.quality[number] = row.quality

    # --- names ------------------------------------------------------------------------------------------------------

    def point_ids(self, keys: Sequence[PointKey]) -> IdArray:
        """Ids of these points; new ones hold for the default time."""
        ids = self.points.ids(keys)
        self.grow_points(len(self.points))
        return ids

    def grow_points(self, size: int) -> None:
        """Make room for so many points."""
        if size > len(self.hold):
            more = max(size, 2 * len(self.hold), 64) - len(self.hold)
            self.hold = np.concatenate((self.hold, np.full(more, DEFAULT_HOLD, np.int64)))
            self.gone = np.concatenate((self.gone, np.full(more, NEVER, np.int64)))

    # --- series -----------------------------------------------------------------------------------------------------

    def numbers(self, point: IdArray, place: IdArray) -> IntArray:
        """The series of each row; new ones are added."""
        if not len(point):
            return np.zeros(0, np.int64)
        pairs = point.astype(np.int64) << 32 | place
        distinct, inverse = np.unique(pairs, return_inverse=True)
        found = [self.number(pair >> 32, pair & 0xFFFFFFFF) for pair in distinct.tolist()]
        return np.array(found, np.int64)[inverse]

    def number(self, point: int, place: int) -> int:
        """The series of a point at a place; added at first sight."""
        pair = point << 32 | place
        found = self._by_pair.get(pair)
        return self._add(pair, point, place) if found is None else found

    def _add(self, pair: int, point: int, place: int) -> int:
        key, spot = self.points.keys[point], self.places.keys[place]
        tagged, measurement = tags(key, spot), measurement_of(key, spot)
        words = (measurement, *(tagged.get(name, "") for name in TAGS))
        known = self._by_tags.get(words)
        if known is not None:  # places that differ only in how their metric is named are one series to the server
            self._by_pair[pair] = known
            return known
        number = len(self.point_of)
        self._grow(number + 1)
        self.prefixes.append(prefix(measurement, tagged))
        self.cell_prefixes.append(prefix(cells_measurement(measurement), tagged))
        self.measurements.append(measurement)
        self.place_of.append(place)
        self.point_of.append(point)
        self._by_tags[words] = number
        self._by_pair[pair] = number
        self.at_point[point] = [*self.at_point.get(point, ()), number]
        return number

    def _grow(self, size: int) -> None:
        if size > len(self.first):
            more = max(size, 2 * len(self.first), 64) - len(self.first)
            self.first = np.concatenate((self.first, np.full(more, EVER, np.int64)))
            self.last = np.concatenate((self.last, np.full(more, NEVER, np.int64)))
            self.newest_at = np.concatenate((self.newest_at, np.full(more, NEVER, np.int64)))
            self.newest = np.concatenate((self.newest, np.full(more, np.nan)))
            self.quality = np.concatenate((self.quality, np.zeros(more, np.int64)))

    def of_answer(self, table: Table) -> int | None:
        """Which series an answer speaks of, or whose roll-ups; None: one that is not the hub's."""
        told = tuple(table.tags.get(name, "") for name in TAGS)
        own = self._by_tags.get((table.name, *told))
        return self._by_tags.get((table.name.removesuffix(series_names.CELL_SUFFIX), *told)) if own is None else own

    def of_points(self, points: Iterable[int]) -> list[int]:
        """All series of these points."""
        return [number for point in points for number in self.at_point.get(point, ())]

    def rows(self, numbers: Iterable[int]) -> list[SpotRow]:
        """Series as the book keeps them."""
        wanted = list(numbers)
        columns = [
            column[wanted].tolist() for column in (self.first, self.last, self.newest_at, self.newest, self.quality)
        ]
        return [
            SpotRow(self.point_of[number], self.place_of[number], first, last, at, value, quality)
            if at != NEVER
            else SpotRow(self.point_of[number], self.place_of[number], first, last, None, None, None)
            for number, first, last, at, value, quality in zip(wanted, *columns, strict=True)
        ]
