"""The DuckDB file: opened, checked, written in transactions, and its errors turned into the hub's own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb

from hub.errors import StoreUnavailable

SCHEMA: Final = 2
Connection = duckdb.DuckDBPyConnection

_TABLES: Final = """
create table meta (key varchar, text varchar, number bigint);
create table points (id integer, community varchar, device varchar, name varchar, hold bigint);
create table places (id integer, community varchar, facility varchar, unit varchar, kind varchar);
create table readings (point integer, time bigint, value double, quality utinyint, place integer);
create table texts (point integer, time bigint, text varchar, quality utinyint, place integer);
create table latest (point integer, time bigint, value double, quality utinyint);
create table cells (
    point integer, place integer, start bigint, count integer, total double, minimum double, maximum double,
    first double, last double, last_at bigint, integral double, known_ms integer
);
create table hours (point integer, place integer, start bigint, integral double, known_ms integer);
create table touched (point integer, start bigint);
create table gone (point integer, until bigint);
"""
# ``hours`` is made from ``cells`` with them, in the same transaction: a quarter of the rows for weekday x hour.
# No keys: the one writer keeps (point, time) unique itself, an index would cost a multiple of the rows.

_AT_REST: Final = "8MB"
"""Of memory, once it has been given back."""
_TRANSIENT: Final = (
    duckdb.OperationalError,
    duckdb.InternalError,
    duckdb.FatalException,
)


class Database:
    """One DuckDB file and the hub's one writing connection. Reading threads borrow cursors."""

    def __init__(self, path: Path, *, memory_limit: str, threads: int, checkpoint_bytes: int) -> None:
        self.path = path
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit,
            "threads": threads,
            "async_threads": threads,  # else four times the cores, each with an allocator's arena of its own
            "temp_directory": str(path.with_name(path.name + ".tmp")),
            "checkpoint_threshold": f"{checkpoint_bytes}B",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_scan_all_frames": False,
        }
        self._connection: Connection | None = None
        self._lending = threading.Lock()
        self._lent = 0

    @property
    def is_open(self) -> bool:
        """False also after a failure that only opening the file again can mend."""
        return self._connection is not None

    def open(self) -> None:
        """Open or make the file. StoreUnavailable names the file, the reason and what would be right."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = duckdb.connect(str(self.path), config=self._config)
        except (duckdb.Error, OSError) as error:
            raise StoreUnavailable(
                f"series store {self.path} cannot be opened: {_reason(error)}. Is another program using it, or is it "
                f"damaged? Restore it from a backup, or move it away: the hub then starts an empty one"
            ) from error
        try:
            _check_schema(connection, self.path)
        except duckdb.Error as error:
            connection.close()
            raise StoreUnavailable(f"series store {self.path} cannot be read: {_reason(error)}") from error
        except StoreUnavailable:
            connection.close()
            raise
        self._connection = connection

    def close(self) -> None:
        """Give the file back; what is in its write-ahead log goes into it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(duckdb.Error):
                connection.close()

    @property
    def connection(self) -> Connection:
        """The writing connection."""
        if self._connection is None:
            raise StoreUnavailable(f"series store {self.path} is not open")
        return self._connection

    def give_back(self) -> None:
        """Let go of blocks that are only remembered: DuckDB keeps what it has read, up to its limit, while it is open.

        Not while anybody reads, and nobody begins to meanwhile: what does not fit into the lower limit fails.
        """
        with self._lending:
            if self._lent:
                return
            try:
                with contextlib.suppress(duckdb.Error):  # something is still held: another time
                    self.connection.execute(f"set memory_limit = '{_AT_REST}'")
            finally:
                self.connection.execute(f"set memory_limit = '{self._config['memory_limit']}'")

    def lend(self) -> Connection:
        """A cursor of its own, for whoever reads on another thread; ``take_back`` ends it."""
        with self._lending:
            cursor = self.connection.cursor()
            self._lent += 1
            return cursor

    def take_back(self, cursor: Connection) -> None:
        """Close what was lent."""
        with self._lending:
            self._lent -= 1
        with contextlib.suppress(duckdb.Error):
            cursor.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing. StoreUnavailable: nothing is known to be written; the file is opened again before the next."""
        connection = self.connection
        try:
            connection.begin()
            yield connection
            connection.commit()
        except _TRANSIENT as error:
            self.close()
            raise StoreUnavailable(f"series store {self.path} cannot be written: {_reason(error)}") from error
        except BaseException:
            with contextlib.suppress(duckdb.Error):
                connection.rollback()
            raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A cursor of its own, for questions from any thread."""
        cursor = self.lend()
        try:
            yield cursor
        except _TRANSIENT as error:
            raise StoreUnavailable(f"series store {self.path} cannot be read: {_reason(error)}") from error
        finally:
            self.take_back(cursor)


def one(connection: Connection, question: str, parameters: Sequence[object] = ()) -> tuple[Any, ...]:
    """The one row of the answer; empty where there is none. Fetches to the end: DuckDB refuses to commit before that."""
    rows = connection.execute(question, list(parameters)).fetchall()
    return rows[0] if rows else ()


@contextlib.contextmanager
def columns(connection: Connection, name: str, arrays: Mapping[str, Any]) -> Iterator[None]:
    """Numpy columns as a table of this name, while the block lasts."""
    connection.register(name, dict(arrays))
    try:
        yield
    finally:
        with contextlib.suppress(duckdb.Error):
            connection.unregister(name)


def _check_schema(connection: Connection, path: Path) -> None:
    tables = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
    if "meta" in tables:
        row = one(connection, "select number from meta where key = 'schema'")
        found = row[0] if row else None
        if found == 1:
            _migrate(connection, _FROM_1)
        elif found != SCHEMA:
            raise StoreUnavailable(
                f"series store {path} has schema {found}, this program knows {SCHEMA}: "
                f"run the version of the hub that wrote it, or a newer one"
            )
        return
    if tables:
        raise StoreUnavailable(
            f"series store {path} was not made by the hub (it has tables {', '.join(sorted(tables))}): "
            f"move it away, the hub then starts an empty one"
        )
    connection.begin()
    connection.execute(_TABLES)
    connection.execute("insert into meta values ('schema', null, ?)", [SCHEMA])
    connection.commit()


_FROM_1: Final = """
create table gone (point integer, until bigint);
insert into gone select id, (select max(until) from forgotten) from points where exists (from forgotten);
drop table forgotten;
update meta set number = 2 where key = 'schema';
"""
# 1 forgot months of all points together; since 2 each point has its own instant.


def _migrate(connection: Connection, script: str) -> None:
    connection.begin()
    connection.execute(script)
    connection.commit()


def _reason(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__
