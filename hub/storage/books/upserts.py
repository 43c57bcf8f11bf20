"""INSERT … ON CONFLICT, which SQLite and PostgreSQL both have and SQLAlchemy spells once for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite


class Upsert:
    """An insert that gives way to, or updates, the row that is already there. Built once, kept as a constant."""

    def __init__(self, table: Table, keys: tuple[str, ...], *, update: tuple[str, ...] = ()) -> None:
        self._by_dialect: Final[Mapping[str, Executable]] = {
            "sqlite": _statement(sqlite.insert(table), table, keys, update),
            "postgresql": _statement(postgresql.insert(table), table, keys, update),
        }

    def on(self, connection: Connection) -> Executable:
        """The statement in the connection's own words."""
        return self._by_dialect[connection.dialect.name]


def _statement(insert: Any, table: Table, keys: tuple[str, ...], update: tuple[str, ...]) -> Executable:
    elements = [table.c[key] for key in keys]
    if update:
        given = insert.on_conflict_do_update(
            index_elements=elements, set_={key: insert.excluded[key] for key in update}
        )
    else:
        given = insert.on_conflict_do_nothing(index_elements=elements)
    # SQLAlchemy forgets the row count of an INSERT unless asked: here it tells whether the row was new.
    return given.execution_options(preserve_rowcount=True)  # type: ignore[no-any-return]
