"""``hub migrate``: the records from SQLite into PostgreSQL."""

from __future__ import annotations

import argparse

from hub.commands.progress import Teller
from hub.control import Progress
from hub.datadir import DataDir, Lock
from hub.errors import ConfigError
from hub.settings import Settings

SCHEME = "postgresql+psycopg://"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "migrate",
        help="copy the records from SQLite into an empty PostgreSQL database",
        description="All of it or nothing, in one transaction: run it again if it was cut short. The SQLite file stays as"
        " it is. Stop the hub first; readings and journal stay where they are.",
        epilog="example: hub migrate --to postgresql+psycopg://hub:secret@db.example/hub",
    )
    parser.add_argument("--to", metavar="URL", help=f"{SCHEME}user:password@host/database (default: records.url)")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace, settings: Settings) -> int:
    """Copy, compare the counts, and say what to set."""
    from hub.storage.records_copy import postgres_from_sqlite, shown

    url = chosen.to or settings.records.url
    data = DataDir(settings.data_dir)
    if not url or not url.startswith(SCHEME):
        raise ConfigError(f"where to? add --to {SCHEME}user:password@host/database, or set HUB_RECORDS__URL")
    if not data.records.exists():
        raise ConfigError(f"no records at {data.records}: set HUB_DATA_DIR to the hub's data folder")
    lock = Lock(data.lock)
    lock.take("hub migrate")
    teller = Teller()
    try:
        counts = postgres_from_sqlite(
            data.records, url, lambda done, total, table: teller(Progress(done, max(total, 1), f"rows ({table})"))
        )
    finally:
        teller.end()
        lock.release()
    print(f"{sum(counts.values())} rows are in {shown(url)}, as many as in {data.records}:")
    for table, rows in sorted(counts.items()):
        if rows:
            print(f"{rows:>10}  {table}")
    if settings.records.url != url:
        print("now set records.url (HUB_RECORDS__URL) to it and start the hub")
    return 0
