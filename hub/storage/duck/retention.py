"""Retention: whole months of a point are taken away, a day in a transaction, and never stored again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hub.clock import DAY
from hub.flows.series import IdArray, IntArray
from hub.storage.duck.database import Connection, Database, columns, one

_TIME: Final = {"readings": "time", "texts": "time", "cells": "start", "hours": "start"}
_NEVER: Final = int(np.iinfo(np.int64).min)


class Gone:
    """Up to when the readings of each point have been taken away: earlier ones are not stored again."""

    def __init__(self) -> None:
        self._until = np.zeros(0, np.int64)
        self._newest = _NEVER

    def load(self, connection: Connection) -> None:
        """What the file says."""
        rows = connection.execute("select point, until from gone").fetchnumpy()
        self._until = np.full(int(rows["point"].max(initial=-1)) + 1, _NEVER, np.int64)
        self._until[rows["point"]] = rows["until"]
        self._newest = int(self._until.max(initial=_NEVER))

    def among(self, point: IdArray, time: IntArray) -> NDArray[np.bool_] | None:
        """Which of these instants of these points are gone; None: none of them."""
        if not len(time) or time.min() >= self._newest:
            return None
        found = np.zeros(len(time), np.bool_)
        known = point < len(self._until)
        found[known] = time[known] < self._until[point[known]]
        return found if found.any() else None


def month_start(instant: int) -> int:
    """The start of the month (UTC) an instant lies in: all months before it have ended."""
    moment = datetime.fromtimestamp(instant / 1000, UTC)
    return round(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp() * 1000)


def give_up(database: Database, points: IdArray, until: int) -> None:
    """From now on nothing of these points is stored that was read before this instant. Never takes a word back."""
    with database.transaction() as connection, columns(connection, "given_up", {"point": points}):
        connection.execute("delete from gone g using given_up u where g.point = u.point and g.until < ?", [until])
        connection.execute("insert into gone select point, ? from given_up anti join gone using (point)", [until])


def days_of(connection: Connection, table: str, points: IdArray, until: int) -> list[int]:
    """The days (UTC) before this instant of which the table holds anything of these points, oldest first."""
    time = _TIME[table]
    with columns(connection, "given_up", {"point": points}):
        rows = connection.execute(
            f"select distinct {time} // {DAY} as day from {table} semi join given_up using (point) "
            f"where {time} < ? order by day",
            [until],
        ).fetchall()
    return [day * DAY for (day,) in rows]


def forget_day(database: Database, table: str, points: IdArray, day: int) -> int:
    """Delete one day of these points; how many rows."""
    time = _TIME[table]
    with database.transaction() as connection, columns(connection, "given_up", {"point": points}):
        return int(
            one(
                connection,
                f"delete from {table} t using given_up u where t.point = u.point and t.{time} >= ? and t.{time} < ?",
                [day, day + DAY],
            )[0]
        )
