"""Records with all tables and nothing in them: the migrations run once in a test run, every store is a copy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hub.storage.unit import SqlRecords


@cache
def _empty() -> bytes:
    """The file that the migrations make."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "records.sqlite"
        records = SqlRecords(file)
        records.open()
        records.close()
        return file.read_bytes()


def empty_records(file: Path) -> SqlRecords:
    """An open store on a new file; the caller closes it."""
    file.write_bytes(_empty())
    records = SqlRecords(file)
    records.open()
    return records


@contextmanager
def records_in(folder: Path) -> Iterator[SqlRecords]:
    """As ``empty_records``, closed at the end."""
    records = empty_records(folder / "records.sqlite")
    try:
        yield records
    finally:
        records.close()
