"""What a reading is worth, told alike by the store and the pages: by its marks and by what its metric can plausibly be."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hub.domain.metrics import METRICS, metric_of
from hub.domain.readings import Quality
from hub.flows.batch import Mark

_CALLED: Final = (
    (Mark.CLOCK_PROBLEM | Mark.UNCERTAIN, Quality.UNCERTAIN),
    (Mark.STALE, Quality.STALE),
    (Mark.BAD, Quality.BAD),
    (Mark.SIMULATED, Quality.SIMULATED),
)
"""Marks and what they make of a value; the last that applies counts."""
_UNLIMITED: Final = (-np.inf, np.inf)


def limits_of(metric: str) -> tuple[float, float]:
    """Between what values of a metric are plausible, both inclusive."""
    found = METRICS.get(metric)
    return _UNLIMITED if found is None else (found.low, found.high)


def limits_of_point(name: str) -> tuple[float, float]:
    """The same for a point that nobody has bound, by its own name."""
    found = metric_of(name)
    return _UNLIMITED if found is None else (found.low, found.high)


def qualities(doubtful: NDArray[np.bool_], mark: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Of numbers, one for each; ``doubtful``: outside the limits."""
    quality: NDArray[np.uint8] = doubtful.astype(np.uint8) * np.uint8(Quality.UNCERTAIN)
    if mark.any():
        for marked, called in _CALLED:
            quality[(mark & marked) != 0] = called
    return quality


def quality_of_text(mark: int) -> int:
    """Of a word, which is always plausible."""
    return next((called for marked, called in reversed(_CALLED) if mark & marked), Quality.GOOD)
