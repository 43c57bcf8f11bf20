"""Tells a store that is away for a while from a mistake of our own."""

from __future__ import annotations

from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hub.errors import StoreUnavailable

_SQLITE_AWAY: Final = (
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_CANTOPEN",
    "SQLITE_READONLY",
)
_SQLITE_WORDS: Final = {
    "SQLITE_FULL": "the disk is full: free some space",
    "SQLITE_BUSY": "another program holds the file locked",
    "SQLITE_LOCKED": "another program holds the file locked",
    "SQLITE_CANTOPEN": "the file cannot be opened: is its folder still there and readable?",
    "SQLITE_READONLY": "the file is read-only: check its permissions",
    "SQLITE_IOERR": "the disk reports an input/output error",
}
_POSTGRES_AWAY: Final = ("08", "53", "57P", "58", "25006")
"""Connection, resources (disk full), shutdown, system error, read-only (a standby took the place of the leader)."""
_POSTGRES_COLLISION: Final = ("40001", "40P01", "55P03")
"""Serialization failure, deadlock, lock not available: another try is the cure."""


def collided(error: SQLAlchemyError) -> bool:
    """Whether the transaction lost against another one and can simply run again."""
    return isinstance(error, DBAPIError) and _sqlstate(error) in _POSTGRES_COLLISION


def unavailable(error: SQLAlchemyError) -> StoreUnavailable | None:
    """The outage that this error means, None where it is no outage. Names the reason, never the address."""
    if isinstance(error, PoolTimeout):
        return StoreUnavailable("records: all connections are in use")
    if not isinstance(error, DBAPIError):
        return None
    name = getattr(error.orig, "sqlite_errorname", None)
    if name is not None:
        return _sqlite_outage(str(name), error)
    state = _sqlstate(error)
    if state.startswith(_POSTGRES_AWAY) or state in _POSTGRES_COLLISION:
        return StoreUnavailable(f"records: PostgreSQL refuses just now ({state}: {_first_line(error)})")
    if error.connection_invalidated or (isinstance(error, OperationalError) and not state):
        return StoreUnavailable(f"records: PostgreSQL cannot be reached ({_first_line(error)})")
    return None


def _sqlite_outage(name: str, error: DBAPIError) -> StoreUnavailable | None:
    if not name.startswith(_SQLITE_AWAY):
        return None
    words = next((words for start, words in _SQLITE_WORDS.items() if name.startswith(start)), _first_line(error))
    return StoreUnavailable(f"records: {words} ({name})")


def _sqlstate(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]
