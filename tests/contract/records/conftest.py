"""Both databases that can hold the records: a SQLite file, and a PostgreSQL started for the run."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from hub.storage.unit import SqlRecords
from tests.empty_records import empty_records

_BINARIES = next((p for p in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


class PostgresServer:
    """A PostgreSQL of our own: a temporary folder, a unix socket in it, no network."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self.folder = Path(tempfile.mkdtemp(prefix="hub-pg-"))
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(self.folder, "postgres", "postgres")
        self._numbers = count(1)
        self._template = ""

    def start(self) -> None:
        if not (self.folder / "data").exists():
            self._run("initdb", "-D", "data", "-U", "hub", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c max_connections=150"
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", "data", "-w", "-m", mode, "stop")

    def remove(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder)

    def new_database(self, template: str = "template1") -> str:
        """The URL of a database like the template: an empty one."""
        name = f"hub{next(self._numbers)}"
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        engine.dispose()
        return self.url(name)

    def new_records(self) -> str:
        """The URL of a database with all tables and nothing in them: the migrations run once a server."""
        if not self._template:
            made = self.new_database()
            records = SqlRecords(made)
            records.open()
            records.close()
            self._template = str(make_url(made).database)
        return self.new_database(self._template)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://hub@/{database}?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._binaries / program), *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    if _BINARIES is None:
        pytest.skip("no PostgreSQL under /usr/lib/postgresql: install the package postgresql")
    server = PostgresServer(_BINARIES)
    server.start()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlRecords]:
    """An empty records store, once on each database."""
    if request.param == "sqlite":
        store = empty_records(tmp_path / "records.sqlite")
    else:
        store = SqlRecords(request.getfixturevalue("postgres").new_records())
        store.open()
    yield store
    store.close()
