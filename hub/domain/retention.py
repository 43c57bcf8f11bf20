"""How long readings and roll-ups are kept: one rule for all metrics, and exceptions for single ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MONTH_MS: Final = 30 * 86_400_000
YEAR_MS: Final = 365 * 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Months (of 30 days) of readings, years (of 365 days) of quarter-hour roll-ups."""

    raw_months: int
    rollup_years: int


class Before(NamedTuple):
    """Instants: older readings and roll-ups are no longer wanted."""

    readings: int
    cells: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What holds for every metric, and what for the named ones instead."""

    default: Kept
    metrics: Mapping[str, Kept] = field(default_factory=dict)

    def before(self, metric: str, now: int) -> Before:
        """What is no longer wanted of this metric; one that nobody has named, known or not, is kept as the others are."""
        kept = self.metrics.get(metric, self.default)
        return Before(now - kept.raw_months * MONTH_MS, now - kept.rollup_years * YEAR_MS)
