"""Times in which the hub could not hear a connection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, RowMapping, select

from hub.domain.ids import IdMaker
from hub.flows.batch import Gap
from hub.storage.books.upserts import Upsert
from hub.storage.tables import gaps

_ADD: Final = Upsert(gaps, ("connection", "kind", "started_at"), update=("ended_at", "detail"))
_COLUMNS: Final = tuple(gaps.c[name] for name in Gap._fields)


class GapBook:
    """Implements hub.flows.ports.GapBook and hub.flows.lists.GapLists."""

    def __init__(self, connection: Connection, ids: IdMaker) -> None:
        self._connection = connection
        self._ids = ids

    def add(self, gaps: Iterable[Gap]) -> None:
        rows = [{"id": self._ids.make(gap.started_at), **gap._asdict()} for gap in gaps]
        if rows:
            self._connection.execute(_ADD.on(self._connection), rows)

    def latest(self, limit: int) -> list[Gap]:
        query = select(*_COLUMNS).order_by(gaps.c.started_at.desc(), gaps.c.id.desc()).limit(limit)
        return [gap_from_row(row) for row in self._connection.execute(query).mappings()]

    def between(self, start: int, end: int) -> list[Gap]:
        """Gaps that touch the span, oldest first."""
        touching = (gaps.c.started_at < end, gaps.c.ended_at > start)
        query = select(*_COLUMNS).where(*touching).order_by(gaps.c.started_at, gaps.c.id)
        return [gap_from_row(row) for row in self._connection.execute(query).mappings()]


def gap_from_row(row: RowMapping) -> Gap:
    """A row of ``gaps`` as a value."""
    return Gap(**{name: row[name] for name in Gap._fields})
