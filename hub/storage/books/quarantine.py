"""Frames that could not be understood, with their bytes, until somebody looks at them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, delete, func, insert, or_, select, update

from hub.flows.batch import Position, Refusal
from hub.flows.lists import EVERYTHING, Page, QuarantineCount, QuarantineFilter, QuarantineItem, Scope
from hub.storage.books.paging import equal, one_page, within
from hub.storage.books.upserts import Upsert
from hub.storage.tables import quarantine, quarantine_counts

PER_REASON: Final = 1_000
"""Kept per device and reason."""
TOTAL_BYTES: Final = 256 * 1024**2
"""Kept in all: payloads, and the topics they came on."""
_CONTENT_TYPE: Final = 100
"""Characters of a content type; beyond are parameters that no format asks for."""
_STATES: Final = ("redriven", "dismissed")

_COLUMNS: Final = tuple(quarantine.c[name] for name in QuarantineItem._fields)
_THERE: Final = select(quarantine.c.frame, quarantine.c.part).where(
    quarantine.c.journal == bindparam("of"), quarantine.c.batch == bindparam("nr")
)
_ADD: Final = insert(quarantine)
_BYTES: Final = select(func.coalesce(func.sum(quarantine_counts.c.kept_bytes), 0))
_COUNT: Final = select(quarantine_counts.c.kept, quarantine_counts.c.kept_bytes, quarantine_counts.c.dropped).where(
    quarantine_counts.c.device == bindparam("of"), quarantine_counts.c.reason == bindparam("why")
)
_SET_COUNT: Final = Upsert(quarantine_counts, ("device", "reason"), update=("kept", "kept_bytes", "dropped", "last_at"))


class QuarantineBook:
    """Implements hub.flows.ports.QuarantineBook and hub.flows.lists.QuarantineLists."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep(
        self,
        position: Position,
        refusals: Sequence[Refusal],
        *,
        per_reason: int = PER_REASON,
        total_bytes: int = TOTAL_BYTES,
    ) -> int:
        """Keep what there is room for and count the rest; how many were kept. A frame already here is passed over."""
        new = self._new(position, refusals)
        if not new:
            return 0
        groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for row in new:
            groups[row["device"], row["reason"]].append(row)
        room = total_bytes - self._connection.execute(_BYTES).scalar_one()
        kept = 0
        for (device, reason), rows in groups.items():
            taken = self._take(device, reason, rows, per_reason=per_reason, room=room)
            room -= sum(map(_size, taken))
            kept += len(taken)
        return kept

    def page(
        self, what: QuarantineFilter, scope: Scope = EVERYTHING, *, limit: int = 100, cursor: str | None = None
    ) -> Page[QuarantineItem]:
        query = select(*_COLUMNS).where(*_conditions(what, scope))
        order = (quarantine.c.received_at, quarantine.c.id)
        return one_page(self._connection, query, order, item_from_row, limit=limit, cursor=cursor)

    def get(self, item: int) -> QuarantineItem | None:
        row = self._connection.execute(select(*_COLUMNS).where(quarantine.c.id == item)).mappings().one_or_none()
        return None if row is None else item_from_row(row)

    def several(self, items: Sequence[int]) -> list[QuarantineItem]:
        query = select(*_COLUMNS).where(quarantine.c.id.in_(items))
        found = {row["id"]: item_from_row(row) for row in self._connection.execute(query).mappings()}
        return [found[item] for item in dict.fromkeys(items) if item in found]

    def counts(self, scope: Scope = EVERYTHING) -> tuple[QuarantineCount, ...]:
        """Most first. The device's hub id starts with its community, so scope is by that."""
        query = select(quarantine_counts).order_by(
            (quarantine_counts.c.kept + quarantine_counts.c.dropped).desc(), quarantine_counts.c.device
        )
        if not scope.everything:
            prefixes = [
                quarantine_counts.c.device.startswith(f"{name}~", autoescape=True) for name in scope.communities
            ]
            if not prefixes:
                return ()
            query = query.where(or_(*prefixes))
        rows = self._connection.execute(query).mappings()
        return tuple(QuarantineCount(**{name: row[name] for name in QuarantineCount._fields}) for row in rows)

    def waiting(self, connection: str, reasons: Collection[str], since: int, limit: int) -> list[int]:
        column = quarantine.c
        query = select(column.id).where(
            column.connection == connection,
            column.reason.in_(reasons),
            column.state == "kept",
            column.whole,
            column.received_at >= since,
        )
        order = (column.received_at, column.batch, column.frame)
        return list(self._connection.execute(query.order_by(*order).limit(limit)).scalars())

    def mark(self, items: Iterable[int], state: str) -> int:
        """``redriven`` or ``dismissed``: frees the place and lets the payload go; how many were still kept."""
        if state not in _STATES:
            raise ValueError(f"quarantine state {state!r}: expected one of {', '.join(_STATES)}")
        chosen = and_(quarantine.c.id.in_(list(items)), quarantine.c.state == "kept")
        self._free(chosen)
        changed = update(quarantine).where(chosen).values(state=state, payload=b"")
        return self._connection.execute(changed).rowcount

    def forget(self, before: int, *, limit: int = 500) -> int:
        """Delete what was received before this instant, at most ``limit`` rows; how many."""
        old = select(quarantine.c.id).where(quarantine.c.received_at < before).order_by(quarantine.c.id).limit(limit)
        ids = list(self._connection.execute(old).scalars())
        self._free(and_(quarantine.c.id.in_(ids), quarantine.c.state == "kept"))
        return self._connection.execute(delete(quarantine).where(quarantine.c.id.in_(ids))).rowcount

    def _new(self, position: Position, refusals: Sequence[Refusal]) -> list[dict[str, Any]]:
        there = {
            (frame, part)
            for frame, part in self._connection.execute(_THERE, {"of": position.journal, "nr": position.batch})
        }
        parts: dict[int, int] = defaultdict(int)
        rows = []
        for refusal in refusals:
            part = parts[refusal.frame]
            parts[refusal.frame] += 1
            if (refusal.frame, part) not in there:
                rows.append(_row(position, refusal, part))
        return rows

    def _take(
        self, device: str, reason: str, rows: list[dict[str, Any]], *, per_reason: int, room: int
    ) -> list[dict[str, Any]]:
        found = self._connection.execute(_COUNT, {"of": device, "why": reason}).one_or_none()
        kept, kept_bytes, dropped = tuple(found) if found is not None else (0, 0, 0)
        taken = []
        for row in rows[: max(0, per_reason - kept)]:
            room -= _size(row)
            if room < 0:
                break
            taken.append(row)
        if taken:
            self._connection.execute(_ADD, taken)
        count = {
            "device": device,
            "reason": reason,
            "kept": kept + len(taken),
            "kept_bytes": kept_bytes + sum(map(_size, taken)),
            "dropped": dropped + len(rows) - len(taken),
            "last_at": max(row["received_at"] for row in rows),
        }
        self._connection.execute(_SET_COUNT.on(self._connection), count)
        return taken

    def _free(self, chosen: ColumnElement[bool]) -> None:
        sums = (
            select(
                quarantine.c.device,
                quarantine.c.reason,
                func.count(),
                func.coalesce(func.sum(func.length(quarantine.c.payload) + func.length(quarantine.c.topic)), 0),
            )
            .where(chosen)
            .group_by(quarantine.c.device, quarantine.c.reason)
        )
        counts = quarantine_counts
        for device, reason, number, size in self._connection.execute(sums).all():
            self._connection.execute(
                update(counts)
                .where(counts.c.device == device, counts.c.reason == reason)
                .values(kept=counts.c.kept - number, kept_bytes=counts.c.kept_bytes - size)
            )


