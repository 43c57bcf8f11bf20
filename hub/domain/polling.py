"""What a question to a vendor's cloud says: an address and headers with a few fixed blanks, filled in anew each time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

TIMES: Final = ("since", "since_s", "since_ms", "now", "now_s", "now_ms")
"""ISO 8601, epoch seconds, epoch milliseconds: of the span that is asked for."""
BLANKS: Final = ("secret", "cursor", *TIMES)
_BLANK: Final = re.compile(r"\{([^{}]*)\}")


def unknown_blanks(template: str) -> tuple[str, ...]:
    """The blanks of a template that nobody can fill in."""
    return tuple(found for found in _BLANK.findall(template) if found not in BLANKS)


def asks_for_a_span(template: str) -> bool:
    """Whether each question differs from the one before, so that no answer can be *not modified*."""
    return any(found in TIMES for found in _BLANK.findall(template))


def values(*, secret: str, cursor: str, since: int, now: int) -> Mapping[str, str]:
    """What stands in the blanks; ``since`` and ``now``: epoch ms."""
    return {
        "secret": secret,
        "cursor": cursor,
        "since": _iso(since),
        "since_s": str(since // 1000),
        "since_ms": str(since),
        "now": _iso(now),
        "now_s": str(now // 1000),
        "now_ms": str(now),
    }


def fill(template: str, found: Mapping[str, str], *, in_address: bool) -> str:
    """The template with its blanks filled; in an address every value is quoted, so that it stays inside its place."""
    return _BLANK.sub(lambda blank: _written(found[blank[1]], in_address=in_address), template)


def begin_of_span(last: int | None, now: int, *, first: int, overlap: int) -> int:
    """Since when to ask: where the last good question ended, and a little before that; at first, so far back.

    A clock that was set back asks for no span that lies ahead.
    """
    begin = now - first if last is None else last - overlap
    return max(0, min(begin, now))


def _written(value: str, *, in_address: bool) -> str:
    return quote(value, safe="") if in_address else value


def _iso(instant: int) -> str:
    return datetime.fromtimestamp(instant // 1000, UTC).isoformat().replace("+00:00", "Z")


def stands_at(answer: object, path: str) -> object:
    """What stands at ``data.next`` or ``items.0.id`` of a JSON answer; None where there is nothing."""
    found = answer
    for step in path.split("."):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal() and len(step) < 10 and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def amiss(answer: object, good: Mapping[str, str | bool | int]) -> str:
    """What in an answer is not as in a good one, in words; empty: nothing. Many clouds say 200 to every question."""
    for path, wanted in good.items():
        found = stands_at(answer, path)
        if _plain(found) != _plain(wanted):
            says = "nothing" if found is None else _plain(found) or "a nested value"
            return f"{path} is {says:.60}, in a good answer it is {_plain(wanted)}"
    return ""


def _plain(found: object) -> str:
    """A value as settings spell it: 0, true, ok."""
    if isinstance(found, bool):
        return "true" if found else "false"
    text = str(found) if isinstance(found, (str, int)) else ""
    return text if text.isprintable() else ""
