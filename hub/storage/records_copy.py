"""All records from one database into another: from SQLite to PostgreSQL and back, counted on both sides."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, Table, func, insert, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from hub.domain.notices import NoticeState
from hub.errors import ConfigError, StoreUnavailable
from hub.storage import engines
from hub.storage.migrations import upgrade_postgres, upgrade_sqlite
from hub.storage.outages import unavailable
from hub.storage.tables import metadata, quarantine

AT_ONCE: Final = 2_000
Told = Callable[[int, int, str], object]
"""Hears how many rows are done, of how many, and of which table the last ones were."""


def count_rows(connection: Connection) -> dict[str, int]:
    """Table -> rows."""
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
    }


def copy_rows(source: Connection, target: Connection, told: Told) -> dict[str, int]:
    """Every row of every table into the empty tables of ``target``; how many of each. The caller commits.

    ConfigError names table and reason where the other database does not take a row, or where the counts differ.
    """
    before = count_rows(source)
    done, total = 0, sum(before.values())
    for table in metadata.sorted_tables:
        rows = source.execution_options(stream_results=True, yield_per=AT_ONCE).execute(
            select(table).order_by(*table.primary_key.columns)
        )
        for part in rows.mappings().partitions():
            _insert(target, table, [dict(row) for row in part])
            done += len(part)
            told(done, total, table.name)
    if target.dialect.name == "postgresql":
        _go_on_counting(target)
    after = count_rows(target)
    if before != after:
        wrong = ", ".join(f"{name} {before[name]} to {after[name]}" for name in before if before[name] != after[name])
        raise ConfigError(f"records: after copying the counts differ ({wrong}): nothing was kept, try again")
    return after


def postgres_from_sqlite(path: Path, url: str, told: Told) -> dict[str, int]:
    """Copy a SQLite file's records into an empty PostgreSQL database, in one transaction: all of it or nothing.

    ConfigError where the URL is none, the file or the database is of a newer program, or the database holds records
    already.
    """
    try:
        target = engines.postgres(url)
    except ArgumentError as error:
        raise ConfigError("records: the URL cannot be read; expected postgresql+psycopg://user:pass@host/db") from error
    upgrade_sqlite(path)
    source = engines.sqlite_readers(path)
    try:
        upgrade_postgres(target)
        with source.begin() as reading, target.begin() as writing:
            _refuse_records(writing, target)
            return copy_rows(reading, writing, told)
    except SQLAlchemyError as error:
        outage = unavailable(error)
        if outage is None:
            raise
        raise StoreUnavailable(f"{outage}; nothing was kept, and the file is as it was: run it again") from error
    finally:
        source.dispose()
        target.dispose()


def shown(url: str) -> str:
    """The address without its password."""
    return make_url(url).render_as_string(hide_password=True)


class PostgresSnapshot:
    """The records of a PostgreSQL database, copied into a SQLite file. ``begin`` fixes the moment, ``close`` ends it.

    Connecting may take seconds, so it is done when this is made, before anything is held still for the moment.
    """

    def __init__(self, url: str) -> None:
        self._engine = engines.postgres(url).execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        try:
            self._connection = self._engine.connect()
        except SQLAlchemyError as error:
            self._engine.dispose()
            raise unavailable(error) or error from error

    def begin(self) -> None:
        """From now on nothing that others commit is seen."""
        try:
            self._connection.execute(text("SELECT 1"))  # the first statement takes PostgreSQL's snapshot
        except SQLAlchemyError as error:
            raise unavailable(error) or error from error

    @cached_property
    def total(self) -> int:
        """Rows. Counting them takes a while, and is not done while anybody waits."""
        return sum(count_rows(self._connection).values())

    def copy_to(self, path: Path, told: Callable[[int], object]) -> None:
        """Make the file with this program's schema and fill it."""
        upgrade_sqlite(path)
        target = engines.sqlite_writer(path, create=False)
        try:
            with target.begin() as writing:
                copy_rows(self._connection, writing, lambda done, _total, _table: told(done))
            with target.connect() as connection:
                connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except SQLAlchemyError as error:
            raise unavailable(error) or error from error
        finally:
            target.dispose()

    def close(self) -> None:
        """End the transaction and the connection."""
        self._connection.close()
        self._engine.dispose()


def hold_notices_back(path: Path, why: str) -> int:
    """Withdraw what waits in the outbox of a copied file; how many. ``why`` stands beside each of them."""
    waiting = (NoticeState.QUEUED.value, NoticeState.SENDING.value)
    with closing(sqlite3.connect(path)) as db, db:
        changed = db.execute(
            "UPDATE notices SET state = ?, lease_until = NULL, last_error = ? WHERE state IN (?, ?)",
            (NoticeState.WITHDRAWN.value, why, *waiting),
        )
        return changed.rowcount


def _insert(target: Connection, table: Table, rows: list[dict[str, object]]) -> None:
    try:
        target.execute(insert(table), rows)
    except DBAPIError as error:
        if unavailable(error) is not None:
            raise
        reason = str(error.orig).strip().partition("\n")[0]
        first = ", ".join(str(rows[0][column.name]) for column in table.primary_key.columns)
        raise ConfigError(
            f"records: a row of {table.name} (among the {len(rows)} from {first} on) is not taken: {reason};"
            " nothing was kept, and the source is as it was"
        ) from error


def _go_on_counting(target: Connection) -> None:
    """Numbers that PostgreSQL gives itself go on after the highest that was copied."""
    highest: Mapping[str, object] = {"last": target.execute(select(func.max(quarantine.c.id))).scalar() or 0}
    target.execute(
        text("SELECT setval(pg_get_serial_sequence('quarantine', 'id'), GREATEST(:last, 1), :last > 0)"), highest
    )


def _refuse_records(connection: Connection, engine: Engine) -> None:
    missing = {table.name for table in metadata.sorted_tables} - set(inspect(connection).get_table_names())
    found = {} if missing else {name: rows for name, rows in count_rows(connection).items() if rows}
    if found:
        told = ", ".join(f"{rows} {name}" for name, rows in sorted(found.items()))
        raise ConfigError(
            f"records: database {engine.url.database} holds records already ({told}): give it an empty database"
        )
