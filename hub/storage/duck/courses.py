"""Courses for drawing: the lowest and the highest of each point in every stretch of time, in one question."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hub.domain.rollups import CELL
from hub.flows.series import Cells, FloatArray, IdArray, IntArray, Window
from hub.storage.duck import rollup
from hub.storage.duck.database import Connection, columns


def read(
    connection: Connection, hold: IntArray, points: IdArray, *, start: int, end: int, width: int
) -> dict[int, Window]:
    """By the store's id of the point."""
    if not len(points):
        return {}
    if width < CELL:
        return _of_readings(connection, points, start, end, width)
    return of_cells(rollup.read(connection, hold, points, start=start, end=end), width)


def _of_readings(connection: Connection, points: IdArray, start: int, end: int, width: int) -> dict[int, Window]:
    with columns(connection, "asked", {"point": points}):
        rows = connection.execute(_EXTREMES, [start, end, width]).fetchnumpy()
    return pairs(rows["point"], rows["low_at"], rows["low"], rows["high_at"], rows["high"])


_EXTREMES: Final = """
select point, arg_min(time, value) as low_at, min(value) as low, arg_max(time, value) as high_at, max(value) as high
from readings semi join asked using (point)
where time >= ? and time < ? and not isnan(value)
group by point, time // ?
order by point, low_at
"""


def of_cells(cells: Cells, width: int) -> dict[int, Window]:
    """From cells in order of (point, start).

    Of the two extremes of a stretch the lower comes first where the course rises from the stretch before.
    """
    told = cells.count > 0
    point, start = cells.point[told], cells.start[told]
    if not len(point):
        return {}
    stretch = start // width
    first = np.flatnonzero(np.r_[True, (np.diff(point) != 0) | (np.diff(stretch) != 0)])
    low, high = np.minimum.reduceat(cells.minimum[told], first), np.maximum.reduceat(cells.maximum[told], first)
    owner = point[first]
    rises = _rises(owner, low / 2 + high / 2)
    early = stretch[first] * width
    late = early + width // 2
    return pairs(owner, np.where(rises, early, late), low, np.where(rises, late, early), high)


def _rises(owner: IdArray, middle: FloatArray) -> NDArray[np.bool_]:
    """Whether each stretch lies no lower than the one before; the first one of a point as the second does."""
    rises: NDArray[np.bool_] = np.r_[True, middle[1:] >= middle[:-1]]
    same = np.r_[False, owner[1:] == owner[:-1], False]
    begins = np.flatnonzero(~same[:-1])
    rises[begins] = True
    followed = begins[same[begins + 1]]
    rises[followed] = rises[followed + 1]
    return rises


def pairs(point: IdArray, low_at: IntArray, low: FloatArray, high_at: IntArray, high: FloatArray) -> dict[int, Window]:
    """Both extremes of every stretch as one series for each point; once where they are the same."""
    other = low != high
    owner = np.concatenate([point, point[other]])
    time = np.concatenate([low_at, high_at[other]]).astype(np.int64)
    value = np.concatenate([low, high[other]]).astype(np.float64)
    order = np.lexsort((time, owner))
    owner, time, value = owner[order], time[order], value[order]
    edges = np.flatnonzero(np.r_[True, np.diff(owner) != 0, True]) if len(owner) else np.zeros(1, np.intp)
    return {
        int(owner[a]): Window(time=time[a:b], value=value[a:b])
        for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    }
