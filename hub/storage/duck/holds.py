"""How long readings of a point count: changed by the lane when somebody states another reporting interval."""

from __future__ import annotations

from typing import Final

import numpy as np

from hub.domain.rollups import CELL
from hub.flows.series import IdArray, IntArray
from hub.storage.duck.database import Database, columns
from hub.storage.duck.names import Names


def change_holds(database: Database, names: Names, points: IdArray, holds: IntArray) -> None:
    """Set them; all cells that the stored readings of changed points reach into are put on the waiting list."""
    changed = names.hold[points] != holds
    points, holds = points[changed], holds[changed]
    stored = points < names.points.stored
    if stored.any():
        old = names.hold[points[stored]]
        data = {"id": points[stored], "hold": holds[stored], "reach": np.maximum(old, holds[stored])}
        with database.transaction() as connection, columns(connection, "changed", data):
            connection.execute("update points p set hold = c.hold from changed c where p.id = c.id")
            connection.execute(_TOUCH)
    names.hold[points] = holds


_TOUCH: Final = f"""
insert into touched
select point, start from (
    select distinct r.point, unnest(range(r.time - r.time % {CELL}, r.time + c.reach, {CELL})) as start
    from readings r join changed c on r.point = c.id
)
where not exists (from gone g where g.point = point and start < g.until)
"""
