"""Roll-up cells of many points at once, in columns. hub.domain.rollups defines what a cell is; this makes them fast."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hub.domain.rollups import CELL
from hub.flows.series import Cells, FloatArray, IdArray, IntArray

_NONE = np.nan


def compute(point: IdArray, place: IdArray, time: IntArray, value: FloatArray, hold: IntArray) -> Cells:
    """Cells of readings in order of (point, time), each pair once. ``hold`` has one entry for each reading.

    The first and last cells of each point are right only if the readings reach far enough back (the hold) and on.
    """
    if len(point) == 0:
        return empty()
    until = time + hold
    same = point[1:] == point[:-1]
    np.minimum(until[:-1], np.where(same, time[1:], until[:-1]), out=until[:-1])
    own = time // CELL * CELL
    index, start = _parts(own, (until - 1) // CELL * CELL)
    order = np.lexsort((index, start, place[index], point[index]))
    index, start = index[order], start[order]
    return _reduce(
        point=point[index],
        place=place[index],
        start=start,
        time=time[index],
        value=value[index],
        until=until[index],
        own=own[index] == start,
    )


def empty() -> Cells:
    """No cells."""
    none = np.zeros(0, np.int32)
    whole = np.zeros(0, np.int64)
    real = np.zeros(0, np.float64)
    return Cells(
        point=none,
        place=none,
        start=whole,
        count=whole,
        total=real,
        minimum=real,
        maximum=real,
        first=real,
        last=real,
        last_at=whole,
        integral=real,
        known_ms=whole,
    )


def select(cells: Cells, which: NDArray[np.bool_] | NDArray[np.intp]) -> Cells:
    """Some of the cells, or all in another order."""
    return Cells(**{name: getattr(cells, name)[which] for name in Cells.__slots__})


def join(left: Cells, right: Cells) -> Cells:
    """Both, one after the other."""
    return Cells(**{name: np.concatenate((getattr(left, name), getattr(right, name))) for name in Cells.__slots__})


def _parts(first: IntArray, last: IntArray) -> tuple[NDArray[np.intp], IntArray]:
    """Each reading once for every cell it reaches into: (index of the reading, start of the cell)."""
    reach = (last - first) // CELL + 1
    np.maximum(reach, 1, out=reach)
    if int(reach.max()) == 1:
        return np.arange(len(first)), first
    index = np.repeat(np.arange(len(first)), reach)
    nth = np.arange(len(index)) - np.repeat(np.cumsum(reach) - reach, reach)
    return index, first[index] + nth * CELL


def _reduce(
    *,
    point: IdArray,
    place: IdArray,
    start: IntArray,
    time: IntArray,
    value: FloatArray,
    until: IntArray,
    own: NDArray[np.bool_],
) -> Cells:
    new = np.ones(len(point), np.bool_)
    new[1:] = (point[1:] != point[:-1]) | (place[1:] != place[:-1]) | (start[1:] != start[:-1])
    at = np.flatnonzero(new)
    known = np.minimum(until, start + CELL) - np.maximum(time, start)
    count = np.add.reduceat(own, at, dtype=np.int64)
    some = count > 0
    end = np.append(at[1:], len(point)) - 1
    # readings carried in stand before the cell's own, so the own ones are the last of each cell
    opening = np.where(some, end - count + 1, end)
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.add.reduceat(np.where(own, value, 0.0), at)
        integral = np.add.reduceat(value * known, at)
    return Cells(
        point=point[at],
        place=place[at],
        start=start[at],
        count=count,
        total=total,
        minimum=np.where(some, np.minimum.reduceat(np.where(own, value, np.inf), at), _NONE),
        maximum=np.where(some, np.maximum.reduceat(np.where(own, value, -np.inf), at), _NONE),
        first=np.where(some, value[opening], _NONE),
        last=np.where(some, value[end], _NONE),
        last_at=np.where(some, time[end], -1),
        integral=integral,
        known_ms=np.add.reduceat(known, at),
    )
