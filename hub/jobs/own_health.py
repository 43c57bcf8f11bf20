"""Writes how the hub itself stands as series, for dashboards, every minute: beside ingestion, never on its way.

A store that is away gets what it missed when it is back, as far as memory holds it: how long the lanes fell behind meanwhile is
what one wants to see then.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from hub.clock import MINUTE
from hub.domain.event_series import SeriesPoint
from hub.domain.health_series import HubLook, health_points
from hub.errors import StoreUnavailable

log = logging.getLogger(__name__)

EVERY: Final = MINUTE
KEPT: Final = 24 * 60
"""Looks that a store may miss: a day of them. A restart forgets them."""


class Target(NamedTuple):
    """A store that other programs read."""

    write: Callable[[Sequence[SeriesPoint]], None]
    """StoreUnavailable: try again later; the same points again change nothing."""
    takes: Callable[[], bool]
    """Whether its lane goes on. Where not, nothing is tried: other jobs wait behind this one."""


class HealthSeries:
    """``run`` is the work of a periodic job, every ``EVERY`` ms. ``targets`` by name of the store."""

    def __init__(self, look: Callable[[], HubLook], targets: Mapping[str, Target]) -> None:
        self._look = look
        self._targets = targets
        self._missed: dict[str, deque[list[SeriesPoint]]] = {name: deque(maxlen=KEPT) for name in targets}
        self._before: HubLook | None = None

    def run(self, _tick: int) -> None:
        """Look now, also where the tick comes late. A store that is away is no failure of this job: its lane says so."""
        look = self._look()
        points = health_points(look, self._before)
        self._before = look
        for name, target in self._targets.items():
            missed = self._missed[name]
            missed.append(points)
            if target.takes() and _written(name, target, [point for each in missed for point in each]):
                missed.clear()


def _written(name: str, target: Target, points: Sequence[SeriesPoint]) -> bool:
    try:
        target.write(points)
    except StoreUnavailable as error:
        log.info("the hub's health waits for the store %s: %s", name, error, extra={"action": "own_health"})
        return False
    return True
