"""Answers of the store: windows, latest points of a facility, weekday x hour, counts, sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from hub.clock import DAY, HOUR
from hub.domain.rollups import CELL, offset_at, offsets, step_edges
from hub.flows.batch import PointKey
from hub.flows.series import Aggregate, Counts, Doubtful, FloatArray, IdArray, IntArray, Sizes, Step, WeekHours, Window
from hub.flows.windows import window as make_window
from hub.storage.duck import rollup
from hub.storage.duck.database import Connection, columns, one
from hub.storage.duck.names import Names

_WEEK: Final = 7 * 24
_EPOCH_HOUR: Final = 72
"""1 January 1970 was a Thursday: 72 hours after Monday's midnight."""


def window(
    connection: Connection,
    hold: IntArray,
    points: IdArray,
    *,
    start: int,
    end: int,
    step: Step,
    agg: Aggregate,
    zone: str,
) -> Window:
    """One series over all the points together."""
    if step is Step.RAW:
        return _raw(connection, points, start, end)
    edges = step_edges(start, end, step.value, zone)
    if not edges or not len(points):
        return Window(time=np.zeros(0, np.int64), value=np.zeros(0))
    cells = rollup.read(connection, hold, points, start=edges[0], end=edges[-1])
    before = _before(connection, points, edges[0]) if agg is Aggregate.DELTA else {}
    return make_window(cells, edges, agg, before=before)


def _raw(connection: Connection, points: IdArray, start: int, end: int) -> Window:
    with columns(connection, "asked", {"point": points}):
        rows = connection.execute(
            "select time, value from readings semi join asked using (point) where time >= ? and time < ? "
            "order by time, point",
            [start, end],
        ).fetchnumpy()
    return Window(time=rows["time"], value=rows["value"])


def _before(connection: Connection, points: IdArray, edge: int) -> dict[int, float]:
    """The last value of each point before an instant: from its finished cells, or newer from the waiting ones."""
    with columns(connection, "asked", {"point": points}):
        finished = connection.execute(_LAST_FINISHED, [edge]).fetchall()
        waiting = connection.execute(_LAST_WAITING, [edge]).fetchall()
    found = {point: (at, value) for point, at, value in finished}
    for point, at, value in waiting:
        if point not in found or found[point][0] <= at:
            found[point] = (at, value)
    return {point: value for point, (_, value) in found.items()}


_LAST_FINISHED: Final = """
select point, max(last_at), arg_max(last, last_at) from cells semi join asked using (point)
where start < ? and count > 0 group by point
"""
_LAST_WAITING: Final = f"""
with waiting as (select distinct point, start from touched semi join asked using (point))
select r.point, max(r.time), arg_max(r.value, r.time)
from readings r join waiting w on r.point = w.point and r.time - r.time % {CELL} = w.start
where r.time >= (select coalesce(min(start), 9223372036854775807) from waiting) and r.time < ?
group by r.point
"""


def week_hours(connection: Connection, names: Names, points: IdArray, *, start: int, end: int, zone: str) -> WeekHours:
    """Weekday x hour in the zone, from finished cells alone."""
    if not len(points):
        return WeekHours(places=[], mean=np.zeros((0, 7, 24)), known_ms=np.zeros((0, 7, 24), np.int64))
    changes = offsets(start, end, zone)
    whole = all(at % HOUR == 0 for at in (start, end, *(offset for _, offset in changes)))
    question = _WEEK_HOURS.format(
        local=_local(changes), table="hours" if whole else "cells", points=", ".join(map(str, points.tolist()))
    )
    rows = connection.execute(question, [start, end]).fetchnumpy()
    present = np.zeros(len(names.places), np.bool_)
    present[rows["place"]] = True
    place = np.flatnonzero(present)
    row = (np.cumsum(present) - 1)[rows["place"]]
    integral = _spread(row, rows["hour"], rows["integral"], len(place))
    known = _spread(row, rows["hour"], rows["known_ms"].astype(np.float64), len(place))
    mean = np.divide(integral, known, out=np.full(integral.shape, np.nan), where=known > 0)
    return WeekHours(
        places=[names.places.keys[number] for number in place.tolist()], mean=mean, known_ms=known.astype(np.int64)
    )


def _spread(row: IntArray, hour: IntArray, value: FloatArray, places: int) -> FloatArray:
    table = np.zeros((places, _WEEK))
    table[row, hour] = value
    return table.reshape(places, 7, 24)


