"""Readings out to another store, and roll-ups in from one."""

from __future__ import annotations

from typing import Final

import numpy as np

from hub.flows.series import Cells, Extract, Rows, Span, TextRow
from hub.storage.duck import rollup
from hub.storage.duck.database import Connection, Database, columns
from hub.storage.duck.names import Names

_NEVER: Final = int(np.iinfo(np.int64).min)
_SPANS: Final = """
with stored as (
    select point, time as first, time as last from readings
    union all select point, time, time from texts
    union all select point, start, start from cells
)
select s.point, min(s.first), max(s.last), any_value(g.until)
from stored s left join gone g using (point) group by s.point order by s.point
"""


def spans(connection: Connection, names: Names) -> list[Span]:
    """Of every point with readings, texts or cells."""
    return [
        Span(names.points.keys[point], first, last, int(names.hold[point]), _NEVER if gone is None else gone)
        for point, first, last, gone in connection.execute(_SPANS).fetchall()
    ]


def extract(connection: Connection, names: Names, *, start: int, end: int) -> Extract:
    """All readings of a span, in order of time."""
    found = connection.execute(
        "select point, time, value, quality, place from readings where time >= ? and time < ? order by time, point",
        [start, end],
    ).fetchnumpy()
    texts = connection.execute(
        "select point, time, text, quality, place from texts where time >= ? and time < ? order by time, point",
        [start, end],
    ).fetchall()
    return Extract(
        points=names.points.keys,
        places=names.places.keys,
        rows=Rows(**found),
        texts=[TextRow(*row) for row in texts],
    )


def put_cells(database: Database, names: Names, cells: Cells) -> None:
    """Cells of another store in place of those that are here, in one transaction."""
    first, last = int(cells.start.min()), int(cells.start.max())
    with database.transaction() as connection:
        names.save(connection)
        with columns(connection, "due", {"point": cells.point, "start": cells.start}):
            connection.execute(
                "delete from cells c using due d where c.point = d.point and c.start = d.start and c.start between ? and ?",
                [first, last],
            )
            rollup.store(connection, cells)
            rollup.refresh_hours(connection, first, last)
    names.saved()
