"""The checker reads the hub's real files: a changed format of the journal or of the series store is noticed here."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np

from devices.contract import DeviceRef, Message
from devices.formats.native import NativeFormat
from hub.clock import ManualClock
from hub.flows.batch import PointKey, Position
from hub.flows.series import Rows, SeriesPlace
from hub.ingest.frames import Frame
from hub.ingest.journal import Journal
from hub.settings import JournalSettings
from hub.storage.series_duckdb import DuckSeries
from tests.faults.checker import Key, compare, read_journal, read_series

NOON = 1_763_800_000_000
SENT: list[Key] = [(device, 1_000_000_000 + number) for number in range(3) for device in (0, 7)]


def frame(device: int, seq: int) -> Frame:
    """As the C publisher builds it."""
    values = {"power": 55.11, "temperature": 21.5, "humidity": 40.2, "level": 0.5, "seq": seq}
    body = {"ts": NOON + seq % 1000, "us": (NOON + 1) * 1000, "seq": seq, "values": values}
    topic = f"community/v1/bench/d{device:04d}/telemetry"
    return Frame("main", 1, topic.encode(), json.dumps(body, separators=(",", ":")).encode(), 1, NOON)


def store(series: DuckSeries, frames: list[Frame], batch: int) -> None:
    rows: list[tuple[PointKey, int, float]] = []
    native = NativeFormat()
    for each in frames:
        route = native.route(each.topic.decode(), None)
        assert route is not None
        (sample,) = native.decode(route, Message(each.topic.decode(), each.payload, each.received_at)).samples
        assert isinstance(sample.device, DeviceRef)
        assert sample.time is not None
        rows += [(PointKey("bench", sample.device.hub_id, n), sample.time, v) for n, v in sample.values.items()]
    place = series.place_ids([SeriesPlace("bench", "unassigned", "", "")])[0]
    columns = Rows(
        point=series.point_ids([key for key, _, _ in rows]),
        time=np.array([time for _, time, _ in rows], np.int64),
        value=np.array([value for _, _, value in rows], np.float64),
        quality=np.zeros(len(rows), np.uint8),
        place=np.full(len(rows), place, np.int32),
    )
    series.append(columns, [], Position("j", batch))


def test_real_stores_that_hold_everything_are_well_and_a_lost_batch_is_found(tmp_path: Path) -> None:
    batches = [[frame(*key) for key in SENT[:2]], [frame(*key) for key in SENT[2:]]]
    journal = Journal(tmp_path / "journal.sqlite", JournalSettings(min_free=0), ManualClock(NOON))
    series = DuckSeries(tmp_path / "series.duckdb", memory_limit="128MB", threads=1)
    journal.open()
    series.open()
    for batch in batches:
        journal.append(batch)
    store(series, batches[0], 1)
    series.close()

    found = compare(
        Counter(SENT),
        read_journal(tmp_path / "journal.sqlite", "bench"),
        read_series(tmp_path / "series.duckdb", "bench"),
    )
    assert set(found.faults) == {"missing_in_series"}
    assert found.counts["missing_in_series"] == 4

    series.open()
    store(series, batches[1], 2)
    series.close()
    journal.close()
    found = compare(
        Counter(SENT),
        read_journal(tmp_path / "journal.sqlite", "bench"),
        read_series(tmp_path / "series.duckdb", "bench"),
    )
    assert found.faults == {}
    assert found.counts == {"acked": 6, "journalled": 6, "stored": 6}
