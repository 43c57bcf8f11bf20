"""``hub backup`` and ``hub restore``: everything the hub keeps, into a folder and back."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hub import control
from hub.clock import WallClock
from hub.commands.progress import Teller
from hub.datadir import DataDir, Lock
from hub.errors import ConfigError
from hub.settings import Settings


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare both commands."""
    taking = commands.add_parser(
        "backup",
        help="copy everything the hub keeps into a new folder, also while it runs",
        description="Records, readings, journal and files, all of one moment. The folder appears when it is complete.",
        epilog="example: hub backup /mnt/backups/hub-before-upgrade",
    )
    taking.add_argument("folder", type=Path, help="does not exist yet, or is empty")
    taking.set_defaults(run=take_backup)
    bringing = commands.add_parser(
        "restore",
        help="bring a backup back into the data folder",
        description="No hub may run on the data folder. Checksums are compared first; nothing is ever deleted.",
        epilog="example: HUB_DATA_DIR=/var/lib/hub hub restore /mnt/backups/hub-20261126T022000Z",
    )
    bringing.add_argument("folder", type=Path, help="written by hub backup")
    bringing.add_argument("--replace", action="store_true", help="move what is in the data folder aside")
    bringing.add_argument(
        "--as-copy",
        action="store_true",
        help="the hub that was backed up goes on: take new names at the brokers (a drill, a test system)",
    )
    bringing.add_argument(
        "--send-waiting",
        action="store_true",
        help="send the notices that waited when the backup was taken (left out: they have most likely left since)",
    )
    bringing.set_defaults(run=restore_backup)


def take_backup(chosen: argparse.Namespace, settings: Settings) -> int:
    """Inside the running hub, or here while none runs."""
    folder = chosen.folder.absolute()
    teller = Teller()
    try:
        try:
            answer = control.call(DataDir(settings.data_dir).socket, "backup", {"folder": str(folder)}, teller)
        except ConnectionError:
            answer = _take_here(folder, settings, teller)
    finally:
        teller.end()
    print(f"wrote {folder}: {answer['files']} files, {answer['bytes'] / 1024**2:.1f} MiB, of {answer['taken_at']}")
    return 0


def _take_here(folder: Path, settings: Settings, say: control.Say) -> dict[str, Any]:
    from hub.backup.cutting import cut_of_files
    from hub.backup.taking import take
    from hub.storage.series_duckdb import DuckSeries

    data = DataDir(settings.data_dir)
    if not data.journal.exists():
        raise ConfigError(f"no hub has ever run in {data.root}: set HUB_DATA_DIR to the hub's data folder")
    data.make()
    lock = Lock(data.lock)
    lock.take("hub backup")
    series = None
    try:
        if data.series.exists():
            series = DuckSeries(data.series, memory_limit=settings.series.memory_limit, threads=settings.series.threads)
            series.open()
        written = take(folder, lambda: cut_of_files(data, settings.records.url, WallClock(), series), data, say)
        return {"files": len(written.files), "bytes": written.bytes, "taken_at": written.taken_at}
    finally:
        if series is not None:
            series.close()
        lock.release()


def restore_backup(chosen: argparse.Namespace, settings: Settings) -> int:
    """Say what was done, and what to know of it."""
    from hub.backup.restoring import Wish, restore

    data = DataDir(settings.data_dir)
    wish = Wish(
        backup=chosen.folder.absolute(),
        replace=chosen.replace,
        as_copy=chosen.as_copy,
        send_waiting=chosen.send_waiting,
        records_url=settings.records.url,
    )
    teller = Teller()
    try:
        done = restore(wish, data, now=WallClock().now(), say=teller)
    finally:
        teller.end()
    print(f"{data.root} is again as it was at {done.taken_at}")
    if done.aside is not None:
        print(f"what was there before lies in {done.aside}")
    if done.held_back:
        print(f"{done.held_back} notices waited when the backup was taken and are held back: --send-waiting sends them")
    return 0
