"""A server that is slow, cuts, says no or dies: every reading is in it once in the end, and what it refused is kept."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_plus

import numpy as np
import pytest

from hub.clock import DAY, HOUR, MINUTE, WallClock
from hub.domain.event_series import SeriesPoint
from hub.domain.rollups import merged
from hub.errors import StoreRefuses, StoreUnavailable
from hub.flows.batch import PointKey, Position
from hub.flows.series import Aggregate, Rows, SeriesPlace, Step
from hub.storage.influx.target import parse
from hub.storage.series_influx import InfluxSeries
from tests.faults.disk import fill
from tests.faults.forms import small_and_full
from tests.influx_proxy import Fault, Proxy, Said
from tests.influx_server import MISSING, PROGRAM, InfluxServer

START = 1_763_856_000_000
KEYS = [PointKey("hg", f"hg~d{n}", "temperature") for n in range(5)]
HALL = SeriesPlace("hg", "hall", "", "activity_room")

pytestmark = [
    pytest.mark.servers,
    pytest.mark.faults,
    pytest.mark.skipif(PROGRAM is None, reason=MISSING),
]


@pytest.fixture
def server() -> Iterator[InfluxServer]:
    server = InfluxServer()
    server.start()
    yield server
    server.remove()


class Filling:
    """A lane in small: brings every batch until it is taken, and begins after the position when the hub starts anew."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._path = folder / "series.sqlite"
        self.store = self._open()

    def _open(self) -> InfluxSeries:
        store = InfluxSeries(parse(self._url), self._path, WallClock(), question_seconds=5, wanted_ms=30 * DAY)
        store.open()
        return store

    def killed(self) -> None:
        """Its memory is gone; what it had not committed comes again."""
        self.store.close()
        self.store = self._open()

    def take(self, batch: int, *, at_most: int = 60) -> int:
        """How often it had to be tried."""
        for tried in range(1, at_most + 1):
            try:
                self.take_once(batch)
            except StoreUnavailable:
                continue
            return tried
        raise AssertionError(f"batch {batch} was not taken in {at_most} tries")

    def take_once(self, batch: int) -> None:
        """StoreUnavailable says why not."""
        self.store.append(self._rows(batch), [], Position("j", batch))

    def until_refused(self, batches: int) -> str:
        """What the first refusal says; nothing where there is none."""
        position = self.store.position()
        for batch in range(1 if position is None else position.batch + 1, batches + 1):
            try:
                self.take_once(batch)
            except StoreUnavailable as error:
                return str(error)
        return ""

    def until(self, batches: int) -> None:
        position = self.store.position()
        for batch in range(1 if position is None else position.batch + 1, batches + 1):
            self.take(batch)

    def _rows(self, batch: int) -> Rows:
        n = np.arange(100)
        return Rows(
            point=self.store.point_ids(KEYS)[n % 5],
            time=START + batch * MINUTE + n // 5 * 1000,
            value=(batch * 100 + n).astype(np.float64),
            quality=np.zeros(100, np.uint8),
            place=np.full(100, self.store.place_ids([HALL])[0], np.int32),
        )

    def check(self, batches: int) -> None:
        """What the server has is what was said."""
        window = self.store.window(KEYS, start=START, end=START + DAY, step=Step.RAW, agg=Aggregate.MEAN)
        n = np.arange(100)
        times = np.concatenate([START + batch * MINUTE + n // 5 * 1000 for batch in range(1, batches + 1)])
        values = np.concatenate([batch * 100.0 + n for batch in range(1, batches + 1)])
        assert window.time.tolist() == times.tolist()
        assert window.value.tolist() == values.tolist()
        assert self.store.position() == Position("j", batches)


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


def test_of_a_partial_write_the_line_that_was_left_out_is_found_and_the_others_are_there_once(
    server: InfluxServer, tmp_path: Path
) -> None:
    proxy = Proxy(server.port)
    filling = Filling(proxy.url(server.new_database()), tmp_path)
    proxy.plan.append(Fault.PARTIAL)
    filling.take(1)
    assert filling.store.count_rejected() == 0, "told once more, it was taken"
    filling.check(1)
    proxy.close()


def test_a_disk_of_the_server_that_is_full_loses_nothing(small_disk: Path, tmp_path: Path) -> None:
    """InfluxDB 1.6 goes on refusing until it is started again, however much room there is."""
    server = InfluxServer(within=small_disk)
    server.start()
    try:
        filling = Filling(server.url(server.new_database()), tmp_path)
        filling.until(3)
        ballast = fill(small_disk, leave=0)
        assert "no space left on device" in filling.until_refused(40)
        assert filling.store.count_rejected() == 0
        ballast.unlink()
        server.stop()
        server.start()
        filling.until(40)
        filling.check(40)
    finally:
        server.remove()


def test_a_user_without_rights_is_named_and_goes_on_once_it_has_them(tmp_path: Path) -> None:
    server = InfluxServer(sign_in=True)
    server.start()
    try:
        server.ask("CREATE USER admin WITH PASSWORD 'a' WITH ALL PRIVILEGES")
        for told in (
            "CREATE USER hub WITH PASSWORD 'h'",
            "CREATE DATABASE readings",
            "GRANT READ ON readings TO hub",
        ):
            server.ask(told, u="admin", p="a")
        missing = Filling(server.url("elsewhere", "hub:h@"), tmp_path / "a")
        named = "there is no database 'elsewhere' that this user may use, and it could not be made: create it and let the user"
        with pytest.raises(StoreRefuses, match=named):
            missing.take_once(1)
        reader = Filling(server.url("readings", "hub:h@"), tmp_path / "b")
        with pytest.raises(
            StoreRefuses, match=r'403: .*"hub" .*; the token or user may not write there: give it the right'
        ):
            reader.take_once(1)
        assert (reader.store.position(), reader.store.count_rejected()) == (None, 0)
        server.ask("GRANT ALL ON readings TO hub", u="admin", p="a")
        server.ask("CREATE DATABASE elsewhere", u="admin", p="a")
        server.ask("GRANT ALL ON elsewhere TO hub", u="admin", p="a")
        for filling in (reader, missing):
            filling.until(2)
            filling.check(2)
    finally:
        server.remove()


def test_a_full_disk_under_the_hubs_own_file_holds_the_batch_back_and_names_it(
    server: InfluxServer, small_disk: Path
) -> None:
    filling = Filling(server.url(server.new_database()), small_disk)
    ballast = fill(small_disk, leave=0)
    said = filling.until_refused(200)
    assert f"series positions {small_disk}/series.sqlite cannot be used: database or disk is full" in said
    position = filling.store.position()
    filling.killed()
    assert filling.store.position() == position
    ballast.unlink()
    filling.until(20)
    filling.check(20)
    filling.store.close()


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


def test_a_field_that_has_another_type_already_is_refused_kept_and_sent_again(
    server: InfluxServer, tmp_path: Path
) -> None:
    database = server.new_database()
    other = f"temperature,device=other value=1i {START + MINUTE}"
    assert server.call("POST", f"/write?db={database}&precision=ms", other)[0] == 204
    filling = Filling(server.url(database), tmp_path)
    filling.until(3)
    assert filling.store.position() == Position("j", 3)
    assert filling.store.count_rejected() == 300
    newest = filling.store.rejected(1)[0]
    assert newest.status == 400
    assert "field type conflict" in newest.answer
    assert filling.store.redrive() == (0, 300)
    server.ask('DROP MEASUREMENT "temperature"', database)
    assert filling.store.redrive() == (300, 0)
    filling.check(3)
    while filling.store.refresh_cells(START + DAY):
        pass
    assert filling.store.cells(KEYS, start=START, end=START + DAY).count.sum() == 300


def test_what_the_server_would_not_keep_is_kept_here_says_why_and_is_sent_when_it_keeps_longer(
    server: InfluxServer, tmp_path: Path
) -> None:
    database = server.new_database()
    server.ask(f'CREATE RETENTION POLICY "short" ON "{database}" DURATION 2h REPLICATION 1 DEFAULT')
    filling = Filling(server.url(database), tmp_path)
    filling.store.meet()
    named = "the server keeps points for 2 h, series.raw_months wants 720 h: lengthen its retention"
    assert filling.store.remarks().reason.startswith(named), "before a line is refused"
    filling.until(1)
    assert filling.store.remarks().facts["server_keeps_h"] == 2
    assert filling.store.count_rejected() == 100
    assert "older than the server keeps points (2 h)" in filling.store.rejected(1)[0].answer
    filling.store.write_points(
        [SeriesPoint(measurement="ticket_event", tags={"state": "closed"}, fields={"ticket": "t"}, time=START)]
    )
    assert filling.store.count_rejected() == 100, "what can be made again is no loss"
    server.ask(f'ALTER RETENTION POLICY "short" ON "{database}" DURATION INF')
    assert filling.store.redrive() == (100, 0)
    filling.until(2)
    filling.check(2)
    assert (filling.store.count_rejected(), filling.store.remarks().reason) == (0, "")


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


def test_a_wrong_password_stops_everything_and_is_named(tmp_path: Path) -> None:
    server = InfluxServer(sign_in=True)
    server.start()
    try:
        server.ask("CREATE USER hub WITH PASSWORD 'right' WITH ALL PRIVILEGES")
        wrong = Filling(server.url("readings", "hub:wrong@"), tmp_path)
        with pytest.raises(StoreUnavailable, match="401: authorization failed; its token or password is not accepted"):
            wrong.store.meet()
        with pytest.raises(AssertionError):
            wrong.take(1, at_most=2)
        wrong.store.close()
        right = Filling(server.url("readings", "hub:right@"), tmp_path)
        right.until(2)
        right.check(2)
    finally:
        server.remove()


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
from tests.faults.test_influx_faults import Filling
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


def test_points_beside_readings_are_written_and_kept_where_they_are_refused(
    server: InfluxServer, tmp_path: Path
) -> None:
    database = server.new_database()
    server.call("POST", f"/write?db={database}&precision=ms", "kpi_1h,kpi=other value=1i 0")
    filling = Filling(server.url(database), tmp_path)
    points = [
        SeriesPoint(
            measurement="ticket_event",
            tags={"state": "closed"},
            fields={"ticket": "t1", "title_zh": "水泵"},
            time=START,
        ),
        SeriesPoint(measurement="kpi_1h", tags={"kpi": "open"}, fields={"value": 3.0}, time=5),
    ]
    filling.store.write_points(points)
    assert "水泵" in server.ask("SELECT * FROM ticket_event", database)
    assert filling.store.count_rejected() == 1
    server.ask("DROP MEASUREMENT kpi_1h", database)
    assert filling.store.redrive() == (1, 0)
