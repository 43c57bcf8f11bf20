"""The series store on InfluxDB: lines made by the hub, its answers judged one by one, the position in a file of the hub's own."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from hub.clock import Clock
from hub.domain.event_series import SeriesPoint
from hub.domain.retention import Before
from hub.domain.rollups import CELL, Times, spans_of, step_edges
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
    QueryInterrupted,
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
from hub.flows.unstored import Unstored
from hub.flows.windows import window as make_window
from hub.storage.duck.courses import of_cells
from hub.storage.duck.meters import StoreMeter, unseen
from hub.storage.duck.retention import month_start
from hub.storage.influx import book as books
from hub.storage.influx.asking import Asking
from hub.storage.influx.book import Book, Kept, Unread
from hub.storage.influx.catalogue import EVER, Catalogue
from hub.storage.influx.courses import of_readings
from hub.storage.influx.forgetting import delete_before
from hub.storage.influx.protocol import Spot
from hub.storage.influx.refusals import unstored
from hub.storage.influx.remarking import remarks
from hub.storage.influx.rollup import Rollup
from hub.storage.influx.server import Server
from hub.storage.influx.target import Target
from hub.storage.influx.weeks import week_hours
from hub.storage.influx.writing import Redriven, Writing

_log: Final = logging.getLogger(__name__)
NOTHING: Final = Window(time=np.zeros(0, np.int64), value=np.zeros(0))


class InfluxSeries:
    """hub.flows.series.SeriesStore on InfluxDB 1.x, 2.x and 3.x. The server need not be there when the hub starts."""

    def __init__(
        self,
        target: Target,
        path: Path,
        clock: Clock,
        *,
        question_seconds: float = 10.0,
        wanted_ms: int = 0,
        meter: StoreMeter | None = None,
    ) -> None:
        """``wanted_ms``: how long the hub would keep readings; a server that keeps them for less is named."""
        self.target = target
        self._wanted_ms = wanted_ms
        self._clock = clock
        self._book = Book(path, target.shown)
        self._server = Server(target, clock, question_seconds=question_seconds)
        self._catalogue = Catalogue()
        self._asking = Asking(self._server, self._catalogue)
        self._rollup = Rollup(self._asking, self._catalogue)
        self._writing = Writing(self._server, self._book, self._catalogue, self._rollup, clock)
        self._meters = meter or unseen()
        self._position: Position | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """None: points of one name and instant overwrite each other without a word, and one by one."""
        return frozenset()

    # --- life -----------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """The hub's own file. Whether the server answers is seen with the first write: hearing does not wait for it."""
        with self._writing.lock:
            self._book.open()
            self._catalogue.load(self._book)
            self._writing.load()
            self._position = self._book.position()

    def close(self) -> None:
        with self._writing.lock:
            self._server.close()
            self._book.close()

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """One writer at a time; to a writer a question that took too long is a server to be tried again."""
        with self._writing.lock:
            try:
                yield
            except QueryInterrupted as error:
                raise StoreUnavailable(str(error)) from error

    def meet(self) -> str:
        """See that the server lets the hub in and the database is there; its version. StoreUnavailable names what is wrong."""
        with self._turn():
            self._server.meet()
        return self._server.version

    # --- the lane's side ------------------------------------------------------------------------------------------

    def position(self) -> Position | None:
        return self._position

    def point_ids(self, keys: Sequence[PointKey]) -> IdArray:
        return self._catalogue.point_ids(keys)

    def place_ids(self, places: Sequence[SeriesPlace], metrics: Sequence[str] = ()) -> IdArray:
        named_metrics = metrics or [""] * len(places)
        return self._catalogue.places.ids(
            [Spot(*place, metric) for place, metric in zip(places, named_metrics, strict=True)]
        )

    def set_holds(self, points: IdArray, holds: IntArray) -> None:
        with self._turn():
            self._writing.set_holds(points, holds)

    def append(self, rows: Rows, texts: Sequence[TextRow], position: Position | None) -> Written:
        with self._turn(), self._meters.append_seconds.time():
            written = self._writing.append(rows, texts, position)
            self._position = position or self._position
        self._meters.appended(written)
        return written

    def put_cells(self, cells: Cells) -> None:
        if len(cells):
            with self._turn():
                self._writing.put_cells(cells)

    def refresh_cells(self, until: int, limit: int = 20_000) -> int:
        with self._turn():
            done = self._writing.refresh(until, limit)
        self._meters.refreshed(done)
        return done

    # --- beside readings (hub.flows.figures.PointStore) -----------------------------------------------------------

    def mark(self, name: str) -> str | None:
        return self._book.mark(name)

    def set_mark(self, name: str, value: str) -> None:
        self._book.set_mark(name, value)

    def write_points(self, points: Sequence[SeriesPoint]) -> None:
        """Points such as changes of tickets; any thread. StoreUnavailable: the same again changes nothing."""
        with self._turn():
            self._writing.write_points(points)

    # --- the readers' side ----------------------------------------------------------------------------------------

    def latest(self, points: Sequence[PointKey]) -> dict[PointKey, Latest]:
        found: dict[PointKey, Latest] = {}
        for key in points:
            number = self._catalogue.points.find(key)
            latest = None if number is None else self._writing.newest.latest(number)
            if latest is not None:
                found[key] = latest
        return found

    def window(
        self, points: Sequence[PointKey], *, start: int, end: int, step: Step, agg: Aggregate, zone: str = "UTC"
    ) -> Window:
        known = self._known(points)
        if step is Step.RAW:
            rows = self._asking.readings(known, start, end)
            order = np.lexsort((rows.point, rows.time))
            return Window(time=rows.time[order], value=rows.value[order])
        edges = step_edges(start, end, step.value, zone)
        if not edges or not known:
            return NOTHING
        cells = self._cells(known, edges[0], edges[-1])
        before = self._asking.last_before(known, edges[0]) if agg is Aggregate.DELTA else {}
        found = make_window(cells, edges, agg, before=before)
        return replace(found, not_recomputed=self._not_recomputed(known, edges[0], edges[-1]))

    def courses(self, points: Sequence[PointKey], *, start: int, end: int, width: int) -> dict[PointKey, Window]:
        known = self._known(points)
        if not known:
            return {}
        if width < CELL:
            found = of_readings(self._asking.readings(known, start, end), width)
        else:
            waiting = self._book.waiting(np.array(known, np.int32), start, end)
            found = of_cells(self._rollup.stretches(known, waiting, (start, end), width), width)
            for number, starts in self._book.not_recomputed(known, start, end).items():
                found[number] = replace(found.get(number, NOTHING), not_recomputed=spans_of(starts))
        return {self._catalogue.points.keys[number]: window for number, window in found.items()}

    def window_of_texts(self, point: PointKey, *, start: int, end: int, limit: int) -> list[tuple[int, str]]:
        return [(time, text) for _, _, time, text, _ in self._asking.texts(self._known([point]), start, end, limit)]

    def points_of(
        self, *, community: str, facility: str, start: int, end: int, unit: str | None = None
    ) -> list[PointKey]:
        catalogue = self._catalogue
        places = {
            number
            for number, place in enumerate(catalogue.places.keys)
            if place.community == community and place.facility == facility and unit in (None, place.unit)
        }
        sure: set[int] = set()
        unsure: set[int] = set()
        for number in range(len(catalogue)):
            point = catalogue.point_of[number]
            first, last = catalogue.first[number], catalogue.last[number]
            if catalogue.place_of[number] not in places or self._writing.only_words(number):
                continue
            if first < end and last + catalogue.hold[point] > start:
                whole = first >= start or last < end or len(catalogue.at_point.get(point, ())) < 2
                (sure if whole else unsure).add(point)
        unsure -= sure
        if unsure:
            sure |= self._asking.spoke(sorted(unsure), sorted(places), start, end)
        return [catalogue.points.keys[number] for number in sorted(sure)]

    def cells(self, points: Sequence[PointKey], *, start: int, end: int) -> Cells:
        return self._cells(self._known(points), start, end)

    def week_hours(self, points: Sequence[PointKey], *, start: int, end: int, zone: str) -> WeekHours:
        known = self._known(points)
        found = week_hours(self._asking, self._catalogue, known, start=start, end=end, zone=zone)
        return replace(found, not_recomputed=self._not_recomputed(known, start, end))

    def doubtful(self, points: Sequence[PointKey], *, start: int, end: int) -> list[Doubtful]:
        found = self._asking.doubtful(self._known(points), start, end).items()
        return sorted(Doubtful(self._catalogue.points.keys[number], *told) for number, told in found)

    def counts(self, *, community: str, start: int, end: int, zone: str) -> Counts:
        keys = self._catalogue.points.keys
        points = [number for number, key in enumerate(keys) if key.community == community]
        edges = step_edges(start, end, Step.DAY.value, zone)
        found = [
            (number, day, count)
            for day, until in pairwise(edges)
            for number, count in self._asking.counts(points, day, until).items()
        ]
        found.sort()
        return Counts(
            point=[keys[number] for number, _, _ in found],
            day=np.array([day for _, day, _ in found], np.int64),
            count=np.array([count for _, _, count in found], np.int64),
        )

    def sizes(self) -> Sizes:
        """Readings and cells as they were sent, repetitions among them; bytes of the hub's own file: no server tells more."""
        files = (self._book.path, self._book.path.with_name(self._book.path.name + "-wal"))
        return Sizes(
            readings=self._book.number("readings"),
            cells=self._book.number("cells"),
            points=len(self._catalogue.points),
            bytes=sum(file.stat().st_size for file in files if file.exists()),
            cells_waiting=self._book.count_waiting(),
        )

    def spans(self) -> list[Span]:
        catalogue = self._catalogue
        found = []
        for point, of in catalogue.at_point.items():
            spoken = [number for number in of if catalogue.first[number] != EVER]
            if spoken:
                first, last = int(catalogue.first[spoken].min()), int(catalogue.last[spoken].max())
                hold, gone = int(catalogue.hold[point]), int(catalogue.gone[point])
                found.append(Span(catalogue.points.keys[point], first, last, hold, gone))
        return found

    def extract(self, start: int, end: int) -> Extract:
        catalogue = self._catalogue
        points = list(range(len(catalogue.points)))
        raw = self._asking.readings(points, start, end)
        return Extract(
            points=catalogue.points.keys,
            places=[SeriesPlace(*spot[:4]) for spot in catalogue.places.keys],
            rows=Rows(
                point=raw.point, time=raw.time, value=raw.value, quality=raw.quality.astype(np.uint8), place=raw.place
            ),
            texts=[
                TextRow(point, time, text, quality, place)
                for point, place, time, text, quality in self._asking.texts(points, start, end)
            ],
        )

    # --- retention ------------------------------------------------------------------------------------------------

    def forget(self, before: Callable[[PointKey], Before]) -> Forgotten:
        self.meet()
        if not self._server.deletes:
            _log.warning(
                "InfluxDB %s deletes no rows: set the retention period of its database",
                self._server.version,
                extra={"action": "forget_not_possible"},
            )
            return Forgotten(0, 0)
        catalogue = self._catalogue
        wanted = [before(key) for key in catalogue.points.keys[: catalogue.points.stored]]
        readings = {number: month_start(limit.readings) for number, limit in enumerate(wanted)}
        cells = {number: month_start(limit.cells) for number, limit in enumerate(wanted)}
        while self.refresh_cells(max(readings.values(), default=0)):
            pass  # what is about to go must have been rolled up
        with self._writing.lock:
            with self._book.transaction() as connection:
                books.give_up(connection, readings)
            for number, until in readings.items():
                catalogue.gone[number] = max(catalogue.gone[number], until)
        try:
            return Forgotten(
                delete_before(self._server, catalogue, readings, cells=False),
                delete_before(self._server, catalogue, cells, cells=True),
            )
        except QueryInterrupted as error:
            raise StoreUnavailable(str(error)) from error

    # --- what was refused -----------------------------------------------------------------------------------------

    def rejected(self, limit: int = 100) -> list[Kept]:
        """Lines the server did not take, newest first."""
        return [
            Kept(*row)
            for row in self._book.rows(
                "select id, at, line, status, answer from rejected order by id desc limit ?", [limit]
            )
        ]

    def count_rejected(self) -> int:
        """How many there are."""
        return int(self._book.rows("select count(*) from rejected")[0][0])

    def unread(self, limit: int = 100) -> list[tuple[PointKey, Unread]]:
        """Cells that could not be computed again, newest first."""
        rows = [Unread(*row) for row in self._book.rows("select * from unread order by at desc limit ?", [limit])]
        return [(self._catalogue.points.keys[row.point], row) for row in rows]

    def count_unread(self) -> int:
        """How many there are."""
        return int(self._book.rows("select count(*) from unread")[0][0])

    def unstored(self, communities: Collection[str] | None, limit: int) -> Unstored:
        """What a person should look at: see hub.storage.influx.refusals."""
        return unstored(self._book, self._catalogue.points.keys, self.target.shown, communities, limit)

    def redrive(self) -> Redriven:
        """Send every refused line again; cells that could not be computed are tried again as well."""
        try:
            return self._writing.redrive()
        except QueryInterrupted as error:
            raise StoreUnavailable(str(error)) from error

    def remarks(self) -> Remarks:
        return remarks(self._server, self.count_rejected(), self.count_unread(), self._wanted_ms)

    # --- shared ---------------------------------------------------------------------------------------------------

    def _known(self, points: Sequence[PointKey]) -> list[int]:
        return sorted({number for key in points if (number := self._catalogue.points.find(key)) is not None})

    def _not_recomputed(self, points: list[int], start: int, end: int) -> list[Times]:
        cells = self._book.not_recomputed(points, start, end).values()
        return spans_of(at for starts in cells for at in starts)

    def _cells(self, points: list[int], start: int, end: int) -> Cells:
        waiting = self._book.waiting(np.array(points, np.int32), start, end)
        return self._rollup.read(points, waiting, start, end)
