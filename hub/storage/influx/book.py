"""What the hub keeps itself of a series store elsewhere: names, position, the cells that wait, and lines that were refused.

One SQLite file a target. The position is committed after the server's yes, so a kill in between sends again what the
server has already, which changes nothing there.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from hub.errors import StoreUnavailable
from hub.flows.batch import PointKey, Position
from hub.flows.series import IdArray, IntArray
from hub.storage.influx.protocol import Spot
from hub.storage.influx.sending import Rejected

SCHEMA: Final = 1
_ASKED: Final = 500
_MARK: Final = "mark."
_TABLES: Final = """
create table meta (key text primary key, text text, number integer) without rowid;
create table points (id integer primary key, community text, device text, name text, hold integer, gone integer);
create table places (id integer primary key, community text, facility text, unit text, kind text, metric text);
create table spots (
    point integer, place integer, first integer, last integer, at integer, value real, quality integer,
    primary key (point, place)
) without rowid;
create table said (point integer primary key, time integer, text text, quality integer);
create table touched (start integer, point integer, primary key (start, point)) without rowid;
create index touched_of_point on touched (point, start);
create table unread (point integer, start integer, reason text, at integer, primary key (point, start)) without rowid;
create table rejected (
    id integer primary key, at integer, line text, status integer, answer text, point integer, time integer
);
"""


Whose = tuple[int | None, int | None]
"""Point and time of a line; neither where it is no reading and no roll-up."""


class SpotRow(NamedTuple):
    """What is known of one series: its span, and its newest number."""

    point: int
    place: int
    first: int
    last: int
    at: int | None
    value: float | None
    quality: int | None


class Saying(NamedTuple):
    """The newest text of a point."""

    point: int
    time: int
    text: str
    quality: int


class Kept(NamedTuple):
    """A line that the server did not take."""

    id: int
    at: int
    line: str
    status: int
    """0: it was not even sent, because the answer is known."""
    answer: str


class Unread(NamedTuple):
    """A cell that could not be computed again, because the server does not give its readings."""

    point: int
    start: int
    reason: str
    at: int


class Book:
    """The file. Any thread; one statement or transaction at a time."""

    def __init__(self, path: Path, target: str) -> None:
        self.path = path
        self._target = target
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open or make the file. StoreUnavailable names it, the reason and what would be right."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=10)
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = full")
            self._check(connection)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(
                f"series positions {self.path} cannot be used: {error}. Restore the file from a backup, or move it away: the "
                f"hub then sends again what the journal still has"
            ) from error
        self._connection = connection

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _check(self, connection: sqlite3.Connection) -> None:
        made = connection.execute("select count(*) from sqlite_master").fetchone()[0]
        if not made:
            with connection:
                connection.executescript(f"begin; {_TABLES} commit;")
                connection.execute(
                    "insert into meta values ('schema', null, ?), ('target', ?, null), ('marks', null, 1)",
                    [SCHEMA, self._target],
                )
            return
        schema = connection.execute("select number from meta where key = 'schema'").fetchone()
        if schema is None or schema[0] != SCHEMA:
            connection.close()
            raise StoreUnavailable(
                f"series positions {self.path} have schema {schema and schema[0]}, this program knows {SCHEMA}: "
                f"run the version of the hub that wrote it, or a newer one"
            )
        target = connection.execute("select text from meta where key = 'target'").fetchone()[0]
        if target != self._target:
            connection.close()
            raise StoreUnavailable(
                f"series positions {self.path} belong to {target}, the settings name {self._target}: set HUB_SERIES__URL back, "
                f"or move the file away (the hub then fills the new store from its journal; hub replay brings what is older)"
            )

    @contextlib.contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._connection is None:
                raise StoreUnavailable(f"series positions {self.path} are not open")
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise StoreUnavailable(f"series positions {self.path} cannot be used: {error}") from error

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing."""
        with self._using() as connection:
            connection.execute("begin immediate")
            try:
                yield connection
                connection.execute("commit")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("rollback")
                raise

    def rows(self, question: str, parameters: Sequence[object] = ()) -> list[Any]:
        """The answer to one question."""
        with self._using() as connection:
            return connection.execute(question, parameters).fetchall()

    # --- what is loaded at the start ------------------------------------------------------------------------------

    def position(self) -> Position | None:
        """The committed one."""
        found = self.rows("select text, number from meta where key = 'position'")
        return Position(*found[0]) if found else None

    def points(self) -> list[tuple[PointKey, int, int | None]]:
        """Key, hold, and up to when readings are gone; in order of id."""
        rows = self.rows("select community, device, name, hold, gone from points order by id")
        return [(PointKey(*row[:3]), row[3], row[4]) for row in rows]

    def places(self) -> list[Spot]:
        """In order of id."""
        return [
            Spot(*row) for row in self.rows("select community, facility, unit, kind, metric from places order by id")
        ]

    def spots(self) -> list[SpotRow]:
        """Every series."""
        return [SpotRow(*row) for row in self.rows("select point, place, first, last, at, value, quality from spots")]

    def said(self) -> list[Saying]:
        """The newest texts."""
        return [Saying(*row) for row in self.rows("select point, time, text, quality from said")]

    def number(self, key: str) -> int:
        """A count that is kept in the file."""
        found = self.rows("select number from meta where key = ?", [key])
        return int(found[0][0]) if found else 0

    # --- how far others have come -----------------------------------------------------------------------------------

    def mark(self, name: str) -> str | None:
        """How far; empty: nothing yet; None: the file was made before there were marks in it."""
        found = self.rows("select text from meta where key = ?", [_MARK + name])
        if found:
            return str(found[0][0])
        return "" if self.number("marks") else None

    def set_mark(self, name: str, value: str) -> None:
        """The next one begins there."""
        with self.transaction() as connection:
            connection.execute("insert or replace into meta values (?, ?, null)", [_MARK + name, value])

    # --- cells that wait --------------------------------------------------------------------------------------------

    def due(self, until: int, limit: int, span: int) -> tuple[IdArray, IntArray]:
        """The oldest touched cells that start by ``until``, at most ``span`` of time and ``limit`` of them."""
        rows = self.rows(
            "select point, start from touched where start <= ? and start < (select min(start) from touched) + ? "
            "order by start, point limit ?",
            [until, span, limit],
        )
        return _columns(rows)

    def waiting(self, points: IdArray, start: int, end: int) -> tuple[IdArray, IntArray]:
        """Touched cells of these points in a span."""
        return _columns(self._cells("touched", points.tolist(), start, end))

    def not_recomputed(self, points: Sequence[int], start: int, end: int) -> dict[int, list[int]]:
        """By point, the starts of those of its cells in a span that could not be computed again."""
        found: dict[int, list[int]] = {}
        for point, at in self._cells("unread", points, start, end):
            found.setdefault(point, []).append(at)
        return found

    def _cells(self, table: str, points: Sequence[int], start: int, end: int) -> list[tuple[int, int]]:
        rows: list[tuple[int, int]] = []
        for at in range(0, len(points), _ASKED):
            some = ", ".join(map(str, points[at : at + _ASKED]))
            rows += self.rows(
                f"select point, start from {table} where point in ({some}) and start >= ? and start < ?", [start, end]
            )
        return rows

    def count_waiting(self) -> int:
        """How many cells wait."""
        return int(self.rows("select count(*) from touched")[0][0])


