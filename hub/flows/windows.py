"""Steps of a chart made from roll-up cells: the same sums whatever store the cells come from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hub.flows import cells as cells_of
from hub.flows.series import Aggregate, Cells, FloatArray, IntArray, Window


def window(cells: Cells, edges: Sequence[int], agg: Aggregate, *, before: dict[int, float]) -> Window:
    """One value for each step something is known of.

    ``edges`` are the steps' starts and the last one's end; all cells lie between them, in order of (point, start).
    ``before``: last value of a point before the first edge, for ``delta``.
    """
    if agg is not Aggregate.TIME_MEAN:
        cells = cells_of.select(cells, cells.count > 0)
    if len(cells) == 0:
        return Window(time=np.zeros(0, np.int64), value=np.zeros(0))
    bounds = np.array(edges, np.int64)
    values = _delta(cells, before) if agg is Aggregate.DELTA else None
    step = np.searchsorted(bounds, cells.start, side="right") - 1
    order = np.lexsort((cells.last_at, step))
    step, cells = step[order], cells_of.select(cells, order)
    at = np.flatnonzero(np.append(True, step[1:] != step[:-1]))
    result = np.add.reduceat(values[order], at) if values is not None else _reduce(cells, at, agg)
    known = ~np.isnan(result)
    return Window(time=bounds[step[at]][known], value=result[known])


def _reduce(cells: Cells, at: NDArray[np.intp], agg: Aggregate) -> FloatArray:
    result: FloatArray
    match agg:
        case Aggregate.MEAN:
            result = _share(np.add.reduceat(cells.total, at), np.add.reduceat(cells.count, at))
        case Aggregate.TIME_MEAN:
            result = _share(np.add.reduceat(cells.integral, at), np.add.reduceat(cells.known_ms, at))
        case Aggregate.SUM:
            result = np.add.reduceat(cells.total, at)
        case Aggregate.COUNT:
            result = np.add.reduceat(cells.count, at).astype(np.float64)
        case Aggregate.MIN:
            result = np.minimum.reduceat(cells.minimum, at)
        case Aggregate.MAX:
            result = np.maximum.reduceat(cells.maximum, at)
        case Aggregate.FIRST:
            result = cells.first[at]
        case _:
            result = cells.last[np.append(at[1:], len(cells)) - 1]
    return result


def _delta(cells: Cells, before: dict[int, float]) -> FloatArray:
    """What each cell adds: its last value minus the point's last one before it."""
    previous = np.empty(len(cells))
    previous[1:] = cells.last[:-1]
    opening = np.append(True, cells.point[1:] != cells.point[:-1])
    for index in np.flatnonzero(opening).tolist():
        previous[index] = before.get(int(cells.point[index]), cells.first[index])
    gained: FloatArray = cells.last - previous
    return gained


def _share(part: FloatArray, whole: IntArray) -> FloatArray:
    share: FloatArray = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return share
