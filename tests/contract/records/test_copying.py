"""All records from one database into another: what arrives is what was there, all of it or nothing."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select, text

from hub.cli import main
from hub.datadir import DataDir, Lock
from hub.errors import ConfigError, StoreUnavailable
from hub.flows.batch import Position, Refusal
from hub.storage import engines
from hub.storage.migrations import upgrade_sqlite
from hub.storage.records_copy import PostgresSnapshot, count_rows, postgres_from_sqlite
from hub.storage.tables import metadata
from hub.storage.unit import SqlRecords

pytestmark = pytest.mark.servers
ROOT = Path(__file__).resolve().parents[3]


def nothing(_done: int, _total: int, _table: str) -> None:
    """Nobody listens."""


def fill(path: Path, *, rows: int) -> None:
    """Something in every table: a value of every column's type, with signs that databases stumble over."""
    upgrade_sqlite(path)
    engine = engines.sqlite_writer(path, create=False)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            made = [{column.name: _value(column, number) for column in table.columns} for number in range(1, rows + 1)]
            connection.execute(table.insert(), made)
    engine.dispose()


def _value(column: Any, number: int) -> Any:
    kind = column.type.python_type
    if column.foreign_keys or column.primary_key or column.unique or kind is str:
        word = f"{number}" if kind is str else number
        limit = getattr(column.type, "length", None)
        return f"楼's\n“{number}”"[:limit] if kind is str and limit is None else word
    if kind is bool:
        return number == 1
    if kind is float:
        return number / 3
    if kind is bytes:
        return bytes([0, 255, number % 256])
    return None if column.nullable and number % 2 else 1_795_000_000_000 % 2**31 + number


def rows_of(engine: Any) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in metadata.sorted_tables
        }


@pytest.fixture
def database(postgres: Any) -> str:
    return str(postgres.new_database())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    fill(tmp_path / "records.sqlite", rows=7)
    return tmp_path / "records.sqlite"


def test_every_row_of_every_table_arrives_and_comes_back(file: Path, database: str, tmp_path: Path) -> None:
    counts = postgres_from_sqlite(file, database, nothing)
    assert set(counts.values()) == {7}
    original, there = engines.sqlite_readers(file), create_engine(database)
    assert rows_of(there) == rows_of(original)
    snapshot = PostgresSnapshot(database)
    snapshot.copy_to(tmp_path / "back.sqlite", lambda _done: None)
    snapshot.close()
    back = engines.sqlite_readers(tmp_path / "back.sqlite")
    assert rows_of(back) == rows_of(original)
    for engine in (original, there, back):
        engine.dispose()


def test_numbers_that_the_database_gives_go_on_after_those_that_were_copied(file: Path, database: str) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("DELETE FROM quarantine_counts")  # what the filling says of bytes kept leaves no room
    postgres_from_sqlite(file, database, nothing)
    records = SqlRecords(database)
    records.open()
    refusal = Refusal(0, "not_json", "no JSON", "c~d", "c", True, "main", "t", b"x", 1)
    records.write(lambda books: books.quarantine.keep(Position("j", 99), [refusal]))
    with records._store._engine.connect() as connection:  # type: ignore[union-attr]
        assert connection.execute(text("SELECT max(id) FROM quarantine")).scalar_one() == 8
    records.close()


def test_a_database_with_records_is_refused_and_stays_as_it_was(file: Path, database: str) -> None:
    postgres_from_sqlite(file, database, nothing)
    with pytest.raises(ConfigError, match=r"holds records already .*7 tickets.*give it an empty database"):
        postgres_from_sqlite(file, database, nothing)


def test_a_row_that_postgresql_does_not_take_is_named_and_nothing_is_kept(file: Path, database: str) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE tickets SET crew = ? WHERE id = '3'", ("x" * 70,))
    with pytest.raises(ConfigError, match=r"a row of tickets .* is not taken: .*too long"):
        postgres_from_sqlite(file, database, nothing)
    engine = create_engine(database)
    with engine.connect() as connection:
        assert set(count_rows(connection).values()) == {0}
    engine.dispose()


def test_a_killed_migration_leaves_nothing_and_runs_again(file: Path, database: str) -> None:
    script = f"""
import os, signal
from pathlib import Path
from hub.storage.records_copy import postgres_from_sqlite
def told(done, total, table):
    if table == "tickets":
        os.kill(os.getpid(), signal.SIGKILL)
postgres_from_sqlite(Path({str(file)!r}), {database!r}, told)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert set(postgres_from_sqlite(file, database, nothing).values()) == {7}


def test_a_connection_lost_on_the_way_leaves_nothing_and_says_so(file: Path, database: str) -> None:
    other = create_engine(database, isolation_level="AUTOCOMMIT")

    def cut(_done: int, _total: int, table: str) -> None:
        if table == "tickets":
            with other.connect() as connection:
                connection.execute(
                    text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
                )

    with pytest.raises(StoreUnavailable, match="nothing was kept, and the file is as it was: run it again"):
        postgres_from_sqlite(file, database, cut)
    other.dispose()
    assert set(postgres_from_sqlite(file, database, nothing).values()) == {7}


def test_a_snapshot_does_not_see_what_is_written_later(file: Path, database: str, tmp_path: Path) -> None:
    postgres_from_sqlite(file, database, nothing)
    snapshot = PostgresSnapshot(database)
    snapshot.begin()
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM audit"))
    engine.dispose()
    snapshot.copy_to(tmp_path / "copy.sqlite", lambda _done: None)
    snapshot.close()
    with closing(sqlite3.connect(tmp_path / "copy.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM audit").fetchone() == (7,)


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def migrate(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    (tmp_path / "hub.toml").write_text(f'data_dir = "{tmp_path}"\n', encoding="utf-8")

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["--config", str(tmp_path / "hub.toml"), "migrate", *words])
        return code, *capsys.readouterr()

    return run


def test_the_command_counts_on_both_sides_and_says_what_to_set(migrate: Any, database: str) -> None:
    code, out, err = migrate("--to", database)
    assert code == 0, err
    assert f"{7 * len(metadata.sorted_tables)} rows are in postgresql+psycopg://" in out
    assert "         7  tickets" in out
    assert "HUB_RECORDS__URL" in out
    assert "rows (" in err, "progress is told"


def test_the_command_refuses_by_name(migrate: Any, tmp_path: Path, database: str) -> None:
    assert "add --to postgresql+psycopg://" in migrate()[2]
    assert "add --to postgresql+psycopg://" in migrate("--to", "mysql://x")[2]
    away = migrate("--to", "postgresql+psycopg://hub:geheim@127.0.0.1:1/none")
    assert away[0] == 1
    assert "geheim" not in away[2]
    lock = Lock(DataDir(tmp_path).lock)
    lock.take("a hub")
    assert "is in use by a hub (process" in migrate("--to", database)[2]
    lock.release()
    (tmp_path / "records.sqlite").rename(tmp_path / "elsewhere.sqlite")
    assert "no records at" in migrate("--to", database)[2]


def test_the_file_of_a_newer_program_is_refused_by_name(migrate: Any, file: Path, database: str) -> None:
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE schema_version SET version_num = '0999'")
    code, _, err = migrate("--to", database)
    assert code == 1
    assert "has schema 0999, this program knows up to" in err
