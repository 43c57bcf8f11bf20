"""``hub check`` looks at everything around the hub, and says what is wrong without changing anything."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text

from hub.backup import manifest
from hub.clock import DAY, WallClock, to_iso
from hub.storage.lease import Lease
from hub.storage.unit import SqlRecords
from tests.commands.conftest import Check
from tests.contract.records.conftest import postgres  # noqa: F401 - a fixture of this module too
from tests.web.test_tls import certificate


def test_disk_and_backups_and_clock_are_told(check: Check) -> None:
    said = check()
    assert said.code == 0
    assert "GiB are free" in said.out
    assert "backup: none is taken by itself (backup.folder is not set)" in said.out
    assert "\nclock: " in said.out


def test_a_disk_too_full_for_the_journal_makes_it_fail(
    check: Check, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()  # a hub lives there
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(total=100 * 1024**3, free=2 * 1024**3))
    said = check()
    assert said.code == 1
    assert "2.0 GiB are free, 5.0 must stay free (journal.min_free)" in said.out
    assert check("[journal]\nmin_free = 1024\n").code == 0


def test_the_age_of_the_newest_backup_is_told(check: Check, tmp_path: Path) -> None:
    settings = f'[backup]\nfolder = "{tmp_path / "backups"}"\n'
    assert "holds none yet" in check(settings).out
    folder = tmp_path / "backups" / "hub-1"
    folder.mkdir(parents=True)
    taken = to_iso(WallClock().now() - 3 * DAY)
    found = manifest.Manifest(
        format=1, program="0", taken_at=taken, schemas=manifest.own_schemas(), unjudged=0, files={}
    )
    manifest.write(folder, found)
    (tmp_path / "backups" / "hub-2").mkdir()
    assert "the newest is 3.0 days old" in check(settings).out


@pytest.mark.parametrize(
    ("good_for", "code", "says"),
    [
        (timedelta(days=90, hours=1), 0, "the certificate of the web pages is valid for 90 days"),
        (timedelta(days=5, hours=1), 0, "urgent: the certificate of the web pages ends in 5 days"),
        (timedelta(days=-1), 1, "expired: the certificate of the web pages has ended"),
    ],
)
def test_certificates_are_read(check: Check, tmp_path: Path, good_for: timedelta, code: int, says: str) -> None:
    chain, key = certificate(tmp_path, good_for=good_for)
    said = check(f'[web]\ntls_cert = "{chain}"\ntls_key = "{key}"\n')
    assert said.code == code
    assert says in said.out
    chain.write_text("no certificate", encoding="utf-8")
    assert (
        f"{chain} cannot be read as a PEM certificate" in check(f'[web]\ntls_cert = "{chain}"\ntls_key = "{key}"\n').out
    )


@pytest.mark.servers
def test_the_database_is_looked_at_and_left_as_it_was(check: Check, postgres: Any) -> None:  # noqa: F811 - the fixture
    url = postgres.new_database()
    settings = f'[records]\nurl = "{url}"\n'
    empty = check(settings)
    assert empty.code == 0
    assert "lets the hub in, empty, hub run makes the tables" in empty.out
    engine = create_engine(url)
    assert inspect(engine).get_table_names() == []
    lease = Lease(url, ttl_ms=600_000, on_lost=print)
    lease.take("north")
    records = SqlRecords(url)
    records.open()
    records.close()
    held = check(settings)
    assert held.code == 0
    assert "schema 0" in held.out
    assert "; hub north on " in held.out
    lease.release()
    assert "works on it" not in check(settings).out
    with engine.begin() as connection:
        connection.execute(text("UPDATE schema_version SET version_num = '0999'"))
    engine.dispose()
    newer = check(settings)
    assert newer.code == 1
    assert "has schema 0999, this program knows up to" in newer.out


def test_a_database_that_is_away_makes_it_fail_without_its_password(check: Check) -> None:
    said = check('[records]\nurl = "postgresql+psycopg://hub:geheim@127.0.0.1:1/none"\n')
    assert said.code == 1
    assert "PostgreSQL cannot be reached" in said.out
    assert "geheim" not in said.out + said.err
