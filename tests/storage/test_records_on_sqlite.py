"""SQLite's own faults: a full disk, a lock, a lost folder; and that every commit is on the disk."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from hub.domain.health import Status
from hub.errors import ConfigError, StoreUnavailable
from hub.flows.batch import Gap, Position
from hub.flows.ports import LaneMark
from hub.storage import engines
from hub.storage.books import Books
from hub.storage.unit import SqlRecords
from tests.empty_records import empty_records

MARK = LaneMark(position=Position("journal", 7), time=1_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records 100%.sqlite"


@pytest.fixture
def records(path: Path) -> Iterator[SqlRecords]:
    store = empty_records(path)
    yield store
    store.close()


def save(records: SqlRecords, batch: int) -> None:
    records.write(lambda books: books.lanes.save("alarm", MARK._replace(position=Position("journal", batch))))


def test_the_pragmas_that_durability_rests_on(records: SqlRecords) -> None:
    def pragmas(books: Books) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [books.connection.execute(text(f"PRAGMA {name}")).scalar() for name in names]

    assert records.write(pragmas) == ["wal", 2, 1, engines.BUSY_MS]


def test_a_full_disk_is_an_outage_that_ends(records: SqlRecords) -> None:
    save(records, 1)

    def limit(books: Books) -> None:
        pages = books.connection.execute(text("PRAGMA page_count")).scalar_one()
        books.connection.execute(text(f"PRAGMA max_page_count={pages}"))

    def much(books: Books) -> None:
        books.lanes.save("alarm", MARK._replace(state=b"x" * 1_000_000))

    records.write(limit)
    with pytest.raises(StoreUnavailable, match="disk is full"):
        records.write(much)
    records.read(lambda books: books.lanes.load("alarm"))
    assert records.health(0).status is Status.DOWN, "that it can be read does not mean that it can be written"
    assert "disk is full" in records.health(0).reason
    records.write(much)  # a new connection: the limit, like a full disk that was cleared, is gone
    assert records.health(0).status is Status.OK
    found = records.read(lambda books: books.lanes.load("alarm"))
    assert found is not None
    assert found.state is not None


def test_a_lock_held_by_another_program_is_an_outage_that_ends(
    records: SqlRecords, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.close()
    monkeypatch.setattr(engines, "BUSY_MS", 50)
    records.open()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        save(records, 1)
    assert records.read(lambda books: books.lanes.load("alarm")) is None, "readers go on meanwhile"
    other.execute("ROLLBACK")
    other.close()
    save(records, 2)


def test_a_lost_file_is_an_outage_and_no_new_empty_file(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    store = SqlRecords(folder / "records.sqlite")
    store.open()
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        save(store, 1)
    store.close()
    assert not folder.exists()


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        SqlRecords(tmp_path / "nowhere" / "records.sqlite").open()


@pytest.mark.parametrize("url", ["mysql://u:geheim@h/d", "postgresql://u:geheim@h/d", "records.sqlite"])
def test_an_address_of_another_kind_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match=r"postgresql\+psycopg://") as refused:
        SqlRecords(url).open()
    assert "geheim" not in str(refused.value)


def test_a_mistake_of_our_own_is_no_outage(records: SqlRecords) -> None:
    with pytest.raises(Exception, match="no such table"):
        records.write(lambda books: books.connection.execute(text("SELECT * FROM nonsense")).all())
    assert records.health(0).status is Status.OK


def test_closing_finishes_what_was_queued(records: SqlRecords, path: Path) -> None:
    save(records, 1)
    records.close()
    again = SqlRecords(path)
    again.open()
    found = again.read(lambda books: books.lanes.load("alarm"))
    again.close()
    assert found is not None
    assert found.position.batch == 1


WRITER = """
import sys
from pathlib import Path
from hub.flows.batch import Gap, Position
from hub.flows.ports import LaneMark
from hub.storage.unit import SqlRecords

records = SqlRecords(Path(sys.argv[1]))
records.open()
for batch in range(1, 100_000):
    def work(books):
        books.gaps.add([Gap("main", "hub_down", batch, batch + 1, "")])
        books.lanes.save("alarm", LaneMark(position=Position("journal", batch), time=batch))
    records.write(work)
    print(batch, flush=True)
"""


@pytest.mark.faults
def test_a_kill_loses_nothing_that_was_answered_and_tears_no_transaction(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        answered = [int(writer.stdout.readline()) for _ in range(50)][-1]
        writer.kill()
        answered = max([answered, *(int(line) for line in writer.stdout if line.endswith("\n"))])
    records = SqlRecords(path)
    records.open()

    def look(books: Books) -> tuple[int, list[Gap]]:
        found = books.lanes.load("alarm")
        assert found is not None
        return found.position.batch, books.gaps.latest(10**6)

    batch, gaps = records.read(look)
    records.close()
    assert batch >= answered
    assert sorted(gap.started_at for gap in gaps) == list(range(1, batch + 1))
