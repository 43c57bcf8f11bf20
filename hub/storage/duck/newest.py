"""What the store remembers of each point in memory, so that the common append needs no look at the file."""

from __future__ import annotations

import threading
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hub.domain.rollups import CELL
from hub.flows.series import FloatArray, IdArray, IntArray, Latest, Rows
from hub.storage.duck.database import Connection, columns

NEVER: Final = np.iinfo(np.int64).min


class _Columns(NamedTuple):
    time: IntArray
    value: FloatArray
    quality: NDArray[np.uint8]
    marked: IntArray
    """The last cell that is known to wait for computation, with all from the newest reading's cell on."""


class Newest:
    """Newest reading of each point by event time. Written by the lane's thread after its commit, read by any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at = _columns(0)
        self._texts: dict[int, Latest] = {}

    def load(self, connection: Connection, points: int) -> None:
        """From the kept picture, and from the readings in cells that wait: each later row lies in one of those."""
        self._at = _columns(points)
        self._texts = {}
        rows = connection.execute(_NEWEST).fetchnumpy()
        point = rows["point"]
        self._at.time[point] = rows["time"]
        self._at.value[point] = rows["value"]
        self._at.quality[point] = rows["quality"]
        texts = "select point, max(time), arg_max(text, time), arg_max(quality, time) from texts group by point"
        for number, time, text, quality in connection.execute(texts).fetchall():
            self._texts[number] = Latest(time, None, text, quality)

    def grow(self, points: int) -> None:
        """Make room for new points."""
        if points > len(self._at.time):
            more = _columns(max(points, 2 * len(self._at.time), 64) - len(self._at.time))
            self._at = _Columns(
                time=np.concatenate((self._at.time, more.time)),
                value=np.concatenate((self._at.value, more.value)),
                quality=np.concatenate((self._at.quality, more.quality)),
                marked=np.concatenate((self._at.marked, more.marked)),
            )

    @property
    def time(self) -> IntArray:
        """Event time of the newest reading of each point; NEVER where there is none."""
        return self._at.time

    @property
    def marked(self) -> IntArray:
        """See ``_Columns.marked``."""
        return self._at.marked

    def advance(self, rows: Rows, marked: IntArray) -> None:
        """Take in rows that are committed, each (point, time) once. ``marked``: the last cell each of them reaches."""
        at, point = self._at, rows.point.astype(np.intp)  # once for five look-ups
        with self._lock:
            np.maximum.at(at.time, point, rows.time)
            newest = rows.time == at.time[point]
            point = point[newest]
            at.value[point] = rows.value[newest]
            at.quality[point] = rows.quality[newest]
            at.marked[point] = marked[newest]

    def say(self, point: int, latest: Latest) -> None:
        """Take in a text that is committed."""
        known = self._texts.get(point)
        if known is None or known.time <= latest.time:
            self._texts[point] = latest

    def latest(self, point: int) -> Latest | None:
        """The newest reading of one point, number or text."""
        text = self._texts.get(point)
        with self._lock:
            at = self._at
            if point >= len(at.time) or at.time[point] == NEVER:
                return text
            number = Latest(int(at.time[point]), float(at.value[point]), None, int(at.quality[point]))
        return text if text is not None and text.time > number.time else number

    def keep(self, connection: Connection, points: IdArray) -> None:
        """Write the picture of these points, inside the transaction that takes their cells off the waiting list."""
        at = self._at
        points = points[at.time[points] != NEVER]
        data = {"point": points, "time": at.time[points], "value": at.value[points], "quality": at.quality[points]}
        with columns(connection, "picture", data):
            connection.execute("delete from latest where point in (select point from picture)")
            connection.execute("insert into latest select point, time, value, quality from picture")


_NEWEST: Final = f"""
with waiting as (
    select r.point, r.time, r.value, r.quality
    from readings r
    join (select distinct point, start from touched) t
      on r.point = t.point and r.time - r.time % {CELL} = t.start
    where r.time >= (select coalesce(min(start), 9223372036854775807) from touched)
)
select point, max(time) as time, arg_max(value, time) as value, arg_max(quality, time) as quality
from (select point, time, value, quality from latest union all from waiting)
group by point
"""


def _columns(size: int) -> _Columns:
    return _Columns(
        np.full(size, NEVER, np.int64),
        np.full(size, np.nan),
        np.zeros(size, np.uint8),
        np.full(size, NEVER, np.int64),
    )
