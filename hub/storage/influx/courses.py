"""Courses for drawing, from readings: the lowest and the highest of every stretch of time, at their own instants. Pure."""

from __future__ import annotations

import numpy as np

from hub.flows.series import Window
from hub.storage.duck.courses import pairs
from hub.storage.influx.asking import Raw


def of_readings(rows: Raw, width: int) -> dict[int, Window]:
    """By the store's id of the point; of equal extremes the earliest."""
    if not len(rows.point):
        return {}
    stretch = rows.time // width
    rising = np.lexsort((rows.time, rows.value, stretch, rows.point))
    falling = np.lexsort((rows.time, -rows.value, stretch, rows.point))
    point, of = rows.point[rising], stretch[rising]
    first = np.flatnonzero(np.r_[True, (point[1:] != point[:-1]) | (of[1:] != of[:-1])])
    low, high = rising[first], falling[first]
    return pairs(rows.point[low], rows.time[low], rows.value[low], rows.time[high], rows.value[high])
