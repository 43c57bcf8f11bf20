"""Forward migrations of the records' schema: which schema a database has, and the way up to this program's.

A schema is named by the number of its migration, ``0001`` and so on; ``versions/`` holds one file for each.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from hub.errors import ConfigError
from hub.storage.engines import sqlite_writer

log = logging.getLogger(__name__)

FOLDER: Final = Path(__file__).parent
VERSION_TABLE: Final = "schema_version"
_POSTGRES_LOCK: Final = 7_204_110_001
"""Any fixed number: one program migrates a database at a time."""


def upgrade_sqlite(path: Path, *, folder: Path = FOLDER) -> None:
    """Bring a SQLite file (made where it is missing) up to this program's schema; a copy is taken first.

    ConfigError where a newer program wrote it, or where it is something else.
    """
    engine = sqlite_writer(path, create=True)
    try:
        try:
            with engine.begin() as connection:
                current = _current(connection, str(path), folder)
        except DBAPIError as error:
            if getattr(error.orig, "sqlite_errorname", "") == "SQLITE_NOTADB":
                raise ConfigError(f"records: {path} is no SQLite file; move it away or restore a backup") from error
            raise
        if current == _known(folder)[-1]:
            return
        if current is not None:
            _copy(path, path.with_name(f"{path.name}.schema-{current}"))
        with engine.begin() as connection:
            _run(connection, folder)
    finally:
        engine.dispose()


def upgrade_postgres(engine: Engine, *, folder: Path = FOLDER) -> None:
    """Bring a database up to this program's schema. ConfigError as for SQLite; the backup is the operator's."""
    name = f"database {engine.url.database}"
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
        if _current(connection, name, folder) != _known(folder)[-1]:
            _run(connection, folder)


def known() -> tuple[str, ...]:
    """The schemas that this program can bring forward, its own last."""
    return tuple(_known(FOLDER))


def schema_of(connection: Connection, name: str) -> str | None:
    """The schema number of a database; None for an empty one. ConfigError as for opening it."""
    return _current(connection, name, FOLDER)


def _known(folder: Path) -> list[str]:
    return sorted(file.name[:4] for file in (folder / "versions").glob("[0-9]*_*.py"))


def _current(connection: Connection, name: str, folder: Path) -> str | None:
    """The schema number; None for an empty database."""
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return None
    if VERSION_TABLE not in tables:
        raise ConfigError(
            f"records: {name} is not one of this hub's: it has no {VERSION_TABLE}; give it an empty database of its own"
        )
    current: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    known = _known(folder)
    if current is not None and current not in known:
        raise ConfigError(
            f"records: {name} has schema {current}, this program knows up to {known[-1]}:"
            " run the newer program that wrote it, or restore the backup from before its upgrade"
        )
    return current


def _run(connection: Connection, folder: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes=_attributes(connection))
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    command.upgrade(config, "head")
    log.info("records: schema is now %s", _known(folder)[-1], extra={"action": "migrated"})


def _attributes(connection: Connection) -> dict[str, Any]:
    return {"connection": connection, "version_table": VERSION_TABLE}


def _copy(path: Path, target: Path) -> None:
    """A whole copy beside the file, named for the schema it has."""
    half = target.with_name(f"{target.name}.part")
    half.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(half)) as copy:
        source.backup(copy)
    half.replace(target)
    log.info("records: copied to %s before the upgrade", target, extra={"action": "copied"})
