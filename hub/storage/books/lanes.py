"""Where each lane stands, in the transaction of what it did."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from hub.flows.batch import Position
from hub.flows.ports import LaneMark
from hub.storage.books.upserts import Upsert
from hub.storage.tables import lane_states, lanes

_LOAD: Final = (
    select(lanes, lane_states.c.state, lane_states.c.batch.label("state_batch"))
    .outerjoin(lane_states, lane_states.c.lane == lanes.c.lane)
    .where(or_(lanes.c.lane == bindparam("of"), lanes.c.lane.startswith(bindparam("of_any_hub"))))
)
_MOVE: Final = (
    update(lanes)
    .where(lanes.c.lane == bindparam("of"))
    .values(journal=bindparam("to_journal"), batch=bindparam("to_batch"), time=bindparam("to_time"))
)
_ADD: Final = insert(lanes)
_KEEP_STATE: Final = Upsert(lane_states, ("lane",), update=("batch", "state"))


class LaneBook:
    """Implements hub.flows.ports.LaneBook. ``save`` is on the way of every batch: one prepared UPDATE.

    Positions count batches of a hub's own journal, so each hub of a database has rows of its own. What a lane remembers is
    about the devices, not about a journal: a hub that takes over goes on with the memory of the one before it.
    """

    def __init__(self, connection: Connection, hub: str = "") -> None:
        self._connection = connection
        self._hub = hub

    def load(self, lane: str) -> LaneMark | None:
        rows = {
            row.lane: row
            for row in self._connection.execute(_LOAD, {"of": lane, "of_any_hub": f"{lane}@"})
            if row.lane in (lane, self._row(lane)) or self._hub
        }
        if not rows:
            return None
        own = rows.get(self._row(lane)) or rows.get(lane)  # without a hub's name: from before it had one
        newest = max(rows.values(), key=lambda row: (row.time, row is own))
        position = Position("", 0) if own is None else Position(journal=own.journal, batch=own.batch)
        if newest is own:
            return LaneMark(position=position, time=own.time, state=own.state, state_batch=own.state_batch or 0)
        return LaneMark(position=position, time=newest.time, state=newest.state, state_batch=position.batch)

    def save(self, lane: str, mark: LaneMark) -> None:
        row = self._row(lane)
        journal, batch = mark.position
        moved = {"of": row, "to_journal": journal, "to_batch": batch, "to_time": mark.time}
        if self._connection.execute(_MOVE, moved).rowcount == 0:
            self._connection.execute(_ADD, {"lane": row, "journal": journal, "batch": batch, "time": mark.time})
        if mark.state is not None:
            state = {"lane": row, "batch": mark.state_batch, "state": mark.state}
            self._connection.execute(_KEEP_STATE.on(self._connection), state)

    def _row(self, lane: str) -> str:
        return f"{lane}@{self._hub}" if self._hub else lane
