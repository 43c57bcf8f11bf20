"""The series lane: every reading into the series store, and the roll-ups kept up with it.

Small batches are gathered for a moment, because a commit costs as much as some thousand rows. ``position`` is always
the committed one, so after a kill the journal brings again what was only gathered.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

import numpy as np

from hub.clock import MINUTE, SECOND, Clock, to_iso
from hub.domain.health import Health, Status
from hub.errors import HubError, StoreUnavailable
from hub.flows.batch import Decoded, Position, Slots
from hub.flows.registry import Registrar
from hub.flows.series import Remarks, Rows, SeriesStore, Sizes, TextRow, Written
from hub.flows.series_columns import SeriesColumns

GATHER_MS: Final = 150
"""No row waits longer for its commit while the store works."""
GATHER_ROWS: Final = 50_000
"""As many rows are committed at once without waiting."""
BEHIND_MS: Final = 5 * SECOND
"""A batch that was received longer ago is one of a backlog: whatever is done once a commit shall be done for many of them."""
GATHER_BEHIND_MS: Final = 2 * SECOND
GATHER_ROWS_BEHIND: Final = 100_000
"""As the two above, while there is a backlog."""
REFRESH_MS: Final = 5 * SECOND
"""How often roll-ups are looked after. Where there were any, sooner: after as long as they took."""
REFRESH_BEHIND: Final = 10
"""After so many times as long as they took, while there is a backlog: a roll-up that waits is computed where it is asked for."""
GRACE_MS: Final = 10 * SECOND
"""A quarter of an hour is rolled up this long after its end, when its last readings are in."""
CHUNK: Final = 20_000
_SIZES_MS: Final = MINUTE


class SeriesLane:
    """A lane (hub.ingest.lanes) on a series store that is open. Give the runner ``oldest_needed`` as well."""

    def __init__(
        self, store: SeriesStore, registrar: Registrar, slots: Slots, clock: Clock, *, name: str = "series"
    ) -> None:
        self.name = name
        self._store = store
        self._clock = clock
        self._columns = SeriesColumns(store, registrar, slots)
        self._rows: list[Rows] = []
        self._texts: list[TextRow] = []
        self._gathered = 0
        self._gathered_at = 0
        self._gathered_to: Position | None = None
        self._refreshed_at = 0
        self._refresh_pause = 0
        self._behind = False
        self._failure = ""
        self._failing_since: int | None = None
        self._committed_at: int | None = None
        self.well_since: int | None = None
        """Since when each commit has succeeded; None: the last one failed, or none has been tried."""
        self._total = Written(0, 0, 0, 0)
        self._sizes: Sizes | None = None
        self._sizes_at = 0

    # --- the lane ---------------------------------------------------------------------------------------------

    def position(self) -> Position | None:
        """The committed one; batches that are only gathered lie after it."""
        return self._store.position()

    def oldest_needed(self) -> int:
        """The last batch that the lane will not want again."""
        position = self._store.position()
        return 0 if position is None else position.batch

    def take(self, batch: Decoded) -> None:
        """Gather the batch, and commit what is gathered when it is enough or old enough."""
        rows, texts = self._columns.rows(batch)
        before = self._gathered_to
        now = self._clock.now()
        self._behind = now - batch.received_at > BEHIND_MS
        if not self._rows:
            self._gathered_at = now
        self._rows.append(rows)
        self._texts.extend(texts)
        self._gathered += len(rows) + len(texts)
        self._gathered_to = batch.position
        enough = GATHER_ROWS_BEHIND if self._behind else GATHER_ROWS
        if self._gathered < enough and self._gathering_left(now):
            return
        try:
            self._commit()
        except BaseException:  # the runner brings this batch again: it must not be gathered twice
            self._rows.pop()
            del self._texts[len(self._texts) - len(texts) :]
            self._gathered -= len(rows) + len(texts)
            self._gathered_to = before
            raise

    def tick(self, now: int) -> None:
        """Commit what has waited long enough; roll up the quarters that ended by the lane's time ``now``."""
        wall = self._clock.now()
        if self._rows and not self._gathering_left(wall):
            self._commit()
        if not self._refresh_left(wall):
            done = self._guarded(now)
            self._refreshed_at = self._clock.now()
            took = max(0, self._refreshed_at - wall)
            self._refresh_pause = took * (REFRESH_BEHIND if self._behind else 1) if done else REFRESH_MS

    def next_deadline(self) -> int | None:
        """Commits and roll-ups are paced by the machine's clock, also while the lane's time stands still."""
        wall = self._clock.now()
        left = self._refresh_left(wall)
        if self._rows:
            left = min(left, self._gathering_left(wall))
        return wall + left if left else 0

    def _gathering_left(self, wall: int) -> int:
        """For how many ms more what is gathered may wait."""
        return _left(wall - self._gathered_at, GATHER_BEHIND_MS if self._behind else GATHER_MS)

    def _refresh_left(self, wall: int) -> int:
        """For how many ms more nobody looks after roll-ups."""
        return _left(wall - self._refreshed_at, self._refresh_pause)

    def flush(self) -> None:
        """Commit what is gathered: a command for the lane's runner, and the last act after its stop."""
        if self._rows:
            self._commit()

    # --- the store --------------------------------------------------------------------------------------------

    def _commit(self) -> None:
        position = self._gathered_to
        if position is None:
            return
        with self._told():
            written = self._store.append(_joined(self._rows), self._texts, position)
        self._rows, self._texts, self._gathered, self._gathered_to = [], [], 0, None
        self._committed_at = self._clock.now()
        if self.well_since is None:
            self.well_since = self._committed_at
        self._total = Written(*(a + b for a, b in zip(self._total, written, strict=True)))

    def _guarded(self, now: int) -> int:
        with self._told():
            return self._store.refresh_cells(now - GRACE_MS, CHUNK)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Remember since when the store fails, and why."""
        try:
            yield
        except StoreUnavailable as error:
            self._failure, self.well_since = str(error), None
            if self._failing_since is None:
                self._failing_since = self._clock.now()
            raise
        self._failure, self._failing_since = "", None

    # --- what others ask --------------------------------------------------------------------------------------

    def health(self, now: int) -> Health:
        """Degraded while the store cannot be written; what is due waits in the journal meanwhile."""
        if self._sizes is None or not 0 <= now - self._sizes_at < _SIZES_MS:
            self._look_at_sizes(now)
        facts: dict[str, str | int | float | None] = {
            "commit_age_ms": None if self._committed_at is None else now - self._committed_at,
            "rows_added": self._total.added,
            "rows_replaced": self._total.replaced,
            "rows_unchanged": self._total.unchanged,
            "rows_expired": self._total.expired,
        }
        if self._sizes is not None:
            facts |= {
                "readings": self._sizes.readings,
                "points": self._sizes.points,
                "cells": self._sizes.cells,
                "cells_waiting": self._sizes.cells_waiting,
                "bytes": self._sizes.bytes,
            }
        reason = self._failure
        if self._failing_since is not None:
            reason = f"unreachable since {to_iso(self._failing_since)}: {reason}"
        else:
            remarks = self._remarks()
            facts |= remarks.facts
            reason = remarks.reason
        status = Status.DEGRADED if reason else Status.OK
        return Health(component=self.name, status=status, reason=reason, facts=facts)

    def _remarks(self) -> Remarks:
        try:
            return self._store.remarks()
        except HubError:
            return Remarks()  # the next commit says what is wrong

    def _look_at_sizes(self, now: int) -> None:
        try:
            self._sizes = self._store.sizes()
        except HubError:
            return  # the next commit says what is wrong
        self._sizes_at = now


def _left(elapsed: int, span: int) -> int:
    """What is left of the span; nothing of one that lies in the future, for then the clock was set back."""
    return span - elapsed if 0 <= elapsed < span else 0


def _joined(parts: list[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    return Rows(
        point=np.concatenate([part.point for part in parts]),
        time=np.concatenate([part.time for part in parts]),
        value=np.concatenate([part.value for part in parts]),
        quality=np.concatenate([part.quality for part in parts]),
        place=np.concatenate([part.place for part in parts]),
    )
