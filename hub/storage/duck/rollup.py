"""Roll-up cells: the waiting list worked off in chunks, and cells for questions, those still waiting included."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hub.clock import HOUR
from hub.domain.rollups import CELL
from hub.flows import cells as cells_of
from hub.flows.series import Cells, IdArray, IntArray
from hub.storage.duck.database import Connection, Database, columns, one
from hub.storage.duck.names import Names
from hub.storage.duck.newest import Newest

_SPAN: Final = 96 * CELL
_READINGS: Final = 1_000_000
"""About as many readings are in memory at once."""
_FIELDS: Final = "point, place, start, count, total, minimum, maximum, first, last, last_at, integral, known_ms"


def refresh(database: Database, names: Names, newest: Newest, *, until: int, limit: int) -> int:
    """Compute one chunk of the touched cells that ended by ``until``, in one transaction; how many there were."""
    with database.transaction() as connection:
        point, start = _due(connection, until, limit)
        if not len(point):
            return 0
        with columns(connection, "due", {"point": point, "start": start}):
            made = _compute(connection, names.hold, point, start)
            connection.execute(_DELETE_CELLS, [int(start.min()), int(start.max())])
            store(connection, made)
            refresh_hours(connection, int(start.min()), int(start.max()))
            connection.execute(_DELETE_TOUCHED, [int(start.min()), int(start.max())])
        newest.keep(connection, np.unique(point))
    return len(point)


def waiting(connection: Connection) -> int:
    """How many cells wait for computation."""
    return int(one(connection, "select count(*) from (select distinct point, start from touched)")[0])


def read(connection: Connection, hold: IntArray, points: IdArray, *, start: int, end: int) -> Cells:
    """Cells of these points that start in this time, in order of (point, start, place)."""
    with columns(connection, "asked", {"point": points}):
        finished = as_cells(connection.execute(_FINISHED, [start, end, start, end]).fetchnumpy())
        due = connection.execute(_WAITING, [start, end]).fetchnumpy()
        if len(due["point"]):
            finished = cells_of.join(finished, _compute(connection, hold, due["point"], due["start"]))
    order = np.lexsort((finished.place, finished.start, finished.point))
    return cells_of.select(finished, order)


def store(connection: Connection, made: Cells) -> None:
    """Write finished cells."""
    if len(made):
        with columns(connection, "made", {name: getattr(made, name) for name in Cells.__slots__}):
            connection.execute(f"insert into cells select {_FIELDS} from made")


def as_cells(rows: dict[str, Any]) -> Cells:
    """Rows of the table as columns with the port's types; DuckDB keeps NaN of a numpy column as NULL."""
    wide = {"count", "known_ms"}
    real = {name: np.ma.filled(column, np.nan) for name, column in rows.items() if column.dtype == np.float64}
    whole = {name: column.astype(np.int64) if name in wide else column for name, column in rows.items()}
    return Cells(**(whole | real))


def _due(connection: Connection, until: int, limit: int) -> tuple[IdArray, IntArray]:
    """The oldest touched cells, at most a day of them and as many as fit into memory with their readings."""
    (oldest,) = one(connection, "select min(start) from touched where start <= ?", [until - CELL])
    if oldest is None:
        return np.zeros(0, np.int32), np.zeros(0, np.int64)
    end = min(oldest + _SPAN, until - CELL + 1)
    rows = connection.execute(_DUE, [oldest, end, limit]).fetchnumpy()
    point, start = rows["point"], rows["start"]
    span = [int(start.min()), int(start.max()) + CELL]
    (readings,) = one(connection, "select count(*) from readings where time >= ? and time < ?", span)
    share = max(1, int(len(point) * _READINGS / max(readings, _READINGS)))
    return point[:share], start[:share]


def _compute(connection: Connection, hold: IntArray, point: IdArray, start: IntArray) -> Cells:
    """These cells, from the readings."""
    reach = int(hold[point].max())
    low, high = int(start.min()) - reach, int(start.max()) + CELL
    with columns(connection, "of_points", {"point": np.unique(point)}):
        rows = connection.execute(_RAW, [low, high]).fetchnumpy()
    made = cells_of.compute(rows["point"], rows["place"], rows["time"], rows["value"], hold[rows["point"]])
    return cells_of.select(made, among(made, point, start))


def among(made: Cells, point: IdArray, start: IntArray) -> NDArray[np.bool_]:
    """Which of the cells are one of these."""
    base = int(start.min())
    width = (int(start.max()) - base) // CELL + 1
    inside = (made.start >= base) & (made.start < base + width * CELL)
    wanted = np.sort(point.astype(np.int64) * width + (start - base) // CELL)
    key = made.point.astype(np.int64) * width + (made.start - base) // CELL
    place = np.minimum(np.searchsorted(wanted, key), len(wanted) - 1)
    result: NDArray[np.bool_] = inside & (wanted[place] == key)
    return result


def refresh_hours(connection: Connection, first: int, last: int) -> None:
    """Hours of the cells in the table ``due``, which start in this span: from all cells of those hours."""
    first, last = first // HOUR * HOUR, last // HOUR * HOUR
    connection.execute(f"create or replace temp table due_hours as {_DUE_HOURS}")
    connection.execute(_DELETE_HOURS, [first, last])
    connection.execute(_INSERT_HOURS, [first, last + HOUR])


_DUE: Final = """
select distinct point, start from touched where start >= ? and start < ? order by start, point limit ?
"""
_RAW: Final = """
select point, place, time, value from readings semi join of_points using (point)
where time >= ? and time < ? order by point, time
"""
_DELETE_CELLS: Final = """
delete from cells c using due d where c.point = d.point and c.start = d.start and c.start between ? and ?
"""
_DUE_HOURS: Final = f"select distinct point, start - start % {HOUR} as hour from due"
_DELETE_HOURS: Final = """
delete from hours h using due_hours d where h.point = d.point and h.start = d.hour and h.start between ? and ?
"""
_INSERT_HOURS: Final = f"""
insert into hours
select c.point, c.place, d.hour, sum(c.integral), sum(c.known_ms)
from cells c join due_hours d on c.point = d.point and c.start - c.start % {HOUR} = d.hour
where c.start >= ? and c.start < ?
group by all order by d.hour, c.point, c.place
"""
_DELETE_TOUCHED: Final = """
delete from touched t using due d where t.point = d.point and t.start = d.start and t.start between ? and ?
"""
_FINISHED: Final = f"""
select {_FIELDS} from cells c semi join asked using (point)
where start >= ? and start < ?
  and not exists (from touched t where t.point = c.point and t.start = c.start and t.start >= ? and t.start < ?)
"""
_WAITING: Final = """
select distinct point, start from touched semi join asked using (point) where start >= ? and start < ?
"""
