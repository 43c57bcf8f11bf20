"""What becomes of a damaged journal: kept aside, and everything readable carried over into a new one."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hub.clock import to_iso
from hub.ingest import journal_file
from hub.ingest.journal_rows import INSERT, Row, unpack

_CORRUPT: Final = 11
_NOT_A_DATABASE: Final = 26
_COLUMNS: Final = ", ".join(("id", *Row._fields))


class Garbled(Exception):
    """The file is a database, but not a journal that can be carried on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What was done; stays in health until the next start."""

    aside: str
    reason: str
    batches: int
    last: int

    def sentence(self) -> str:
        """For an operator."""
        return (
            f"the journal was damaged ({self.reason}); {self.batches} batches up to number {self.last} were carried "
            f"over into a new one, the damaged file is kept as {self.aside}"
        )


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, and not the disk full or the file locked."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {_CORRUPT, _NOT_A_DATABASE} or "no such table" in str(error)


def check_tail(db: sqlite3.Connection) -> None:
    """Garbled where the newest batch cannot be read: a torn write, or a block of the disk gone bad."""
    meta = journal_file.read_meta(db)
    if not {"id", "format", "ancestor", "ancestor_last"} <= meta.keys():
        raise Garbled("its meta table is incomplete")
    row = db.execute("SELECT id, format, frames, blob FROM batches ORDER BY id DESC LIMIT 1").fetchone()
    if row is None:
        return
    number, blob_format, count, blob = row
    frames = unpack(blob_format, blob)
    if frames is None or len(frames) != count:
        raise Garbled(f"batch {number} cannot be unpacked")


def recover(path: Path, reason: str, now: int) -> Recovered:
    """Move the file aside and write a new journal with a new id and the old numbers. Leaves ``path`` ready to open."""
    aside = _aside(path, now)
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    old = sqlite3.connect(aside, isolation_level=None)
    building = path.with_name(path.name + ".building")
    for suffix in ("", "-wal", "-shm"):
        building.with_name(building.name + suffix).unlink(missing_ok=True)
    new = journal_file.connect(building)
    try:
        ancestor = _read_id(old)
        rows = _readable(old)
        last = max(_last_given(old), max(rows, default=0))
        journal_file.create(new, ancestor=ancestor, ancestor_last=last)
        _carry_over(old, new, sorted(rows))
        new.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        old.close()
        new.close()
    building.rename(path)
    return Recovered(aside=str(aside), reason=reason, batches=len(rows), last=last)


def _aside(path: Path, now: int) -> Path:
    stamp = to_iso(now).replace(":", "").replace(".", "")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    return aside


def _read_id(old: sqlite3.Connection) -> str:
    try:
        return journal_file.read_meta(old).get("id", "")
    except sqlite3.Error:
        return ""


def _last_given(old: sqlite3.Connection) -> int:
    try:
        row = old.execute("SELECT seq FROM sqlite_sequence WHERE name = 'batches'").fetchone()
    except sqlite3.Error:
        return 0
    return row[0] if row and isinstance(row[0], int) else 0


def _readable(old: sqlite3.Connection) -> set[int]:
    """Numbers of the batches that can be read: from the front up to the damage, and from the end back to it."""
    found: set[int] = set()
    for order in ("ASC", "DESC"):
        for row in _until_damage(old, order):
            if row[0] in found:
                break
            frames = unpack(row[1], row[-1]) if isinstance(row[-1], bytes) else None
            if frames is not None and len(frames) == row[4]:
                found.add(row[0])
    return found


def _until_damage(old: sqlite3.Connection, order: str) -> Iterator[tuple[Any, ...]]:
    try:
        yield from old.execute(f"SELECT {_COLUMNS} FROM batches ORDER BY id {order}")
    except sqlite3.Error:
        return


def _carry_over(old: sqlite3.Connection, new: sqlite3.Connection, numbers: list[int]) -> None:
    frames_before = bytes_before = 0
    insert = INSERT.replace("(", "(id, ", 1).replace("VALUES (", "VALUES (?, ")
    for number in numbers:
        row = Row(*old.execute(f"SELECT {_COLUMNS} FROM batches WHERE id = ?", (number,)).fetchone()[1:])
        row = row._replace(frames_before=frames_before, bytes_before=bytes_before)
        new.execute(insert, (number, *row))
        frames_before += row.frames
        bytes_before += row.size
    with contextlib.suppress(sqlite3.Error):  # not readable, or of a format before: the devices say it again
        known = old.execute("SELECT connection, format, key, batch, value FROM learned").fetchall()
        new.executemany("INSERT INTO learned VALUES (?, ?, ?, ?, ?)", known)
