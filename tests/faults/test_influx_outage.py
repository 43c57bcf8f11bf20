"""Two series stores side by side: one away costs nothing, is named, catches up; then reads switch by one setting."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hub.cli import main
from hub.clock import DAY, HOUR, MINUTE, Clock, WallClock
from hub.control import Progress, Word
from hub.domain.alarms import Priority
from hub.domain.health import Health, Status
from hub.domain.tickets import Action, Ticket, TicketKey, TicketKind, TicketState
from hub.errors import InvalidInput, StoreUnavailable
from hub.flows.batch import PointKey
from hub.flows.lists import TicketFilter
from hub.flows.ports import TicketEvent
from hub.flows.series import Aggregate, Step
from hub.handlers import handlers
from hub.ingest.frames import Frame
from hub.jobs import figures as figures_module
from hub.settings import Mqtt, Series, SeriesMirror, Settings, Web
from hub.storage.community_toml import parse_toml
from hub.wiring import Hub
from tests.faults.checker import read_acked
from tests.faults.forms import small_and_full
from tests.faults.rig import Rig, eventually
from tests.influx_proxy import Proxy, Said
from tests.influx_server import MISSING, PROGRAM, InfluxServer

pytestmark = [pytest.mark.servers, pytest.mark.faults, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]
KEY = PointKey("harmony-garden", "harmony-garden~hall", "temperature")


class Devices:
    """What one device said, as its broker would hand it over."""

    def __init__(self) -> None:
        self.start = WallClock().now() - 3_600_000
        self.said = 0

    def acknowledge(self, generation: int, packet_ids: Sequence[int]) -> None:
        """Nobody waits for it."""

    def speak(self, hub: Hub, messages: int) -> None:
        topic = b"community/v1/harmony-garden/hall/telemetry"
        frames = []
        for _ in range(messages):
            at = self.start + self.said * 1000
            payload = json.dumps({"ts": at, "seq": self.said, "values": {"temperature": self.said / 8}}).encode()
            frames.append(Frame("main", 1, topic, payload, 1, at))
            self.said += 1
        hub.intake.put(frames, self, 0)
        assert hub.intake.flush(30)

    def expected(self) -> list[tuple[int, float]]:
        return [(self.start + n * 1000, n / 8) for n in range(self.said)]


class DeafHub(Hub):
    """Hears no broker: frames are put in by hand."""

    def _start_hearing(self, steps: contextlib.ExitStack) -> None:
        self.folder.receivers.mkdir(exist_ok=True)


class Shifted(WallClock):
    """The machine's clock, so much ahead."""

    ahead = 0

    def now(self) -> int:
        return super().now() + self.ahead


COMMUNITY = """
[community]
id = "harmony-garden"
name = { zh = "和谐花园", en = "Harmony Garden" }

[crews.it]
name = { zh = "信息组", en = "IT" }
default = true
"""


@contextlib.contextmanager
def running(folder: Path, series: Series, clock: Clock | None = None) -> Iterator[Hub]:
    settings = Settings(data_dir=folder, mqtt=Mqtt(url="mqtt://127.0.0.1:1"), series=series, web=Web(port=0))
    hub = DeafHub(settings, clock=clock)
    hub.start()
    try:
        yield hub
    finally:
        hub.stop()


def stored(store: object) -> list[tuple[int, float]]:
    end = WallClock().now() + DAY
    window = store.window([KEY], start=0, end=end, step=Step.RAW, agg=Aggregate.MEAN)  # type: ignore[attr-defined]
    return list(zip(window.time.tolist(), window.value.tolist(), strict=True))


def line(hub: Hub, component: str) -> Health:
    return next(line for line in hub.health(hub.clock.now()) if line.component == component)