# The points stand in the text as numbers: DuckDB looks a list up twice as fast as it joins.
_WEEK_HOURS: Final = f"""
select place, (({{local}} // 3600000 + {_EPOCH_HOUR}) % {_WEEK})::utinyint as hour,
       sum(integral) as integral, sum(known_ms)::bigint as known_ms
from {{table}}
where point in ({{points}}) and start >= ? and start < ?
group by all
"""


def _local(changes: list[tuple[int, int]], column: str = "start") -> str:
    """SQL for a column of instants on the zone's clock. Numbers only: nothing from outside gets into the text."""
    expression = f"({column} + {changes[0][1]})"
    for since, offset in changes[1:]:
        expression = f"(case when {column} >= {since} then {column} + {offset} else {expression} end)"
    return expression


def doubtful(connection: Connection, names: Names, points: IdArray, *, start: int, end: int) -> list[Doubtful]:
    """Numbers and texts whose quality is not good, by point."""
    with columns(connection, "asked", {"point": points}):
        rows = connection.execute(_DOUBTFUL, {"start": start, "end": end}).fetchall()
    return sorted(Doubtful(names.points.keys[point], *told) for point, *told in rows)


_DOUBTFUL: Final = """
select point, count(*), max(time), arg_max(quality, time) from (
    select point, time, quality from readings semi join asked using (point)
    where time >= $start and time < $end and quality > 0
    union all
    select point, time, quality from texts semi join asked using (point)
    where time >= $start and time < $end and quality > 0
) group by point
"""


def points_of(
    connection: Connection, names: Names, *, community: str, facility: str, unit: str | None, start: int, end: int
) -> list[PointKey]:
    """Points with cells or readings at this place in this time."""
    wanted = [
        number
        for number, place in enumerate(names.places.keys)
        if place.community == community and place.facility == facility and unit in (None, place.unit)
    ]
    if not wanted:
        return []
    with columns(connection, "wanted", {"place": np.array(wanted, np.int32)}):
        rows = connection.execute(_POINTS_OF, [start, end, start, end]).fetchall()
    return [names.points.keys[row[0]] for row in rows]


_POINTS_OF: Final = f"""
select distinct point from (
    select point from cells semi join wanted using (place) where start >= ? - {CELL} and start < ?
    union all
    select r.point from readings r semi join wanted using (place)
    where r.time >= greatest(?, (select coalesce(min(start), 9223372036854775807) from touched)) and r.time < ?
) order by point
"""


def counts(connection: Connection, names: Names, *, community: str, start: int, end: int, zone: str) -> Counts:
    """Stored readings for each point and day of the zone."""
    edges = step_edges(start, end, Step.DAY.value, zone)
    points = np.array([number for number, key in enumerate(names.points.keys) if key.community == community], np.int32)
    if not edges or not len(points):
        return Counts(point=[], day=np.zeros(0, np.int64), count=np.zeros(0, np.int64))
    local = _local(offsets(edges[0], edges[-1], zone), "time")
    with columns(connection, "asked", {"point": points}):
        rows = connection.execute(_COUNTS.format(local=local), [edges[0], edges[-1]]).fetchnumpy()
    first = (edges[0] + offset_at(edges[0], ZoneInfo(zone))) // DAY
    keys = [names.points.keys[number] for number in rows["point"].tolist()]
    return Counts(point=keys, day=np.array(edges, np.int64)[rows["day"] - first], count=rows["count"])


_COUNTS: Final = f"""
select point, {{local}} // {DAY} as day, count(*) as count
from readings semi join asked using (point) where time >= ? and time < ?
group by all order by point, day
"""


def texts(connection: Connection, points: IdArray, *, start: int, end: int, limit: int) -> list[tuple[int, str]]:
    """The newest texts of these points, in order of time."""
    with columns(connection, "asked", {"point": points}):
        rows = connection.execute(
            "select time, text from texts semi join asked using (point) where time >= ? and time < ? "
            "order by time desc limit ?",
            [start, end, limit],
        ).fetchall()
    return [(time, text) for time, text in reversed(rows)]


def sizes(connection: Connection, names: Names, path: Path) -> Sizes:
    """What the store holds."""
    readings, cells = one(connection, "select (select count(*) from readings), (select count(*) from cells)")
    files = (path, path.with_name(path.name + ".wal"))
    return Sizes(
        readings=readings,
        cells=cells,
        points=len(names.points),
        bytes=sum(file.stat().st_size for file in files if file.exists()),
        cells_waiting=rollup.waiting(connection),
    )
