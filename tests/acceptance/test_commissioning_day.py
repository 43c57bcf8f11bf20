"""New Court on a Tuesday, as the simulator plays it: two people, half a working day, five things that go wrong, no stray page.

Thirty gateways and three hundred sensors, thirty of them on LoRaWAN. Two serials are mistyped in the list, two leak heads hang in each
other's place, one gateway's clock is eight hours behind and one gateway never speaks: the scenario ``commissioning``. All of it in
virtual time, through the decoder, the alarm lane and real records.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import pytest

from devices.contract import DeviceRef
from devices.simulator import scenario
from devices.simulator.model import SimDevice
from devices.simulator.play import Play, Publication
from devices.simulator.scenario import Step
from hub.clock import DAY, HOUR, MINUTE, SECOND, from_iso
from hub.commands.simulated_community import read_community
from hub.domain.commissioning import Part
from hub.domain.walk import PointTest
from hub.flows.commissioning.desk import CommissioningDesk, Parts
from hub.flows.commissioning.hitches import Hitch, HitchKind
from hub.flows.commissioning.lane import Commissioner
from hub.flows.commissioning.overview import Overview
from hub.flows.commissioning.walk_desk import WalkDesk
from hub.flows.community.desk import RegistryDesk
from hub.flows.registry import Registrar, Registry
from hub.ingest.spoken import Spoken
from hub.settings import Connection
from hub.storage.catalogue import load_catalogue
from hub.storage.community_toml import parse_toml, shipped_file
from hub.storage.unit import SqlRecords
from tests.acceptance.virtual import VirtualHub, batches

PLAYED: Final = scenario.load("commissioning")
HOME: Final = PLAYED.community
SPOKEN: Final = Spoken.of(Connection(url="mqtt://127.0.0.1", community=HOME, formats=("native", "chirpstack")))
START: Final = from_iso("2026-11-24T09:00:00+08:00")
WALK, TURN, AGAIN = (next(step.start for step in PLAYED.steps if step.each_ms), 20 * SECOND, PLAYED.steps[-1].start)
"""When the two begin to walk, how long each sensor takes, and when the pair is triggered once more; from the start."""
GATEWAYS: Final = 30
BEHIND: Final = 10
"""Sensors in each cellar: four leak heads, three fire doors, three sump floats."""
WIRED: Final = 9
"""Those that speak through the cellar's gateway; one leak head speaks to the LoRaWAN server."""
SLOW_CLOCK, DEAD = "gw-07", "gw-19"
MISSPELT: Final = ("leak-03-2", "door-open-24-5")
PAIR: Final = ("leak-12-0", "leak-12-1")


@dataclass
class Told:
    """What the simulator says, from one moment to the next."""

    play: Play
    end: int
    met: set[str] = field(default_factory=set)
    """Gateways that have said that they are there."""
    kept: list[Publication] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stream = self.play.between(self.play.start, self.end)

    def until(self, at: int) -> Iterator[Publication]:
        kept, self.kept = self.kept, []
        for publication in (each for source in (kept, self.stream) for each in source):
            if publication.at >= at:
                self.kept.append(publication)
                return
            yield from self.hello(publication)
            yield publication

    def hello(self, publication: Publication) -> Iterator[Publication]:
        gateway = publication.gateway
        if gateway in self.met:
            return
        self.met.add(gateway)
        said = self.play.presence(gateway, online=True)
        if said is not None:
            yield Publication(publication.at, gateway, *said)


class Day:
    """The hub, the two installers' phones, and what hangs in the cellars."""

    def __init__(self, records: SqlRecords) -> None:
        self.registrar = Registrar(Registry())
        self.commissioner = Commissioner(self.renew)
        self.hub = VirtualHub(
            self.registrar, records, start=START - HOUR, spoken=[SPOKEN], commissioner=self.commissioner
        )
        catalogue = load_catalogue()
        self.registry = RegistryDesk(
            records=records, registrar=self.registrar, catalogue=catalogue, clock=self.hub.clock
        )
        self.registry.open()
        self.registry.import_file(parse_toml(shipped_file(HOME), catalogue))
        parts = Parts(
            records=records,
            registrar=self.registrar,
            catalogue=catalogue,
            clock=self.hub.clock,
            live=self.hub.lane.live,
            walks=self.commissioner.walks,
            renew=self.registry.renew,
        )
        self.desk = CommissioningDesk(parts)
        self.walk = WalkDesk(parts)
        self.community = read_community(HOME, seed=1)
        self.play = Play(community=self.community, scenario=PLAYED, start=START)
        self.told = Told(self.play, START + 4 * HOUR)

    @property
    def now(self) -> int:
        return self.hub.clock.now()

    def renew(self) -> None:
        self.registry.renew()

    def until(self, at: int) -> None:
        for frames in batches(self.told.until(at), 5 * SECOND):
            self.hub.hear(frames)
        self.hub.wait_until(at)

    def afterwards(self, *steps: Step) -> None:
        """Another story, from now on, with the devices as they hang."""
        lasting = tuple(step for step in PLAYED.steps if step.shape in ("serial", "swapped", "silent"))
        play = Play(community=self.community, scenario=replace(PLAYED, steps=(*lasting, *steps)), start=self.now)
        self.told = Told(play, self.now + DAY, self.told.met)

    # --- what is looked at --------------------------------------------------------------------------------------

    def device(self, line: str) -> str:
        """The hub id of what really hangs where the list has this line, were it not for the swapped pair."""
        device = self.play.community.devices[line]
        return DeviceRef(HOME, device.scheme, device.own).hub_id

    def overview(self) -> Overview:
        return self.desk.overview(HOME)

    def hitches(self, kind: HitchKind) -> list[Hitch]:
        return [hitch for hitch in self.overview().hitches if hitch.kind is kind]

    def tests(self) -> list[PointTest]:
        return self.hub.records.read(lambda books: books.commissioning.tests(HOME))


