"""PostgreSQL's own faults: a server that goes away and comes back, two transactions that collide; and its schema."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from hub.domain.health import Status
from hub.errors import ConfigError, StoreUnavailable
from hub.flows.batch import Position
from hub.flows.ports import LaneMark
from hub.storage import migrations
from hub.storage.books import Books
from hub.storage.tables import metadata
from hub.storage.unit import SqlRecords

pytestmark = pytest.mark.servers

MARK = LaneMark(position=Position("journal", 7), time=1_000)


@pytest.fixture
def database(postgres: Any) -> str:
    return str(postgres.new_database())


@pytest.fixture
def records(database: str) -> Iterator[SqlRecords]:
    store = SqlRecords(database)
    store.open()
    yield store
    store.close()


def test_migrations_build_the_tables(database: str) -> None:
    engine = create_engine(database)
    migrations.upgrade_postgres(engine)
    migrations.upgrade_postgres(engine)
    options = {"compare_type": True, "compare_server_default": True, "version_table": migrations.VERSION_TABLE}
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    unique = {index["name"] for index in inspect(engine).get_indexes("tickets") if index["unique"]}
    engine.dispose()
    assert found == [], 'they differ: python -m hub.storage.migrations.draft "What changes"'
    assert "uq_tickets_one_open" in unique


def test_a_newer_database_is_refused_by_name(database: str, tmp_path: Path) -> None:
    later = tmp_path / "later"
    shutil.copytree(migrations.FOLDER, later, ignore=shutil.ignore_patterns("__pycache__"))
    last = migrations.known()[-1]
    newer = f"{int(last) + 1:04d}"
    step = f'revision = "{newer}"\ndown_revision = "{last}"\n\n\ndef upgrade() -> None:\n    pass\n'
    (later / "versions" / f"{newer}_nothing.py").write_text(step, encoding="utf-8")
    engine = create_engine(database)
    migrations.upgrade_postgres(engine, folder=later)
    engine.dispose()
    with pytest.raises(ConfigError, match=f"has schema {newer}, this program knows up to {last}"):
        SqlRecords(database).open()


def test_two_programs_that_start_at_once_migrate_once(database: str) -> None:
    stores = [SqlRecords(database) for _ in range(4)]
    threads = [threading.Thread(target=store.open) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [store.health(0).status for store in stores] == [Status.OK] * 4
    for store in stores:
        store.close()


@pytest.mark.faults
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_goes_away_is_an_outage_that_ends(records: SqlRecords, postgres: Any, mode: str) -> None:
    records.write(lambda books: books.lanes.save("alarm", MARK))
    postgres.stop(mode)
    try:
        for call in (records.write, records.read):
            with pytest.raises(StoreUnavailable, match="PostgreSQL"):
                call(lambda books: books.lanes.load("alarm"))
        assert records.health(0).status is Status.DOWN
    finally:
        postgres.start()
    assert records.read(lambda books: books.lanes.load("alarm")) == MARK
    records.write(lambda books: books.lanes.save("alarm", MARK))
    assert records.health(0).status is Status.OK


@pytest.mark.faults
def test_a_connection_cut_in_the_middle_commits_nothing(records: SqlRecords, database: str) -> None:
    other = create_engine(database, isolation_level="AUTOCOMMIT")

    def cut(books: Books) -> None:
        books.lanes.save("alarm", MARK)
        mine = books.connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with other.connect() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
        books.lanes.save("alarm", MARK._replace(time=2_000))

    with pytest.raises(StoreUnavailable):
        records.write(cut)
    other.dispose()
    assert records.read(lambda books: books.lanes.load("alarm")) is None


def test_two_units_that_deadlock_both_end_well(records: SqlRecords) -> None:
    lanes = ("alarm", "series")
    for lane in lanes:
        records.write(lambda books, name=lane: books.lanes.save(name, MARK))
    both = threading.Barrier(2)
    runs: list[str] = []

    def cross(first: str, second: str) -> None:
        def work(books: Books) -> None:
            books.lanes.save(first, MARK._replace(time=3_000))
            runs.append(first)
            if len(runs) <= 2:
                both.wait(10)  # only at the first try: each now holds what the other wants
            books.lanes.save(second, MARK._replace(time=3_000))

        records.write(work)

    threads = [threading.Thread(target=cross, args=pair) for pair in (lanes, lanes[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs) >= 3, "at least one of the two ran again"
    assert records.health(0).status is Status.OK
    found = records.read(lambda books: [books.lanes.load(lane) for lane in lanes])
    assert [mark.time if mark else None for mark in found] == [3_000, 3_000]


def test_an_outage_does_not_name_the_password() -> None:
    store = SqlRecords("postgresql+psycopg://hub:geheim@127.0.0.1:1/none")
    with pytest.raises(StoreUnavailable) as refused:
        store.open()
    assert "geheim" not in str(refused.value)