def item_from_row(row: RowMapping) -> QuarantineItem:
    """A row of ``quarantine`` as a value."""
    return QuarantineItem(**{name: row[name] for name in QuarantineItem._fields})


def _size(row: dict[str, Any]) -> int:
    """What is counted of a row: as the database measures it, a topic by characters."""
    return len(row["payload"]) + len(row["topic"])


def _row(position: Position, refusal: Refusal, part: int) -> dict[str, Any]:
    return {
        "journal": position.journal,
        "batch": position.batch,
        "frame": refusal.frame,
        "part": part,
        "community": refusal.community or "",
        "device": refusal.device or "",
        "connection": refusal.connection,
        "topic": refusal.topic,
        "payload": bytes(refusal.payload),
        "content_type": "".join(filter(str.isprintable, refusal.content_type))[:_CONTENT_TYPE],
        "received_at": refusal.received_at,
        "reason": refusal.reason,
        "detail": refusal.detail,
        "whole": refusal.whole,
        "state": "kept",
        "retained": refusal.retained,
    }


def _conditions(what: QuarantineFilter, scope: Scope) -> list[ColumnElement[bool]]:
    column = quarantine.c
    found = equal(
        (
            (column.community, what.community),
            (column.device, what.device),
            (column.reason, what.reason),
            (column.state, what.state),
        )
    )
    if what.since is not None:
        found.append(column.received_at >= what.since)
    return found + within(scope, column.community, None)
