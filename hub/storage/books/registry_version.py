"""The number of the registry's picture, by which lanes and pages see that there is a newer one."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from hub.storage.books.upserts import Upsert
from hub.storage.tables import meta

_KEY: Final = "registry_version"
_META: Final = Upsert(meta, ("key",), update=("value",))


def registry_version(connection: Connection) -> int:
    """At least 1; raised by every change."""
    found = connection.execute(select(meta.c.value).where(meta.c.key == _KEY)).scalar()
    return int(found) if found is not None else 1


def raise_registry_version(connection: Connection) -> None:
    """Something that the picture shows has changed."""
    row = {"key": _KEY, "value": str(registry_version(connection) + 1)}
    connection.execute(_META.on(connection), [row])