def test_a_store_that_is_away_is_named_and_catches_up_and_reads_switch_to_it(
    server: InfluxServer, tmp_path: Path
) -> None:
    url = server.url(server.new_database())
    devices = Devices()
    with running(tmp_path, Series(mirrors=(SeriesMirror(name="grafana", url=url),))) as hub:
        mirror = hub.mirrors["grafana"]
        devices.speak(hub, 500)
        eventually(lambda: stored(hub.series) == devices.expected(), "the embedded store has them")
        eventually(lambda: stored(mirror) == devices.expected(), "the mirror has them")
        server.stop()
        for _ in range(5):
            devices.speak(hub, 100)
        eventually(lambda: stored(hub.series) == devices.expected(), "the embedded store goes on")
        waits = eventually(lambda: line(hub, "lane series:grafana").reason, "the lane says that it waits")
        assert "batches wait: series store http://127.0.0.1" in waits
        assert "unreachable since 20" in line(hub, "series:grafana").reason
        assert line(hub, "series").status is Status.OK
        server.start()
        eventually(lambda: stored(mirror) == devices.expected(), "the mirror has caught up")
        eventually(lambda: line(hub, "series:grafana").status is Status.OK, "and says so")
        before = hub.series.window(
            [KEY], start=devices.start, end=devices.start + 3_600_000, step=Step.QUARTER, agg=Aggregate.TIME_MEAN
        )
    swapped = Series(url=url, mirrors=(SeriesMirror(name="embedded", url="duckdb"),))
    with running(tmp_path, swapped) as hub:
        assert stored(hub.series) == devices.expected(), "no byte had to be sent again: the position went along"
        after = hub.series.window(
            [KEY], start=devices.start, end=devices.start + 3_600_000, step=Step.QUARTER, agg=Aggregate.TIME_MEAN
        )
        np.testing.assert_array_equal(after.time, before.time)
        np.testing.assert_allclose(after.value, before.value)
        assert line(hub, "series").facts["server_version"] is None or line(hub, "series").status is Status.OK


def test_a_hub_starts_and_hears_while_its_only_store_is_away(server: InfluxServer, tmp_path: Path) -> None:
    url = server.url("made-by-the-hub")
    server.stop()
    devices = Devices()
    with running(tmp_path, Series(url=url)) as hub:
        devices.speak(hub, 50)
        eventually(lambda: "unreachable since" in line(hub, "series").reason, "health names it")
    with running(tmp_path, Series(url=url)) as hub:  # the journal kept what the store has not
        server.start()
        eventually(lambda: "unreachable" not in line(hub, "series").reason, "the store is back")
        eventually(lambda: stored(hub.series) == devices.expected(), "everything is there")


@pytest.mark.parametrize("status", [401, 404])
def test_a_server_that_refuses_is_a_ticket_until_it_takes_readings_again(
    server: InfluxServer, tmp_path: Path, status: int
) -> None:
    proxy = Proxy(server.port)
    mirrors = (SeriesMirror(name="grafana", url=proxy.url(server.new_database())),)
    devices, clock = Devices(), Shifted()
    proxy.plan.extend([Said(status)] * 10_000)
    with running(tmp_path, Series(mirrors=mirrors), clock=clock) as hub:
        hub.registry.import_file(parse_toml(COMMUNITY, hub.catalogue), dry_run=False)
        devices.speak(hub, 10)
        eventually(lambda: str(status) in line(hub, "lane series:grafana").reason, "the lane stops")
        clock.ahead = MINUTE
        hub.timetable.run_now("own_look")
        (ticket,) = eventually(
            lambda: hub.records.read(lambda books: books.tickets.page(TicketFilter(), limit=9).items),
            "somebody is told",
        )
        assert (ticket.title_en, ticket.crew) == ("Series store grafana: Readings cannot be stored", "it")
        (alarm,) = hub.alarm_lane.live.open_alarms()
        assert str(status) in alarm.text
        proxy.plan.clear()
        eventually(lambda: hub.mirror_lanes[0].well_since, "it takes what waited")
        assert stored(hub.mirrors["grafana"]) == devices.expected()
        clock.ahead = 3 * MINUTE
        hub.timetable.run_now("own_look")
        eventually(lambda: not hub.alarm_lane.live.open_alarms()[0].active, "the alarm ends")
        after = hub.records.read(lambda books: books.tickets.get(ticket.id))
        assert after.state is TicketState.VERIFYING
    proxy.close()


