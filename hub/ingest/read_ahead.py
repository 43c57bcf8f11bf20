"""What a lane that lags behind is handed: read and decoded a stretch ahead, while the lane waits for its store."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future

from hub.flows.batch import Decoded

Stretch = dict[int, Decoded]
"""Batches in their order, by the number of the one before."""


class ReadAhead:
    """Of one lane, and asked by its thread alone. ``read(done)`` makes the stretch after a batch, ``behind`` runs it."""

    def __init__(self, read: Callable[[int], Stretch], behind: Executor) -> None:
        self._read = read
        self._behind = behind
        self._stretch: Stretch = {}
        self._coming: tuple[int, Future[Stretch]] | None = None

    def next(self, done: int) -> Decoded | None:
        """The batch after ``done``, also when it is asked for again; None: there is none. Raises what ``read`` raises."""
        if done not in self._stretch:
            self._stretch = self._awaited(done)
            if self._stretch:
                last = next(reversed(self._stretch.values())).position.batch
                self._coming = last, self._behind.submit(self._read, last)
        return self._stretch.get(done)

    def _awaited(self, done: int) -> Stretch:
        coming, self._coming = self._coming, None
        if coming is None or coming[0] != done:
            return self._read(done)
        # what came to nothing may do so no more: batches have come since, or the journal can be read again
        return coming[1].result() or self._read(done)
