"""The store's own ids of points and places: dense integers, kept in memory and written with the next append."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np

from hub.domain.rollups import DEFAULT_HOLD
from hub.flows.batch import PointKey
from hub.flows.series import IdArray, IntArray, SeriesPlace
from hub.storage.duck.database import Connection, columns

K = TypeVar("K", bound=tuple[str, ...])


class Dictionary(Generic[K]):
    """Name <-> id. Grows only; ids from ``stored`` on are not in the file yet."""

    def __init__(self, keys: Sequence[K] = ()) -> None:
        self.keys: list[K] = list(keys)
        self.stored = len(self.keys)
        self._ids = {key: number for number, key in enumerate(self.keys)}

    def __len__(self) -> int:
        return len(self.keys)

    def ids(self, keys: Sequence[K]) -> IdArray:
        """Ids of these names; new ones are added."""
        return np.fromiter((self._id(key) for key in keys), np.int32, len(keys))

    def find(self, key: K) -> int | None:
        """The id of a name that is known."""
        return self._ids.get(key)

    def _id(self, key: K) -> int:
        found = self._ids.get(key)
        if found is None:
            found = len(self.keys)
            self.keys.append(key)
            self._ids[key] = found
        return found


class Names:
    """Points with their holds, and places, as the file has them."""

    def __init__(self) -> None:
        self.points: Dictionary[PointKey] = Dictionary()
        self.places: Dictionary[SeriesPlace] = Dictionary()
        self.hold: IntArray = np.zeros(0, np.int64)
        """How long a reading of each point counts, ms; at least as long as there are points."""

    def load(self, connection: Connection) -> None:
        """Take over what is stored. Names that were given ids but never stored keep them."""
        rows = connection.execute("select community, device, name, hold from points order by id").fetchall()
        places = connection.execute("select community, facility, unit, kind from places order by id").fetchall()
        points = [PointKey(*row[:3]) for row in rows]
        later_points, later_places = self.points.keys[len(points) :], self.places.keys[len(places) :]
        self._grow(len(points) + len(later_points))
        self.hold[: len(points)] = [row[3] for row in rows]
        self.points = Dictionary(points)
        self.places = Dictionary([SeriesPlace(*row) for row in places])
        self.points.ids(later_points)
        self.places.ids(later_places)

    def point_ids(self, keys: Sequence[PointKey]) -> IdArray:
        """Ids of these points; new ones hold for the default time. The writer's thread alone."""
        ids = self.points.ids(keys)
        self._grow(len(self.points))
        return ids

    def _grow(self, size: int) -> None:
        if size > len(self.hold):
            spare = np.full(max(size, 2 * len(self.hold), 64) - len(self.hold), DEFAULT_HOLD, np.int64)
            self.hold = np.concatenate((self.hold, spare))

    def save(self, connection: Connection) -> None:
        """Write what is new, inside the caller's transaction; ``saved`` once that is committed."""
        _insert(connection, "points", self.points, ("community", "device", "name"), self.hold)
        _insert(connection, "places", self.places, ("community", "facility", "unit", "kind"), None)

    def saved(self) -> None:
        """The transaction is committed."""
        self.points.stored = len(self.points)
        self.places.stored = len(self.places)


def _insert(
    connection: Connection,
    table: str,
    names: Dictionary[PointKey] | Dictionary[SeriesPlace],
    fields: tuple[str, ...],
    hold: IntArray | None,
) -> None:
    first, size = names.stored, len(names)
    if first == size:
        return
    keys = names.keys[first:size]
    data: dict[str, object] = {"id": np.arange(first, size, dtype=np.int32)}
    for number, field in enumerate(fields):
        data[field] = np.array([key[number] for key in keys], dtype=object)
    if hold is not None:
        data["hold"] = hold[first:size]
    with columns(connection, "new_names", data):
        connection.execute(f"insert into {table} select {', '.join(data)} from new_names")
