"""The data folder: where everything lives, and the lock that keeps a second hub out."""

from __future__ import annotations

import fcntl
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hub.errors import ConfigError


@dataclass(frozen=True, slots=True)
class DataDir:
    """Names inside ``HUB_DATA_DIR``."""

    root: Path

    @property
    def journal(self) -> Path:
        """SQLite: every message as received."""
        return self.root / "journal.sqlite"

    @property
    def records(self) -> Path:
        """SQLite: registry, alarms, tickets, outbox, users."""
        return self.root / "records.sqlite"

    @property
    def series(self) -> Path:
        """DuckDB: readings and roll-ups."""
        return self.root / "series.duckdb"

    def series_positions(self, target: str) -> Path:
        """SQLite: what the hub keeps itself of a series store elsewhere; the file goes with the store, whatever it is for."""
        return self.root / f"series-{hashlib.sha256(target.encode()).hexdigest()[:12]}.sqlite"

    @property
    def broker(self) -> Path:
        """The embedded broker's own folder."""
        return self.root / "broker"

    @property
    def receivers(self) -> Path:
        """What each broker connection remembers between runs."""
        return self.root / "receivers"

    @property
    def socket(self) -> Path:
        """Commands reach the running hub here; the file's permissions are the credential."""
        return self.root / "hub.sock"

    @property
    def logins(self) -> Path:
        """The demo's users and passwords (0600)."""
        return self.root / "demo-logins"

    @property
    def lock(self) -> Path:
        """Held by whoever writes here."""
        return self.root / "hub.lock"

    def make(self) -> None:
        """Create the folder, for its owner only."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"data folder {self.root}: cannot be made ({error.strerror}); set HUB_DATA_DIR to a folder you can write"
            ) from error
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise ConfigError(f"data folder {self.root}: not writable; set HUB_DATA_DIR to a folder you can write")


class Lock:
    """One hub a data folder. Released when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def take(self, who: str) -> None:
        """Take the lock; ConfigError names the process that holds it."""
        file = self._path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            raise ConfigError(
                f"data folder {self._path.parent} is in use by {holder}: stop it, or set HUB_DATA_DIR to another folder"
            ) from None
        file.seek(0)
        file.truncate()
        file.write(f"{who} (process {os.getpid()})\n")
        file.flush()
        self._file = file

    def release(self) -> None:
        """Let others in."""
        if self._file is not None:
            self._file.close()
            self._file = None