@pytest.fixture
def day(records: SqlRecords) -> Day:
    return Day(records)


def test_thirty_gateways_become_tested_points_in_half_a_day_and_nobody_is_paged(day: Day) -> None:
    day.desk.begin(HOME, Part.COMMUNITY, "", by="manager", until=START + 14 * DAY)
    assert day.overview().counts() == (300, 0, 0)
    assert day.overview().counts(gateways=True) == (30, 0, 0)

    day.until(START + 10 * MINUTE)
    all_hitches_are_named_and_the_others_have_adopted_themselves(day)

    the_installers_put_right_what_they_can_see(day)
    two_people_walk_and_find_the_swapped_pair(day)

    shown = day.overview()
    assert shown.counts() == (300, 300 - WIRED, 300 - WIRED)
    assert shown.counts(gateways=True) == (30, 29, 0)
    assert [hitch.kind for hitch in shown.hitches] == [HitchKind.GATEWAY_SILENT]
    assert {line.gateway for line in shown.sensors if not line.seen} == {DEAD}
    assert day.now - START <= 4 * HOUR, "half a working day"
    assert day.hub.notices() == ()
    assert day.hub.tickets() == ()

    a_week_of_recording_shows_what_is_loud(day)
    going_live_tells_from_then_on(day)


def all_hitches_are_named_and_the_others_have_adopted_themselves(day: Day) -> None:
    shown = day.overview()
    assert shown.counts() == (300, 300 - WIRED - len(MISSPELT), 0)
    assert shown.counts(gateways=True) == (30, 29, 0)
    near = {(hitch.line, hitch.device) for hitch in day.hitches(HitchKind.NEAR_MISS)}
    assert near == {(line, day.device(line)) for line in MISSPELT}
    (dead,) = day.hitches(HitchKind.GATEWAY_SILENT)
    assert (dead.line, dead.text, dead.number) == (DEAD, "never", WIRED)
    (slow,) = day.hitches(HitchKind.WRONG_CLOCK)
    assert (slow.line, slow.text) == (SLOW_CLOCK, str(WIRED))
    assert slow.number is not None
    assert abs(slow.number - 8 * HOUR) < MINUTE
    kinds = {hitch.kind for hitch in shown.hitches}
    assert kinds == {HitchKind.NEAR_MISS, HitchKind.GATEWAY_SILENT, HitchKind.WRONG_CLOCK}
    for line, point in (("door-open-00-4", "door_open"), ("leak-19-3", "leak")):
        binding = day.registrar.current.binding(day.device(line), point, day.now)
        assert binding is not None
        assert binding.facility == line
    assert day.registrar.current.devices[day.device("door-open-00-4")].gateway == day.device("gw-00")


def the_installers_put_right_what_they_can_see(day: Day) -> None:
    for hitch in day.hitches(HitchKind.NEAR_MISS):
        day.desk.take_place(HOME, hitch.line, hitch.device, by="manager")
    clock = next(step for step in PLAYED.steps if step.shape == "clock")
    assert clock.end is not None
    day.until(START + clock.end + MINUTE)
    assert day.hitches(HitchKind.WRONG_CLOCK) == []
    assert day.overview().counts() == (300, 300 - WIRED, 0)


