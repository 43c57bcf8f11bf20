"""The journal: every message as received, one row per batch, durable before anybody is told so."""

from __future__ import annotations

import contextlib
import logging
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from hub.clock import HOUR, Clock
from hub.domain.health import Health, Status
from hub.domain.journal_standing import HALF_FULL, NEARLY_FULL, JournalStanding, eaten_up
from hub.errors import HubError, StoreUnavailable
from hub.flows.batch import Learned, Position
from hub.ingest import journal_file, journal_recovery, learned
from hub.ingest.frames import Frame
from hub.ingest.journal_room import Growth, Room, floor_of
from hub.ingest.journal_rows import INSERT, Row, pack, unpack
from hub.settings import JournalSettings

WINDOW: Final = 2 * 65_535
"""Frames kept behind every lane: two receive windows, in which repeats are still recognised."""
_PRUNE_STEP: Final = 64
_READ: Final = "SELECT id, format, last_received_at, frames, blob FROM batches"
_log = logging.getLogger(__name__)

DiskUsage = Callable[[Path], tuple[int, int, int]]


class PositionAhead(HubError):
    """A lane stands further on than its journal reaches: one of the two comes from another backup."""


class Batch(NamedTuple):
    """One row, read back."""

    number: int
    received_at: int
    frames: list[Frame]
    damaged: bytes | None = None
    """The blob, where it cannot be read any more; ``frames`` is then empty."""


class Backlog(NamedTuple):
    """What stands in the journal behind a lane."""

    batches: int
    frames: int
    bytes: int