def save_names(
    connection: sqlite3.Connection,
    points: Iterable[tuple[int, PointKey, int]],
    places: Iterable[tuple[int, Spot]],
) -> None:
    """New names, with their ids."""
    connection.executemany(
        "insert into points values (?, ?, ?, ?, ?, null)", ((number, *key, hold) for number, key, hold in points)
    )
    connection.executemany("insert into places values (?, ?, ?, ?, ?, ?)", ((number, *spot) for number, spot in places))


def save_spots(connection: sqlite3.Connection, spots: Iterable[SpotRow]) -> None:
    """Series as they are now."""
    connection.executemany("insert or replace into spots values (?, ?, ?, ?, ?, ?, ?)", spots)


def save_said(connection: sqlite3.Connection, sayings: Iterable[Saying]) -> None:
    """Newest texts."""
    connection.executemany("insert or replace into said values (?, ?, ?, ?)", sayings)


def touch(connection: sqlite3.Connection, points: IdArray, starts: IntArray) -> None:
    """Put cells on the waiting list."""
    connection.executemany(
        "insert or ignore into touched values (?, ?)", zip(starts.tolist(), points.tolist(), strict=True)
    )


def finish(connection: sqlite3.Connection, points: IdArray, starts: IntArray) -> None:
    """Take cells off the waiting list."""
    pairs = list(zip(starts.tolist(), points.tolist(), strict=True))
    connection.executemany("delete from touched where start = ? and point = ?", pairs)
    connection.executemany("delete from unread where start = ? and point = ?", pairs)


def save_position(connection: sqlite3.Connection, position: Position) -> None:
    """The batch whose effects the server has."""
    connection.execute("insert or replace into meta values ('position', ?, ?)", position)


def add(connection: sqlite3.Connection, key: str, number: int) -> None:
    """Count on."""
    connection.execute(
        "insert into meta values (?, null, ?) on conflict (key) do update set number = number + excluded.number",
        [key, number],
    )


def keep_rejected(
    connection: sqlite3.Connection, at: int, lines: Iterable[Rejected], whose: Mapping[str, Whose]
) -> None:
    """Lines the server did not take: never thrown away, see ``hub series``. ``whose``: point and time of each line."""
    connection.executemany(
        "insert into rejected (at, line, status, answer, point, time) values (?, ?, ?, ?, ?, ?)",
        ((at, *line, *whose[line.line]) for line in lines),
    )


def give_up(connection: sqlite3.Connection, until: Mapping[int, int]) -> None:
    """Readings of these points before these instants are gone, and the cells before them are final."""
    rows = [(instant, instant, number) for number, instant in until.items()]
    connection.executemany("update points set gone = max(coalesce(gone, ?), ?) where id = ?", rows)
    connection.executemany("delete from touched where start < ? and point = ?", [row[1:] for row in rows])


def keep_unread(connection: sqlite3.Connection, cells: Iterable[tuple[int, int, str, int]]) -> None:
    """Cells whose readings the server does not give: (point, start, reason, now)."""
    connection.executemany("insert or replace into unread values (?, ?, ?, ?)", cells)


def blame(connection: sqlite3.Connection, number: int, at: int, status: int, answer: str) -> None:
    """A refused line was refused again."""
    connection.execute("update rejected set at = ?, status = ?, answer = ? where id = ?", [at, status, answer, number])


def release(connection: sqlite3.Connection, number: int) -> None:
    """A refused line has been taken."""
    connection.execute("delete from rejected where id = ?", [number])


def _columns(rows: list[tuple[int, int]]) -> tuple[IdArray, IntArray]:
    if not rows:
        return np.zeros(0, np.int32), np.zeros(0, np.int64)
    both = np.array(rows, np.int64)
    return both[:, 0].astype(np.int32), both[:, 1]
