"""Retention: whole months are taken away, one small transaction each, and never stored again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from hub.storage.duck.database import Connection, Database, one


def forget_month(database: Database, *, table: str, before: int) -> int | None:
    """Delete the oldest month of ``readings`` or ``cells`` that ended before the instant; rows deleted, None: none left."""
    column = _TIME[table]
    with database.transaction() as connection:
        (oldest,) = one(connection, f"select min({column}) from {table}")
        if oldest is None:
            return None
        month, until = month_of(oldest)
        if until > before:
            return None
        deleted = _delete(connection, table, month, until)
        if table == "cells":
            _delete(connection, "hours", month, until)
        if table == "readings":
            _delete(connection, "texts", month, until)
            connection.execute("insert into forgotten values (?, ?)", [month, until])
        return deleted


def month_of(instant: int) -> tuple[int, int]:
    """Start and end of the month (UTC) an instant lies in."""
    moment = datetime.fromtimestamp(instant / 1000, UTC)
    start = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    year, month = divmod(moment.year * 12 + moment.month, 12)
    end = datetime(year, month + 1, 1, tzinfo=UTC)
    return round(start.timestamp() * 1000), round(end.timestamp() * 1000)


def _delete(connection: Connection, table: str, start: int, end: int) -> int:
    column = _TIME[table]
    return int(one(connection, f"delete from {table} where {column} >= ? and {column} < ?", [start, end])[0])


_TIME: Final = {"readings": "time", "texts": "time", "cells": "start", "hours": "start"}
