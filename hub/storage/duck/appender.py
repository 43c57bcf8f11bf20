"""Appending a batch exactly once: (point, event time) is unique, the last write wins, all in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hub.domain.rollups import CELL
from hub.flows.batch import Position
from hub.flows.series import IdArray, IntArray, Latest, Rows, TextRow, Written
from hub.storage.duck.database import Connection, Database, columns, one
from hub.storage.duck.names import Names
from hub.storage.duck.newest import Newest
from hub.storage.duck.retention import Gone

_CLUSTER_GAP: Final = 6 * 3_600_000
_TICKED_OFF: Final = 4_000_000
"""Up to so many possible keys are ticked off on a list, ten times as fast as sorting a live batch."""
_CLUSTERS: Final = 8
"""Late rows are looked up stretch by stretch, so that one row of last year does not have the whole year read."""


class _Plan(NamedTuple):
    """What a batch comes down to."""

    rows: Rows
    replaced: NDArray[np.intp]
    """Indexes of those among ``rows`` whose (point, time) is stored in other words."""
    marks: tuple[IdArray, IntArray]
    reach: IntArray
    """The last cell each row reaches into."""
    written: Written


class Appender:
    """The lane's way into the store. Changes its memory only after the commit."""

    def __init__(self, database: Database, names: Names, newest: Newest, gone: Gone) -> None:
        self._database = database
        self._names = names
        self._newest = newest
        self._gone = gone
        self.refreshed_until = int(np.iinfo(np.int64).min)
        """Cells that started before this may have been taken off the waiting list."""

    def append(self, rows: Rows, texts: Sequence[TextRow], position: Position | None) -> Written:
        """One transaction: names, rows, texts, touched cells, position."""
        self._newest.grow(len(self._names.points))
        with self._database.transaction() as connection:
            plan = self._plan(connection, rows)
            self._names.save(connection)
            _write_rows(connection, plan)
            _write_texts(connection, self._kept(texts))
            if position is not None:
                _write_position(connection, position)
        self._names.saved()
        self._newest.advance(plan.rows, plan.reach)
        for text in texts:
            self._newest.say(text.point, Latest(text.time, None, text.text, text.quality))
        return plan.written

    def _plan(self, connection: Connection, rows: Rows) -> _Plan:
        given = len(rows)
        expired = self._gone.among(rows.point, rows.time)
        if expired is not None:
            rows = take(rows, np.flatnonzero(~expired))
        kept = len(rows)
        rows = last_of_each(rows)
        fresh = rows.time > self._newest.time.take(rows.point)
        replaced = np.zeros(0, np.intp)
        if not fresh.all():
            late = np.flatnonzero(~fresh)
            same, other = _stored(connection, rows, late)
            if len(same):
                keep = np.ones(len(rows), np.bool_)
                keep[same] = False
                moved = np.cumsum(keep) - 1
                rows, fresh, other = take(rows, np.flatnonzero(keep)), fresh[keep], moved[other]
            replaced = other
        marks, reach = self._marks(rows, fresh)
        written = Written(
            added=len(rows) - len(replaced),
            replaced=len(replaced),
            unchanged=kept - len(rows),
            expired=given - kept,
        )
        return _Plan(rows, replaced, marks, reach, written)

    def _marks(self, rows: Rows, fresh: NDArray[np.bool_]) -> tuple[tuple[IdArray, IntArray], IntArray]:
        """Cells to put on the waiting list, and the last cell each row reaches into."""
        # take() looks up with int32 in a third of the time that [] needs
        hold, marked = self._names.hold.take(rows.point), self._newest.marked.take(rows.point)
        (point, start), last = reached(rows, fresh, hold=hold, marked=marked, refreshed_until=self.refreshed_until)
        gone = self._gone.among(point, start)
        # what retention left of that time is its cells: nothing may compute them again
        return ((point, start) if gone is None else (point[~gone], start[~gone])), last

    def _kept(self, texts: Sequence[TextRow]) -> Sequence[TextRow]:
        if not texts:
            return texts
        point = np.array([text.point for text in texts], np.int32)
        gone = self._gone.among(point, np.array([text.time for text in texts], np.int64))
        return texts if gone is None else [text for text, lost in zip(texts, gone.tolist(), strict=True) if not lost]


def reached(
    rows: Rows, fresh: NDArray[np.bool_], *, hold: IntArray, marked: IntArray, refreshed_until: int
) -> tuple[tuple[IdArray, IntArray], IntArray]:
    """Cells that readings can reach into, unless they are known to wait already; and the last cell each row reaches into.

    ``fresh``: newer than all of their point. ``hold`` and ``marked`` (see Newest) have one entry for each row.
    """
    first = rows.time // CELL * CELL
    last = (rows.time + (hold - 1)) // CELL * CELL
    waiting = fresh & (last <= marked) & (first >= refreshed_until)
    todo = np.flatnonzero(~waiting)
    if not len(todo):
        return (rows.point[:0], first[:0]), last
    reach = (last[todo] - first[todo]) // CELL + 1
    point = np.repeat(rows.point[todo], reach)
    nth = np.arange(len(point)) - np.repeat(np.cumsum(reach) - reach, reach)
    start = np.repeat(first[todo], reach) + nth * CELL
    order = np.lexsort((point, start))
    point, start = point[order], start[order]
    new = np.ones(len(point), np.bool_)
    new[1:] = (point[1:] != point[:-1]) | (start[1:] != start[:-1])
    return (point[new], start[new]), last


