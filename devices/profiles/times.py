"""Times as makers write them, to epoch milliseconds. No window of what is plausible: that is the hub's."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, Literal

Clock = Literal["auto", "s", "ms", "us", "ns", "iso", "local"]
"""``auto``: numbers by their size, texts as ISO 8601; ``iso``: with a zone, dashes and colons or none of them;
``local``: as iso, but the zone stands elsewhere."""

_ZONE: Final = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_DIGITS: Final = re.compile(r"-?\d{1,19}(?:\.\d{1,9})?")
_COMPACT: Final = re.compile(r"\d{14}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS: Final = 1e11
_MICROSECONDS: Final = 1e14
"""A number of at least that size counts these: 1e11 seconds are the year 5138."""
_FURTHEST: Final = 2**53
_PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


@lru_cache(maxsize=256)
def zone_of(text: str) -> timezone | None:
    """``UTC+8:00``, ``+08:00``, ``GMT-5``, ``Z``; None where it is none of them."""
    text = text.strip()
    if text.upper() in {"Z", "UTC", "GMT"}:
        return UTC
    match = _ZONE.fullmatch(text)
    if match is None:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    return timezone(-offset if match[1] == "-" else offset) if offset < timedelta(hours=24) else None


def from_number(value: float, unit: str) -> int | None:
    """Epoch ms of a number of ``s``, ``ms``, ``us``, ``ns``, or of what its size tells (``auto``)."""
    if unit == "auto":
        if isinstance(value, int) and _MILLISECONDS <= value < _MICROSECONDS:  # the everyday case
            return value
        unit = _unit_by_size(abs(value))
    if isinstance(value, float) and not math.isfinite(value * 1000):
        return None
    per_second = _PER_SECOND[unit]
    ms = value * 1000 // per_second if isinstance(value, int) else round(value * 1000 / per_second)
    return ms if -_FURTHEST < ms < _FURTHEST else None


def _unit_by_size(size: float) -> str:
    """Seconds until the year 5138, then milliseconds until the same year, and so on."""
    if size < _MILLISECONDS:
        return "s"
    if size < _MICROSECONDS:
        return "ms"
    return "us" if size < 1e17 else "ns"


def from_text(text: str, zone: timezone | None) -> int | None:
    """Epoch ms of a date and time; one without a zone of its own needs ``zone``."""
    text = text.strip()
    if _COMPACT.fullmatch(text):
        text = f"{text[:8]}T{text[8:]}"
    try:
        moment = datetime.fromisoformat(text.replace("/", "-"))
        if moment.tzinfo is None:
            if zone is None:
                return None
            moment = moment.replace(tzinfo=zone)
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None


def clock(kind: Clock, zone: timezone | None = None) -> Callable[[object, timezone | None], int | None]:
    """The reader of one kind of time: value and zone found in the message -> epoch ms, or None where it cannot be read."""
    unit = kind if kind in _PER_SECOND else "auto"

    def read(value: object, told: timezone | None = None) -> int | None:
        if isinstance(value, (int, float)):
            return None if isinstance(value, bool) or kind in {"iso", "local"} else from_number(value, unit)
        if not isinstance(value, str) or len(value) > 64:
            return None
        if kind not in {"iso", "local"} and not _COMPACT.fullmatch(value.strip()) and _DIGITS.fullmatch(value.strip()):
            return from_number(float(value) if "." in value else int(value), unit)
        return from_text(value, told or zone)

    return read
