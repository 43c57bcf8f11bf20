"""What formats have learned (names behind aliases, inventories), kept in the journal's file beside its batches.

A row says: from after this batch on, this is known. So a lane that reads an old batch again is handed what was known
then, and a replay decodes as it did live. Written before any lane sees the batch; the same batch teaches the same again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from hub.flows.batch import Learned

TABLE: Final = """
CREATE TABLE learned (
    connection TEXT NOT NULL,
    format TEXT NOT NULL,
    key TEXT NOT NULL,
    batch INTEGER NOT NULL,
    value BLOB,
    PRIMARY KEY (connection, format, key, batch)
) WITHOUT ROWID
"""

_NEWEST: Final = """
SELECT connection, format, key, value FROM learned AS known
WHERE batch < :before AND value IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM learned AS newer WHERE newer.connection = known.connection AND newer.format = known.format
    AND newer.key = known.key AND newer.batch > known.batch AND newer.batch < :before
)
"""
_OUTDATED: Final = """
DELETE FROM learned WHERE batch < :first AND EXISTS (
    SELECT 1 FROM learned AS newer WHERE newer.connection = learned.connection AND newer.format = learned.format
    AND newer.key = learned.key AND newer.batch > learned.batch AND newer.batch < :first
)
"""
_FORGOTTEN: Final = "DELETE FROM learned WHERE batch < :first AND value IS NULL"
_pack: Final = msgspec.msgpack.Encoder().encode


def write(db: sqlite3.Connection, batch: int, changes: Iterable[Learned]) -> None:
    """All or none of what one batch taught; the last word on a key counts. sqlite3.Error where it cannot be written."""
    rows = {
        (change.connection, change.format, change.key): None if change.value is None else _pack(change.value)
        for change in changes
    }
    db.execute("BEGIN IMMEDIATE")
    try:
        db.executemany(
            "INSERT OR REPLACE INTO learned (connection, format, key, batch, value) VALUES (?, ?, ?, ?, ?)",
            [(*key, batch, value) for key, value in rows.items()],
        )
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def read(db: sqlite3.Connection, before: int) -> list[Learned]:
    """What was known before this batch. A value that cannot be unpacked is left out: it will be learned again."""
    found = []
    for connection, wire_format, key, blob in db.execute(_NEWEST, {"before": before}):
        value = _unpack(blob)
        if value is not None:
            found.append(Learned(connection, wire_format, key, value))
    return found


def forget(db: sqlite3.Connection, first: int) -> int:
    """Drop what only batches before ``first``, the oldest that is kept, would ask for; how many rows."""
    outdated = db.execute(_OUTDATED, {"first": first}).rowcount
    return outdated + db.execute(_FORGOTTEN, {"first": first}).rowcount


def _unpack(blob: object) -> Any:
    try:
        return msgspec.msgpack.decode(blob) if isinstance(blob, bytes) else None
    except (msgspec.MsgspecError, ValueError):
        return None