def take(rows: Rows, which: NDArray[np.intp]) -> Rows:
    """Some of the rows."""
    return Rows(
        point=rows.point[which],
        time=rows.time[which],
        value=rows.value[which],
        quality=rows.quality[which],
        place=rows.place[which],
    )


def last_of_each(rows: Rows) -> Rows:
    """Each (point, time) once, as it was said last."""
    if len(rows) < 2:
        return rows
    points = int(rows.point.max()) + 1
    since = rows.time - rows.time.min()
    key = since * points + rows.point
    if not _repeats(key, (int(since.max()) + 1) * points):
        return rows
    _, backwards = np.unique(key[::-1], return_index=True)
    return take(rows, np.sort(len(key) - 1 - backwards))


def _repeats(key: IntArray, size: int) -> bool:
    """Whether any key below ``size`` stands twice."""
    if size <= _TICKED_OFF:
        seen = np.zeros(size, np.bool_)
        seen[key] = True
        return int(np.count_nonzero(seen)) < len(key)
    ordered = np.sort(key)
    return bool((ordered[1:] == ordered[:-1]).any())


def _stored(connection: Connection, rows: Rows, late: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of the late rows: those stored in the same words, and those stored in others (indexes into ``rows``)."""
    order = late[np.argsort(rows.time[late], kind="stable")]
    data = {
        "i": order,
        "point": rows.point[order],
        "time": rows.time[order],
    }
    found: list[dict[str, NDArray[np.generic]]] = []
    with columns(connection, "late_rows", data):
        for start, end in _stretches(rows.time[order]):
            found.append(connection.execute(_LATE, [start, end, start, end]).fetchnumpy())
    index = np.concatenate([part["i"] for part in found]).astype(np.intp)
    value = np.concatenate([part["value"] for part in found])
    quality = np.concatenate([part["quality"] for part in found])
    place = np.concatenate([part["place"] for part in found])
    same = (value == rows.value[index]) & (quality == rows.quality[index]) & (place == rows.place[index])
    return index[same], index[~same]


_LATE: Final = """
select l.i, r.value, r.quality, r.place
from late_rows l join readings r on r.point = l.point and r.time = l.time
where l.time between ? and ? and r.time between ? and ?
"""


def _stretches(times: IntArray) -> list[tuple[int, int]]:
    """Few spans of time that cover all of these ordered times, without the widest empty stretches between them."""
    gaps = np.diff(times)
    cuts = np.flatnonzero(gaps > _CLUSTER_GAP)
    if len(cuts) >= _CLUSTERS:
        cuts = np.sort(cuts[np.argsort(gaps[cuts])[-(_CLUSTERS - 1) :]])
    starts = [0, *(cuts + 1).tolist()]
    ends = [*cuts.tolist(), len(times) - 1]
    return [(int(times[a]), int(times[b])) for a, b in zip(starts, ends, strict=True)]


def _write_rows(connection: Connection, plan: _Plan) -> None:
    rows = plan.rows
    if len(plan.replaced):
        point, time = rows.point[plan.replaced], rows.time[plan.replaced]
        with columns(connection, "old_rows", {"point": point, "time": time}):
            for start, end in _stretches(np.sort(time)):
                connection.execute(_REPLACE, [start, end])
    batch: dict[str, NDArray[Any]] = {
        "point": rows.point,
        "time": rows.time,
        "value": rows.value,
        "quality": rows.quality,
        "place": rows.place,
    }
    if len(batch["point"]):
        # DuckDB finds ``batch`` among the local variables: a third less work than a registered view
        connection.execute("insert into readings select point, time, value, quality, place from batch")
    touched, start_of = plan.marks
    if len(touched):
        with columns(connection, "marks", {"point": touched, "start": start_of}):
            connection.execute("insert into touched select point, start from marks")


_REPLACE: Final = """
delete from readings r using old_rows o where r.point = o.point and r.time = o.time and r.time between ? and ?
"""


def _write_texts(connection: Connection, texts: Sequence[TextRow]) -> None:
    if not texts:
        return
    once = list({(text.point, text.time): text for text in texts}.values())
    data = {
        "point": np.array([text.point for text in once], np.int32),
        "time": np.array([text.time for text in once], np.int64),
        "text": np.array([text.text for text in once], dtype=object),
        "quality": np.array([text.quality for text in once], np.uint8),
        "place": np.array([text.place for text in once], np.int32),
    }
    with columns(connection, "said", data):
        connection.execute("delete from texts t using said s where t.point = s.point and t.time = s.time")
        connection.execute("insert into texts select point, time, text, quality, place from said")


def _write_position(connection: Connection, position: Position) -> None:
    change = "update meta set text = ?, number = ? where key = 'position'"
    if one(connection, change, position) == (0,):
        connection.execute("insert into meta values ('position', ?, ?)", [position.journal, position.batch])


def load_position(connection: Connection) -> Position | None:
    """The position committed with the rows."""
    row = one(connection, "select text, number from meta where key = 'position'")
    return Position(*row) if row else None
