"""The checker finds what it is there to find: a message missing, doubled, foreign or incomplete."""

from __future__ import annotations

import json
import sqlite3
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import msgspec
import pytest

from tests.faults.checker import Key, Series, compare, read_acked, read_journal, read_series

ROOT = Path(__file__).resolve().parents[2]
SENT: list[Key] = [(device, 1_000_000_000 + number) for device in range(3) for number in range(4)]
POINTS = ("power", "temperature", "humidity", "level", "seq")


def acked_file(path: Path, keys: list[Key]) -> Path:
    path.write_bytes(b"".join(struct.pack("<II", *key) for key in keys))
    return path


def journal_file(path: Path, keys: list[Key]) -> Path:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE batches (id INTEGER PRIMARY KEY, blob BLOB)")
        for device, seq in keys:
            payload = b'{"ts":1763800000000,"us":1,"seq":%d,"values":{"power":20.5,"seq":%d}}' % (seq, seq)
            topic = b"community/v1/bench/d%04d/telemetry" % device
            other = ["main", 0, b"$hub/gap", b"{}", 0, 0, ""]
            blob = msgspec.msgpack.encode([["main", 7, topic, payload, 1, 1763800000000, ""], other])
            db.execute("INSERT INTO batches (blob) VALUES (?)", (blob,))
    db.close()
    return path


def series_file(path: Path, keys: list[Key], *, without: str = "") -> Path:
    with duckdb.connect(str(path)) as db:
        db.execute("create table points (id integer, community varchar, device varchar, name varchar)")
        db.execute("create table readings (point integer, time bigint, value double)")
        for number, (device, seq) in enumerate(keys):
            for index, name in enumerate(POINTS):
                point = device * 10 + index
                known = db.execute("select 1 from points where id = ?", [point]).fetchall()
                if not known:
                    db.execute("insert into points values (?, 'bench', ?, ?)", [point, f"bench~d{device:04d}", name])
                if name != without or number:
                    db.execute("insert into readings values (?, ?, ?)", [point, number, seq])
    return path


def check(
    tmp_path: Path, *, journal: list[Key], series: list[Key], without: str = "", more: str = ""
) -> dict[str, object]:
    acked = acked_file(tmp_path / "acked", SENT)
    command = [sys.executable, "-m", "tests.faults.checker", "--acked", str(acked)]
    command += ["--journal", str(journal_file(tmp_path / "journal.sqlite", journal))]
    command += ["--series", str(series_file(tmp_path / "series.duckdb", series, without=without))]
    done = subprocess.run([*command, *more.split()], capture_output=True, text=True, cwd=ROOT, check=False)
    said = json.loads(done.stdout)
    assert said["ok"] is (done.returncode == 0)
    return {"ok": said["ok"], "faults": set(said["faults"]), "told": said["told"]}


def test_what_was_stored_once_is_well(tmp_path: Path) -> None:
    found = check(tmp_path, journal=SENT, series=SENT)
    assert found == {"ok": True, "faults": set(), "told": {"journal_copies": 0}}


def test_a_copy_in_the_journal_is_told_and_allowed(tmp_path: Path) -> None:
    found = check(tmp_path, journal=[*SENT, SENT[0]], series=SENT)
    assert (found["ok"], found["told"]) == (True, {"journal_copies": 1})


def test_what_was_acknowledged_and_is_missing_is_named(tmp_path: Path) -> None:
    found = check(tmp_path, journal=SENT[1:], series=SENT[1:])
    assert found["faults"] == {"missing_in_journal"}


def test_what_is_journalled_and_not_stored_is_named(tmp_path: Path) -> None:
    assert check(tmp_path, journal=SENT, series=SENT[1:])["faults"] == {"missing_in_series"}


def test_what_is_stored_twice_is_named(tmp_path: Path) -> None:
    assert check(tmp_path, journal=SENT, series=[*SENT, SENT[5]])["faults"] == {"twice_in_series"}


def test_what_nobody_sent_is_named(tmp_path: Path) -> None:
    assert check(tmp_path, journal=SENT, series=[*SENT, (1, 5)])["faults"] == {"foreign_in_series"}


def test_a_message_with_a_value_missing_is_named(tmp_path: Path) -> None:
    assert check(tmp_path, journal=SENT, series=SENT, without="level")["faults"] == {"incomplete_in_series"}


def test_what_a_killed_broker_lost_is_told_and_the_series_still_holds_the_journal(tmp_path: Path) -> None:
    found = check(tmp_path, journal=SENT[2:], series=SENT[2:], more="--may-miss-acked")
    assert (found["ok"], found["told"]) == (True, {"journal_copies": 0, "lost_by_the_broker": 2})


def test_two_rows_of_one_point_and_time_are_named() -> None:
    series = Series(messages=Counter(SENT), values={d: dict.fromkeys(POINTS, 4) for d in range(3)}, twice=1)
    assert set(compare(Counter(SENT), None, series).faults) == {"rows_with_one_point_and_time"}


@pytest.mark.parametrize("cut", range(8))
def test_a_record_cut_short_by_a_kill_is_left_out(tmp_path: Path, cut: int) -> None:
    path = acked_file(tmp_path / "acked", SENT)
    path.write_bytes(path.read_bytes() + b"x" * cut)
    assert read_acked(path) == Counter(SENT)


def test_other_communities_are_not_looked_at(tmp_path: Path) -> None:
    assert read_journal(journal_file(tmp_path / "journal", SENT), "other").total() == 0
    assert read_series(series_file(tmp_path / "series", SENT), "other").messages.total() == 0
