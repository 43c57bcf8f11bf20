"""Connections to the two databases that can hold the records, set up the way the hub needs them."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, Engine, StaticPool, create_engine, event
from sqlalchemy.pool import QueuePool

from hub.errors import ConfigError

BUSY_MS: Final = 5_000
"""How long SQLite waits for a lock that another program (a backup) holds."""
_READERS: Final = 4
_MORE_READERS: Final = 12
_POOL_WAIT_S: Final = 10


def sqlite_writer(path: Path, *, create: bool) -> Engine:
    """One connection that writes: WAL, every commit synced, BEGIN IMMEDIATE. ``create`` False: the file must exist."""
    mode = "rwc" if create else "rw"

    def connect() -> sqlite3.Connection:
        connection = _sqlite(path, mode)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def sqlite_readers(path: Path) -> Engine:
    """Connections that cannot write; each transaction sees one snapshot."""

    def connect() -> sqlite3.Connection:
        connection = _sqlite(path, "rw")
        connection.execute("PRAGMA query_only=ON")
        return connection

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=_READERS,
        max_overflow=_MORE_READERS,
        pool_timeout=_POOL_WAIT_S,
    )
    event.listen(engine, "begin", _begin)
    return engine


def postgres(url: str) -> Engine:
    """A pool that notices dead connections before it hands them out."""
    arguments: dict[str, Any] = {
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "tcp_user_timeout": 10_000,
        "application_name": "community-hub",
        "options": "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s",
    }
    return create_engine(
        url,
        connect_args=arguments,
        pool_pre_ping=True,
        pool_size=_READERS,
        max_overflow=_MORE_READERS,
        pool_timeout=_POOL_WAIT_S,
    )


def checked(url: str) -> str:
    """The URL; ConfigError where it is not one of PostgreSQL."""
    if not url.startswith("postgresql+psycopg://"):
        scheme = url.partition(":")[0]
        raise ConfigError(
            f"records.url (HUB_RECORDS__URL) starts with {scheme!r}; expected postgresql+psycopg://user:pass@host/database,"
            " or unset for SQLite in the data folder"
        )
    return url


def _sqlite(path: Path, mode: str) -> sqlite3.Connection:
    # isolation_level None: the driver starts no transaction of its own; ours begin where we say so.
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_MS / 1000,
        cached_statements=256,
    )
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    return connection


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
