"""The series file under trouble: damaged, newer, taken, a full disk, slow questions."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from hub.clock import DAY, MINUTE
from hub.domain.retention import Before
from hub.errors import StoreUnavailable
from hub.flows.batch import PointKey, Position
from hub.flows.series import Aggregate, QueryInterrupted, Rows, SeriesPlace, Step
from hub.storage.duck import retention
from hub.storage.duck.meters import SeriesMeters
from hub.storage.series_duckdb import DuckSeries

START = 1_763_856_000_000
KEY = PointKey("hg", "hg~d1", "t")


def rows(store: DuckSeries, count: int, start: int = START) -> Rows:
    return Rows(
        point=np.full(count, store.point_ids([KEY])[0], np.int32),
        time=start + np.arange(count, dtype=np.int64),
        value=np.random.default_rng(0).random(count),
        quality=np.zeros(count, np.uint8),
        place=np.full(count, store.place_ids([SeriesPlace("hg", "hall", "", "room")])[0], np.int32),
    )


def test_a_damaged_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "series.duckdb"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreUnavailable, match=r"series store .*series\.duckdb cannot be opened: .*backup"):
        DuckSeries(path).open()


def test_a_torn_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "series.duckdb"
    store = DuckSeries(path)
    store.open()
    store.append(rows(store, 200_000), [], Position("j", 1))
    store.close()
    content = bytearray(path.read_bytes())
    content[4096 : len(content) // 2] = bytes(len(content) // 2 - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreUnavailable, match="series store"):
        DuckSeries(path).open()


def test_a_newer_schema_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "series.duckdb"
    store = DuckSeries(path)
    store.open()
    store.close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("update meta set number = 99 where key = 'schema'")
    with pytest.raises(StoreUnavailable, match="has schema 99, this program knows 2"):
        DuckSeries(path).open()


_FIRST_SCHEMA = """
create table meta (key varchar, text varchar, number bigint);
create table points (id integer, community varchar, device varchar, name varchar, hold bigint);
create table places (id integer, community varchar, facility varchar, unit varchar, kind varchar);
create table readings (point integer, time bigint, value double, quality utinyint, place integer);
create table texts (point integer, time bigint, text varchar, quality utinyint, place integer);
create table latest (point integer, time bigint, value double, quality utinyint);
create table cells (
    point integer, place integer, start bigint, count integer, total double, minimum double, maximum double,
    first double, last double, last_at bigint, integral double, known_ms integer
);
create table hours (point integer, place integer, start bigint, integral double, known_ms integer);
create table touched (point integer, start bigint);
create table forgotten (month bigint, until bigint);
insert into meta values ('schema', null, 1), ('position', 'j', 7);
insert into points values (0, 'hg', 'hg~d1', 't', 900000);
insert into places values (0, 'hg', 'hall', '', 'room');
insert into readings values (0, 1763856000000, 21.5, 0, 0);
insert into forgotten values (1759276800000, 1761955200000);
"""
"""As the first version made it, with October 2025 forgotten."""


def test_a_file_of_the_first_schema_is_brought_forward(tmp_path: Path) -> None:
    path = tmp_path / "series.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(_FIRST_SCHEMA)
    for batch in (8, 9):
        store = DuckSeries(path)
        store.open()
        assert store.position() == Position("j", batch - 1)
        assert store.sizes().readings == batch - 7
        assert store.append(rows(store, 1, START - 30 * DAY), [], Position("j", batch)).expired == 1
        assert store.append(rows(store, 1, START + batch), [], Position("j", batch)).added == 1
        store.close()


def test_the_lane_appends_between_two_days_of_housekeeping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DuckSeries(tmp_path / "series.duckdb")
    store.open()
    for day in range(3):
        store.append(rows(store, 10, START + day * DAY), [], Position("j", day + 1))
    live = rows(store, 1, START + 100 * DAY)
    lane = threading.Thread(target=lambda: store.append(live, [], Position("j", 4)), daemon=True)
    forget_day, seen = retention.forget_day, []

    def watched(*given: Any) -> int:
        seen.append(store.position())
        if len(seen) == 1:
            lane.start()
            while not store._turns.waiting:
                lane.join(0.001)
        return forget_day(*given)

    monkeypatch.setattr(retention, "forget_day", watched)
    store.forget(lambda _point: Before(START + 60 * DAY, 0))
    lane.join()
    assert seen[:2] == [Position("j", 3), Position("j", 4)]
    assert store.sizes().readings == 1
    store.close()


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "series.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table readings (a integer)")
    with pytest.raises(StoreUnavailable, match="not made by the hub"):
        DuckSeries(path).open()


def test_a_file_in_use_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "series.duckdb"
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import duckdb; held = duckdb.connect({str(path)!r}); print('held', flush=True); input()",
        ],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    try:
        with pytest.raises(StoreUnavailable, match="another program"):
            DuckSeries(path).open()
    finally:
        holder.communicate(b"\n", timeout=20)


def test_nothing_works_on_a_closed_store(tmp_path: Path) -> None:
    store = DuckSeries(tmp_path / "series.duckdb")
    with pytest.raises(StoreUnavailable, match="not open"):
        store.sizes()


FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[2])
from hub.errors import StoreUnavailable
from hub.flows.batch import PointKey, Position
from hub.flows.series import Rows, SeriesPlace
from hub.storage.series_duckdb import DuckSeries

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = DuckSeries(Path(sys.argv[1]), threads=1, checkpoint_bytes=1_000_000)
store.open()
point = store.point_ids([PointKey("hg", "hg~d1", "t")])[0]
place = store.place_ids([SeriesPlace("hg", "hall", "", "room")])[0]
def rows(batch):
    n = 20_000
    return Rows(point=np.full(n, point, np.int32), time=1_763_856_000_000 + batch * n + np.arange(n),
                value=np.random.default_rng(batch).random(n), quality=np.zeros(n, np.uint8), place=np.full(n, place, np.int32))
soft = 3_000_000
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))
batch = failures = 0
while batch < 40:
    try:
        store.append(rows(batch), [], Position("j", batch + 1))
        batch += 1
    except StoreUnavailable as error:
        failures += 1
        assert str(store.position() and store.position().batch or 0) == str(batch), (store.position(), batch)
        if failures == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert failures < 10, error
assert failures >= 3, failures
print(store.sizes().readings, store.position().batch, flush=True)
store.close()
store.open()
print(store.sizes().readings, store.position().batch, flush=True)
"""


