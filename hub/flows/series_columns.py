"""From a decoded batch to the store's rows: place, calibration and quality, in columns."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hub.domain.places import Device, Rhythm
from hub.domain.rollups import hold_of
from hub.flows.batch import Decoded, Readings, Slots, TextReading
from hub.flows.bindings import UNBOUND, Bindings
from hub.flows.qualities import limits_of, limits_of_point, qualities, quality_of_text
from hub.flows.registry import Registrar
from hub.flows.series import UNASSIGNED, FloatArray, IdArray, IntArray, Rows, SeriesPlace, SeriesWriter, TextRow

S = TypeVar("S", bound=np.generic)


class _Reading:
    """How readings are to be understood, one entry for each slot or each row of the bindings."""

    def __init__(self) -> None:
        self.place: IdArray = np.zeros(0, np.int32)
        self.low: FloatArray = np.zeros(0)
        self.high: FloatArray = np.zeros(0)

    def __len__(self) -> int:
        return len(self.place)

    def extend(self, places: IdArray, limits: list[tuple[float, float]]) -> None:
        self.place = np.append(self.place, places)
        self.low = np.append(self.low, [low for low, _ in limits])
        self.high = np.append(self.high, [high for _, high in limits])


class SeriesColumns:
    """The series lane's own view of points: the store's ids of slots and places. Used by the lane's thread alone."""

    def __init__(self, store: SeriesWriter, registrar: Registrar, slots: Slots) -> None:
        self._store = store
        self._registrar = registrar
        self._slots = slots
        self._bindings = Bindings(registrar, slots)
        self._points: IdArray = np.zeros(0, np.int32)
        self._by_slot = _Reading()
        self._by_row = _Reading()
        self._holds: IntArray = np.zeros(0, np.int64)

    def rows(self, batch: Decoded) -> tuple[Rows, list[TextRow]]:
        """What the batch adds to the store."""
        self._refresh()
        texts = [self._text(text) for text in batch.texts]
        return self._numbers(batch.readings), texts

    def _numbers(self, readings: Readings) -> Rows:
        slot = readings.slot
        bound = self._bindings.rows(slot, readings.time)
        value = self._bindings.calibrated(readings.value, bound)
        own, free = self._by_slot, np.flatnonzero(bound == UNBOUND)
        of_bound = self._by_row
        low = _with(of_bound.low[bound], free, own.low, slot)
        high = _with(of_bound.high[bound], free, own.high, slot)
        return Rows(
            point=self._points[slot],
            time=readings.time,
            value=value,
            quality=qualities((value < low) | (value > high), readings.mark),
            place=_with(of_bound.place[bound], free, own.place, slot),
        )

    def _text(self, text: TextReading) -> TextRow:
        row = self._bindings.row(text.slot, text.time)
        place = self._by_slot.place[text.slot] if row == UNBOUND else self._by_row.place[row]
        words = text.text.encode("utf-8", "replace").decode()  # half a surrogate pair is no text for any store
        return TextRow(int(self._points[text.slot]), text.time, words, quality_of_text(text.mark), int(place))

    def _refresh(self) -> None:
        if self._bindings.refresh():
            self._by_row = _Reading()
            self._set_holds(0)
        known = len(self._points)
        if len(self._slots) > known:
            keys = self._slots.keys[known : len(self._slots)]
            self._points = np.append(self._points, self._store.point_ids(keys))
            places = [SeriesPlace(key.community, UNASSIGNED, "", "") for key in keys]
            self._by_slot.extend(self._store.place_ids(places), [limits_of_point(key.name) for key in keys])
            self._set_holds(known)
        done = len(self._by_row)
        spots = self._bindings.spots[done:]
        if spots:
            places = [SeriesPlace(*spot[:4]) for spot in spots]
            metrics = [spot.metric for spot in spots]
            self._by_row.extend(self._store.place_ids(places, metrics), [limits_of(metric) for metric in metrics])

    def _set_holds(self, first: int) -> None:
        """Tell the store how long readings count, from the reporting intervals that the registry states."""
        points = self._points[first:]
        if len(points):
            devices = self._registrar.current.devices
            holds = [_hold(devices.get(key.device)) for key in self._slots.keys[first : len(self._points)]]
            self._store.set_holds(points, np.array(holds, np.int64))


def _hold(device: Device | None) -> int:
    return hold_of(Rhythm() if device is None else device.rhythm)


def _with(chosen: NDArray[S], free: NDArray[np.intp], own: NDArray[S], slot: NDArray[np.int64]) -> NDArray[S]:
    """Readings without a binding are understood by what their point says itself."""
    if len(free):
        chosen[free] = own[slot[free]]
    return chosen
