"""The unit of work over the records: one transaction, on SQLite or PostgreSQL, with the books open inside."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from hub.domain.health import Health, Status
from hub.domain.ids import IdMaker
from hub.errors import StoreUnavailable
from hub.storage import engines
from hub.storage.books import Books
from hub.storage.migrations import upgrade_postgres, upgrade_sqlite
from hub.storage.outages import collided, unavailable
from hub.storage.writer import WriterThread

T = TypeVar("T")
log = logging.getLogger(__name__)

SLOW_S: Final = 0.050
"""A unit of work that holds the writer longer than this is logged with its name."""
_TRIES: Final = 4
"""How often PostgreSQL may say that two transactions collided before the caller hears of it."""


class SqlRecords:
    """The records store (hub.flows.ports.Records). ``where`` is a SQLite file or a ``postgresql+psycopg://`` URL.

    ``open`` brings the schema up to date and must come first; ``close`` finishes what is queued.
    A unit of work must not open another one: that would wait for itself.
    """

    def __init__(self, where: Path | str, *, metrics: CollectorRegistry | None = None) -> None:
        self._where = where
        self._ids = IdMaker()
        self._inside = threading.local()
        self._trouble: dict[str, str] = {}
        self._store: _Sqlite | _Postgres | None = None
        self._hub = ""
        self._fence: Callable[[Connection], None] | None = None
        metrics = metrics or CollectorRegistry()
        self._seconds = Histogram(
            "hub_records_unit_seconds",
            "Time a unit of work held the records",
            buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5),
            registry=metrics,
        )
        self._slow = Counter("hub_records_slow_units_total", "Units of work over 50 ms", registry=metrics)
        self._away = Counter("hub_records_unavailable_total", "Units of work that the store refused", registry=metrics)

    def open(self, *, hub: str = "", fence: Callable[[Connection], None] | None = None) -> None:
        """Connect and migrate. ConfigError for a URL or a schema this program does not know.

        ``hub``: whose positions are whose, where several hubs share a database. ``fence`` looks, at the beginning of every
        transaction that writes, whether this hub still may.
        """
        self._hub, self._fence = hub, fence
        store = _Sqlite(self._where) if isinstance(self._where, Path) else _Postgres(engines.checked(self._where))
        try:
            store.open()
        except BaseException as error:
            store.close()
            outage = unavailable(error) if isinstance(error, SQLAlchemyError) else None
            if outage is None:
                raise
            raise outage from error
        self._store = store

    def close(self) -> None:
        """Finish what is queued, refuse what comes later."""
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def write(self, work: Callable[[Books], T]) -> T:
        """Run ``work`` in one transaction: committed when it returns, rolled back when it raises."""
        return self._guarded("write", work, lambda store: store.write(lambda connection: self._timed(work, connection)))

    def read(self, work: Callable[[Books], T]) -> T:
        """Run ``work`` on a snapshot that cannot be written to."""
        return self._guarded("read", work, lambda store: store.read(lambda connection: self._within(work, connection)))

    def health(self, now: int) -> Health:
        """Down from a refused write until one succeeds; degraded from a refused read until one succeeds."""
        if self._store is None:
            return Health(component="records", status=Status.DOWN, reason="records: the store is closed")
        for sort, status in (("write", Status.DOWN), ("read", Status.DEGRADED)):
            if (reason := self._trouble.get(sort)) is not None:
                return Health(component="records", status=status, reason=reason)
        return Health(component="records", status=Status.OK)

    def _guarded(self, sort: str, work: Callable[[Books], T], run: Callable[[_Sqlite | _Postgres], T]) -> T:
        if getattr(self._inside, "yes", False):
            raise RuntimeError(f"{_name(work)} opens a unit of work inside another one")
        store = self._store
        if store is None:
            raise StoreUnavailable("records: the store is closed")
        try:
            result = run(store)
        except SQLAlchemyError as error:
            outage = unavailable(error)
            if outage is None:
                raise
            self._away.inc()
            self._trouble[sort] = str(outage)
            raise outage from error
        self._trouble.pop(sort, None)
        return result

    def _timed(self, work: Callable[[Books], T], connection: Connection) -> T:
        start = time.perf_counter()
        with connection.begin():
            if self._fence is not None:
                self._fence(connection)
            result = self._within(work, connection)
        took = time.perf_counter() - start
        self._seconds.observe(took)
        if took > SLOW_S:
            self._slow.inc()
            log.warning(
                "unit of work %s held the records for %.0f ms",
                _name(work),
                took * 1000,
                extra={"action": "slow_unit", "caller": _name(work)},
            )
        return result

    def _within(self, work: Callable[[Books], T], connection: Connection) -> T:
        self._inside.yes = True
        try:
            return work(Books(connection, self._ids, self._hub))
        finally:
            self._inside.yes = False


class _Sqlite:
    """One file, one writer thread with one connection, readers on connections of their own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = WriterThread("records-writer")
        self._writer: Engine | None = None
        self._connection: Connection | None = None
        self._readers = engines.sqlite_readers(path)

    def open(self) -> None:
        upgrade_sqlite(self._path)
        self._thread.start()

    def close(self) -> None:
        self._thread.stop()
        self._drop()
        self._readers.dispose()

    def write(self, unit: Callable[[Connection], T]) -> T:
        return self._thread.run(lambda: self._run(unit))

    def read(self, unit: Callable[[Connection], T]) -> T:
        with self._readers.begin() as connection:
            return unit(connection)

    def _run(self, unit: Callable[[Connection], T]) -> T:
        try:
            return unit(self._connected())
        except SQLAlchemyError as error:
            if unavailable(error) is not None:
                self._drop()  # after an outage a fresh connection knows the file as it is now
            raise

    def _connected(self) -> Connection:
        if self._connection is None:
            self._writer = engines.sqlite_writer(self._path, create=False)
            self._connection = self._writer.connect()
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        writer, self._writer = self._writer, None
        if connection is not None:
            connection.close()
        if writer is not None:
            writer.dispose()


class _Postgres:
    """A server: each caller writes on a connection of the pool."""

    def __init__(self, url: str) -> None:
        self._engine = engines.postgres(url)
        self._readers = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def open(self) -> None:
        upgrade_postgres(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    def write(self, unit: Callable[[Connection], T]) -> T:
        for _ in range(_TRIES - 1):
            try:
                return self._once(unit)
            except SQLAlchemyError as error:
                if not collided(error):
                    raise
        return self._once(unit)

    def read(self, unit: Callable[[Connection], T]) -> T:
        with self._readers.begin() as connection:
            return unit(connection)

    def _once(self, unit: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return unit(connection)


def _name(work: Callable[..., object]) -> str:
    return f"{getattr(work, '__module__', '?')}.{getattr(work, '__qualname__', type(work).__name__)}"
