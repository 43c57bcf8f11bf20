"""How fast somebody may come, and how long to wait before asking somebody again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SECOND: Final = 1_000
LONGEST_WAIT: Final = 3_600 * SECOND
"""Of an asker whose questions fail."""
LONGEST_WISH: Final = 24 * LONGEST_WAIT
"""Of a server that says when to come again: a longer wish is taken for a mistake."""
_DOUBLINGS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What is left of an allowance that fills again steadily. ``at``: as of when (epoch ms)."""

    left: float
    at: int


def take(bucket: Bucket | None, now: int, *, rate_per_s: float, burst: float) -> tuple[Bucket, int]:
    """One more at ``now``: the bucket after it, and the ms to wait where there was nothing left (0: it may come).

    A first one, and a clock that was set back, find the allowance as it was: nobody is punished for a clock.
    """
    if bucket is None:
        bucket = Bucket(left=burst, at=now)
    filled = min(burst, bucket.left + max(0, now - bucket.at) / SECOND * rate_per_s)
    if filled < 1:
        return Bucket(left=filled, at=now), max(1, round((1 - filled) / rate_per_s * SECOND))
    return Bucket(left=filled - 1, at=now), 0


def wait_after(failures: int, *, every: int, asked_for: int | None = None) -> int:
    """Ms until the next question. ``failures``: in a row, 0 after a good answer; ``asked_for``: the server's own wish.

    Each failure doubles the wait, to an hour at most and never below the usual distance; a server that names a time is
    believed, within a day.
    """
    wait = max(every, min(every << min(failures, _DOUBLINGS), LONGEST_WAIT))
    if asked_for is not None:
        wait = max(wait, min(asked_for, LONGEST_WISH))
    return wait
