"""Where each lane stands, in the transaction of what it did."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, update

from hub.flows.batch import Position
from hub.flows.ports import LaneMark
from hub.storage.books.upserts import Upsert
from hub.storage.tables import lane_states, lanes

_LOAD: Final = (
    select(lanes, lane_states.c.state, lane_states.c.batch.label("state_batch"))
    .outerjoin(lane_states, lane_states.c.lane == lanes.c.lane)
    .where(lanes.c.lane == bindparam("of"))
)
_MOVE: Final = (
    update(lanes)
    .where(lanes.c.lane == bindparam("of"))
    .values(journal=bindparam("to_journal"), batch=bindparam("to_batch"), time=bindparam("to_time"))
)
_ADD: Final = insert(lanes)
_KEEP_STATE: Final = Upsert(lane_states, ("lane",), update=("batch", "state"))


class LaneBook:
    """Implements hub.flows.ports.LaneBook. ``save`` is on the way of every batch: one prepared UPDATE."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def load(self, lane: str) -> LaneMark | None:
        row = self._connection.execute(_LOAD, {"of": lane}).one_or_none()
        if row is None:
            return None
        position = Position(journal=row.journal, batch=row.batch)
        return LaneMark(position=position, time=row.time, state=row.state, state_batch=row.state_batch or 0)

    def save(self, lane: str, mark: LaneMark) -> None:
        journal, batch = mark.position
        moved = {"of": lane, "to_journal": journal, "to_batch": batch, "to_time": mark.time}
        if self._connection.execute(_MOVE, moved).rowcount == 0:
            self._connection.execute(_ADD, {"lane": lane, "journal": journal, "batch": batch, "time": mark.time})
        if mark.state is not None:
            state = {"lane": lane, "batch": mark.state_batch, "state": mark.state}
            self._connection.execute(_KEEP_STATE.on(self._connection), state)
