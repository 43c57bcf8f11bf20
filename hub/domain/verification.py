"""Verified closing: a ticket born from a sensor is resolved by proof, and a lost sensor never proves anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from hub.domain.ticket_actions import DAY_MS

VERIFY_LIMIT_MS: Final = DAY_MS
"""T_verify_max at least: past it somebody has to look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One alarm behind the ticket and the data it is judged by."""

    active: bool
    inactive_since: int | None
    fresh_since: int | None
    """Since when data have come without a break longer than allowed; None: they are missing now."""
    off_delay_ms: int = 0
    interval_ms: int | None = None
    """Sampling period; None: not known."""


class Finding(StrEnum):
    """What verification says."""

    PROVEN = "proven"
    NOT_YET = "not_yet"
    NOT_FIXED = "not_fixed"
    """The alarm did not return to normal within T_verify."""
    DATA_MISSING = "data_missing"
    LIMIT_PASSED = "limit_passed"
    NOTHING_MEASURES = "nothing_measures"


class Proof(NamedTuple):
    """The finding, and when to look again if nothing happens before."""

    finding: Finding
    recheck_at: int | None


def verify_time(sources: Sequence[Source], preset_ms: int) -> int:
    """T_verify = max(2 x off-delay, 5 sampling periods, class preset), over everything behind the ticket."""
    return max([preset_ms, *(max(2 * s.off_delay_ms, 5 * (s.interval_ms or 0)) for s in sources)])


def verify_limit(verify_ms: int) -> int:
    """T_verify_max for a T_verify."""
    return max(VERIFY_LIMIT_MS, 4 * verify_ms)


def prove(sources: Sequence[Source], *, preset_ms: int, verifying_since: int, now: int) -> Proof:
    """Whether all alarms have been inactive for T_verify, with fresh data throughout.

    An alarm still active after T_verify means that it was not fixed. Missing data give no proof however long they last:
    past the limit somebody is asked to look, and the data may still prove it later.
    """
    needed = verify_time(sources, preset_ms)
    limit = verifying_since + verify_limit(needed)
    if not sources:
        return Proof(Finding.LIMIT_PASSED if now >= limit else Finding.NOTHING_MEASURES, limit)
    if any(source.active for source in sources):
        given_up = verifying_since + needed
        return Proof(Finding.NOT_FIXED if now >= given_up else Finding.NOT_YET, given_up)
    if any(source.fresh_since is None for source in sources):
        return Proof(Finding.LIMIT_PASSED if now >= limit else Finding.DATA_MISSING, now + needed)
    proven_at = max(max(s.inactive_since or 0, s.fresh_since or 0) for s in sources) + needed
    if now >= proven_at:
        return Proof(Finding.PROVEN, None)
    return Proof(Finding.LIMIT_PASSED if now >= limit else Finding.NOT_YET, proven_at)