def two_people_walk_and_find_the_swapped_pair(day: Day) -> None:
    """Ana takes the even cellars and Bob the odd ones, at the same time; what is triggered is ticked, with the right name."""
    sensors = [device for device in day.community.devices.values() if device.points]
    ticked: dict[tuple[str, str], int] = {}
    for turn in range(GATEWAYS // 2 * BEHIND):
        at = START + WALK + turn * TURN
        pair = [sensor_at(sensors, 2 * (turn // BEHIND) + person, turn % BEHIND) for person in (0, 1)]
        day.until(at - SECOND)
        for who, sensor in zip(("ana", "bob"), pair, strict=True):
            if turn % BEHIND == 0:
                day.walk.here(HOME, f"r{sensor.id.split('-')[-2]}", by=who)
            if sensor.id == PAIR[0]:
                day.walk.expect(HOME, day.device(sensor.id), "leak", by=who)
            elif sensor.gateway != DEAD:
                one, other = PAIR
                ticked[who, day.device(one if sensor.id == other else sensor.id)] = at
        day.until(at + 4 * SECOND)
        if pair[0].id == PAIR[0]:
            the_pair_is_changed_over(day)
    assert {(test.by, test.device): test.at for test in day.tests() if test.outcome.value == "passed"} == ticked
    assert day.overview().counts().tested == 300 - WIRED - 1
    day.walk.here(HOME, "r12", by="ana")
    day.until(START + AGAIN + 2 * TURN)
    assert (day.tests()[-1].by, day.tests()[-1].device) == ("ana", day.device(PAIR[1]))


def sensor_at(sensors: list[SimDevice], room: int, number: int) -> SimDevice:
    return sensors[room * BEHIND + number]


def the_pair_is_changed_over(day: Day) -> None:
    """Ana has named the sensor before she wet it; its neighbour spoke instead."""
    one, other = map(day.device, PAIR)
    (swapped,) = day.hitches(HitchKind.SWAPPED)
    assert (swapped.device, swapped.other, swapped.by) == (one, other, "ana")
    before = day.now
    day.desk.swap(HOME, swapped.device, swapped.other, by="ana")
    day.until(before + 5 * SECOND)
    places = {
        (device, at): binding.facility
        for device in (one, other)
        for at in (before - 1, day.now)
        if (binding := day.registrar.current.binding(device, "leak", at)) is not None
    }
    assert places == {
        (one, before - 1): PAIR[0],
        (other, before - 1): PAIR[1],
        (one, day.now): PAIR[1],
        (other, day.now): PAIR[0],
    }


FLOATS, DOOR, LEAK = ("extra-high-level-01-8", "extra-high-level-02-9"), "door-open-05-4", "leak-08-1"
RECORDED: Final = 3 * HOUR
"""So long somebody watches what is recorded before the first kind goes live."""


def triggered(line: str, point: str, start: int, end: int | None = None) -> Step:
    return Step(shape="set", devices=(line,), start=start, end=end, values={point: True})


def a_week_of_recording_shows_what_is_loud(day: Day) -> None:
    """Two floats stick again and again, one door stands open for an hour: recorded, and told to nobody."""
    times = [MINUTE + number * 6 * MINUTE for number in range(17)]
    sticks = [triggered(line, "extra_high_level", at, at + 10 * SECOND) for line in FLOATS for at in times]
    opened = triggered(DOOR, "door_open", RECORDED - HOUR)
    wet = triggered(LEAK, "leak", RECORDED + MINUTE)
    day.afterwards(*sticks, opened, wet)
    day.until(day.now + RECORDED)
    assert (day.hub.notices(), day.hub.tickets()) == ((), ())
    unsent = {(row.facility, row.alarms, row.tellings) for row in day.desk.unsent(HOME)}
    assert unsent == {(FLOATS[0], 17, 6), (FLOATS[1], 17, 6), (DOOR, 1, 1)}
    assert {row.facility for row in day.desk.unsent(HOME, "fire_door")} == {DOOR}


def going_live_tells_from_then_on(day: Day) -> None:
    """The door still stands open when its kind goes live; leak heads stay quiet until theirs does."""
    assert day.desk.go_live(HOME, "fire_door", by="manager") == 90
    day.until(day.now + 5 * SECOND)
    assert {(notice.kind, notice.contact) for notice in day.hub.notices()} == {("opened", "desk")}
    day.until(day.now + HOUR)
    assert len(day.hub.notices()) == 1
    states = {state.kind: state.commissioned for state in day.desk.kinds(HOME)}
    assert states == {"leak_watch": 120, "fire_door": 0, "sump": 90}
    day.desk.go_live(HOME, "leak_watch", by="manager")
    day.desk.go_live(HOME, "sump", by="manager")
    day.until(day.now + 5 * SECOND)
    assert {ticket.key.facility for ticket in day.hub.tickets() if ticket.key.facility} == {DOOR, LEAK}
    assert [span.holds_at(day.now) for span in day.desk.spans(HOME)] == [False], "nothing is left to commission"
