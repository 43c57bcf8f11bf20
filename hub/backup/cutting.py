"""One moment for all stores: of a running hub between two batches, or of files that nobody has open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hub.backup.snapshots import Cut, Part, SqliteSnapshot
from hub.clock import Clock
from hub.datadir import DataDir
from hub.ingest.journal import Journal
from hub.ingest.lanes import LaneRunner
from hub.storage.records_copy import PostgresSnapshot
from hub.storage.series_duckdb import DuckSeries

_TRIES: Final = 100
"""How often the alarm lane is asked whether it is level; after that it is taken as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningHub:
    """What is needed of it."""

    data: DataDir
    clock: Clock
    journal: Journal
    series: DuckSeries | None
    """None where the readings are in a store elsewhere, which has backups of its own."""
    alarms: LaneRunner
    records_url: str | None

    def cut(self) -> Cut:
        """Between two batches of the alarm lane, with the journal held still for some milliseconds.

        If it can be had, at a moment when every message has been judged: then no alarm is raised again after a restore.
        """
        prepared = None if self.records_url is None else PostgresSnapshot(self.records_url)
        try:
            for _ in range(_TRIES):
                found = self.alarms.submit(lambda: self._if_level(prepared))
                if found is not None:
                    return found
            return self.alarms.submit(lambda: self._at_once(prepared))
        except BaseException:
            if prepared is not None:
                prepared.close()
            raise

    def _if_level(self, records: PostgresSnapshot | None) -> Cut | None:
        with self.journal.standing_still():
            return None if self.alarms.behind else self._at_once(records)

    def _at_once(self, records: PostgresSnapshot | None) -> Cut:
        with self.journal.standing_still():
            return _cut(self.data, records, self.series, self.clock.now(), self.alarms.behind)


def cut_of_files(data: DataDir, records_url: str | None, clock: Clock, series: DuckSeries | None) -> Cut:
    """While no hub runs and the data folder's lock is held. ``series`` is open; None where the readings are elsewhere."""
    records = None if records_url is None else PostgresSnapshot(records_url)
    return _cut(data, records, series, clock.now(), 0)


def _cut(data: DataDir, records: PostgresSnapshot | None, series: DuckSeries | None, at: int, unjudged: int) -> Cut:
    parts: list[Part] = []
    try:
        if records is not None:
            records.begin()
        parts.append(Part(data.records.name, "records", records or SqliteSnapshot(data.records)))
        if series is not None:
            parts.append(Part(data.series.name, "series", series.snapshot()))
        parts += [Part(path.name, "series elsewhere", SqliteSnapshot(path)) for path in data.of_other_series()]
        parts.append(Part(data.journal.name, "journal", SqliteSnapshot(data.journal)))
    except BaseException:
        for part in parts:
            part.snapshot.close()
        raise
    return Cut(parts=tuple(parts), at=at, unjudged=unjudged)
