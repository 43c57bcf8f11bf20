"""A server that takes nothing, or not everything: named with what to do, and nothing is lost meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.clock import DAY, MINUTE
from hub.domain.event_series import SeriesPoint
from hub.errors import StoreRefuses, StoreUnavailable
from hub.flows.batch import Position
from tests.faults.disk import fill
from tests.faults.filling import KEYS, START, Filling
from tests.influx_proxy import Fault, Proxy
from tests.influx_server import MISSING, PROGRAM, InfluxServer

pytestmark = [
    pytest.mark.servers,
    pytest.mark.faults,
    pytest.mark.skipif(PROGRAM is None, reason=MISSING),
]


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
