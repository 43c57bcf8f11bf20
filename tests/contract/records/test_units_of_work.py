"""One transaction: all of it or nothing, on both databases."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from hub.domain.health import Status
from hub.errors import StoreUnavailable
from hub.flows.batch import Position
from hub.flows.ports import LaneMark
from hub.storage.books import Books
from hub.storage.unit import SqlRecords

MARK = LaneMark(position=Position("journal", 7), time=1_000)


def test_what_returns_is_committed(records: SqlRecords) -> None:
    assert records.write(lambda books: books.lanes.save("alarm", MARK) or "done") == "done"
    assert records.read(lambda books: books.lanes.load("alarm")) == MARK


def test_what_raises_is_rolled_back_and_the_caller_hears_it(records: SqlRecords) -> None:
    class Oops(Exception):
        pass

    def work(books: Books) -> None:
        books.lanes.save("alarm", MARK)
        raise Oops

    with pytest.raises(Oops):
        records.write(work)
    assert records.read(lambda books: books.lanes.load("alarm")) is None


def test_a_read_cannot_write(records: SqlRecords) -> None:
    with pytest.raises(Exception, match=r"(?i)read-?only"):
        records.read(lambda books: books.lanes.save("alarm", MARK))
    assert records.read(lambda books: books.lanes.load("alarm")) is None


def test_a_read_sees_one_snapshot_while_others_write(records: SqlRecords) -> None:
    records.write(lambda books: books.lanes.save("alarm", MARK))

    def look(books: Books) -> list[LaneMark | None]:
        before = books.lanes.load("alarm")
        later = MARK._replace(time=2_000)
        writer = threading.Thread(target=records.write, args=(lambda other: other.lanes.save("alarm", later),))
        writer.start()
        writer.join()
        return [before, books.lanes.load("alarm")]

    assert records.read(look) == [MARK, MARK]
    assert records.read(lambda books: books.lanes.load("alarm")) == MARK._replace(time=2_000)


def test_a_unit_inside_a_unit_is_refused_instead_of_waiting_for_itself(records: SqlRecords) -> None:
    with pytest.raises(RuntimeError, match="inside another one"):
        records.write(lambda _: records.write(lambda books: books.lanes.load("alarm")))


def test_after_close_the_store_is_unavailable(records: SqlRecords) -> None:
    records.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        records.write(lambda books: books.lanes.save("alarm", MARK))
    assert records.health(0).status is Status.DOWN


def test_many_threads_write_and_each_gets_its_own_answer(records: SqlRecords) -> None:
    answers: dict[int, str] = {}

    def count(number: int) -> None:
        answers[number] = records.write(lambda books: books.tickets.next_number("garden", "HG", 2026))

    threads = [threading.Thread(target=count, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers.values()) == [f"HG-2026-{n:06d}" for n in range(1, 31)]


def test_a_long_unit_is_logged_with_its_name(records: SqlRecords, caplog: pytest.LogCaptureFixture) -> None:
    def ponder(books: Books) -> None:
        books.lanes.load("alarm")
        time.sleep(0.06)  # the one thing that this unit does is to be slow

    with caplog.at_level(logging.WARNING, logger="hub.storage.unit"):
        records.write(ponder)
    assert "ponder" in caplog.text


def test_a_number_is_not_given_twice_after_a_rollback_or_a_restart(records: SqlRecords) -> None:
    def take_and_fail(books: Books) -> None:
        books.tickets.next_number("garden", "HG", 2026)
        raise ValueError("no")

    first = records.write(lambda books: books.tickets.next_number("garden", "HG", 2026))
    with pytest.raises(ValueError, match="no"):
        records.write(take_and_fail)
    records.close()
    records.open()
    second = records.write(lambda books: books.tickets.next_number("garden", "HG", 2026))
    assert [first, second] == ["HG-2026-000001", "HG-2026-000002"]
    assert records.write(lambda books: books.tickets.next_number("garden", "HG", 2027)) == "HG-2027-000001"
