"""Quality of a reading, as every store and page writes it."""

from __future__ import annotations

from enum import IntEnum


class Quality(IntEnum):
    """Stored beside each value."""

    GOOD = 0
    UNCERTAIN = 1
    """Outside the metric's plausible range, or stamped by arrival because the device's clock is off."""
    STALE = 2
    BAD = 3
    SIMULATED = 4
