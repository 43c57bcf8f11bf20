"""The journal's file: its tables, its format number, and how an older file is brought forward."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from hub.errors import ConfigError
from hub.ingest import learned

FORMAT: Final = 2
_PAGE: Final = 16_384

_TABLES: Final = (
    """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    format INTEGER NOT NULL,
    first_received_at INTEGER NOT NULL,
    last_received_at INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    size INTEGER NOT NULL,
    frames_before INTEGER NOT NULL,
    bytes_before INTEGER NOT NULL,
    blob BLOB NOT NULL
);
"""
    + learned.TABLE
)

Migration = Callable[[sqlite3.Connection], object]
MIGRATIONS: Final[Mapping[int, Migration]] = {1: lambda db: db.execute(learned.TABLE)}
"""Format -> what brings a file of that format to the next one. Each runs in a transaction together with the number."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection on which a commit is durable; threads share it under the journal's locks."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    db.execute(f"PRAGMA page_size={_PAGE}")
    db.execute("PRAGMA auto_vacuum=INCREMENTAL")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    return db


def create(db: sqlite3.Connection, *, ancestor: str = "", ancestor_last: int = 0) -> str:
    """Make the tables; returns the new journal's id. ``ancestor`` is the damaged journal that it carries on."""
    journal_id = str(uuid.uuid4())
    db.execute("BEGIN IMMEDIATE")
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            db.execute(statement)
    rows = [("id", journal_id), ("format", str(FORMAT)), ("ancestor", ancestor), ("ancestor_last", str(ancestor_last))]
    db.executemany("INSERT INTO meta VALUES (?, ?)", rows)
    if ancestor_last:
        db.execute("INSERT INTO sqlite_sequence VALUES ('batches', ?)", (ancestor_last,))
    db.execute("COMMIT")
    return journal_id


def succeed(path: Path) -> str:
    """Make a copy of a journal a journal of its own: a new id, the old numbers, and the old one as its ancestor.

    Lanes that stood in the old one go on where they were; what the old one appends later is never taken for this one's.
    """
    db = connect(path)
    try:
        migrate(db, path)
        journal_id = str(uuid.uuid4())
        given = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'batches'").fetchone()
        rows = [("id", journal_id), ("ancestor", read_meta(db)["id"]), ("ancestor_last", str(given[0] if given else 0))]
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", rows)
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        db.close()
    return journal_id


def is_empty(db: sqlite3.Connection) -> bool:
    """Nothing has been made in this file yet (also after a kill during the very first start)."""
    return not db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()


def read_meta(db: sqlite3.Connection) -> dict[str, str]:
    """The journal's id, format and ancestor."""
    return dict(db.execute("SELECT key, value FROM meta").fetchall())


def migrate(
    db: sqlite3.Connection,
    path: Path,
    *,
    target: int = FORMAT,
    migrations: Mapping[int, Migration] = MIGRATIONS,
) -> None:
    """Bring the file forward, one format at a time. ConfigError for a file of a newer program."""
    found = int(read_meta(db)["format"])
    if found > target:
        raise ConfigError(
            f"journal {path} has format {found}, this program knows up to {target}: "
            "start it with the version that wrote it, or a newer one"
        )
    for number in range(found, target):
        db.execute("BEGIN IMMEDIATE")
        try:
            migrations[number](db)
            db.execute("UPDATE meta SET value = ? WHERE key = 'format'", (str(number + 1),))
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
