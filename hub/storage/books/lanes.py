"""Where each lane stands, in the transaction of what it did."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from hub.flows.batch import Position
from hub.flows.ports import LaneMark
from hub.storage.tables import lanes

_LOAD: Final = select(lanes).where(lanes.c.lane == bindparam("of"))
_MOVE: Final = (
    update(lanes)
    .where(lanes.c.lane == bindparam("of"))
    .values(journal=bindparam("to_journal"), batch=bindparam("to_batch"), time=bindparam("to_time"))
)
_MOVE_WITH_STATE: Final = _MOVE.values(state=bindparam("to_state"), state_batch=bindparam("to_state_batch"))
_ADD: Final = insert(lanes)


class LaneBook:
    """Implements hub.flows.ports.LaneBook. ``save`` is on the way of every batch: one prepared UPDATE."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def load(self, lane: str) -> LaneMark | None:
        row = self._connection.execute(_LOAD, {"of": lane}).one_or_none()
        if row is None:
            return None
        return LaneMark(
            position=Position(journal=row.journal, batch=row.batch),
            time=row.time,
            state=row.state,
            state_batch=row.state_batch,
        )

    def save(self, lane: str, mark: LaneMark) -> None:
        values: dict[str, Any] = {
            "of": lane,
            "to_journal": mark.position.journal,
            "to_batch": mark.position.batch,
            "to_time": mark.time,
        }
        if mark.state is None:
            moved = self._connection.execute(_MOVE, values).rowcount
        else:
            values |= {"to_state": mark.state, "to_state_batch": mark.state_batch}
            moved = self._connection.execute(_MOVE_WITH_STATE, values).rowcount
        if moved == 0:
            self._add(lane, mark)

    def _add(self, lane: str, mark: LaneMark) -> None:
        self._connection.execute(
            _ADD,
            {
                "lane": lane,
                "journal": mark.position.journal,
                "batch": mark.position.batch,
                "time": mark.time,
                "state": mark.state,
                "state_batch": mark.state_batch,
            },
        )
