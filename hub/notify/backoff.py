"""When a notice that did not leave is tried again."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from hub.clock import HOUR, MINUTE, SECOND
from hub.domain.alarms import Priority


class Pace(NamedTuple):
    """Waits grow from ``first`` by ``factor`` up to ``longest`` (ms); ``tries`` multiplies the allowed attempts."""

    first: int
    factor: float
    longest: int
    tries: int


PACES: Final = {
    Priority.SAFETY: Pace(5 * SECOND, 2.0, 2 * MINUTE, 8),
    Priority.HIGH: Pace(10 * SECOND, 2.5, 30 * MINUTE, 1),
    Priority.MEDIUM: Pace(30 * SECOND, 3.0, 4 * HOUR, 1),
    Priority.LOW: Pace(30 * SECOND, 3.0, 4 * HOUR, 1),
}
"""With eight attempts: safety for some two hours, high for nearly one, the rest for seven."""


def next_attempt(attempts: int, now: int, priority: str, *, limit: int, chance: float) -> int | None:
    """The instant (epoch ms) of the next attempt after ``attempts`` failed ones; None: give up.

    ``chance`` in [0, 1) spreads notices that failed together: the wait is 75 to 100 % of the pace.
    """
    pace = PACES[Priority(priority)]
    if attempts >= limit * pace.tries:
        return None
    wait = pace.longest
    exponent = max(0, attempts - 1)
    if exponent < 32:  # beyond, the power would overflow long after the longest wait is reached
        wait = min(pace.longest, round(pace.first * pace.factor**exponent))
    return now + round(wait * (0.75 + 0.25 * chance))


def chance_of(key: str, attempts: int) -> float:
    """A number in [0, 1) that looks random and is always the same for the same attempt."""
    digest = hashlib.sha256(f"{key} {attempts}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
