"""A large batch goes in several requests at once, and only together; roll-ups are asked for in portions that fit."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hub.clock import MINUTE, WallClock
from hub.domain.rollups import CELL
from hub.errors import StoreUnavailable
from hub.flows.batch import PointKey
from hub.flows.series import Cells, IdArray, IntArray, QueryInterrupted, Rows, TextRow
from hub.storage.influx import book as books
from hub.storage.influx.answers import Answer
from hub.storage.influx.asking import Asking
from hub.storage.influx.book import Book
from hub.storage.influx.catalogue import Catalogue
from hub.storage.influx.posting import Batch, Posting
from hub.storage.influx.protocol import Spot
from hub.storage.influx.questions import Table
from hub.storage.influx.rollup import AT_ONCE, READINGS_AT_ONCE
from hub.storage.influx.sending import LINES
from hub.storage.influx.writing import Writing

START = 1_763_856_000_000
HALL = Spot("hg", "hall", "", "activity_room", "")
POINTS = [PointKey("hg", "hg~d1", name) for name in ("temperature", "humidity")]


class FakeServer:
    """Keeps lines; answers a request only when so many are under way, and the n-th one with ``said``."""

    def __init__(self, *, under_way: int = 1, said: dict[int, Answer] | None = None) -> None:
        self.target = SimpleNamespace(shown="http://db/x")
        self.deletes, self.kept_ms = True, None
        self.stored: list[str] = []
        self.requests = 0
        self.questions: list[str] = []
        self.answer: list[Table] = []
        self._met = threading.Barrier(under_way)
        self._said = said or {}

    def meet(self) -> None:
        """It is there."""

    def write(self, body: str) -> Answer:
        self.requests += 1
        said = self._said.get(self.requests, Answer(204))
        self._met.wait(10)
        if said.status == 204:
            self.stored += body.split("\n")
        return said

    def query(self, question: str) -> list[Table]:
        self.questions.append(question)
        self._met.wait(10)
        return self.answer


def catalogue() -> Catalogue:
    made = Catalogue()
    made.point_ids(POINTS)
    made.places.ids([HALL])
    return made


def batch(of: Catalogue, size: int, texts: tuple[TextRow, ...] = ()) -> Batch:
    n = np.arange(size)
    rows = Rows(
        point=(n % 2).astype(np.int32),
        time=START + n,
        value=n.astype(np.float64),
        quality=np.zeros(size, np.uint8),
        place=np.zeros(size, np.int32),
    )
    return Batch(rows, of.numbers(rows.point, rows.place), list(texts), [of.number(t.point, t.place) for t in texts])


def posting(server: Any, of: Catalogue) -> Posting:
    return Posting(server, of, WallClock())


def asking(server: Any, of: Catalogue) -> Asking:
    return Asking(server, of)


def test_a_large_batch_goes_in_several_requests_at_once() -> None:
    of, server = catalogue(), FakeServer(under_way=2)
    sent, refused = posting(server, of).batch(batch(of, 2 * LINES))
    assert (sent, refused.rejected, server.requests) == (2 * LINES, [], 2)
    assert sorted(int(line.rpartition(" ")[2]) - START for line in server.stored) == list(range(2 * LINES))


@pytest.mark.parametrize("late", [1, 2, 3])
def test_one_request_that_fails_fails_the_batch(late: int) -> None:
    of, server = catalogue(), FakeServer(said={late: Answer(503, "busy")})
    with pytest.raises(StoreUnavailable, match="503: busy"):
        posting(server, of).batch(batch(of, 3 * LINES))


def test_what_is_refused_and_what_is_not_even_sent_is_named_by_point_and_time() -> None:
    of, server = catalogue(), FakeServer(said={1: Answer(400, "partial write: conflict dropped=1")})
    given = batch(of, 2, (TextRow(0, START + 9, "ok", 0, 0),))
    given.rows.value[0] = np.inf
    sent, refused = posting(server, of).batch(given)
    assert (sent, [line.status for line in refused.rejected]) == (1, [0, 400])
    assert [refused.whose[line.line] for line in refused.rejected] in (
        [(0, START), (1, START + 1)],
        [(0, START), (0, START + 9)],
    )


class FakeRollup:
    """Cells with so many readings each; more than ``most`` readings in one question take too long."""

    def __init__(self, readings: int, most: int) -> None:
        self.readings, self.most = readings, most
        self.asked: list[int] = []

    def compute(self, point: IdArray, start: IntArray) -> Cells:
        self.asked.append(len(point))
        if len(point) * self.readings > self.most:
            raise QueryInterrupted("too long")
        none = {name: np.zeros(len(point)) for name in Cells.__slots__}
        return Cells(**none | {"count": np.full(len(point), self.readings)})  # type: ignore[arg-type]  # not looked at

    def lines(self, *_: object) -> tuple[list[str], list[tuple[int, int]]]:
        return [], []


@pytest.mark.parametrize(
    ("readings", "touched", "portions"),
    [(10, 3_000, [100, AT_ONCE, 900]), (2_000, 200, [100, 50, 50]), (400_000, 101, [100, 50, 25, 12, 6, 3, 1])],
)
def test_roll_ups_are_asked_for_in_portions_that_fit(
    tmp_path: Path, readings: int, touched: int, portions: list[int]
) -> None:
    book = Book(tmp_path / "series.sqlite", "http://db/x")
    book.open()
    with book.transaction() as connection:
        books.touch(connection, np.arange(touched, dtype=np.int32), np.full(touched, START))
    rollup: Any = FakeRollup(readings, most=4 * READINGS_AT_ONCE)
    writing = Writing(FakeServer(), book, catalogue(), rollup, WallClock())  # type: ignore[arg-type]  # stands in
    while len(rollup.asked) < len(portions):
        try:
            writing.refresh(START + CELL + MINUTE, 10_000)
        except QueryInterrupted:
            continue
    assert rollup.asked[: len(portions)] == portions
    book.close()


TAGS = {"community": "hg", "device": "hg~d1", "facility": "hall", "kind": "activity_room"}


def test_all_metrics_of_a_facility_are_asked_for_by_one_question() -> None:
    of, server = catalogue(), FakeServer()
    of.numbers(np.array([0, 1], np.int32), np.zeros(2, np.int32))
    server.answer = [
        Table("temperature", TAGS | {"point": "temperature"}, [], [[START, 1.0, 0]]),
        Table("humidity", TAGS | {"point": "humidity"}, [], [[START, 30.0, 0]]),
        Table("humidity", TAGS | {"point": "strange"}, [], [[START, 0.0, 0]]),
    ]
    found = asking(server, of).readings([0, 1], 0, START + CELL)
    assert len(server.questions) == 1
    assert 'FROM "temperature", "humidity"' in server.questions[0]
    assert (found.point.tolist(), found.value.tolist()) == ([0, 1], [1.0, 30.0])


def test_courses_are_asked_for_by_two_questions_at_once() -> None:
    of, server = catalogue(), FakeServer(under_way=2)
    of.numbers(np.array([0, 1], np.int32), np.zeros(2, np.int32))
    server.answer = [Table("temperature_15m", TAGS | {"point": "temperature"}, [], [[START, 1.0, 2.0]])]
    found = asking(server, of).extremes([0, 1], 0, START + CELL, CELL)
    assert len(server.questions) == 2
    assert (found.point.tolist(), found.maximum.tolist()) == ([0], [2.0])