class Journal:
    """SQLite in a file of its own, WAL, ``synchronous=FULL``. One thread appends and prunes, any thread reads.

    ``open`` raises ConfigError for a file of a newer program, StoreUnavailable where the file cannot be opened. A
    damaged file is kept aside; what can be read of it is carried over into a new journal with a new id.
    """

    def __init__(
        self, path: Path, settings: JournalSettings, clock: Clock, *, disk_usage: DiskUsage = shutil.disk_usage
    ) -> None:
        self._path = path
        self._settings = settings
        self._clock = clock
        self._disk_usage = disk_usage
        self._writing = threading.RLock()
        self._reading = threading.RLock()
        self._writer: sqlite3.Connection
        self._reader: sqlite3.Connection
        self._growth = Growth()
        self._needed_bytes = 0
        self._measured_since: int | None = None
        self.id = ""
        self.first = 1
        """Number of the oldest batch that is still kept (``last + 1`` while there is none)."""
        self.last = 0
        """Number of the newest committed batch; 0 before the first one."""
        self.last_received_at: int | None = None
        self.recovered: journal_recovery.Recovered | None = None
        self._lost: set[int] = set()
        self._ancestor = Position("", 0)
        self._frames_total = 0
        self._bytes_total = 0
        self._bytes_first = 0

    # --- life -------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open or make the file; recover it where it is damaged."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._open_file()
        except sqlite3.Error as error:
            if not journal_recovery.is_damage(error):
                raise StoreUnavailable(f"journal {self._path}: {error}") from error
            self._recover(str(error))
        except journal_recovery.Garbled as error:
            self._recover(str(error))

    def close(self) -> None:
        """Close the file; everything appended is in it already."""
        with self._writing, self._reading:
            self._reader.close()
            self._writer.close()

    def _open_file(self) -> None:
        db = journal_file.connect(self._path)
        try:
            if journal_file.is_empty(db):
                journal_file.create(db)
            journal_file.migrate(db, self._path)
            journal_recovery.check_tail(db)
            self._load(db)
        except BaseException:
            db.close()
            raise
        self._writer = db
        self._reader = journal_file.connect(self._path)
        self._reader.execute("PRAGMA query_only=1")

    def _recover(self, reason: str) -> None:
        self.recovered = journal_recovery.recover(self._path, reason, self._clock.now())
        _log.error("journal was damaged: %s", self.recovered.sentence(), extra={"action": "journal_recovered"})
        self._open_file()

    def _load(self, db: sqlite3.Connection) -> None:
        meta = journal_file.read_meta(db)
        self.id = meta["id"]
        self._ancestor = Position(meta["ancestor"], int(meta["ancestor_last"]))
        given = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'batches'").fetchone()
        newest = db.execute(
            "SELECT last_received_at, frames_before + frames, bytes_before + size FROM batches ORDER BY id DESC LIMIT 1"
        ).fetchone()
        oldest = db.execute("SELECT id, bytes_before FROM batches ORDER BY id LIMIT 1").fetchone()
        self.last = given[0] if given else 0
        if newest:
            self.last_received_at, self._frames_total, self._bytes_total = newest
        self.first, self._bytes_first = oldest or (self.last + 1, self._bytes_total)

    # --- writing ----------------------------------------------------------------------------------------------

    def append(self, frames: Sequence[Frame]) -> int:
        """Commit one batch; its number. When this returns it is on the disk.

        StoreUnavailable while the disk is too full or cannot be written: nothing was kept, try again later.
        """
        blob = pack(frames)
        with self._writing:
            room = self.room()
            if room.left <= len(blob):
                raise StoreUnavailable(
                    f"{room.free} bytes are free for the journal {self._path}, {room.floor} must stay free: make room"
                )
            row = Row.of(frames, blob, self._frames_total, self._bytes_total)
            try:
                number = self._writer.execute(INSERT, row).lastrowid
            except sqlite3.Error as error:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                cure = (
                    ": restart the hub, it carries over what can be read" if journal_recovery.is_damage(error) else ""
                )
                raise StoreUnavailable(f"journal {self._path} cannot be written: {error}{cure}") from error
            assert number is not None  # noqa: S101 - an INSERT into a rowid table always has one
            if self.first > self.last:
                self.first, self._bytes_first = number, self._bytes_total
            self.last = number
            self.last_received_at = row.last_received_at
            self._frames_total += row.frames
            self._bytes_total += row.size
            return number

    def remember(self, number: int, changes: Sequence[Learned]) -> None:
        """Keep what the formats learned from a batch. StoreUnavailable where it cannot be written: try again later."""
        with self._writing:
            try:
                learned.write(self._writer, number, changes)
            except sqlite3.Error as error:
                raise StoreUnavailable(f"journal {self._path} cannot be written: {error}") from error

    def known_before(self, number: int) -> list[Learned]:
        """What the formats knew when this batch came. StoreUnavailable where it cannot be read."""
        with self._reading:
            try:
                return learned.read(self._reader, number)
            except sqlite3.Error as error:
                raise StoreUnavailable(f"journal {self._path} cannot be read: {error}") from error

    def prune(self, needed: int) -> int:
        """Drop what nobody needs; how many batches. ``needed``: the last batch that every lane has done with.

        Always kept: what comes after it, and the window of frames before it. Of the rest goes, oldest first and a few
        at a time, what is older than the age limit, over the byte limit, or in the way while the disk is short.
        """
        with self._writing:
            try:
                return self._prune(needed)
            except sqlite3.Error as error:
                raise StoreUnavailable(f"journal {self._path} cannot be pruned: {error}") from error

    def _prune(self, needed: int) -> int:
        frames_done, bytes_done = self._totals_at(needed)
        self._needed_bytes = self._bytes_total - bytes_done
        now = self._clock.now()
        self._growth.note(now, self._bytes_total)
        if self._measured_since is None:
            self._measured_since = now
        oldest = now - round(self._settings.max_age_h * HOUR)
        short = self.room().short
        cut = 0
        rows = self._writer.execute(
            "SELECT id, last_received_at, frames_before + frames, bytes_before FROM batches ORDER BY id LIMIT ?",
            (_PRUNE_STEP,),
        ).fetchall()
        for number, received_at, frames_end, bytes_before in rows:
            over = self._bytes_total - bytes_before > self._settings.max_bytes
            if frames_end > frames_done - WINDOW or not (received_at < oldest or over or short):
                break
            cut = number
        if not cut:
            return 0
        dropped = self._writer.execute("DELETE FROM batches WHERE id <= ?", (cut,)).rowcount
        learned.forget(self._writer, cut + 1)
        if short:
            self._writer.execute("PRAGMA incremental_vacuum").fetchall()
        self.first = cut + 1
        self._bytes_first = self._totals_at(cut + 1, before=True)[1]
        return dropped

    def _totals_at(self, number: int, *, before: bool = False) -> tuple[int, int]:
        """(frames, bytes) ever written up to and with this batch, or just before it."""
        if number < self.first and not before:
            return 0, self._bytes_first
        ends = "frames_before, bytes_before" if before else "frames_before + frames, bytes_before + size"
        with self._reading:
            row = self._reader.execute(
                f"SELECT {ends} FROM batches WHERE id >= ? ORDER BY id LIMIT 1", (number,)
            ).fetchone()
        return row or (self._frames_total, self._bytes_total)

    def room(self) -> Room:
        """How much more the journal may take."""
        total, _, free = self._disk_usage(self._path.parent)
        with self._writing:
            pages = self._writer.execute("PRAGMA freelist_count").fetchone()[0]
            size = self._writer.execute("PRAGMA page_size").fetchone()[0]
        return Room(free=free + pages * size, floor=floor_of(self._settings.min_free, total))

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Nothing is appended or pruned while the block lasts; keep it short, intake waits."""
        with self._writing:
            yield

    # --- reading ----------------------------------------------------------------------------------------------

    def read(self, after: int, limit: int = 1) -> list[Batch]:
        """The next batches with a number above ``after``, oldest first."""
        with self._reading:
            try:
                rows = self._reader.execute(f"{_READ} WHERE id > ? ORDER BY id LIMIT ?", (after, limit)).fetchall()
            except sqlite3.Error as error:
                if not journal_recovery.is_damage(error):
                    raise StoreUnavailable(f"journal {self._path} cannot be read: {error}") from error
                rows = self._read_one_by_one(after, limit)
        return [self._batch(row) for row in rows]

    def _read_one_by_one(self, after: int, limit: int) -> list[tuple[Any, ...]]:
        """Around a damaged place: a batch that cannot be reached comes without frames, and is not passed over."""
        rows: list[tuple[Any, ...]] = []
        for number in range(after + 1, self.last + 1):
            try:
                row = self._reader.execute(f"{_READ} WHERE id = ?", (number,)).fetchone()
            except sqlite3.Error:
                row = (number, 0, 0, 0, b"")
            if row is not None:
                rows.append(row)
            if len(rows) == limit:
                break
        return rows

    def _batch(self, row: tuple[Any, ...]) -> Batch:
        number, blob_format, received_at, count, blob = row
        frames = unpack(blob_format, blob)
        if frames is not None and len(frames) == count:
            return Batch(number, received_at, frames)
        if number not in self._lost:
            self._lost.add(number)
            _log.error("batch %s of the journal cannot be read", number, extra={"action": "batch_damaged"})
        return Batch(number, received_at, [], blob)

    def before(self, number: int, frames: int) -> int:
        """The batch after which to start reading so that at least ``frames`` frames come before batch ``number``."""
        target = self._totals_at(number, before=True)[0] - frames
        low, high = self.first - 1, number - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self._totals_at(middle)[0] <= target:
                low = middle
            else:
                high = middle - 1
        return low

    def frames_before(self, number: int, count: int) -> tuple[int, Iterator[Frame]]:
        """At least the last ``count`` frames before batch ``number``, oldest first, and the batch that they begin with.

        Whole batches, read a few at a time: together they may be large. Fewer where the journal holds no more.
        """
        start = self.before(number, count)
        return start + 1, self._frames_between(start, number)

    def recent(self, count: int) -> Iterator[Frame]:
        """At least the newest ``count`` frames, oldest first."""
        return self.frames_before(self.last + 1, count)[1]

    def told(self, topic: bytes, since: int) -> Iterator[Frame]:
        """Frames of this topic that were received at ``since`` or later, oldest first. Other batches are not unpacked."""
        with self._reading:
            try:
                before = self._reader.execute(
                    "SELECT id FROM batches WHERE last_received_at < ? ORDER BY id DESC LIMIT 1", (since,)
                ).fetchone()
                start = before[0] if before else self.first - 1
                having = "SELECT id FROM batches WHERE id > ? AND instr(blob, ?) ORDER BY id"
                numbers = [number for (number,) in self._reader.execute(having, (start, topic))]
            except sqlite3.Error as error:
                raise StoreUnavailable(f"journal {self._path} cannot be read: {error}") from error
        for number in numbers:
            for batch in self.read(number - 1):
                yield from (frame for frame in batch.frames if frame.topic == topic and frame.received_at >= since)

    def _frames_between(self, done: int, end: int) -> Iterator[Frame]:
        while done + 1 < end and (batches := self.read(done, min(4, end - done - 1))):
            for batch in batches:
                if batch.number < end:
                    yield from batch.frames
            done = batches[-1].number

    def locate(self, position: Position | None) -> int:
        """The number of the last batch that a lane at this position has done with.

        An unknown journal id starts before this journal's first batch; that of the damaged journal which this one
        carries on keeps its number. PositionAhead where the position is beyond the journal: nothing is ever skipped.
        """
        if position is None:
            return self.first - 1
        if position.journal == self.id:
            if position.batch > self.last:
                raise PositionAhead(
                    f"position {position.batch} is ahead of journal {self.id}, which ends at {self.last}: "
                    "the journal is older than the store; restore both from the same backup"
                )
            return position.batch
        if position.journal and position.journal == self._ancestor.journal:
            return min(position.batch, self._ancestor.batch)
        return self.first - 1

    def shared_up_to(self, position: Position) -> int:
        """The newest batch up to this position that means the same here; 0 where another journal counted it."""
        if position.journal == self.id:
            return min(position.batch, self.last)
        if position.journal and position.journal == self._ancestor.journal:
            return min(position.batch, self._ancestor.batch)
        return 0

    def backlog(self, number: int) -> Backlog:
        """What comes after this batch."""
        if number >= self.last:
            return Backlog(0, 0, 0)
        frames, size = self._totals_at(number + 1, before=True)
        return Backlog(self.last - number, self._frames_total - frames, self._bytes_total - size)

    # --- health -----------------------------------------------------------------------------------------------

    @property
    def written(self) -> int:
        """Frames ever appended, also those that have been dropped since."""
        return self._frames_total

    def standing(self, now: int) -> JournalStanding:
        """For the hub's own alarm."""
        room = self.room()
        return JournalStanding(
            left=room.left,
            floor=room.floor,
            fill=room.fill(self._needed_bytes),
            hours_left=self._growth.hours_left(now, self._bytes_total, room.left),
            measured_since=self._measured_since,
        )

    def health(self, now: int) -> Health:
        """Room left, and whether the lanes' backlog is eating it up."""
        room = self.room()
        fill = room.fill(self._needed_bytes)
        facts: dict[str, str | int | float | None] = {
            "journal": self.id,
            "last_batch": self.last,
            "kept_batches": self.last - self.first + 1,
            "kept_bytes": self._bytes_total - self._bytes_first,
            "needed_bytes": self._needed_bytes,
            "free_bytes": room.free,
            "room_bytes": max(0, room.left),
            "fill_percent": round(100 * fill),
            "hours_left": self._growth.hours_left(now, self._bytes_total, room.left),
        }
        if room.left <= 0:
            reason = f"less than {room.floor} bytes are free: messages stay with the broker until there is room"
            return Health(component="journal", status=Status.DOWN, reason=reason, facts=facts)
        if fill >= HALF_FULL:
            level = "80 %" if fill >= NEARLY_FULL else "half"
            reason = f"over {level} of the room is taken by batches that a lane still needs; it lasts {facts['hours_left']} h"
            return Health(component="journal", status=Status.DEGRADED, reason=reason, facts=facts)
        if eaten_up(room.left, room.floor):
            reason = f"only {room.left} bytes are left for messages, something else fills the disk: make room"
            return Health(component="journal", status=Status.DEGRADED, reason=reason, facts=facts)
        if self.recovered is not None:
            return Health(component="journal", status=Status.DEGRADED, reason=self.recovered.sentence(), facts=facts)
        if self._lost:
            reason = (
                f"{len(self._lost)} batches cannot be read any more, the first is {min(self._lost)}: check the disk"
            )
            return Health(component="journal", status=Status.DEGRADED, reason=reason, facts=facts)
        return Health(component="journal", status=Status.OK, facts=facts)
