"""Is a connection alive? Judged by the hub's own heartbeat come back through broker and journal, not by a flag."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

LATE_AFTER: Final = 3
"""Heartbeat intervals without a beat in the journal."""


class Pulse(StrEnum):
    """What the heartbeat says."""

    FRESH = "fresh"
    """A beat was seen in time, or could not have come back yet."""
    UNHEARD = "unheard"
    """None has come back since the start: the broker probably does not allow it. Connecting again would not help."""
    BEHIND = "behind"
    """Late, but messages arrive or wait for the journal: it is the hub that is behind, not the connection."""
    SILENT = "silent"
    """Late, and nothing else arrives: connect again."""


def judge(
    *,
    now: int,
    interval: int,
    connected_at: int,
    beat_seen: int | None,
    message_at: int,
    waiting_for_journal: bool,
) -> Pulse:
    """All times epoch ms, ``interval`` ms; ``beat_seen`` is when the newest beat seen in the journal was sent."""
    limit = LATE_AFTER * interval
    if now - max(connected_at, beat_seen or 0) <= limit:
        return Pulse.FRESH
    if now - message_at <= limit or waiting_for_journal:
        return Pulse.BEHIND
    return Pulse.UNHEARD if beat_seen is None else Pulse.SILENT