def test_the_past_is_copied_while_both_stores_hear_and_then_they_agree(server: InfluxServer, tmp_path: Path) -> None:
    url = server.url(server.new_database())
    devices = Devices()
    devices.start = devices.start // DAY * DAY - 3 * DAY + HOUR  # all on one day: days are compared
    with running(tmp_path, Series()) as hub:
        devices.speak(hub, 2000)
        eventually(lambda: len(stored(hub.series)) == 2000, "the embedded store has the past")
    (tmp_path / "journal.sqlite").unlink()  # as after its week: what the embedded store has is older than the journal
    both = Series(mirrors=(SeriesMirror(name="grafana", url=url),))
    with running(tmp_path, both) as hub:
        work = handlers(hub)
        told: list[Word] = []
        devices.speak(hub, 100)
        eventually(lambda: len(stored(hub.mirrors["grafana"])) == 100, "the mirror hears what is said now")
        eventually(lambda: len(stored(hub.series)) == 2100, "as the embedded store does")
        before = work["series-compare"]({"days": 5}, told.append)["grafana"]
        assert (before["differences"], before["readings"]) == (1, 2100)
        assert "in main, 100 here" in before["shown"][0]
        done = work["replay"]({"from": "duckdb", "to": "influxdb"}, told.append)
        assert (done["readings"], done["added"]) == (2100, 2000)
        assert any(isinstance(word, Progress) for word in told)
        assert work["series-compare"]({"days": 5}, told.append)["grafana"]["differences"] == 0
        assert stored(hub.mirrors["grafana"]) == devices.expected()
        assert work["replay"]({"from": "main", "to": "grafana"}, told.append)["added"] == 0
        server.ask("DROP MEASUREMENT temperature", url.rpartition("/")[2])
        assert work["replay"]({"from": "main", "to": "grafana"}, told.append)["added"] == 2100
        assert stored(hub.mirrors["grafana"]) == devices.expected(), "a server that has lost everything gets it again"
        with pytest.raises(InvalidInput, match="no series store 'elsewhere': there is main, grafana"):
            work["replay"]({"from": "main", "to": "elsewhere"}, told.append)
        with pytest.raises(InvalidInput, match="are one store"):
            work["replay"]({"from": "duckdb", "to": "main"}, told.append)
        with pytest.raises(InvalidInput, match="is no date: expected 2026-01-31"):
            work["replay"]({"from": "main", "to": "grafana", "since": "yesterday"}, told.append)


def test_what_a_server_refused_is_shown_and_sent_again(server: InfluxServer, tmp_path: Path) -> None:
    database = server.new_database()
    devices = Devices()
    other = f"temperature,device=other value=1i {devices.start}"
    assert server.call("POST", f"/write?db={database}&precision=ms", other)[0] == 204
    with running(tmp_path, Series(url=server.url(database))) as hub:
        work = handlers(hub)
        devices.speak(hub, 10)
        eventually(lambda: "10 lines that the server refused" in line(hub, "series").reason, "health says it")
        found = work["series-rejected"]({"limit": 3}, print)["main"]
        assert (found["count"], len(found["lines"])) == (10, 3)
        assert "already exists as type integer" in found["lines"][0]["answer"]
        assert work["series-redrive"]({}, print)["main"] == {"stored": 0, "still_rejected": 10}
        server.ask('DROP MEASUREMENT "temperature"', database)
        assert work["series-redrive"]({}, print)["main"] == {"stored": 10, "still_rejected": 0}
        assert stored(hub.series) == devices.expected()
        eventually(lambda: line(hub, "series").status is Status.OK, "and all is well")


