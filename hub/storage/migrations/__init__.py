"""Forward migrations of the records' schema."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from hub.storage.engines import sqlite_writer
from hub.storage.tables import metadata


def upgrade_sqlite(path: Path) -> None:
    """Bring a SQLite file (made where it is missing) up to this program's schema."""
    engine = sqlite_writer(path, create=True)
    with engine.begin() as connection:
        metadata.create_all(connection)
    engine.dispose()


def upgrade_postgres(engine: Engine) -> None:
    """Bring a database up to this program's schema."""
    with engine.begin() as connection:
        metadata.create_all(connection)
