"""The hub stands still for an hour while 300 devices go on: nobody is missed for that hour, and who is silent after it is."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pytest

from devices.simulator.model import SimDevice
from devices.simulator.play import Play, Publication
from hub.clock import HOUR, MINUTE, SECOND, ManualClock
from hub.commands.simulated_community import simulated
from hub.domain.rules import LEAST_SILENCE_MS
from hub.flows.lists import AlarmFilter, TicketFilter
from hub.ingest.frames import BEAT_ROOT, Frame
from hub.settings import Settings
from hub.storage.community_toml import parse_toml, shipped, shipped_file
from hub.wiring import Hub
from tests.faults.rig import eventually

pytestmark = pytest.mark.faults

START = 1_795_399_200_000  # 2026-11-23T02:00Z, a Monday at ten in Shanghai
STEP = 30 * SECOND
WHILE = 12 * MINUTE
GARDEN = "harmony-garden"


class DeafHub(Hub):
    """The whole hub but for its broker: the test puts frames in where the receiver would."""

    def _start_hearing(self, steps: contextlib.ExitStack) -> None:
        """Nothing."""

    def hear(self, publications: Iterable[Publication], now: int) -> None:
        """One batch with a heartbeat at its end, through the journal and both lanes."""
        frames = [Frame("main", 1, each.topic.encode(), each.payload, 1, each.at) for each in publications]
        beat = Frame("main", 1, f"{BEAT_ROOT}faults".encode(), json.dumps({"sent": now}).encode(), 1, now)
        self.clock.advance(max(0, now - self.clock.now()))  # type: ignore[attr-defined]  # it is a ManualClock
        self.intake.put([*frames, beat], None, 0)
        assert self.intake.flush(60)
        eventually(lambda: self.alarm_runner.level and self.series_runner.level, "both lanes are level")


def started(folder: Path, clock: ManualClock) -> DeafHub:
    settings = Settings(
        data_dir=folder,
        mqtt={"url": "mqtt://127.0.0.1:1"},
        web={"port": 0},
        journal={"min_free": 0},
        ingest={"batch_ms": 0.1},
    )

    def furnish(hub: Hub) -> None:
        hub.registry.import_file(parse_toml(shipped_file(GARDEN), hub.catalogue, file=f"{GARDEN}.toml"))

    hub = DeafHub(settings, clock=clock, first_steps=furnish)
    hub.start()
    return hub


def numbers(publications: Iterable[Publication]) -> Iterator[tuple[str, int, str]]:
    """(topic, time, name) of every reading that is a number."""
    for each in publications:
        said = json.loads(each.payload)
        for name, value in said.get("values", {}).items():
            if not isinstance(value, str):
                yield each.topic, said["ts"], name


@pytest.mark.timeout(300)
def test_an_hour_of_absence_raises_nothing_and_a_device_that_stays_silent_after_it_is_found(tmp_path: Path) -> None:
    community = simulated(shipped(GARDEN), seed=1)
    play = Play(community=community, scenario=None, start=START, speaks="native")  # whose messages are easy to count
    assert len(community.devices) >= 250
    silent = _one_that_reports_every_minute(list(community.devices.values()))
    clock = ManualClock(START)
    sent: list[Publication] = []

    hub = started(tmp_path, clock)
    for now in range(START, START + WHILE, STEP):
        sent += (heard := list(play.between(now, now + STEP)))
        hub.hear(heard, now + STEP)
    hub.stop()

    clock.advance(HOUR)
    back = clock.now()
    list(play.between(back - HOUR, back))  # said to nobody
    hub = started(tmp_path, clock)
    for now in range(back, back + WHILE, STEP):
        said = list(play.between(now, now + STEP))
        sent += (heard := [each for each in said if f"/{silent.id}/" not in each.topic])
        hub.hear(heard, now + STEP)
    alarms = hub.records.read(lambda books: books.alarms.page(AlarmFilter(), limit=100)).items
    raised = [alarm for alarm in alarms if alarm.raised_at is not None]  # others are conditions whose delay never ended
    tickets = hub.records.read(lambda books: books.tickets.page(TicketFilter(), limit=100)).items
    gaps = hub.records.read(lambda books: books.gaps.latest(10))
    hub.stop()

    assert [(gap.kind, gap.ended_at - gap.started_at) for gap in gaps] == [("hub_down", HOUR)]
    assert [alarm.device for alarm in raised] == [f"{GARDEN}~{silent.id}"]
    assert len(tickets) == 1
    limit = max(3 * silent.interval, LEAST_SILENCE_MS)
    assert back + limit - silent.interval <= (raised[0].raised_at or 0) <= back + limit
    with duckdb.connect(str(tmp_path / "series.duckdb"), read_only=True) as db:
        assert db.execute("select count(*) from readings").fetchall() == [(len(set(numbers(sent))),)]


def _one_that_reports_every_minute(devices: list[SimDevice]) -> SimDevice:
    gateways = {device.gateway for device in devices}
    return next(each for each in devices if each.interval == MINUTE and each.id not in gateways)
