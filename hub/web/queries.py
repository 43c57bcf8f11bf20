"""Questions to the series store: off the event loop, two at a time; the store interrupts one that takes too long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from hub.flows.series import SeriesReader
from hub.web.deps import WebDeps
from hub.web.problems import Refused

T = TypeVar("T")
AT_ONCE: Final = 2
PATIENCE_S: Final = 10.0


class Queries:
    """``ask`` is called from the web server's worker threads and waits for its turn."""

    def __init__(self, series: SeriesReader, *, patience_s: float = PATIENCE_S) -> None:
        self._series = series
        self._patience_s = patience_s
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def ask(self, question: Callable[[SeriesReader], T]) -> T:
        """The answer. Refused (503) where the two before it take too long; QueryInterrupted where it does itself."""
        if not self._turns.acquire(timeout=self._patience_s):
            raise Refused(
                503,
                "queries_busy",
                f"two other questions to the series store have kept this one waiting for {self._patience_s:g} s:"
                " try again, or ask for a shorter span",
                retry_after=5,
            )
        try:
            return question(self._series)
        finally:
            self._turns.release()


class StoreAway(NamedTuple):
    """Since when nothing could be stored (epoch ms), and how many batches of messages wait in the journal."""

    since: int
    batches: int


def store_away(deps: WebDeps, now: int) -> StoreAway | None:
    """None where the store takes what it is given, and only this question failed."""
    for line in deps.health(now):
        since, batches = line.facts.get("waiting_since"), line.facts.get("lag_batches")
        if line.component == "lane series" and isinstance(since, int):
            return StoreAway(since, batches if isinstance(batches, int) else 0)
    return None
