"""The lane's way to the server: lines, the judgement on its answers, then names, cells that wait and position in the book."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from hub.clock import DAY, SECOND, Clock
from hub.domain.event_series import SeriesPoint
from hub.domain.rollups import CELL, cell_start
from hub.domain.series_names import CELL_SUFFIX
from hub.errors import StoreUnavailable
from hub.flows.batch import Position
from hub.flows.series import Cells, IdArray, IntArray, Latest, QueryInterrupted, Rows, TextRow, Written
from hub.storage.duck.appender import last_of_each, reached, take
from hub.storage.duck.newest import NEVER, Newest
from hub.storage.influx import book as books
from hub.storage.influx.book import Book, Saying
from hub.storage.influx.catalogue import TAGS, Catalogue
from hub.storage.influx.connection import QueryRefused
from hub.storage.influx.missing import missing
from hub.storage.influx.points import point_line
from hub.storage.influx.posting import Batch, Posting
from hub.storage.influx.protocol import cells_measurement, tags
from hub.storage.influx.questions import literal, named
from hub.storage.influx.rollup import SPAN, UNKNOWN_DENSITY, Rollup, at_once
from hub.storage.influx.server import Server

TURN_MS: Final = SECOND
"""Roll-ups leave the lane to readings after so long."""
REDRIVEN_AT_ONCE: Final = 5_000


class Redriven(NamedTuple):
    """What became of lines that were sent again."""

    stored: int
    still_rejected: int


class Writing:
    """Used by one thread at a time (see ``lock``). Memory changes only after the server's yes."""

    def __init__(self, server: Server, book: Book, catalogue: Catalogue, rollup: Rollup, clock: Clock) -> None:
        self._server = server
        self._book = book
        self._catalogue = catalogue
        self._rollup = rollup
        self._clock = clock
        self._posting = Posting(server, catalogue, clock)
        self._said: dict[int, Saying] = {}
        self._refreshed_until = NEVER
        self._density = UNKNOWN_DENSITY
        self.lock = threading.RLock()
        self.newest = Newest()
        self.rejected = 0
        """Lines the server did not take, since the start."""

    def load(self) -> None:
        """What the book knows of each point's newest reading."""
        catalogue = self._catalogue
        self.newest = Newest()
        self.newest.grow(len(catalogue.points))
        at = catalogue.newest_at[: len(catalogue)]
        known = np.flatnonzero(at != NEVER)
        order = known[np.argsort(at[known], kind="stable")]
        rows = Rows(
            point=np.array(catalogue.point_of, np.int32)[order],
            time=at[order],
            value=catalogue.newest[order],
            quality=catalogue.quality[order].astype(np.uint8),
            place=np.array(catalogue.place_of, np.int32)[order],
        )
        self.newest.advance(rows, np.full(len(rows), NEVER))
        self._said = {saying.point: saying for saying in self._book.said()}
        for saying in self._said.values():
            self.newest.say(saying.point, Latest(saying.time, None, saying.text, saying.quality))

    def only_words(self, series: int) -> bool:
        """Whether a series has texts and not one number."""
        return self._catalogue.newest_at[series] == NEVER and self._catalogue.point_of[series] in self._said

    # --- readings -------------------------------------------------------------------------------------------------

    def append(self, rows: Rows, texts: Sequence[TextRow], position: Position | None) -> Written:
        """StoreUnavailable: the position has not moved, and the same batch changes nothing when it comes again."""
        self._server.meet()
        catalogue = self._catalogue
        self.newest.grow(len(catalogue.points))
        given = len(rows)
        gone = rows.time < catalogue.gone[rows.point]
        if gone.any():
            rows = take(rows, np.flatnonzero(~gone))
        kept = len(rows)
        batch = self._batch(last_of_each(rows), texts)
        if self._server.deletes:
            self._withdraw(batch)
        sent, (rejected, whose) = self._posting.batch(batch)
        point, start, reach = self._marks(batch.rows)
        self._remember(batch)
        with self._book.transaction() as connection:
            self._save_names(connection)
            books.save_spots(connection, catalogue.rows({*np.unique(batch.series).tolist(), *batch.text_series}))
            books.save_said(connection, [self._said[number] for number in {text.point for text in batch.texts}])
            books.touch(connection, point, start)
            books.keep_rejected(connection, self._clock.now(), rejected, whose)
            books.add(connection, "readings", sent)
            if position is not None:
                books.save_position(connection, position)
        self._names_saved()
        self.rejected += len(rejected)
        self.newest.advance(batch.rows, reach)
        for text in batch.texts:
            self.newest.say(text.point, Latest(text.time, None, text.text, text.quality))
        return Written(added=len(batch.rows), replaced=0, unchanged=kept - len(batch.rows), expired=given - kept)

    def _save_names(self, connection: sqlite3.Connection) -> None:
        points, places = self._catalogue.points, self._catalogue.places
        books.save_names(
            connection,
            ((n, points.keys[n], int(self._catalogue.hold[n])) for n in range(points.stored, len(points))),
            ((n, places.keys[n]) for n in range(places.stored, len(places))),
        )

    def _names_saved(self) -> None:
        points, places = self._catalogue.points, self._catalogue.places
        points.stored, places.stored = len(points), len(places)

    def _batch(self, rows: Rows, texts: Sequence[TextRow]) -> Batch:
        catalogue = self._catalogue
        kept = [text for text in texts if text.time >= catalogue.gone[text.point]]
        once = list({(text.point, text.time): text for text in kept}.values())
        return Batch(
            rows=rows,
            series=catalogue.numbers(rows.point, rows.place),
            texts=once,
            text_series=[catalogue.number(text.point, text.place) for text in once],
        )

    def _withdraw(self, batch: Batch) -> None:
        """Take back what was told of the same instants under another place: there, tags are part of what a point is."""
        catalogue = self._catalogue
        for other, times in self._told_elsewhere(batch).items():
            measurement = named([catalogue.measurements[other]])
            tagged = _condition(catalogue, other)
            found = self._server.query(
                f"SELECT * FROM {measurement} WHERE {tagged} AND time >= {min(times)}ms AND time <= {max(times)}ms"
            )
            told = {row[0] for table in found for row in table.values}
            withdrawn = told.intersection(times)
            for time in sorted(withdrawn):
                self._server.query(f"DELETE FROM {measurement} WHERE {tagged} AND time = {time}ms")
            # and the roll-ups made of it, which are computed again: a field that has no value any more would stay
            cells = named([cells_measurement(catalogue.measurements[other])])
            for start in sorted({cell_start(time) for time in withdrawn}):
                self._server.query(f"DELETE FROM {cells} WHERE {tagged} AND time = {start}ms")

    def _told_elsewhere(self, batch: Batch) -> dict[int, list[int]]:
        """Other series of the same points whose span covers a reading that is not new, with those instants."""
        catalogue, rows = self._catalogue, batch.rows
        late = np.flatnonzero(rows.time <= self.newest.time[rows.point])
        told = [(int(rows.point[n]), int(batch.series[n]), int(rows.time[n])) for n in late.tolist()]
        told += [(text.point, n, text.time) for n, text in zip(batch.text_series, batch.texts, strict=True)]
        found: dict[int, list[int]] = {}
        for point, own, time in told:
            for other in catalogue.at_point[point]:
                if other != own and catalogue.first[other] <= time <= catalogue.last[other]:
                    found.setdefault(other, []).append(time)
        return found

    def _marks(self, rows: Rows) -> tuple[IdArray, IntArray, IntArray]:
        """Cells to put on the waiting list, and the last cell each row reaches into."""
        catalogue = self._catalogue
        (point, start), reach = reached(
            rows,
            rows.time > self.newest.time[rows.point],
            hold=catalogue.hold[rows.point],
            marked=self.newest.marked[rows.point],
            refreshed_until=self._refreshed_until,
        )
        # what retention left of earlier times is its cells: nothing may compute them again
        wanted = start >= catalogue.gone[point]
        return point[wanted], start[wanted], reach

    def _remember(self, batch: Batch) -> None:
        """Spans, newest numbers and texts. Said twice they are the same, so a failed commit does no harm."""
        catalogue, rows, series = self._catalogue, batch.rows, batch.series
        if len(rows):
            np.minimum.at(catalogue.first, series, rows.time)
            np.maximum.at(catalogue.last, series, rows.time)
            np.maximum.at(catalogue.newest_at, series, rows.time)
            newest = rows.time == catalogue.newest_at[series]
            catalogue.newest[series[newest]] = rows.value[newest]
            catalogue.quality[series[newest]] = rows.quality[newest]
        for number, text in zip(batch.text_series, batch.texts, strict=True):
            catalogue.first[number] = min(catalogue.first[number], text.time)
            catalogue.last[number] = max(catalogue.last[number], text.time)
            known = self._said.get(text.point)
            if known is None or known.time <= text.time:
                self._said[text.point] = Saying(text.point, text.time, text.text, text.quality)

    def write_points(self, points: Sequence[SeriesPoint]) -> None:
        """Points beside readings. StoreUnavailable: some may be stored; the same again changes nothing."""
        self._server.meet()
        wanted = missing(self._server, points, self._clock.now())
        rejected = self._posting.lines([point_line(point) for point in wanted])
        if rejected:
            with self._book.transaction() as connection:
                nobody = {line.line: (None, None) for line in rejected}
                books.keep_rejected(connection, self._clock.now(), rejected, nobody)
            self.rejected += len(rejected)

    # --- roll-ups -------------------------------------------------------------------------------------------------

    def set_holds(self, points: IdArray, holds: IntArray) -> None:
        """Set them; all cells that the stored readings of changed points reach into are put on the waiting list."""
        catalogue = self._catalogue
        changed = catalogue.hold[points] != holds
        points, holds = points[changed], holds[changed]
        stored = [
            (number, hold, max(hold, int(catalogue.hold[number])))
            for number, hold in zip(points.tolist(), holds.tolist(), strict=True)
            if number < catalogue.points.stored
        ]
        if stored:
            with self._book.transaction() as connection:
                connection.executemany("update points set hold = ? where id = ?", [(hold, n) for n, hold, _ in stored])
                for number, _, reach in stored:
                    starts = self._starts_of(number, reach)
                    books.touch(connection, np.full(len(starts), number, np.int32), starts)
        catalogue.hold[points] = holds

    def _starts_of(self, point: int, reach: int) -> IntArray:
        """Every cell that the stored readings of a point can reach into."""
        catalogue = self._catalogue
        of = catalogue.at_point.get(point, [])
        if not of:
            return np.zeros(0, np.int64)
        gone = int(catalogue.gone[point])
        first = max(int(catalogue.first[of].min()), gone)
        starts = np.arange(cell_start(first), int(catalogue.last[of].max()) + reach, CELL, dtype=np.int64)
        return starts[starts >= gone]

    def refresh(self, until: int, limit: int) -> int:
        """Compute up to ``limit`` touched cells that ended by ``until``, or what a turn has time for; how many there were."""
        self._server.meet()
        self._refreshed_until = max(self._refreshed_until, cell_start(until))
        done = 0
        turn_ends = self._clock.steady() + TURN_MS
        while done < limit and self._clock.steady() < turn_ends:
            point, start = self._book.due(until - CELL, min(at_once(self._density), limit - done), SPAN)
            if not len(point):
                break
            self._refresh(point, start)
            done += len(point)
        return done

    def _refresh(self, point: IdArray, start: IntArray) -> None:
        unread: list[tuple[int, int, str]] = []
        try:
            made = self._rollup.compute(point, start)
        except QueryRefused as refused:
            if not self._answers():
                raise StoreUnavailable(str(refused)) from refused
            made, unread = self._rollup.computable(point, start)
        except QueryInterrupted:
            self._density *= 2  # the next try asks for less
            raise
        self._density = float(made.count.sum()) / len(point)
        left = {(of, at) for of, at, _ in unread}
        able = np.array([pair not in left for pair in zip(point.tolist(), start.tolist(), strict=True)])
        lines, whose = self._rollup.lines(made, point[able], start[able])
        rejected = self._posting.lines(lines)
        now = self._clock.now()
        with self._book.transaction() as connection:
            books.finish(connection, point, start)
            books.keep_rejected(connection, now, rejected, dict(zip(lines, whose, strict=True)) if rejected else {})
            books.add(connection, "cells", len(made))
            books.keep_unread(connection, ((of, at, why, now) for of, at, why in unread))
        self.rejected += len(rejected)

    def put_cells(self, cells: Cells) -> None:
        """Cells of another store; the readings of their points count as gone up to their end."""
        self._server.meet()
        catalogue = self._catalogue
        none = cells.point[:0], cells.start[:0]
        lines, whose = self._rollup.lines(cells, *none)
        rejected = self._posting.lines(lines)
        numbers = catalogue.numbers(cells.point, cells.place)
        np.minimum.at(catalogue.first, numbers, cells.start)
        np.maximum.at(catalogue.last, numbers, cells.start)
        catalogue.grow_points(len(catalogue.points))
        np.maximum.at(catalogue.gone, cells.point, cells.start + CELL)
        with self._book.transaction() as connection:
            self._save_names(connection)
            books.save_spots(connection, catalogue.rows(np.unique(numbers).tolist()))
            books.keep_rejected(
                connection, self._clock.now(), rejected, dict(zip(lines, whose, strict=True)) if rejected else {}
            )
            books.add(connection, "cells", len(cells))
            books.give_up(connection, {n: int(catalogue.gone[n]) for n in np.unique(cells.point).tolist()})
        self._names_saved()
        self.rejected += len(rejected)

    def _answers(self) -> bool:
        """Whether the server answers a question about today: else it is not the age of what was asked for."""
        try:
            self._server.query(f'SELECT "value" FROM "hub_canary" WHERE time > {self._clock.now() - DAY}ms LIMIT 1')
        except (StoreUnavailable, QueryInterrupted):
            return False
        return True

    # --- what was refused -----------------------------------------------------------------------------------------

    def redrive(self) -> Redriven:
        """Send every refused line again; cells that could not be computed or stored are computed again."""
        self._server.look_again()
        stored = still = after = 0
        while True:
            with self.lock:
                rows = self._book.rows(
                    "select id, line, point, time from rejected where id > ? order by id limit ?",
                    [after, REDRIVEN_AT_ONCE],
                )
                if not rows:
                    break
                after = rows[-1][0]
                refused = self._redrive(rows)
            still += refused
            stored += len(rows) - refused
        with self.lock, self._book.transaction() as connection:
            connection.execute("insert or ignore into touched select start, point from unread")
            connection.execute("delete from unread")
        return Redriven(stored, still)

    def _redrive(self, rows: list[tuple[int, str, int | None, int | None]]) -> int:
        self._server.meet()
        cells = {number for number, line, _, _ in rows if line.partition(",")[0].endswith(CELL_SUFFIX)}
        again = {
            line.line: line
            for line in self._posting.lines([line for number, line, _, _ in rows if number not in cells])
        }
        now = self._clock.now()
        refused = 0
        with self._book.transaction() as connection:
            for number, line, point, time in rows:
                if line in again and number not in cells:
                    answer = again[line]
                    books.blame(connection, number, now, answer.status, answer.answer)
                    refused += 1
                    continue
                if point is not None and time is not None:
                    # a cell is computed again rather than sent: it may have changed since
                    reach = 1 if number in cells else int(self._catalogue.hold[point])
                    starts = np.arange(cell_start(time), time + reach, CELL, dtype=np.int64)
                    books.touch(connection, np.full(len(starts), point, np.int32), starts)
                books.release(connection, number)
        return refused


def _condition(catalogue: Catalogue, number: int) -> str:
    """The tags of one series, those it has not included."""
    key, spot = catalogue.points.keys[catalogue.point_of[number]], catalogue.places.keys[catalogue.place_of[number]]
    tagged = tags(key, spot)
    return " AND ".join(f"{named([name])} = {literal(tagged.get(name, ''))}" for name in TAGS)
