"""Pages over what is kept in memory: the cursor is the last key that was shown."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import TypeVar

from hub.errors import InvalidInput

T = TypeVar("T")
Key = tuple[str, ...]


def page_of(items: Iterable[tuple[Key, T]], limit: int, cursor: str | None) -> tuple[list[T], str | None]:
    """The next ``limit`` items after the cursor, in order of their keys, and the cursor after them. Pure."""
    after = _read(cursor)
    rest = sorted((item for item in items if after is None or item[0] > after), key=lambda item: item[0])
    shown = rest[:limit]
    return [item for _, item in shown], _write(shown[-1][0]) if len(rest) > limit else None


def _write(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _read(cursor: str | None) -> Key | None:
    if cursor is None:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if isinstance(parts, list) and all(isinstance(part, str) for part in parts):
            return tuple(parts)
    except ValueError:
        pass
    raise InvalidInput("the cursor is not one of ours", pointer="query/cursor", expected="`next` of the page before")
