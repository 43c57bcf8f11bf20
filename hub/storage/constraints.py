"""Names the constraint behind a database error, so that callers can tell one violation from another."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Index, PrimaryKeyConstraint, UniqueConstraint
from sqlalchemy.exc import IntegrityError

from hub.storage.tables import metadata

_SQLITE_PREFIX: Final = "UNIQUE constraint failed: "


def violated(error: IntegrityError) -> str:
    """The constraint's name as in tables.py; empty where the database does not say.

    PostgreSQL names it. SQLite lists ``table.column, …`` also for a partial index, so its columns are looked up.
    """
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return str(diagnosis.constraint_name or "")
    text = str(error.orig)
    return _BY_COLUMNS.get(text.removeprefix(_SQLITE_PREFIX), "") if text.startswith(_SQLITE_PREFIX) else ""


def _unique_columns() -> dict[str, str]:
    found: dict[str, str] = {}
    for table in metadata.tables.values():
        unique: list[Index | UniqueConstraint | PrimaryKeyConstraint] = [i for i in table.indexes if i.unique]
        unique += [c for c in table.constraints if isinstance(c, UniqueConstraint | PrimaryKeyConstraint)]
        for item in unique:
            columns = list(item.columns)
            found[", ".join(f"{table.name}.{column.name}" for column in columns)] = str(item.name)
    return found


_BY_COLUMNS: Final = _unique_columns()
