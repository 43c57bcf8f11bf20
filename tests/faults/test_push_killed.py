"""The hub is killed between the commit of a push and its answer: the cloud sends it again, and it counts once."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
import requests

from tests.faults.hub_process import Life
from tests.faults.rig import HubRun, eventually
from tests.ingest.push.conftest import SECRET, TOKEN, onenet

pytestmark = pytest.mark.faults

SOURCES: list[dict[str, Any]] = [
    {"name": "ctwing", "community": "bench", "format": "pushed", "secret": SECRET},
    {
        "name": "onenet",
        "community": "bench",
        "format": "pushed",
        "check": "onenet",
        "secret": TOKEN,
        "options": {"envelope": "yes"},
    },
]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., HubRun]]:
    runs: list[HubRun] = []

    def begin(*inject: str) -> HubRun:
        settings = {
            "data_dir": str(tmp_path / "data"),
            "journal": {"min_free": 1024**2},
            "web": {"port": 0},
            "push": {"sources": SOURCES, "answer_within_ms": 30_000},
        }
        life = Life(
            settings=settings,
            devices=1,
            hook="http://127.0.0.1:1/",
            log=tmp_path / "hub.log",
            inject=inject,
            formats=(("pushed", "tests.ingest.push.format"),),
        )
        runs.append(HubRun(life))
        return runs[-1]

    yield begin
    for run in runs:
        run.end()


def pushes(data: Path) -> list[bytes]:
    with closing(sqlite3.connect(f"file:{data / 'journal.sqlite'}?mode=ro", uri=True)) as db:
        blobs = db.execute("SELECT blob FROM batches ORDER BY id").fetchall()
    frames = [frame for (blob,) in blobs for frame in msgspec.msgpack.decode(blob)]
    return [payload for _, _, topic, payload, *_ in frames if topic.startswith(b"http/")]


def readings(data: Path) -> list[float]:
    with closing(duckdb.connect(str(data / "series.duckdb"), read_only=True)) as db:
        query = "SELECT r.value FROM readings r JOIN points p ON p.id = r.point WHERE p.name = 'level'"
        return [value for (value,) in db.execute(query).fetchall()]


@pytest.mark.parametrize(("source", "frames"), [("ctwing", 2), ("onenet", 1)])
def test_a_push_that_was_not_answered_counts_once(
    start: Callable[..., HubRun], tmp_path: Path, source: str, frames: int
) -> None:
    """A signed push is known by its signature; another one by the time that it tells."""
    said = json.dumps({"device": "86", "ts": time.time_ns() // 1_000_000, "values": {"level": 1.5}})
    path, body = (f"ctwing/{SECRET}", said.encode()) if source == "ctwing" else ("onenet", onenet(said))
    first = start("kill:commit:after:1").ready()
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{first.url}/ingest/{path}", data=body, timeout=60)
    first.killed()
    assert pushes(tmp_path / "data") == [body], "it was durable, and nobody was told"
    second = start().ready()
    assert requests.post(f"{second.url}/ingest/{path}", data=body, timeout=60).status_code == 200
    eventually(lambda: second.health()["lane series"]["lag_batches"] == 0, "the series lane is level")
    second.stop()
    assert pushes(tmp_path / "data") == [body] * frames
    assert readings(tmp_path / "data") == [1.5]


@pytest.mark.parametrize("point", ["kill:commit:before:1", "kill:commit:during:1"])
def test_a_push_that_is_not_durable_was_never_answered(
    start: Callable[..., HubRun], tmp_path: Path, point: str
) -> None:
    body = json.dumps({"device": "86", "values": {"level": 1.5}}).encode()
    run = start(point).ready()
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{run.url}/ingest/ctwing/{SECRET}", data=body, timeout=60)
    run.killed()
    assert pushes(tmp_path / "data") == []
