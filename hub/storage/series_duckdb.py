"""The embedded series store on DuckDB: one file, one writing thread at a time, readers on cursors of their own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb
import numpy as np

from hub.domain.retention import Before
from hub.domain.rollups import CELL, cell_start
from hub.errors import StoreUnavailable
from hub.flows.batch import PointKey, Position
from hub.flows.series import (
    Aggregate,
    Capability,
    Cells,
    Counts,
    Doubtful,
    Extract,
    Forgotten,
    IdArray,
    IntArray,
    Latest,
    Remarks,
    Rows,
    SeriesPlace,
    Sizes,
    Span,
    Step,
    TextRow,
    WeekHours,
    Window,
    Written,
)
from hub.storage.duck import courses, reading, retention, rollup, transfer
from hub.storage.duck.appender import Appender, load_position
from hub.storage.duck.database import Database
from hub.storage.duck.holds import change_holds
from hub.storage.duck.meters import StoreMeter, unseen
from hub.storage.duck.names import Names
from hub.storage.duck.newest import Newest
from hub.storage.duck.questions import Questions
from hub.storage.duck.retention import Gone, month_start
from hub.storage.duck.snapshot import SeriesSnapshot
from hub.storage.duck.turns import Turns

_log: Final = logging.getLogger(__name__)
CHECKPOINT_BYTES: Final = 16 * 1024**2
"""Of write-ahead log, and about as much memory: a checkpoint holds the lane up for some 30 ms, and a start after a kill
reads so much again."""


class DuckSeries:
    """hub.flows.series.SeriesStore on DuckDB. After a failed write the file is opened again before the next one."""

    def __init__(
        self,
        path: Path,
        *,
        memory_limit: str = "64MB",
        threads: int = 2,
        questions_at_once: int = 2,
        question_seconds: float = 10.0,
        checkpoint_bytes: int = CHECKPOINT_BYTES,
        meter: StoreMeter | None = None,
    ) -> None:
        self._path = path
        self._database = Database(path, memory_limit=memory_limit, threads=threads, checkpoint_bytes=checkpoint_bytes)
        self._names = Names()
        self._newest = Newest()
        self._gone = Gone()
        self._appender = Appender(self._database, self._names, self._newest, self._gone)
        self._questions = Questions(self._database, at_once=questions_at_once, seconds=question_seconds)
        self._meters = meter or unseen()
        self._turns = Turns()
        self._position: Position | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset(Capability)

    def open(self) -> None:
        with self._turns.at_once():
            self._database.open()
            try:
                self._load()
            except duckdb.Error as error:
                self._database.close()
                raise StoreUnavailable(
                    f"series store {self._path} cannot be read: {error}. Restore it from a backup, or move it away: "
                    f"the hub then starts an empty one"
                ) from error

    def close(self) -> None:
        self._questions.interrupt()
        with self._turns.at_once():
            self._database.close()

    def position(self) -> Position | None:
        return self._position

    def point_ids(self, keys: Sequence[PointKey]) -> IdArray:
        return self._names.point_ids(keys)

    def place_ids(self, places: Sequence[SeriesPlace], metrics: Sequence[str] = ()) -> IdArray:
        return self._names.places.ids(places)

    def set_holds(self, points: IdArray, holds: IntArray) -> None:
        with self._turns.at_once():
            self._ready()
            change_holds(self._database, self._names, points, holds)

    def append(self, rows: Rows, texts: Sequence[TextRow], position: Position | None) -> Written:
        with self._turns.at_once():
            self._ready()
            with self._meters.append_seconds.time():
                written = self._appender.append(rows, texts, position)
            self._meters.appended(written)
            self._position = position or self._position
            return written

    def refresh_cells(self, until: int, limit: int = 20_000) -> int:
        with self._turns.at_once():
            self._ready()
            self._appender.refreshed_until = max(self._appender.refreshed_until, cell_start(until))
            done = rollup.refresh(self._database, self._names, self._newest, until=until, limit=limit)
            self._meters.refreshed(done)
            if done < limit:  # level: what was read for it is not wanted again for seconds
                self._database.give_back()
            return done

    def latest(self, points: Sequence[PointKey]) -> dict[PointKey, Latest]:
        found: dict[PointKey, Latest] = {}
        for key in points:
            number = self._names.points.find(key)
            latest = None if number is None else self._newest.latest(number)
            if latest is not None:
                found[key] = latest
        return found

    def window(
        self, points: Sequence[PointKey], *, start: int, end: int, step: Step, agg: Aggregate, zone: str = "UTC"
    ) -> Window:
        with self._questions.ask() as cursor:
            return reading.window(
                cursor, self._names.hold, self._known(points), start=start, end=end, step=step, agg=agg, zone=zone
            )

    def courses(self, points: Sequence[PointKey], *, start: int, end: int, width: int) -> dict[PointKey, Window]:
        with self._questions.ask() as cursor:
            found = courses.read(cursor, self._names.hold, self._known(points), start=start, end=end, width=width)
        return {self._names.points.keys[number]: window for number, window in found.items()}

    def window_of_texts(self, point: PointKey, *, start: int, end: int, limit: int) -> list[tuple[int, str]]:
        with self._questions.ask() as cursor:
            return reading.texts(cursor, self._known([point]), start=start, end=end, limit=limit)

    def points_of(
        self, *, community: str, facility: str, start: int, end: int, unit: str | None = None
    ) -> list[PointKey]:
        with self._questions.ask() as cursor:
            return reading.points_of(
                cursor, self._names, community=community, facility=facility, unit=unit, start=start, end=end
            )

    def cells(self, points: Sequence[PointKey], *, start: int, end: int) -> Cells:
        with self._questions.ask() as cursor:
            return rollup.read(cursor, self._names.hold, self._known(points), start=start, end=end)

    def week_hours(self, points: Sequence[PointKey], *, start: int, end: int, zone: str) -> WeekHours:
        with self._questions.ask() as cursor:
            return reading.week_hours(cursor, self._names, self._known(points), start=start, end=end, zone=zone)

    def doubtful(self, points: Sequence[PointKey], *, start: int, end: int) -> list[Doubtful]:
        with self._questions.ask() as cursor:
            return reading.doubtful(cursor, self._names, self._known(points), start=start, end=end)

    def counts(self, *, community: str, start: int, end: int, zone: str) -> Counts:
        with self._questions.ask() as cursor:
            return reading.counts(cursor, self._names, community=community, start=start, end=end, zone=zone)

    def sizes(self) -> Sizes:
        with self._questions.ask() as cursor:
            return reading.sizes(cursor, self._names, self._path)

    def spans(self) -> list[Span]:
        with self._questions.ask() as cursor:
            return transfer.spans(cursor, self._names)

    def extract(self, start: int, end: int) -> Extract:
        with self._questions.ask() as cursor:
            return transfer.extract(cursor, self._names, start=start, end=end)

    def put_cells(self, cells: Cells) -> None:
        if not len(cells):
            return
        with self._turns.at_once():
            self._ready()
            transfer.put_cells(self._database, self._names, cells)
            for until, points in _points_by_until(cells).items():
                self._give_up(points, until)

    def forget(self, before: Callable[[PointKey], Before]) -> Forgotten:
        wanted = [before(key) for key in self._names.points.keys[: self._names.points.stored]]
        readings = _points_by([month_start(limit.readings) for limit in wanted])
        cells = _points_by([month_start(limit.cells) for limit in wanted])
        for until, points in readings.items():
            self._give_up(points, until)
        while self.refresh_cells(max(readings, default=0)):
            pass  # what is about to go must have been rolled up, and nothing can touch it any more
        taken = self._forget("readings", readings), self._forget("cells", cells)
        self._forget("texts", readings)
        self._forget("hours", cells)
        return Forgotten(*taken)

    def snapshot(self) -> SeriesSnapshot:
        """The series as they are now, for a backup. Nobody waits for anybody: the lane goes on meanwhile."""
        return SeriesSnapshot(self._database)

    def remarks(self) -> Remarks:
        return Remarks()

    def interrupt(self) -> None:
        """Cut off every question that is being answered just now."""
        self._questions.interrupt()

    def _load(self) -> None:
        connection = self._database.connection
        self._names.load(connection)
        self._newest.load(connection, len(self._names.points))
        self._gone.load(connection)
        self._position = load_position(connection)

    def _give_up(self, points: IdArray, until: int) -> None:
        with self._turns.at_once():
            self._ready()
            retention.give_up(self._database, points, until)
            self._gone.load(self._database.connection)

    def _forget(self, table: str, limits: Mapping[int, IdArray]) -> int:
        """A day at a time, so that the lane appends in between; what there is to do is found out beside the lane."""
        taken = 0
        for until, points in limits.items():
            with self._database.reading() as cursor:
                days = retention.days_of(cursor, table, points, until)
            for day in days:
                with self._turns.when_idle():
                    self._ready()
                    taken += retention.forget_day(self._database, table, points, day)
        return taken

    def _known(self, points: Sequence[PointKey]) -> IdArray:
        ids = [number for key in points if (number := self._names.points.find(key)) is not None]
        return np.unique(np.array(ids, np.int32))

    def _ready(self) -> None:
        if not self._database.is_open:
            _log.warning("opening the series store again after a failure", extra={"action": "series_reopen"})
            self._meters.reopened()
            self.open()


def _points_by(limits: list[int]) -> dict[int, IdArray]:
    """Which points, numbered in this order, share a limit."""
    shared = np.array(limits, np.int64)
    return {int(limit): np.flatnonzero(shared == limit).astype(np.int32) for limit in np.unique(shared)}


def _points_by_until(cells: Cells) -> dict[int, IdArray]:
    """Which points end their last cell when."""
    points = np.unique(cells.point)
    ends = np.zeros(int(points.max()) + 1, np.int64)
    np.maximum.at(ends, cells.point, cells.start + CELL)
    return {int(until): points[ends[points] == until] for until in np.unique(ends[points])}
