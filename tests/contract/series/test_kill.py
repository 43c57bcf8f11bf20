"""A kill in the middle of writing: what the position says is there, is there once; nothing of what comes after is."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hub.flows.batch import PointKey
from hub.flows.series import Aggregate, Step
from hub.storage.series_duckdb import DuckSeries

START = 1_763_856_000_000
ROWS = 2_000
WRITER = """
import sys
from pathlib import Path
import numpy as np
from hub.flows.batch import PointKey, Position
from hub.flows.series import Rows, SeriesPlace
from hub.storage.series_duckdb import DuckSeries

store = DuckSeries(Path(sys.argv[1]), threads=1, memory_limit="128MB", checkpoint_bytes=300_000)
store.open()
points = store.point_ids([PointKey("hg", f"hg~d{n}", "t") for n in range(20)])
place = store.place_ids([SeriesPlace("hg", "hall", "", "activity_room")])[0]
done = store.position()
batch = done.batch if done else 0
print("ready", flush=True)
while True:
    batch += 1
    n = np.arange(2000)
    time = 1_763_856_000_000 + (batch * 100 + n // 20) * 1000
    if batch % 3 == 0:
        time[:500] -= 100_000  # said before: late and equal
    rows = Rows(
        point=points[n % 20], time=time, value=(time // 1000 % 977).astype(float),
        quality=np.zeros(2000, np.uint8), place=np.full(2000, place, np.int32),
    )
    store.append(rows, [], Position("j", batch))
    print(batch, flush=True)
    if batch % 5 == 0:
        store.refresh_cells(int(time.max()), 200)
"""


def expected(batches: int) -> set[int]:
    times: set[int] = set()
    for batch in range(1, batches + 1):
        n = np.arange(ROWS)
        time = START + (batch * 100 + n // 20) * 1000
        if batch % 3 == 0:
            time[:500] -= 100_000
        times.update(time.tolist())
    return times


@pytest.mark.faults
def test_kill_9_inside_append(tmp_path: Path) -> None:
    path = tmp_path / "series.duckdb"
    rng = random.Random(7)  # noqa: S311 - when to kill is no secret
    reached = 0
    for _ in range(4):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        for _ in range(rng.randint(6, 12)):
            child.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.05))  # the moment of the kill, not a wait for anything
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        reached = check(path, reached)
    assert reached >= 4 * 6


def check(path: Path, reached: int) -> int:
    store = DuckSeries(path, threads=1, memory_limit="128MB")
    store.open()
    position = store.position()
    batch = 0 if position is None else position.batch
    assert batch >= reached
    want = sorted(expected(batch))
    keys = [PointKey("hg", f"hg~d{n}", "t") for n in range(20)]
    window = store.window([keys[3]], start=0, end=2**53, step=Step.RAW, agg=Aggregate.MEAN)
    assert window.time.tolist() == want
    assert window.value.tolist() == [float(time // 1000 % 977) for time in want]
    assert store.sizes().readings == 20 * len(want)
    stored = store.cells(keys, start=0, end=2**53)
    while store.refresh_cells(2**53):
        pass
    anew = store.cells(keys, start=0, end=2**53)
    assert str([getattr(stored, name).tolist() for name in stored.__slots__]) == str(
        [getattr(anew, name).tolist() for name in anew.__slots__]
    )
    assert int(anew.count.sum()) == 20 * len(want)
    store.close()
    return batch
