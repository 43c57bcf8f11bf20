"""Bringing a backup back into a data folder."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.backup import manifest
from hub.clock import to_iso
from hub.control import Progress, Say
from hub.datadir import DataDir, Lock
from hub.errors import ConfigError
from hub.ingest import journal_file
from hub.storage.records_copy import hold_notices_back, postgres_from_sqlite

_SUFFIXES: Final = ("", "-wal", "-shm", ".wal")
"""What SQLite and DuckDB put beside a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be restored, and how."""

    backup: Path
    replace: bool = False
    """Stores that are there are moved aside."""
    as_copy: bool = False
    """Beside the hub that was backed up, which goes on: new names at the brokers."""
    send_waiting: bool = False
    """Send what waited in the outbox when the backup was taken."""
    records_url: str | None = None
    """An empty PostgreSQL database for the records; None: SQLite in the data folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was done."""

    taken_at: str
    journal: str
    held_back: int
    """Notices that waited and will not be sent."""
    aside: Path | None
    """Where the stores that were there lie now."""


def restore(wish: Wish, data: DataDir, *, now: int, say: Say) -> Restored:
    """Check the backup, then put it into the data folder. The old stores, if any, are moved aside, never deleted.

    ConfigError where the backup is damaged or of a newer program, where a hub runs on the folder, or where it is in use.
    """
    found = manifest.read(wish.backup)
    _refuse_damaged(wish.backup, found, say)
    data.make(unfinished=True)
    lock = Lock(data.lock)
    lock.take("hub restore")
    try:
        return _restore(wish, data, found, now, say)
    finally:
        lock.release()


def _restore(wish: Wish, data: DataDir, found: manifest.Manifest, now: int, say: Say) -> Restored:
    cut_short = data.restoring.exists()
    used = [path.name for path in _stores(data) if path.exists()]
    if used and not (wish.replace or cut_short):
        raise ConfigError(
            f"data folder {data.root} is in use ({', '.join(used)}): name an empty one in HUB_DATA_DIR, or add --replace"
            " to move what is there aside"
        )
    staging = data.restoring
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700)
    try:
        journal, held = _prepare(wish, data, found, staging, say)
    except BaseException:
        if not cut_short:
            shutil.rmtree(staging, ignore_errors=True)  # nothing has been touched yet
        raise
    aside = _move_aside(data, [path for path in _places(data) if path.exists()], now)
    for path in manifest.files_below(staging):
        target = data.root / path.relative_to(staging)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.rename(target)
        manifest.sync(target.parent)
    shutil.rmtree(staging)
    return Restored(taken_at=found.taken_at, journal=journal, held_back=held, aside=aside)


def _prepare(wish: Wish, data: DataDir, found: manifest.Manifest, staging: Path, say: Say) -> tuple[str, int]:
    """Everything as it is to be, beside its place; the journal's new id, and how many notices are held back."""
    say(f"copying the backup of {found.taken_at}")
    try:
        _stage(wish, found, staging)
    except OSError as error:
        raise ConfigError(f"data folder {data.root}: the backup cannot be copied ({error.strerror})") from error
    journal = journal_file.succeed(staging / data.journal.name)
    records = staging / data.records.name
    held = 0
    if not wish.send_waiting:
        why = f"held back by hub restore: it waited when the backup of {found.taken_at} was taken, and has left since"
        held = hold_notices_back(records, why)
    if wish.records_url is not None:
        postgres_from_sqlite(
            records, wish.records_url, lambda *at: say(Progress(at[0], max(at[1], 1), f"rows ({at[2]})"))
        )
        records.unlink()
    for path in manifest.files_below(staging):
        manifest.sync(path)
    return journal, held


def _stores(data: DataDir) -> list[Path]:
    return [data.journal, data.records, data.series, *data.of_other_series()]


def _places(data: DataDir) -> list[Path]:
    files = [path.with_name(path.name + suffix) for path in _stores(data) for suffix in _SUFFIXES]
    return [*files, *data.kept_beside()]


def _refuse_damaged(folder: Path, found: manifest.Manifest, say: Say) -> None:
    done = 0
    for name, wanted in found.files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ConfigError(f"backup {folder}: its manifest names {name}, which is not in it: take another backup")
        try:
            there = manifest.sum_of(path)
        except OSError as error:
            raise ConfigError(
                f"backup {folder}: {name} cannot be read ({error.strerror}): take another backup"
            ) from error
        if there != wanted:
            raise ConfigError(
                f"backup {folder}: {name} is not what was written ({there.bytes} bytes, {wanted.bytes} expected,"
                f" checksum {'equal' if there.sha256 == wanted.sha256 else 'different'}): take another backup"
            )
        done += wanted.bytes
        say(Progress(done, max(found.bytes, 1), "checking the backup"))
    missing = {"journal.sqlite", "records.sqlite"} - found.files.keys()
    if missing:
        raise ConfigError(f"backup {folder} lacks {', '.join(sorted(missing))}: take another backup")


def _stage(wish: Wish, found: manifest.Manifest, staging: Path) -> None:
    for name in found.files:
        if wish.as_copy and name.startswith("receivers/"):
            continue
        target = staging / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(wish.backup / name, target)
        target.chmod(0o600)


def _move_aside(data: DataDir, there: list[Path], now: int) -> Path | None:
    if not there:
        return None
    aside = data.root / f"replaced-{to_iso(now).replace(':', '').replace('.', '')}"
    aside.mkdir(mode=0o700)
    for path in there:
        target = aside / path.relative_to(data.root)
        target.parent.mkdir(exist_ok=True, mode=0o700)
        path.rename(target)
    return aside
