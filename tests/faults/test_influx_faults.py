"""A server that is slow, cuts, says no or dies: every reading is in it once in the end, and what it refused is kept."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from hub.clock import DAY, HOUR
from hub.domain.rollups import merged
from hub.errors import StoreUnavailable
from hub.flows.batch import Position
from hub.flows.series import Aggregate, Step
from tests.faults.filling import KEYS, START, Filling
from tests.faults.forms import small_and_full
from tests.influx_proxy import Fault, Proxy, Said
from tests.influx_server import MISSING, PROGRAM, InfluxServer

pytestmark = [
    pytest.mark.servers,
    pytest.mark.faults,
    pytest.mark.skipif(PROGRAM is None, reason=MISSING),
]


ANSWERS = [Said(status) for status in (400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 504)]


@pytest.mark.parametrize("size", small_and_full((40, 120), (400, 1500)))
def test_whatever_a_server_answers_nothing_is_lost_and_nothing_is_there_twice(
    server: InfluxServer, tmp_path: Path, size: tuple[int, int]
) -> None:
    batches, faults = size
    database = server.new_database()
    proxy = Proxy(server.port)
    rng = random.Random(3)  # noqa: S311 - which fault comes next is no secret
    proxy.plan.extend(rng.choice([*Fault, *ANSWERS]) for _ in range(faults))
    filling = Filling(proxy.url(database), tmp_path)
    for batch in range(1, batches + 1):
        filling.take(batch)
        if batch % 11 == 0:
            filling.killed()
    assert {str(fault) for fault in proxy.used} >= {*Fault}
    proxy.plan.clear()
    filling.store.redrive()
    assert filling.store.count_rejected() == 0
    filling.check(batches)
    counted = json.loads(server.ask('SELECT count("value") FROM "temperature"', database))
    assert counted["results"][0]["series"][0]["values"][0][1] == batches * 100
    proxy.close()


@pytest.mark.parametrize("said", ANSWERS, ids=lambda said: str(said.status))
def test_an_answer_that_does_not_change_holds_the_batch_back(server: InfluxServer, tmp_path: Path, said: Said) -> None:
    proxy = Proxy(server.port)
    filling = Filling(proxy.url(server.new_database()), tmp_path)
    proxy.plan.extend([said] * 2000)
    with pytest.raises(AssertionError, match="was not taken in 3 tries"):
        filling.take(1, at_most=3)
    assert filling.store.position() is None
    assert filling.store.count_rejected() == 0
    proxy.plan.clear()
    filling.until(3)
    filling.check(3)
    proxy.close()


def test_retry_after_is_obeyed(server: InfluxServer, tmp_path: Path) -> None:
    proxy = Proxy(server.port)
    filling = Filling(proxy.url(server.new_database()), tmp_path)
    proxy.plan.extend([Said(503, headers={"Retry-After": "50"})] * 9)
    with pytest.raises(AssertionError):
        filling.take(1, at_most=5)
    assert len(proxy.used) == 1
    proxy.close()


def test_a_server_that_dies_and_comes_back(server: InfluxServer, tmp_path: Path) -> None:
    filling = Filling(server.url(server.new_database()), tmp_path)
    filling.until(5)
    server.stop()
    with pytest.raises(AssertionError):
        filling.take(6, at_most=3)
    with pytest.raises(StoreUnavailable, match="cannot be asked"):
        filling.check(5)
    filling.killed()  # a hub that starts while its store is away starts all the same
    assert filling.store.position() == Position("j", 5)
    server.start()
    filling.until(12)
    filling.check(12)


def test_a_database_that_is_dropped_is_made_again_and_nothing_after_that_is_missing(
    server: InfluxServer, tmp_path: Path
) -> None:
    database = server.new_database()
    filling = Filling(server.url(database), tmp_path)
    filling.until(2)
    server.ask(f'DROP DATABASE "{database}"')
    assert filling.take(3) == 2
    window = filling.store.window(KEYS, start=START, end=START + DAY, step=Step.RAW, agg=Aggregate.MEAN)
    assert len(window.time) == 100


def old_figures(filling: Filling) -> list[list[tuple[int, int]]]:
    """What the answers of a store say of figures that are from before late readings came."""
    store, end = filling.store, START + DAY
    hourly = store.window(KEYS, start=START, end=end, step=Step.HOUR, agg=Aggregate.MEAN)
    drawn = store.courses(KEYS, start=START, end=end, width=HOUR)
    week = store.week_hours(KEYS, start=START, end=end, zone="UTC")
    in_drawings = merged(span for window in drawn.values() for span in window.not_recomputed)
    return [list(hourly.not_recomputed), in_drawings, list(week.not_recomputed)]


def test_roll_ups_whose_readings_the_server_does_not_give_are_listed_and_tried_again(
    server: InfluxServer, tmp_path: Path
) -> None:
    proxy = Proxy(server.port)
    filling = Filling(proxy.url(server.new_database()), tmp_path)
    filling.until(2)
    proxy.unanswered = quote_plus('FROM "temperature"').encode()
    assert filling.store.refresh_cells(START + DAY) == 10
    assert filling.store.count_unread() == 10
    key, cell = filling.store.unread(1)[0]
    assert key in KEYS
    assert "query would exceed file limit" in cell.reason
    assert "10 roll-ups were not computed again" in filling.store.remarks().reason
    answers = old_figures(filling)
    assert answers[0]
    assert answers == [answers[0]] * 3, "every answer made of roll-ups says so"
    left = filling.store.unstored(("hg",), 3)
    assert (left.cells_count, len(left.cells), left.lines_count) == (10, 3, 0)
    assert {cell.point for cell in left.cells} <= set(KEYS)
    assert filling.store.unstored(("elsewhere",), 3).cells_count == 0
    proxy.unanswered = None
    filling.store.redrive()
    while filling.store.refresh_cells(START + DAY):
        pass
    assert filling.store.count_unread() == 0
    assert old_figures(filling) == [[], [], []]
    assert filling.store.cells(KEYS, start=START, end=START + DAY).count.sum() == 200
    proxy.close()


def test_a_server_that_answers_no_question_at_all_is_not_taken_for_forgetful(
    server: InfluxServer, tmp_path: Path
) -> None:
    proxy = Proxy(server.port)
    filling = Filling(proxy.url(server.new_database()), tmp_path)
    filling.until(1)
    proxy.unanswered = b"q="
    with pytest.raises(StoreUnavailable, match="query would exceed file limit"):
        filling.store.refresh_cells(START + DAY)
    assert filling.store.count_unread() == 0
    proxy.unanswered = None
    assert filling.store.refresh_cells(START + DAY) == 10
    proxy.close()


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from tests.faults.filling import Filling
filling = Filling(sys.argv[1], Path(sys.argv[2]))
batch = filling.store.position().batch if filling.store.position() else 0
while True:
    batch += 1
    filling.take(batch)
    print("taken", flush=True)
    if batch % 7 == 0:
        filling.store.refresh_cells(1_763_856_000_000 + batch * 60_000, 40)
"""


def test_kill_9_between_the_servers_yes_and_the_commit(server: InfluxServer, tmp_path: Path) -> None:
    url = server.url(server.new_database())
    root = str(Path(__file__).resolve().parents[2])
    rng = random.Random(5)  # noqa: S311 - when to kill is no secret
    for _ in range(5):
        child = subprocess.Popen([sys.executable, "-c", WRITER, url, str(tmp_path), root], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"taken\n"
        time.sleep(rng.uniform(0.01, 0.4))  # the moment of the kill, not a wait for anything
        child.kill()
        child.wait()
        child.stdout.close()
    filling = Filling(url, tmp_path)
    position = filling.store.position()
    reached = 0 if position is None else position.batch
    assert reached > 5
    filling.take(reached + 1)  # the one that may have been under way
    filling.check(reached + 1)
    filling.store.close()
