"""Lists with a stable order: filters, scope, and an opaque cursor over (sort key, id), newest first."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, false, or_, tuple_

from hub.errors import InvalidInput
from hub.flows.lists import Page, Scope

T = TypeVar("T")
LIMIT = 1000


def one_page(
    connection: Connection,
    query: Select[Any],
    order: tuple[ColumnElement[Any], ColumnElement[Any]],
    from_row: Callable[[RowMapping], T],
    *,
    limit: int,
    cursor: str | None,
) -> Page[T]:
    """One page of ``query``, falling by ``order`` (sort key, id). InvalidInput for a cursor that is not ours."""
    limit = max(1, min(limit, LIMIT))
    key, identity = order
    chosen = query.add_columns(key.label("_key"), identity.label("_identity"))
    if cursor is not None:
        chosen = chosen.where(tuple_(key, identity) < tuple_(*_decoded(cursor)))
    rows = connection.execute(chosen.order_by(key.desc(), identity.desc()).limit(limit + 1)).mappings().all()
    shown = rows[:limit]
    more = _encoded(shown[-1]["_key"], shown[-1]["_identity"]) if len(rows) > limit else None
    return Page(items=tuple(from_row(row) for row in shown), next=more)


def within(
    scope: Scope, community: ColumnElement[str], facility: ColumnElement[str] | None
) -> list[ColumnElement[bool]]:
    """The condition that keeps a list inside the caller's scope; none where the caller may see everything."""
    if scope.everything:
        return []
    ways: list[ColumnElement[bool]] = []
    if scope.communities:
        ways.append(community.in_(sorted(scope.communities)))
    if scope.facilities and facility is not None:
        ways.extend(
            and_(community == owner, facility.in_(sorted(f for c, f in scope.facilities if c == owner)))
            for owner in sorted({c for c, _ in scope.facilities})
        )
    return [or_(*ways) if ways else false()]


def equal(pairs: Iterable[tuple[ColumnElement[Any], object]]) -> list[ColumnElement[bool]]:
    """Column = value for every value that is given."""
    return [column == value for column, value in pairs if value is not None]


def _encoded(key: Any, identity: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps([key, identity]).encode()).decode().rstrip("=")


def _decoded(cursor: str) -> Sequence[int | str]:
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        found = None
    if not isinstance(found, list) or len(found) != 2 or type(found[0]) is not int or type(found[1]) not in (int, str):
        raise InvalidInput(
            f"cursor {cursor[:40]!r} is not one of this list",
            pointer="cursor",
            expected="the 'next' of the page before, unchanged",
        )
    return found
