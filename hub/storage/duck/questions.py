"""Questions from pages and jobs: few at once, each on a cursor of its own, cut off when they take too long."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Final

import duckdb

from hub.errors import StoreUnavailable
from hub.flows.series import QueryInterrupted
from hub.storage.duck.database import Connection, Database

_AGAIN_S: Final = 0.02


class Questions:
    """Lends cursors. ``seconds`` bounds waiting for a turn and the question itself, each."""

    def __init__(self, database: Database, *, at_once: int, seconds: float) -> None:
        self._database = database
        self._turn = threading.BoundedSemaphore(at_once)
        self._seconds = seconds
        self._lock = threading.Lock()
        self._asked: set[Connection] = set()

    @contextlib.contextmanager
    def ask(self) -> Iterator[Connection]:
        """A cursor for one question. QueryInterrupted, StoreUnavailable."""
        if not self._turn.acquire(timeout=self._seconds):
            raise QueryInterrupted(
                f"the series store is busy with other questions and this one waited {self._seconds:g} s: try again"
            )
        try:
            with self._database.reading() as cursor, self._limited(cursor):
                yield cursor
        except duckdb.InterruptException as error:
            raise QueryInterrupted(
                f"the question to the series store was cut off after {self._seconds:g} s: "
                f"ask for a shorter time, fewer points or a longer step"
            ) from error
        except duckdb.ConnectionException as error:
            raise StoreUnavailable("the series store was closed while it was asked") from error
        finally:
            self._turn.release()

    def interrupt(self) -> None:
        """Cut off everything that is being asked just now."""
        with self._lock:
            for cursor in self._asked:
                cursor.interrupt()

    @contextlib.contextmanager
    def _limited(self, cursor: Connection) -> Iterator[None]:
        with self._lock:
            self._asked.add(cursor)
        done = threading.Event()
        watch = threading.Thread(target=self._watch, args=(cursor, done), name="series-watch", daemon=True)
        watch.start()
        try:
            yield
        finally:
            done.set()
            watch.join()
            with self._lock:
                self._asked.discard(cursor)

    def _watch(self, cursor: Connection, done: threading.Event) -> None:
        """Cut the question off when its time is up: again and again, for DuckDB forgets it between two statements."""
        if not done.wait(self._seconds):
            while not done.wait(_AGAIN_S):
                cursor.interrupt()
