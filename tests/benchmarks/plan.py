"""How long and how often a run of the benchmarks measures, and what all of its parts share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.counter import Counter


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``seconds``: of each sample. ``say``: progress, one line each."""

    rounds: int = 5
    seconds: float = 60.0
    warm_up: float = 2.0
    patience: float = 30.0
    """Seconds that a sample may wait for a quiet machine."""
    demo_minutes: float = 10.0
    stored_days: int = 90
    away_s: float = 600.0
    """How long the series store is away."""
    programs: Path
    counter: Counter
    say: Callable[[str], None]


def quantile(values: list[float], share: float) -> float:
    """The smallest value that so large a share does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
