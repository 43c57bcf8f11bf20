"""The hub's own file of a server: what it cannot use it names, and leaves as it is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hub.errors import StoreUnavailable
from hub.storage.influx.book import SCHEMA, Book

SHOWN = "http://influx:8086/org/bucket"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that was made and closed."""
    path = tmp_path / "series-0123.sqlite"
    book = Book(path, SHOWN)
    book.open()
    book.set_mark("kpi", "5")
    book.close()
    return path


def change(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


def test_marks_are_those_of_the_file(path: Path) -> None:
    book = Book(path, SHOWN)
    book.open()
    assert (book.mark("kpi"), book.mark("alarm_events")) == ("5", "")
    book.close()
    change(path, "delete from meta where key in ('marks', 'mark.kpi')")  # as the versions before made it
    book.open()
    assert book.mark("kpi") is None
    book.close()


def test_a_file_of_another_version_is_refused(path: Path) -> None:
    change(path, f"update meta set number = {SCHEMA + 1} where key = 'schema'")
    with pytest.raises(
        StoreUnavailable, match=rf"have schema {SCHEMA + 1}, this program knows {SCHEMA}: run the version"
    ):
        Book(path, SHOWN).open()
    change(path, "delete from meta where key = 'schema'")
    with pytest.raises(StoreUnavailable, match=f"have schema None, this program knows {SCHEMA}"):
        Book(path, SHOWN).open()


def test_a_file_of_another_target_is_refused_with_both_named(path: Path) -> None:
    with pytest.raises(
        StoreUnavailable, match=f"belong to {SHOWN}, the settings name http://other:8086/x: set HUB_SERIES"
    ):
        Book(path, "http://other:8086/x").open()
    book = Book(path, SHOWN)
    book.open()
    assert book.mark("kpi") == "5", "and nothing has happened to it"
    book.close()


@pytest.mark.parametrize("content", [b"x" * 8192, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_file_that_is_no_book_is_refused_and_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "series-0123.sqlite"
    path.write_bytes(content)
    with pytest.raises(
        StoreUnavailable, match=r"0123.sqlite cannot be used: .*\. Restore the file from a backup, or move it"
    ):
        Book(path, SHOWN).open()
    assert path.read_bytes() == content


def test_tables_without_a_target_are_none_of_the_hubs(tmp_path: Path) -> None:
    path = tmp_path / "series-0123.sqlite"
    change(path, "create table other (a)")
    with pytest.raises(StoreUnavailable, match="cannot be used: no such table: meta"):
        Book(path, SHOWN).open()
