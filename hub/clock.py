"""The only place that reads the clock. Instants inside the hub are integer epoch milliseconds, UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Clock(Protocol):
    """What a flow needs of time."""

    def now(self) -> int:
        """Epoch milliseconds, UTC."""
        ...

    def steady(self) -> int:
        """Milliseconds since some moment: counts on whatever becomes of the machine's clock."""
        ...


class WallClock:
    """The machine's clock."""

    def now(self) -> int:
        """Epoch milliseconds, UTC."""
        return time.time_ns() // 1_000_000

    def steady(self) -> int:
        """Milliseconds since some moment."""
        return time.monotonic_ns() // 1_000_000


class ManualClock:
    """A clock that a test or the simulator winds forward by hand."""

    def __init__(self, start: int) -> None:
        self._now = start
        self._steady = 0

    def now(self) -> int:
        """Epoch milliseconds, UTC."""
        return self._now

    def steady(self) -> int:
        """Milliseconds wound forward so far."""
        return self._steady

    def advance(self, milliseconds: int) -> None:
        """Wind the clock on; winding it back is how a test makes a clock jump."""
        self._now += milliseconds
        self._steady += max(0, milliseconds)


def to_iso(instant: int) -> str:
    """ISO 8601 with milliseconds and zone: ``2026-11-23T01:02:03.004Z``."""
    return datetime.fromtimestamp(instant / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> int:
    """Epoch milliseconds of an ISO 8601 text; ValueError where it has no zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time {text!r} has no zone: write 2026-11-23T09:00:00+08:00 or end it with Z")
    return round(moment.timestamp() * 1000)
