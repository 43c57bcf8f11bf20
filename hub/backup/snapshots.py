"""The stores as they stand at one moment. A snapshot costs nothing to make; copying it takes as long as it takes."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from urllib.parse import quote

from hub.errors import StoreUnavailable

_PAGES: Final = 2_000
"""Copied in one step: about 8 to 32 MB."""


class Snapshot(Protocol):
    """A store at one moment."""

    @property
    def total(self) -> int:
        """How much there is to copy, in units of its own. May be asked for once the moment is over."""
        ...

    def copy_to(self, path: Path, told: Callable[[int], object]) -> None:
        """Into a new file; ``told`` hears how much is done. StoreUnavailable with the reason."""
        ...

    def close(self) -> None:
        """Let the store forget about it."""
        ...


class Part(NamedTuple):
    """One store of a backup."""

    name: str
    """Its file there."""
    what: str
    """As a person calls it."""
    snapshot: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """All stores at one and the same moment: what the records know, the journal holds."""

    parts: tuple[Part, ...]
    """Records first, the journal last."""
    at: int
    """Epoch ms."""
    unjudged: int
    """Batches of the journal that the alarm lane had not judged at that moment."""

    def close(self) -> None:
        """Let go of all of them."""
        for part in self.parts:
            part.snapshot.close()


class SqliteSnapshot:
    """A SQLite file as it is now: a reading transaction of its own, which writers do not wait for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None
        try:
            self._db = sqlite3.connect(
                f"file:{quote(str(path))}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=10
            )
            self._db.execute("PRAGMA query_only=ON")
            self._db.execute("BEGIN")
            self.total = int(self._db.execute("PRAGMA page_count").fetchone()[0])
            self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the moment: the first read fixes it
        except sqlite3.Error as error:
            self.close()
            raise StoreUnavailable(f"{path} cannot be read: {error}") from error

    def copy_to(self, path: Path, told: Callable[[int], object]) -> None:
        """Page by page; the transaction stays open, so that all pages are of one moment."""
        if self._db is None:
            raise StoreUnavailable(f"{self._path} is closed")
        try:
            with contextlib.closing(sqlite3.connect(path)) as copy:
                self._db.backup(
                    copy, pages=_PAGES, progress=lambda _status, left, total: told(max(0, total - left)), sleep=0.0
                )
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{self._path} could not be copied to {path}: {error}") from error

    def close(self) -> None:
        """End the transaction."""
        db, self._db = self._db, None
        if db is not None:
            db.close()