@pytest.mark.faults
def test_a_full_disk_leaves_nothing_half_written_and_passes(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "series.duckdb"), str(root)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == ["800000 40"] * 2, done.stderr


def test_a_long_question_is_cut_off_and_says_so(tmp_path: Path) -> None:
    store = DuckSeries(tmp_path / "series.duckdb", question_seconds=0.001)
    store.open()
    for batch in range(5):
        store.append(rows(store, 200_000, START + batch * 200_000), [], Position("j", batch + 1))
    with pytest.raises(QueryInterrupted, match="cut off after"):
        store.window([KEY], start=START, end=START + DAY, step=Step.RAW, agg=Aggregate.MEAN)
    store.append(rows(store, 10, START + DAY), [], Position("j", 6))
    assert store.position() == Position("j", 6)
    store.close()


def test_questions_wait_their_turn_and_say_so(tmp_path: Path) -> None:
    store = DuckSeries(tmp_path / "series.duckdb", questions_at_once=1, question_seconds=0.2)
    store.open()
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with store._questions.ask():
            inside.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(10)
    with pytest.raises(QueryInterrupted, match="busy with other questions"):
        store.sizes()
    leave.set()
    holder.join()
    assert store.sizes().readings == 0
    store.close()


def test_a_minute_a_point_for_a_day_is_small_on_disk(tmp_path: Path) -> None:
    store = DuckSeries(tmp_path / "series.duckdb")
    store.open()
    minutes = rows(store, 1440)
    minutes.time[:] = START + np.arange(1440) * MINUTE
    store.append(minutes, [], Position("j", 1))
    assert store.sizes().bytes < 2**20
    store.close()


def test_rows_and_cells_are_counted(tmp_path: Path) -> None:
    metrics = CollectorRegistry()
    store = DuckSeries(tmp_path / "series.duckdb", meter=SeriesMeters(metrics).of("main"))
    store.open()
    for batch in (1, 2):
        store.append(rows(store, 100), [], Position("j", batch))
    store.refresh_cells(START + DAY)
    assert metrics.get_sample_value("hub_series_rows_total", {"store": "main", "outcome": "added"}) == 100
    assert metrics.get_sample_value("hub_series_rows_total", {"store": "main", "outcome": "unchanged"}) == 100
    assert metrics.get_sample_value("hub_series_cells_total", {"store": "main"}) == 2
    assert metrics.get_sample_value("hub_series_append_seconds_count", {"store": "main"}) == 2
    store.close()


def test_memory_is_given_back_while_nobody_asks_and_only_then(tmp_path: Path) -> None:
    store = DuckSeries(tmp_path / "series.duckdb")
    store.open()
    store.append(rows(store, 2_000_000), [], Position("j", 1))
    connection = store._database.connection
    connection.execute("checkpoint")
    connection.execute("select sum(value), sum(time), sum(quality) from readings").fetchall()
    held = remembered(store)
    assert held > 10_000_000
    with store._questions.ask():
        store.refresh_cells(START)
        assert remembered(store) == held
    snapshot = store.snapshot()  # a backup reads for minutes, and must not run out of memory meanwhile
    store.refresh_cells(START)
    assert remembered(store) == held
    snapshot.close()
    store.refresh_cells(START)
    assert remembered(store) < 8_000_000
    found = store.window([KEY], start=START, end=START + DAY, step=Step.DAY, agg=Aggregate.COUNT)
    assert found.value.sum() == 2_000_000
    store.append(rows(store, 400_000, START + DAY), [], Position("j", 2))
    store.close()


def remembered(store: DuckSeries) -> int:
    """Bytes of blocks that DuckDB holds."""
    question = "select sum(memory_usage_bytes) from duckdb_memory() where tag = 'BASE_TABLE'"
    return int(store._database.connection.execute(question).fetchone()[0])
