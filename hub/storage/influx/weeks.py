"""Mean weeks, from sums that the server makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hub.clock import HOUR
from hub.domain.rollups import offsets
from hub.flows.series import SeriesPlace, WeekHours
from hub.storage.influx.asking import Asking
from hub.storage.influx.catalogue import Catalogue

_WEEK: Final = 7 * 24
_EPOCH_HOUR: Final = 72
"""1 January 1970 was a Thursday: 72 hours after Monday's midnight."""


def week_hours(
    asking: Asking, catalogue: Catalogue, points: Sequence[int], *, start: int, end: int, zone: str
) -> WeekHours:
    """See hub.flows.series.SeriesReader."""
    changes = offsets(start, end, zone)
    whole = all(at % HOUR == 0 for at in (start, end, *(offset for _, offset in changes)))
    rows = asking.sums(points, start, end, "1h" if whole else "15m")
    since = np.array([at for at, _ in changes], np.int64)
    offset = np.array([by for _, by in changes], np.int64)
    tables: dict[SeriesPlace, tuple[NDArray[np.float64], NDArray[np.int64]]] = {}
    for place, at, integral, known in rows:
        local = at + offset[max(int(np.searchsorted(since, at, side="right")) - 1, 0)]
        hour = int((local // HOUR + _EPOCH_HOUR) % _WEEK)
        whose = SeriesPlace(*catalogue.places.keys[place][:4])
        sums, spans = tables.setdefault(whose, (np.zeros(_WEEK), np.zeros(_WEEK, np.int64)))
        sums[hour] += integral
        spans[hour] += known
    shape = (len(tables), 7, 24)
    sums_of = np.array([sums for sums, _ in tables.values()]).reshape(shape)
    known_of = np.array([spans for _, spans in tables.values()], np.int64).reshape(shape)
    mean = np.divide(sums_of, known_of, out=np.full(shape, np.nan), where=known_of > 0)
    return WeekHours(places=list(tables), mean=mean, known_ms=known_of)
