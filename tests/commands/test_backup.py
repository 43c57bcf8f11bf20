"""``hub backup`` and ``hub restore`` as a person uses them."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from hub.backup import manifest
from hub.backup.schedule import CAUGHT_UP, LATE, BackupSchedule
from hub.backup.taking import take
from hub.clock import DAY, HOUR, ManualClock, WallClock, to_iso
from hub.datadir import DataDir
from hub.domain.backup_standing import BackupStanding
from hub.domain.health import Status
from hub.errors import ConfigError, StoreUnavailable
from hub.ingest.broker import EmbeddedBroker
from hub.settings import Backup, Mqtt, Settings, Web
from hub.storage.duck.database import SCHEMA
from hub.storage.series_duckdb import DuckSeries
from hub.wiring import Hub
from tests.commands.conftest import Home, Said, call

pytestmark = pytest.mark.servers

Court = Callable[[str], Path]
NOON = 1_795_000_000_000


@pytest.fixture
def backup(home: Home, tmp_path: Path) -> Path:
    """One that was just taken."""
    if home.hub is None:
        with Hub(Settings(data_dir=home.folder)).stores():
            pass
    said = home("backup", str(tmp_path / "backup"))
    assert said.code == 0, said.err
    return tmp_path / "backup"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Callable[..., Said]:
    """The ``hub`` command with another data folder."""
    (tmp_path / "other.toml").write_text(f'data_dir = "{tmp_path / "other"}"\n', encoding="utf-8")
    return lambda *words: call("--config", str(tmp_path / "other.toml"), *words)


def query(path: Path, text: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(text).fetchall()


def test_a_backup_says_what_it_holds_and_every_file_is_whole(home: Home, tmp_path: Path, court: Court) -> None:
    home("import", str(court("kept")))
    said = home("backup", str(tmp_path / "one"))
    assert (said.code, said.err.count("Traceback")) == (0, 0)
    assert said.out.startswith(f"wrote {tmp_path / 'one'}: ")
    found = manifest.read(tmp_path / "one")
    assert {"records.sqlite", "series.duckdb", "journal.sqlite"} <= set(found.files)
    assert all(manifest.sum_of(tmp_path / "one" / name) == wanted for name, wanted in found.files.items())
    assert found.schemas == manifest.own_schemas()
    assert query(tmp_path / "one" / "records.sqlite", "SELECT count(*) FROM communities WHERE id = 'kept'") == [(1,)]
    assert oct((tmp_path / "one").stat().st_mode)[-3:] == "700"
    assert "records" in said.err, "progress is told"


def test_a_folder_in_use_is_refused_and_stays_as_it_was(home: Home, backup: Path) -> None:
    before = sorted(backup.iterdir())
    said = home("backup", str(backup))
    assert said.code == 1
    assert f"{backup} is in use: name one that does not exist yet" in said.err
    assert sorted(backup.iterdir()) == before
    assert [path.name for path in backup.parent.iterdir() if "unfinished" in path.name] == []


def test_what_was_backed_up_comes_back_with_a_journal_of_its_own(
    backup: Path, elsewhere: Callable[..., Said], tmp_path: Path
) -> None:
    said = elsewhere("restore", str(backup))
    assert said.code == 0, said.err
    data = DataDir(tmp_path / "other")
    old = dict(query(backup / "journal.sqlite", "SELECT key, value FROM meta"))
    new = dict(query(data.journal, "SELECT key, value FROM meta"))
    assert new["id"] != old["id"]
    assert new["ancestor"] == old["id"]
    assert not data.restoring.exists()
    again = elsewhere("quarantine", "list")
    assert again.code == 0, "the hub opens what was restored"


def test_a_folder_with_stores_is_not_overwritten_unless_told(
    backup: Path, elsewhere: Callable[..., Said], tmp_path: Path
) -> None:
    elsewhere("restore", str(backup))
    (before,) = query(tmp_path / "other" / "journal.sqlite", "SELECT value FROM meta WHERE key = 'id'")
    refused = elsewhere("restore", str(backup))
    assert refused.code == 1
    assert "--replace" in refused.err
    assert query(tmp_path / "other" / "journal.sqlite", "SELECT value FROM meta WHERE key = 'id'") == [before]
    done = elsewhere("restore", str(backup), "--replace")
    assert done.code == 0, done.err
    (aside,) = (tmp_path / "other").glob("replaced-*")
    assert str(aside) in done.out
    assert query(aside / "journal.sqlite", "SELECT value FROM meta WHERE key = 'id'") == [before]


def test_a_folder_that_a_hub_holds_is_refused_by_name(home: Home, backup: Path) -> None:
    if home.hub is None:
        pytest.skip("no hub runs in this form")
    said = home("restore", str(backup), "--replace")
    assert said.code == 1
    assert "is in use by a hub (process" in said.err


def test_a_damaged_file_is_named(home: Home, backup: Path, elsewhere: Callable[..., Said], tmp_path: Path) -> None:
    path = backup / "series.duckdb"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    said = elsewhere("restore", str(backup))
    assert said.code == 1
    assert "series.duckdb is not what was written" in said.err
    assert "checksum different" in said.err
    assert not DataDir(tmp_path / "other").journal.exists()


@pytest.mark.parametrize(
    ("store", "number", "named"),
    [("records", "0999", "schema 0999"), ("series", 99, "schema 99"), ("journal", 99, "schema 99")],
)
def test_a_backup_of_a_newer_program_is_refused(
    backup: Path, elsewhere: Callable[..., Said], store: str, number: object, named: str
) -> None:
    path = backup / manifest.NAME
    text = json.loads(path.read_text())
    text["schemas"][store] = number
    path.write_text(json.dumps(text))
    said = elsewhere("restore", str(backup))
    assert said.code == 1
    assert f"its {store} have {named}" in said.err
    assert "a newer one" in said.err


def test_a_folder_that_is_no_backup_is_named(elsewhere: Callable[..., Said], tmp_path: Path) -> None:
    said = elsewhere("restore", str(tmp_path))
    assert said.code == 1
    assert f"{tmp_path} holds no backup" in said.err


def test_a_restore_cut_short_is_not_taken_for_a_data_folder(
    backup: Path, elsewhere: Callable[..., Said], tmp_path: Path
) -> None:
    elsewhere("restore", str(backup))
    DataDir(tmp_path / "other").restoring.mkdir()
    refused = elsewhere("quarantine", "list")
    assert refused.code == 1
    assert "a restore was cut short: run hub restore again" in refused.err
    assert elsewhere("restore", str(backup)).code == 0, "again, without --replace"
    assert elsewhere("quarantine", "list").code == 0


NOTICE = (
    "INSERT INTO notices (id, dedupe_key, community, kind, contact, channel, address, language, subject, body, link,"
    " priority, state, attempts, created_at, next_at) VALUES"
    " ('n', 'n', 'c', 'opened', 'x', 'email', 'a@example.com', 'en', 's', 'b', '', 'high', 'queued', 0, 1, 1)"
)


@pytest.mark.parametrize(("words", "state"), [((), "withdrawn"), (("--send-waiting",), "queued")])
def test_what_waited_in_the_outbox_is_held_back_unless_told(
    backup: Path, elsewhere: Callable[..., Said], tmp_path: Path, words: tuple[str, ...], state: str
) -> None:
    with closing(sqlite3.connect(backup / "records.sqlite")) as db, db:
        db.execute(NOTICE)
    text = json.loads((backup / manifest.NAME).read_text())
    sums = manifest.sum_of(backup / "records.sqlite")
    text["files"]["records.sqlite"] = {"bytes": sums.bytes, "sha256": sums.sha256}
    (backup / manifest.NAME).write_text(json.dumps(text))
    said = elsewhere("restore", str(backup), *words)
    assert said.code == 0, said.err
    assert query(tmp_path / "other" / "records.sqlite", "SELECT state FROM notices WHERE id = 'n'") == [(state,)]
    assert ("1 notices waited" in said.out) == (state == "withdrawn")


def test_a_copy_takes_new_names_at_the_brokers(
    home: Home, backup: Path, elsewhere: Callable[..., Said], tmp_path: Path
) -> None:
    if home.hub is None:
        pytest.skip("only a hub that has run has names")
    elsewhere("restore", str(backup), "--as-copy")
    assert not (tmp_path / "other" / "receivers").exists()
    elsewhere("restore", str(backup), "--replace")
    assert (tmp_path / "other" / "receivers" / "main.json").exists()


def test_a_folder_in_which_no_hub_ran_has_nothing_to_back_up(elsewhere: Callable[..., Said], tmp_path: Path) -> None:
    said = elsewhere("backup", str(tmp_path / "none"))
    assert said.code == 1
    assert "no hub has ever run in" in said.err


def test_a_snapshot_of_the_series_does_not_see_what_is_written_later(tmp_path: Path) -> None:
    store = DuckSeries(tmp_path / "series.duckdb")
    store.open()
    snapshot = store.snapshot()
    with store._database.transaction() as connection:
        connection.execute("insert into readings values (1, 1, 1.0, 0, 1)")
    snapshot.copy_to(tmp_path / "copy.duckdb", lambda _done: None)
    snapshot.close()
    later = store.snapshot()
    later.copy_to(tmp_path / "later.duckdb", lambda _done: None)
    later.close()
    store.close()
    counts = []
    for name in ("copy", "later"):
        with duckdb.connect(str(tmp_path / f"{name}.duckdb"), read_only=True) as copied:
            counts.append(copied.execute("select count(*) from readings").fetchone())
            assert copied.execute("select number from meta where key = 'schema'").fetchone() == (SCHEMA,)
    assert counts == [(0,), (1,)]


# --- the timetable's own ----------------------------------------------------------------------------------------------


def written(folder: Path, at: str) -> manifest.Manifest:
    folder.mkdir(parents=True)
    found = manifest.Manifest(format=1, program="0", taken_at=at, schemas=manifest.own_schemas(), unjudged=0, files={})
    manifest.write(folder, found)
    return found


def daily(after: int) -> int:
    return after + DAY


def fail_to_take(_folder: Path) -> manifest.Manifest:
    raise StoreUnavailable("the disk is full")


def test_so_many_are_kept_and_the_oldest_go(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    schedule = BackupSchedule(
        tmp_path,
        keep=2,
        take=lambda folder: written(folder, "2026-11-18T00:00:00Z"),
        due=daily,
        clock=clock,
        began=NOON,
    )
    (tmp_path / "hub-by-hand-without-a-manifest").mkdir()
    for _ in range(4):
        schedule.run(clock.now())
        clock.advance(DAY)
    kept = sorted(path.name for path in tmp_path.glob("hub-2*"))
    assert len(kept) == 2
    assert kept[-1].startswith("hub-2026")
    assert (tmp_path / "hub-by-hand-without-a-manifest").exists(), "what is no backup of ours is left alone"
    assert schedule.health(clock.now()).facts["backups"] == 2


def test_a_backup_that_fails_is_said_and_costs_none_of_the_others(tmp_path: Path) -> None:
    written(tmp_path / "hub-20260101T000000Z", "2026-01-01T00:00:00Z")
    clock = ManualClock(NOON)
    schedule = BackupSchedule(tmp_path, keep=1, take=fail_to_take, due=daily, clock=clock, began=NOON)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            schedule.run(NOON)
        clock.advance(HOUR)
    standing = schedule.standing()
    assert (standing.succeeded, standing.failing_since, standing.failure) == (False, NOON, "the disk is full")
    line = schedule.health(NOON)
    assert line.status is Status.DEGRADED
    assert "the disk is full" in line.reason
    assert (tmp_path / "hub-20260101T000000Z").exists()


def test_a_backup_that_does_not_come_is_said_a_day_after_its_time(tmp_path: Path) -> None:
    folder, began = tmp_path / "backups", NOON
    made = BackupSchedule(
        folder, keep=1, take=lambda at: written(at, to_iso(NOON)), due=daily, clock=ManualClock(NOON), began=began
    )
    late = NOON + DAY + 1 + LATE
    assert made.health(late).status is Status.OK
    assert "has never been taken" in made.health(late + 1).reason
    made.run(NOON)
    assert made.standing() == BackupStanding(NOON, late, succeeded=True)
    assert made.health(late).status is Status.OK
    assert f"is of {to_iso(NOON)}" in made.health(late + 1).reason
    again = BackupSchedule(folder, keep=1, take=fail_to_take, due=daily, clock=ManualClock(NOON), began=late + DAY)
    assert again.standing() == BackupStanding(NOON, late + DAY + CAUGHT_UP, succeeded=False), "it makes up for it first"
    rare = BackupSchedule(
        folder, keep=1, take=fail_to_take, due=lambda _after: None, clock=ManualClock(NOON), began=NOON
    )
    assert rare.health(NOON + 1000 * DAY).status is Status.OK


def test_a_disk_too_small_is_named_before_anything_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(free=1024))
    with pytest.raises(ConfigError, match="MiB are needed"):
        take(tmp_path / "b", lambda: pytest.fail("no cut"), DataDir(tmp_path / "data"), lambda _word: None)
    assert list(tmp_path.iterdir()) == []


def test_what_the_hub_keeps_of_a_store_elsewhere_goes_with_it_and_its_own_readings_need_not_be_there(
    tmp_path: Path, elsewhere: Callable[..., Said]
) -> None:
    data = DataDir(tmp_path / "away")
    (tmp_path / "away.toml").write_text(f'data_dir = "{data.root}"\n', encoding="utf-8")
    with Hub(Settings(data_dir=data.root)).stores():
        pass
    data.series.unlink()
    with closing(sqlite3.connect(data.root / "series-0123.sqlite")) as db, db:
        db.execute("CREATE TABLE position (batch)")
    said = call("--config", str(tmp_path / "away.toml"), "backup", str(tmp_path / "backup"))
    assert said.code == 0, said.err
    assert "series.duckdb" not in manifest.read(tmp_path / "backup").files
    assert elsewhere("restore", str(tmp_path / "backup")).code == 0
    assert query(tmp_path / "other" / "series-0123.sqlite", "SELECT count(*) FROM position") == [(0,)]
    assert elsewhere("restore", str(tmp_path / "backup"), "--replace").code == 0
    (aside,) = (tmp_path / "other").glob("replaced-*")
    assert (aside / "series-0123.sqlite").exists()


def test_a_restore_that_fails_leaves_the_data_folder_as_it_was(
    backup: Path, elsewhere: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = DataDir(tmp_path / "other")
    assert elsewhere("restore", str(backup)).code == 0
    before = sorted(path.name for path in data.root.iterdir())

    def full(_source: object, _target: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("shutil.copyfile", full)
        said = elsewhere("restore", str(backup), "--replace")
    assert said.code == 1
    assert "the backup cannot be copied (No space left on device)" in said.err
    assert sorted(path.name for path in data.root.iterdir()) == before
    assert elsewhere("quarantine", "list").code == 0


def test_a_folder_without_stores_is_not_in_use(backup: Path, elsewhere: Callable[..., Said], tmp_path: Path) -> None:
    data = DataDir(tmp_path / "other")
    data.make()
    assert data.hub_id() == data.hub_id()
    said = elsewhere("restore", str(backup))
    assert said.code == 0, said.err
    assert data.hub_id() == (backup / "hub-id").read_text().strip(), "its positions in the records go by this id"


def test_the_timetable_takes_one_and_health_shows_it(tmp_path: Path) -> None:
    broker = EmbeddedBroker(folder=tmp_path / "broker", clock=WallClock(), port=0)
    broker.start()
    mqtt = Mqtt(url=broker.hub_url, version="5" if broker.keeps_mqtt5 else "3.1.1")
    wanted = Backup(folder=tmp_path / "backups", when="0 0 1 1 *")
    hub = Hub(Settings(data_dir=tmp_path / "data", mqtt=mqtt, web=Web(port=0), backup=wanted))
    schedule = hub.backup_schedule
    assert schedule is not None
    hub.start()
    try:
        deadline = time.monotonic() + 60  # the tick of last January is made up for at the start
        while not (found := schedule.health(WallClock().now())).facts["backups"]:
            assert time.monotonic() < deadline, hub.timetable.health(0)
            time.sleep(0.05)
        assert found.status is Status.OK
        assert "backup" in {line.component for line in hub.health(WallClock().now())}
        (folder,) = (tmp_path / "backups").iterdir()
        assert found.facts["backup_bytes"] == manifest.read(folder).bytes
    finally:
        hub.stop()
        broker.stop()
