"""Which place a reading speaks for, and how its raw value is to be read: the registry as numpy columns.

Each lane owns one ``Bindings`` and calls ``refresh`` before a batch. A *row* of the table stands for one dated binding;
row 0 stands for "no binding". Rows keep their numbers until ``generation`` changes (a new registry picture).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hub.domain.places import Binding
from hub.flows.batch import PointKey, Slots
from hub.flows.registry import Registrar, Registry

UNBOUND: Final = 0
_ALWAYS: Final = np.iinfo(np.int64).min
_FOREVER: Final = np.iinfo(np.int64).max


class Spot(NamedTuple):
    """What a row stands for. ``facility`` is empty in row 0."""

    community: str
    facility: str
    unit: str
    kind: str
    metric: str


NOWHERE: Final = Spot("", "", "", "", "")


class Bindings:
    """Registry and slots as columns. Not thread-safe: one instance for each lane."""

    def __init__(self, registrar: Registrar, slots: Slots) -> None:
        self._registrar = registrar
        self._slots = slots
        self._clear(registrar.current)
        self.generation = 0

    def refresh(self) -> bool:
        """Take in new slots and a new registry picture. True where the picture is another one (rows renumbered)."""
        registry = self._registrar.current
        renewed = registry.version != self.registry.version
        if renewed:
            self._clear(registry)
            self.generation += 1
        if len(self._slots) > self._size:
            self._take_in(len(self._slots))
        return renewed

    def rows(self, slot: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[np.int64]:
        """The binding in force at each reading's event time. All slots must have been taken in by ``refresh``."""
        rows: NDArray[np.int64] = self._newest[slot]
        fits = time >= self._since[rows]
        fits &= time < self._until[rows]
        if not fits.all():
            rows = rows.copy()
            for index in np.flatnonzero(~fits).tolist():
                rows[index] = self._row_at(int(slot[index]), int(time[index]))
        return rows

    def row(self, slot: int, time: int) -> int:
        """The same for one reading."""
        newest = int(self._newest[slot])
        return newest if self._since[newest] <= time < self._until[newest] else self._row_at(slot, time)

    def calibrated(self, value: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Raw values as the points' own calibration reads them; the given array itself where there is nothing to do."""
        if not self._calibrates:
            return value
        result: NDArray[np.float64] = value * self._factor[rows]
        result += self._offset[rows]
        return result

    def newest(self, slot: int) -> int:
        """The row of the slot's binding that holds today, or was the last to hold (``UNBOUND``: never bound)."""
        return int(self._newest[slot])

    def slots_bound(self) -> NDArray[np.intp]:
        """Slots that have a binding that has not ended."""
        rows = self._newest[: self._size]
        return np.flatnonzero((rows != UNBOUND) & (self._until[rows] == _FOREVER))

    def _clear(self, registry: Registry) -> None:
        self.registry = registry
        self.spots: list[Spot] = [NOWHERE]
        self.bindings: list[Binding | None] = [None]
        self._rows_of: list[tuple[int, ...]] = []
        self._size = 0
        self._calibrates = False
        self._newest = np.zeros(0, np.int64)
        self._factor = np.ones(1)
        self._offset = np.zeros(1)
        self._since = np.full(1, _ALWAYS, np.int64)
        self._until = np.full(1, _FOREVER, np.int64)

    def _take_in(self, size: int) -> None:
        first = len(self.bindings)
        for key in self._slots.keys[self._size : size]:
            self._rows_of.append(self._add_rows(key))
        added = [binding for binding in self.bindings[first:] if binding is not None]
        signs = [-1.0 if b.inverted else 1.0 for b in added]
        self._factor = np.append(self._factor, [b.factor * sign for b, sign in zip(added, signs, strict=True)])
        self._offset = np.append(self._offset, [b.offset + (b.factor if b.inverted else 0.0) for b in added])
        self._since = np.append(self._since, np.array([b.valid_from for b in added], np.int64))
        self._until = np.append(
            self._until, np.array([_FOREVER if b.valid_to is None else b.valid_to for b in added], np.int64)
        )
        self._calibrates = bool((self._factor != 1.0).any() or (self._offset != 0.0).any())
        newest = [rows[-1] if rows else UNBOUND for rows in self._rows_of[self._size :]]
        self._newest = np.append(self._newest, np.array(newest, np.int64))
        self._size = size

    def _add_rows(self, key: PointKey) -> tuple[int, ...]:
        first = len(self.bindings)
        for binding in self.registry.bindings.get((key.device, key.name), ()):
            facility = self.registry.facilities.get((binding.community, binding.facility))
            kind = facility.kind if facility is not None else ""
            self.spots.append(Spot(binding.community, binding.facility, binding.unit, kind, binding.metric_name()))
            self.bindings.append(binding)
        return tuple(range(first, len(self.bindings)))

    def _row_at(self, slot: int, time: int) -> int:
        for row in reversed(self._rows_of[slot]):
            if self._since[row] <= time < self._until[row]:
                return row
        return UNBOUND
