"""Real input: a machine that others recorded, with failures that others labelled. The rule is that of docs/real-input.md."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from devices.simulator.recorded import Recorded, publications, rows
from hub.clock import HOUR, from_iso
from hub.domain.tickets import TicketState
from hub.flows.lists import NoticeFilter, TicketFilter
from hub.ingest.broker import EmbeddedBroker
from hub.storage.catalogue import load_catalogue
from hub.storage.community_toml import parse_toml, shipped, shipped_file
from hub.storage.unit import SqlRecords
from hub.wiring import Hub
from tests.acceptance.conftest import eventually
from tests.acceptance.virtual import VirtualHub, batches

NAME = "realKnownCause/machine_temperature_system_failure.csv"
COMMUNITY = "recorded-machine"
NOW = from_iso("2026-11-23T00:00:00Z")
ROWS = 22_695
DIFFERENT_TIMES = 22_683
"""The clock went back by 55 minutes once: twelve times are there twice, and the last value of each counts."""


class Window(NamedTuple):
    start: int
    end: int


class Tally(NamedTuple):
    """How many alarms began inside the labelled windows and outside, and how many windows had one."""

    inside: int
    outside: int
    windows: int


@pytest.fixture
def series(foreign_data: Path) -> Recorded:
    path = foreign_data / "data" / "nab" / "data" / NAME
    return Recorded(path=path, community=COMMUNITY, device="machine", point="motor_temperature")


@pytest.fixture
def windows(foreign_data: Path) -> list[Window]:
    labels = json.loads(
        (foreign_data / "data" / "nab" / "labels" / "combined_windows.json").read_text(encoding="utf-8")
    )
    return [Window(*(from_iso(text.replace(" ", "T") + "+00:00") for text in pair)) for pair in labels[NAME]]


def tally(began: Iterable[int], windows: list[Window]) -> Tally:
    begun = list(began)
    hits = [[at for at in begun if window.start <= at <= window.end] for window in windows]
    inside = sum(map(len, hits))
    return Tally(inside, len(begun) - inside, sum(map(bool, hits)))


def test_the_file_is_the_one_that_the_numbers_are_about(series: Recorded, windows: list[Window]) -> None:
    times = [at for at, _ in rows(series)]
    assert len(times) == ROWS
    assert len(set(times)) == DIFFERENT_TIMES
    assert [later - earlier for earlier, later in itertools.pairwise(times) if later < earlier] == [-55 * 60_000]
    assert len(windows) == 4


def test_as_live_the_machine_raises_alarms_in_the_labelled_windows(
    series: Recorded, windows: list[Window], records: SqlRecords
) -> None:
    hub = VirtualHub(shipped(COMMUNITY), records, start=NOW)
    first, _ = next(rows(series))
    for batch in batches(publications(series, speed=1.0, start=NOW, as_live=True), 3 * HOUR):
        hub.hear(batch)
    began = [event.at - NOW + first for alarm in hub.alarms() for event in hub.history(alarm) if event.kind == "raised"]
    assert tally(began, windows) == Tally(inside=6, outside=24, windows=4)
    (ticket,) = hub.tickets()
    assert ticket.occurrences == len(began), "nobody worked on it: one open ticket for one fault that comes back"
    assert not ticket.late
    assert hub.notices(), "what is live is told"


@pytest.mark.servers
def test_as_records_every_alarm_is_a_closed_ticket_that_told_nobody(
    series: Recorded, windows: list[Window], broker: EmbeddedBroker, start_hub: Callable[[EmbeddedBroker], Hub]
) -> None:
    hub = start_hub(broker)
    hub.registry.import_file(parse_toml(shipped_file(COMMUNITY), load_catalogue()))
    publish(series, broker)
    eventually(lambda: hub.series.sizes().readings == DIFFERENT_TIMES, "every reading is stored")
    eventually(lambda: hub.alarm_runner.level, "the alarm lane is level")
    tickets = hub.records.read(lambda books: books.tickets.page(TicketFilter(), limit=1000)).items
    assert tally([ticket.reported_at for ticket in tickets], windows) == Tally(inside=6, outside=24, windows=4)
    assert {(t.late, t.state, t.verified, t.end_reason) for t in tickets} == {
        (True, TicketState.CLOSED, "sensor", "late_data")
    }
    assert hub.records.read(lambda books: books.notices.page(NoticeFilter(), limit=10)).items == ()


def publish(series: Recorded, broker: EmbeddedBroker) -> None:
    """By command, as fast as it goes."""
    command = [sys.executable, "-m", "hub", "simulate", "--broker", broker.simulator_url, "--community", COMMUNITY]
    command += ["--csv", str(series.path), "--device", "machine", "--point", "motor_temperature", "--speed", "1e9"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert f"published {ROWS} rows" in done.stdout
