"""The schema: migrations build what tables.py says; strangers and newer files are refused by name."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect

from hub.domain.alarms import Alarm
from hub.domain.notices import Notice
from hub.domain.places import Rhythm
from hub.domain.tickets import Ticket, TicketKey
from hub.errors import ConfigError
from hub.storage import engines, migrations
from hub.storage.books.registry_rows import device_from_row
from hub.storage.tables import alarms, devices, metadata, notices, tickets
from hub.storage.unit import SqlRecords

LAST = migrations.known()[-1]
NEXT, AFTER_NEXT = f"{int(LAST) + 1:04d}", f"{int(LAST) + 2:04d}"
SECOND = f'''"""Add a column."""

import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{LAST}"


def upgrade() -> None:
    with op.batch_alter_table("communities") as table:
        table.add_column(sa.Column("motto", sa.Text(), nullable=False, server_default="none yet"))
'''


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.sqlite"


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """The migrations of a later program."""
    folder = tmp_path / "later"
    shutil.copytree(migrations.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / f"{NEXT}_add_a_column.py").write_text(SECOND, encoding="utf-8")
    return folder


def shape(engine: Engine) -> dict[str, object]:
    """Everything of the schema that the database tells."""
    look = inspect(engine)
    return {
        name: (
            sorted((c["name"], str(c["type"]), c["nullable"], c["default"]) for c in look.get_columns(name)),
            look.get_pk_constraint(name)["constrained_columns"],
            sorted(str(key) for key in look.get_foreign_keys(name)),
            sorted(str((key["name"], key["column_names"])) for key in look.get_unique_constraints(name)),
            sorted(
                (str(i["name"]), i["column_names"], i["unique"], str(i["dialect_options"].get("sqlite_where", "")))
                for i in look.get_indexes(name)
            ),
        )
        for name in look.get_table_names()
        if name != migrations.VERSION_TABLE
    }


REDRAFT = 'tables.py and the migrations differ: python -m hub.storage.migrations.draft "What changes"'


def test_migrations_build_the_tables_on_sqlite(path: Path) -> None:
    migrations.upgrade_sqlite(path)
    built = engines.sqlite_writer(path, create=False)
    wanted = engines.sqlite_writer(path.with_name("wanted.sqlite"), create=True)
    metadata.create_all(wanted)
    found = [shape(engine) for engine in (built, wanted)]
    partial = {index["name"] for index in inspect(built).get_indexes("tickets") if index.get("unique")}
    built.dispose()
    wanted.dispose()
    assert found[0] == found[1], REDRAFT
    assert "uq_tickets_one_open" in partial


def test_every_field_of_the_trade_has_its_column() -> None:
    for value, table, apart in ((Alarm, alarms, set()), (Notice, notices, set()), (Ticket, tickets, {"key"})):
        assert {field.name for field in fields(value)} - apart <= set(table.c.keys()), value
    assert {field.name for field in fields(TicketKey)} <= set(tickets.c.keys())


def test_a_second_start_changes_nothing(path: Path) -> None:
    migrations.upgrade_sqlite(path)
    before = path.read_bytes()
    migrations.upgrade_sqlite(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir() if "schema" in file.name] == []


def test_an_upgrade_keeps_the_data_and_takes_a_copy_first(path: Path, later: Path) -> None:
    migrations.upgrade_sqlite(path)
    row = "INSERT INTO communities VALUES ('garden', '和谐花园', 'Harmony Garden', 'Asia/Shanghai', 'zh-CN', 'HG')"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(row)
    migrations.upgrade_sqlite(path, folder=later)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT id, motto FROM communities").fetchall() == [("garden", "none yet")]
    with closing(sqlite3.connect(path.with_name(f"records.sqlite.schema-{LAST}"))) as copy:
        assert copy.execute("SELECT count(*) FROM communities").fetchone() == (1,)
        assert "motto" not in [name for _, name, *_ in copy.execute("PRAGMA table_info(communities)")]


def test_what_devices_said_before_is_told_from_what_people_set(path: Path, tmp_path: Path) -> None:
    """As far as anybody can tell them apart: the records of a hub before schema 0008."""
    before = tmp_path / "before"
    shutil.copytree(migrations.FOLDER, before, ignore=shutil.ignore_patterns("__pycache__"))
    for later in (before / "versions").glob("*.py"):
        if later.name[:4].isdigit() and later.name >= "0008":
            later.unlink()
    migrations.upgrade_sqlite(path, folder=before)
    rows = [
        ("garden~ieee-1", "inbox", "M1", "garden~bridge", 600_000, '{"format":"zigbee2mqtt"}'),
        ("garden~ieee-2", "adopted", "M2", "garden~bridge", 90_000_000, '{"format":"zigbee2mqtt"}'),
        ("garden~ieee-3", "adopted", "M3", None, 60_000, '{"format":"zigbee2mqtt"}'),
        ("garden~mac-4", "inbox", "", None, 7_200_000, '{"format":"shelly"}'),
        ("garden~five", "adopted", "M5", "garden~gw", 60_000, "{}"),
    ]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO devices (id, state, model, gateway, expected_interval, about,"
            " community, scheme, scheme_id, name_zh, name_en, connection)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'garden', 'x', ?1, '', '', 'main')",
            rows,
        )
    migrations.upgrade_sqlite(path)
    records = SqlRecords(path)
    records.open()
    rows_now = records.read(lambda books: books.connection.execute(devices.select()).all())
    records.close()
    found = {device.id.partition("~")[2]: device for device in map(device_from_row, rows_now)}
    set_by_people = {name: (d.model, d.gateway, d.expected_interval) for name, d in found.items()}
    assert set_by_people == {
        "ieee-1": ("", None, None),
        "ieee-2": ("M2", "garden~bridge", None),
        "ieee-3": ("M3", None, 60_000),
        "mac-4": ("", None, None),
        "five": ("M5", "garden~gw", 60_000),
    }
    assert (found["ieee-1"].its_model, found["ieee-1"].its_gateway) == ("M1", "garden~bridge")
    assert found["ieee-1"].rhythm == Rhythm(silence=600_000)
    assert found["ieee-2"].rhythm == Rhythm(silence=90_000_000)
    assert found["mac-4"].rhythm == Rhythm(interval=7_200_000)


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(path: Path, later: Path) -> None:
    migrations.upgrade_sqlite(path)
    (later / "versions" / f"{AFTER_NEXT}_fail.py").write_text(
        SECOND.replace(NEXT, AFTER_NEXT).replace(LAST, NEXT).replace("communities", "nonsense"),
        encoding="utf-8",
    )
    with pytest.raises(Exception, match="nonsense"):
        migrations.upgrade_sqlite(path, folder=later)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(f"SELECT version_num FROM {migrations.VERSION_TABLE}").fetchone() == (LAST,)
        assert "motto" not in [name for _, name, *_ in connection.execute("PRAGMA table_info(communities)")]


def test_a_newer_file_is_refused_by_name(path: Path, later: Path) -> None:
    migrations.upgrade_sqlite(path, folder=later)
    with pytest.raises(ConfigError, match=rf"records\.sqlite has schema {NEXT}, this program knows up to {LAST}"):
        SqlRecords(path).open()


def test_a_file_of_something_else_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    with pytest.raises(ConfigError, match="is not one of this hub's"):
        SqlRecords(path).open()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]


def test_a_file_that_is_no_database_is_refused_by_name(path: Path) -> None:
    path.write_bytes(b"these are not the records you are looking for" * 100)
    with pytest.raises(ConfigError, match=r"records\.sqlite is no SQLite file"):
        SqlRecords(path).open()
