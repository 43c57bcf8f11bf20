"""The data folder: where everything lives, and the lock that keeps a second hub out."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
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

    def of_other_series(self) -> tuple[Path, ...]:
        """SQLite: what the hub keeps itself of series stores elsewhere."""
        return tuple(sorted(self.root.glob("series-*.sqlite")))

    @property
    def broker(self) -> Path:
        """The embedded broker's own folder."""
        return self.root / "broker"

    @property
    def receivers(self) -> Path:
        """What each broker connection remembers between runs."""
        return self.root / "receivers"

    @property
    def polls(self) -> Path:
        """How far each poll of a vendor's cloud has come."""
        return self.root / "polls"

    @property
    def files(self) -> Path:
        """What people upload, each named by its checksum."""
        return self.root / "files"

    @property
    def restoring(self) -> Path:
        """A backup that is being brought back; there while that is not finished."""
        return self.root / "restoring"

    @property
    def broker_passwords(self) -> Path:
        """The hashed accounts of the embedded broker."""
        return self.broker / "passwords"

    def kept_beside(self) -> tuple[Path, ...]:
        """Files and folders that belong into a backup, beside the stores."""
        return (self.files, self.receivers, self.polls, self.broker_passwords, self.hub_id_file)

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

    @property
    def hub_id_file(self) -> Path:
        """Holds the hub's id, by which several on one database are told apart."""
        return self.root / "hub-id"

    def hub_id(self) -> str:
        """Made at the first start; goes with the positions in the records, so a backup has it too."""
        found = self.hub_id_file.read_text(encoding="ascii").strip() if self.hub_id_file.exists() else ""
        if not found:
            found = secrets.token_hex(4)
            self.hub_id_file.write_text(f"{found}\n", encoding="ascii")
        return found

    def make(self, *, unfinished: bool = False) -> None:
        """Create the folder, for its owner only. ``unfinished``: half a restore may lie in it."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"data folder {self.root}: cannot be made ({error.strerror}); set HUB_DATA_DIR to a folder you can write"
            ) from error
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise ConfigError(f"data folder {self.root}: not writable; set HUB_DATA_DIR to a folder you can write")
        if self.restoring.exists() and not unfinished:
            raise ConfigError(f"data folder {self.root}: a restore was cut short: run hub restore again")


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