def test_check_tries_the_server_and_warns_of_a_short_retention(
    server: InfluxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database = server.new_database()
    server.ask(f'CREATE RETENTION POLICY "short" ON "{database}" DURATION 48h REPLICATION 1 DEFAULT')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUB_SERIES__URL", server.url(database))
    assert main(["check"]) == 0
    told = capsys.readouterr().out
    assert "InfluxDB 1." in told
    assert "lets the hub in, takes a line, keeps points for 48 hours" in told
    assert "warning: series.raw_months wants 13 months" in told
    server.stop()
    assert main(["check"]) == 1
    assert "cannot be reached" in capsys.readouterr().out


def test_check_compares_the_stores_of_the_settings(
    server: InfluxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = server.url(server.new_database())
    devices = Devices()
    devices.start -= 2 * DAY
    with running(tmp_path / "data", Series(mirrors=(SeriesMirror(name="grafana", url=url),))) as hub:
        devices.speak(hub, 50)
        eventually(lambda: stored(hub.mirrors["grafana"]) == devices.expected(), "both have them")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HUB_SERIES__MIRRORS", json.dumps([{"name": "grafana", "url": url}]))
    assert main(["check", "--days", "5"]) == 0
    assert "grafana: 50 readings of 1 points in 5 days compared with main, 0 differences" in capsys.readouterr().out
    server.ask("DROP MEASUREMENT temperature", url.rpartition("/")[2])
    assert main(["check", "--days", "5"]) == 1
    assert "50 in main, 0 here" in capsys.readouterr().out


@pytest.mark.parametrize("form", small_and_full((1_000, 6), (2_000, 600)))
def test_a_server_away_and_the_hub_killed_twice_meanwhile_cost_no_message_and_no_ticket(
    server: InfluxServer, make_rig: Callable[..., Rig], form: tuple[int, int]
) -> None:
    rate, seconds = form
    database = server.new_database()
    settings = {"series": {"url": server.url(database)}}
    rig = make_rig(devices=500)
    run = rig.hub(settings=settings).ready()
    # A device has one ticket at a time: fewer faults than devices, so that each makes one.
    with rig.publishing(rate=rate, fault_every=max(rate // 5, rate * seconds // 300)) as publishing:
        publishing.more(2 * rate)
        server.stop()
        for _ in range(2):
            publishing.more(rate * seconds // 3)
            run.kill()
            run = rig.hub(settings=settings).ready()
        already = rig.tickets()
        publishing.more(rate * seconds // 3)
        eventually(lambda: rig.tickets() > already, "tickets are made while the server is away")
        eventually(lambda: "unreachable since" in run.health().get("series", {}).get("reason", ""), "health names it")
        server.start()
        publishing.stop()
    rig.settle(run)
    run.stop()
    stored = Counter(server.published(database))
    acknowledged = read_acked(publishing.acked)
    assert acknowledged.total() > rate * seconds
    assert sorted(acknowledged.keys() - stored.keys()) == []
    assert sorted(stored.keys() - rig.journal().keys()) == []
    assert max(stored.values()) == 1
    assert rig.account(publishing).faults == []


TICKET = Ticket(
    id="t1",
    number="HG-2026-000001",
    key=TicketKey(community="garden", facility="lift-1", unit="", failure_mode="door_fault"),
    kind=TicketKind.FAULT,
    state=TicketState.ASSIGNED,
    priority=Priority.HIGH,
    title_zh="门故障",
    title_en="Door fault",
    crew="c",
    reported_at=1_763_856_000_000,
)


def test_changes_of_tickets_reach_the_server_once_and_a_server_that_lost_them_again(
    server: InfluxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures_module, "FIRST", HOUR)
    database, new = server.new_database(), server.new_database()

    def counted(of: str = database) -> int:
        told = json.loads(server.ask('SELECT count("n") FROM "ticket_event"', of))["results"][0]
        return int(told["series"][0]["values"][0][1]) if "series" in told else 0

    mirrors = (SeriesMirror(name="grafana", url=server.url(database)),)
    with running(tmp_path, Series(mirrors=mirrors)) as hub:
        figures = hub.timetable._jobs["figures"]
        replay = handlers(hub)["replay"]
        opened = TicketEvent("t1", TICKET.reported_at, Action.OPEN, "", TicketState.ASSIGNED, "hub")

        def happen(books: Any) -> None:
            books.tickets.add(TICKET)
            books.tickets.log([opened])

        hub.records.write(happen)
        for _ in range(2):
            figures.run(hub.clock.now())
        assert counted() == 1
        dearer = replace(TICKET, priority=Priority.SAFETY, version=TICKET.version + 1)
        assert hub.records.write(lambda books: books.tickets.swap(dearer, expected=TICKET.version, now=0))
        replay({"from": "main", "to": "grafana"}, print)
        figures.run(hub.clock.now())
        assert counted() == 1, "what is there stays, although its tags would be other ones today"
        server.ask(f'DROP DATABASE "{database}"')
        server.ask(f'CREATE DATABASE "{database}"')
        figures.run(hub.clock.now())
        assert counted() == 0
        replay({"from": "main", "to": "grafana"}, print)
        figures.run(hub.clock.now())
        assert counted() == 1
    away = SeriesMirror(name="away", url="influxdb://127.0.0.1:1/x")
    with running(tmp_path, Series(mirrors=(away, *mirrors, SeriesMirror(name="new", url=server.url(new))))) as hub:
        with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1"):
            hub.timetable._jobs["figures"].run(hub.clock.now())
        assert (counted(), counted(new)) == (1, 1)
    with running(tmp_path / "alone", Series()) as hub:
        assert "figures" not in hub.timetable._jobs
