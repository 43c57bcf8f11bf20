"""The series as they are at one moment, copied into a file of their own while the lane goes on writing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import duckdb

from hub.errors import StoreUnavailable
from hub.storage.duck.database import Database, one

STEP: Final = 1_000_000
"""Rows copied between two words of progress; also bounds what is held in memory before it is on the disk."""
_ALIAS: Final = "backup_of_the_series"


class SeriesSnapshot:
    """A reading transaction, begun when this is made. Rows written later are not in it. ``close`` ends it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cursor = database.lend()
        self._open = True
        try:
            self._cursor.begin()
            found = self._cursor.execute(
                "select table_name, estimated_size from duckdb_tables() where database_name = current_database()"
            ).fetchall()
        except duckdb.Error:
            self.close()
            raise
        self._tables: tuple[str, ...] = tuple(sorted(name for name, _ in found))
        self.total = sum(size for _, size in found)
        """Rows, about."""

    def copy_to(self, path: Path, told: Callable[[int], object]) -> None:
        """Write every table into a new file; ``told`` hears how many rows are done. StoreUnavailable with the reason."""
        try:
            self._cursor.execute(f"attach '{_quoted(path)}' as {_ALIAS}")
            done = 0
            for table in self._tables:
                self._cursor.execute(f"create table {_ALIAS}.{table} as select * from {table} limit 0")
                end = one(self._cursor, f"select coalesce(max(rowid) + 1, 0) from {table}")[0]
                for begin in range(0, end, STEP):
                    done += one(
                        self._cursor,
                        f"insert into {_ALIAS}.{table} select * from {table}"
                        f" where rowid >= {begin} and rowid < {begin + STEP}",
                    )[0]
                    told(done)
            self._cursor.commit()
            self._cursor.execute(f"checkpoint {_ALIAS}")
        except duckdb.Error as error:
            reason = str(error).strip().partition("\n")[0]
            raise StoreUnavailable(f"the series could not be copied to {path}: {reason}") from error
        finally:
            self._let_go()

    def close(self) -> None:
        """End the transaction; once is enough."""
        if self._open:
            self._open = False
            self._let_go()
            self._database.take_back(self._cursor)

    def _let_go(self) -> None:
        with contextlib.suppress(duckdb.Error):
            self._cursor.rollback()
        with contextlib.suppress(duckdb.Error):
            self._cursor.execute(f"detach database if exists {_ALIAS}")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
