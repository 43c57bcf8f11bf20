"""Writing a backup: a folder that appears whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hub import __version__
from hub.backup import manifest
from hub.backup.snapshots import Cut, Snapshot
from hub.clock import to_iso
from hub.control import Progress, Say
from hub.datadir import DataDir
from hub.errors import ConfigError, StoreUnavailable

_SPARE: Final = 64 * 1024**2
"""What stays free beside a backup."""
_UNFINISHED: Final = (".new", ".part")
"""Files that are being written at this moment; the whole one is named without."""


def take(folder: Path, cut: Callable[[], Cut], data: DataDir, say: Say) -> manifest.Manifest:
    """Copy all stores as they are at one moment, and the files beside them, into ``folder``.

    It must not exist, or be empty. ConfigError where it cannot be used, StoreUnavailable where a store cannot be read;
    then nothing is left behind.
    """
    refuse_used(folder)
    part = folder.with_name(f".{folder.name}.unfinished")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _refuse_small(folder.parent, _needed(data))
        shutil.rmtree(part, ignore_errors=True)  # of a backup that was killed
        part.mkdir(mode=0o700)
    except OSError as error:
        raise ConfigError(f"backup folder {folder}: cannot be made ({error.strerror})") from error
    try:
        written = _fill(part, cut, data, say)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
        manifest.sync(folder.parent)
    except OSError as error:
        raise StoreUnavailable(f"backup {folder} could not be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return written


def refuse_used(folder: Path) -> None:
    """ConfigError where the folder holds anything: a backup never overwrites."""
    try:
        used = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise ConfigError(f"backup folder {folder}: cannot be read ({error.strerror})") from error
    if used:
        raise ConfigError(f"backup folder {folder} is in use: name one that does not exist yet")


def _needed(data: DataDir) -> int:
    stores = (data.journal, data.records, data.series, *data.of_other_series())
    beside = (path for kept in data.kept_beside() for path in manifest.files_below(kept))
    return sum(_size(path) for path in (*stores, *beside))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _refuse_small(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE:
        raise ConfigError(
            f"backup folder {folder}: {free // 1024**2} MiB are free, {(needed + _SPARE) // 1024**2} MiB are needed:"
            " name a folder on another disk"
        )


def _fill(part: Path, cut: Callable[[], Cut], data: DataDir, say: Say) -> manifest.Manifest:
    stores = cut()
    try:
        for store in stores.parts:
            _copy(part / store.name, store.what, store.snapshot, say)
            store.snapshot.close()
    finally:
        stores.close()
    for kept in data.kept_beside():
        _copy_files(kept, data.root, part)
    files = {}
    for path in manifest.files_below(part):
        path.chmod(0o600)
        manifest.sync(path)
        files[path.relative_to(part).as_posix()] = manifest.sum_of(path)
    written = manifest.Manifest(
        format=manifest.FORMAT,
        program=__version__,
        taken_at=to_iso(stores.at),
        schemas=manifest.own_schemas(),
        unjudged=stores.unjudged,
        files=files,
    )
    manifest.write(part, written)
    return written


def _copy(path: Path, what: str, snapshot: Snapshot, say: Say) -> None:
    total = max(snapshot.total, 1)
    snapshot.copy_to(path, lambda done: say(Progress(min(done, total), total, what)))
    say(Progress(total, total, what))


def _copy_files(kept: Path, root: Path, part: Path) -> None:
    """Small files that stand beside the stores; one that goes away meanwhile was not meant to be kept."""
    for path in manifest.files_below(kept):
        if path.suffix in _UNFINISHED:
            continue
        copied = part / path.relative_to(root)
        copied.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            shutil.copyfile(path, copied)
        except FileNotFoundError:
            copied.unlink(missing_ok=True)
