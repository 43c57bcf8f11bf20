"""One hub a database: who has the lease, who gets it next, and what the one before may no longer do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from hub.errors import ConfigError, StoreUnavailable
from hub.flows.batch import Position
from hub.flows.ports import LaneMark
from hub.storage.lease import Lease, LeaseLost
from hub.storage.unit import SqlRecords

pytestmark = pytest.mark.servers

MARK = LaneMark(position=Position("journal", 7), time=1_000)
LONG = 600_000


@pytest.fixture
def database(postgres: Any) -> str:
    return str(postgres.new_database())


@pytest.fixture
def lease(database: str) -> Iterator[Callable[..., Lease]]:
    made: list[Lease] = []

    def make(*, ttl_ms: int = LONG, on_lost: Callable[[str], object] = lambda _why: None) -> Lease:
        made.append(Lease(database, ttl_ms=ttl_ms, on_lost=on_lost))
        return made[-1]

    yield make
    for each in made:
        each.release()


def run_out(database: str) -> None:
    """As if the holder had been silent for its time."""
    engine = create_engine(database)
    with engine.begin() as connection:
        statement = """UPDATE meta SET value = regexp_replace(value, '"until":\\d+', '"until":1') WHERE key = 'lease'"""
        assert connection.exec_driver_sql(statement).rowcount == 1
    engine.dispose()


def test_the_second_is_refused_and_told_who_has_it(lease: Callable[..., Lease]) -> None:
    assert lease().take("first") is None
    refused = lease().take("second")
    assert refused is not None
    assert refused.holder.owner == "first"
    assert 0 < refused.left_ms <= LONG


def test_only_one_of_many_that_come_at_once_gets_it(lease: Callable[..., Lease]) -> None:
    leases = [lease() for _ in range(6)]
    answers: list[object] = []
    threads = [
        threading.Thread(target=lambda number=number, each=each: answers.append(each.take(f"hub{number}")))
        for number, each in enumerate(leases)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(None) == 1
    assert len(answers) == 6


def test_it_is_to_be_had_when_it_has_run_out_with_a_higher_epoch(lease: Callable[..., Lease], database: str) -> None:
    first, second = lease(), lease()
    first.take("first")
    run_out(database)
    assert second.take("second") is None
    assert second.health(0).facts == {"hub": "second", "epoch": 2}


def test_what_is_given_back_is_free_at_once_and_the_epoch_goes_on(lease: Callable[..., Lease]) -> None:
    first, second = lease(), lease()
    first.take("first")
    first.release()
    assert second.take("second") is None
    assert second.health(0).facts["epoch"] == 2


def test_a_hub_that_starts_again_does_not_wait_for_itself(lease: Callable[..., Lease]) -> None:
    lease().take("first")
    again = lease()
    assert again.take("first") is None
    assert again.health(0).facts["epoch"] == 2


def test_who_was_overtaken_may_not_write_any_more(lease: Callable[..., Lease], database: str) -> None:
    first, second = lease(), lease()
    first.take("first")
    records = SqlRecords(database)
    records.open(hub="first", fence=first.fence)
    records.write(lambda books: books.lanes.save("alarm", MARK))
    run_out(database)
    records.write(lambda books: books.lanes.save("alarm", MARK))  # run out, but nobody came: it is still ours
    second.take("second")
    ran: list[str] = []
    with pytest.raises(LeaseLost, match=r"hub second on .* works on this database now"):
        records.write(lambda _books: ran.append("yes"))
    assert ran == [], "refused before anything was decided"
    records.close()


def test_nobody_takes_over_in_the_middle_of_a_unit_of_work(lease: Callable[..., Lease], database: str) -> None:
    first, second = lease(), lease()
    first.take("first")
    records = SqlRecords(database)
    records.open(hub="first", fence=first.fence)
    run_out(database)
    taken = threading.Event()
    overtaking = threading.Thread(target=lambda: (second.take("second"), taken.set()))

    def work(books: Any) -> bool:
        overtaking.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        while not books.connection.execute(text(waiting)).scalar_one():
            books.connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        books.lanes.save("alarm", MARK)
        return taken.is_set()

    assert records.write(work) is False, "it waits until what was begun has been committed"
    overtaking.join()
    with pytest.raises(LeaseLost):
        records.write(lambda books: books.lanes.save("alarm", MARK))
    records.close()


def test_a_unit_of_work_of_one_that_sleeps_is_undone(lease: Callable[..., Lease], database: str) -> None:
    first, second = lease(), lease()
    first.take("first")
    run_out(database)
    engine = create_engine(database)
    asleep = engine.connect()
    first.fence(asleep)
    asleep.execute(
        text("INSERT INTO meta (key, value) VALUES ('half', 'done')")
    )  # and then neither an answer nor an end
    with pytest.raises(StoreUnavailable, match="lock timeout"):
        second.take("second")
    assert second.take("second") is None
    with pytest.raises(OperationalError):
        asleep.commit()
    asleep.close()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM meta WHERE key = 'half'")).scalar_one() == 0
    engine.dispose()


def test_who_keeps_it_renews_it_and_who_loses_it_hears_so(lease: Callable[..., Lease], database: str) -> None:
    heard = threading.Event()
    first = lease(ttl_ms=300, on_lost=lambda _why: heard.set())
    first.take("first")
    first.start()
    engine = create_engine(database)

    def until() -> str:
        with engine.connect() as connection:
            return str(connection.execute(text("SELECT value FROM meta WHERE key = 'lease'")).scalar_one())

    before = until()
    waiting = threading.Event()
    for _ in range(600):
        if until() != before:
            break
        waiting.wait(0.05)
    assert until() != before, "renewed"
    with engine.begin() as connection:
        connection.execute(text("""UPDATE meta SET value = replace(value, '"first"', '"x"') WHERE key = 'lease'"""))
    engine.dispose()
    assert heard.wait(60)
    assert "another hub has taken over" in first.health(0).reason


def test_a_hub_that_stands_by_goes_on_when_the_other_gives_back(lease: Callable[..., Lease]) -> None:
    first, second = lease(), lease()
    first.take("first")
    standing = threading.Thread(target=second.stand_by, args=("second",))
    standing.start()
    first.release()
    standing.join(60)
    assert not standing.is_alive()
    assert second.health(0).facts["hub"] == "second"


def test_a_database_that_cannot_be_reached_or_is_none_is_named() -> None:
    away = Lease("postgresql+psycopg://hub:geheim@127.0.0.1:1/none", ttl_ms=LONG, on_lost=print)
    with pytest.raises(StoreUnavailable) as refused:
        away.stand_by("first")
    assert "geheim" not in str(refused.value)
    with pytest.raises(ConfigError, match="starts with 'mysql'"):
        Lease("mysql://x", ttl_ms=LONG, on_lost=print).take("first")


def test_each_hub_has_positions_of_its_own_and_takes_over_the_memory(database: str) -> None:
    first, second = SqlRecords(database), SqlRecords(database)
    first.open(hub="first")
    second.open(hub="second")
    mine = LaneMark(Position("journal-1", 70), 5_000, b"memory", 69)
    first.write(lambda books: books.lanes.save("alarm", mine))
    assert first.read(lambda books: books.lanes.load("alarm")) == mine
    expected = LaneMark(Position("", 0), 5_000, b"memory", 0)
    assert second.read(lambda books: books.lanes.load("alarm")) == expected, "nothing of its own journal is done"
    second.write(lambda books: books.lanes.save("alarm", LaneMark(Position("journal-2", 3), 6_000, b"later", 3)))
    back = first.read(lambda books: books.lanes.load("alarm"))
    assert back == LaneMark(Position("journal-1", 70), 6_000, b"later", 70)
    first.close()
    second.close()


def test_a_position_from_before_hubs_had_ids_is_its_own(database: str) -> None:
    records = SqlRecords(database)
    records.open()
    records.write(lambda books: books.lanes.save("alarm", MARK))
    records.close()
    records.open(hub="first")
    assert records.read(lambda books: books.lanes.load("alarm")) == MARK
    records.close()
