"""A community with 30 gateways on a Tuesday: two people, half a working day, five things that go wrong, no stray page.

Two serials are mistyped in the list, two leak heads hang in each other's place, one gateway's clock is eight hours behind and
one gateway never speaks. All of it in virtual time, through the decoder, the alarm lane and real records.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import pytest

from hub.clock import DAY, HOUR, MINUTE, SECOND, from_iso
from hub.domain.commissioning import Part
from hub.domain.walk import PointTest
from hub.flows.commissioning.desk import CommissioningDesk, Parts
from hub.flows.commissioning.hitches import Hitch, HitchKind
from hub.flows.commissioning.lane import Commissioner
from hub.flows.commissioning.overview import Overview
from hub.flows.commissioning.walk_desk import WalkDesk
from hub.flows.community.desk import RegistryDesk
from hub.flows.registry import Registrar, Registry
from hub.ingest.frames import Frame
from hub.storage.catalogue import load_catalogue
from hub.storage.community_toml import parse_toml
from hub.storage.unit import SqlRecords
from tests.acceptance.virtual import VirtualHub

HOME: Final = "new-court"
GATEWAYS: Final = 30
BEHIND: Final = 10
"""Devices behind each gateway: four leak heads, three fire doors, three sump floats."""
START: Final = from_iso("2026-11-24T09:00:00+08:00")
SLOW_CLOCK, DEAD, SWAPPED = 7, 19, 12
MISTYPED: Final = {(3, 2): "a8x", (24, 5): "a8"}
"""(gateway, device) -> how the list spells the beginning of its serial: a letter too many, a letter changed over."""


@dataclass(frozen=True)
class Sensor:
    gateway: int
    number: int

    @property
    def point(self) -> str:
        return "leak" if self.number < 4 else "door_open" if self.number < 7 else "extra_high_level"

    @property
    def kind(self) -> str:
        return {"leak": "leak_watch", "door_open": "fire_door"}.get(self.point, "sump")

    @property
    def line(self) -> str:
        return f"{self.point.replace('_', '-')}-{self.gateway:02d}-{self.number}"

    @property
    def serial(self) -> str:
        return f"a8{hashlib.sha256(self.line.encode()).hexdigest()[:8]}"

    @property
    def listed(self) -> str:
        if (self.gateway, self.number) not in MISTYPED:
            return self.serial.upper()
        return f"{MISTYPED[self.gateway, self.number]}{self.serial[2:]}" if self.number == 2 else f"8a{self.serial[2:]}"


SENSORS: Final = [Sensor(g, n) for g in range(GATEWAYS) for n in range(BEHIND)]
PAIR: Final = (Sensor(SWAPPED, 0), Sensor(SWAPPED, 1))
MISSPELT: Final = [Sensor(*where) for where in MISTYPED]


def gateway(number: int) -> str:
    return f"gw{hashlib.sha256(str(number).encode()).hexdigest()[:8]}"


def at_place(sensor: Sensor) -> Sensor:
    """Which sensor really hangs where the list has this one."""
    return PAIR[1 - PAIR.index(sensor)] if sensor in PAIR else sensor


def file() -> str:
    blocks = [
        f'[community]\nid = "{HOME}"\nname = {{ zh = "新苑", en = "New Court" }}',
        '[crews.works]\nname = "Works"\ndefault = true',
        '[crews.works.contacts.desk]\nname = "Desk"\nchannel = "email"\naddress = "desk@example.org"',
    ]
    for number in range(GATEWAYS):
        if number % 3 == 0:
            blocks.append(f'[places.b{number // 3}]\nkind = "building"\nname = "Building {number // 3}"')
        blocks.append(f'[places.r{number:02d}]\nkind = "room"\nparent = "b{number // 3}"\nname = "Room {number}"')
        blocks.append(f'[expected.gw-{number:02d}]\nserial = "{gateway(number).upper()}"\nplace = "r{number:02d}"')
    for sensor in SENSORS:
        blocks.append(
            f'[facilities.{sensor.line}]\nkind = "{sensor.kind}"\nname = "{sensor.line}"\nbuilding = "b{sensor.gateway // 3}"'
        )
        blocks.append(
            f'[expected.{sensor.line}]\nserial = "{sensor.listed}"\nfacility = "{sensor.line}"\nplace = "r{sensor.gateway:02d}"\n'
            f'gateway = "gw-{sensor.gateway:02d}"\npoints = ["{sensor.point}"]'
        )
    return "\n\n".join(blocks)


class Day:
    """The hub, the two installers' phones, and what hangs in the rooms."""

    def __init__(self, records: SqlRecords) -> None:
        self.registrar = Registrar(Registry())
        self.commissioner = Commissioner(self.renew)
        self.hub = VirtualHub(self.registrar, records, start=START - HOUR, commissioner=self.commissioner)
        catalogue = load_catalogue()
        self.registry = RegistryDesk(
            records=records, registrar=self.registrar, catalogue=catalogue, clock=self.hub.clock
        )
        self.registry.open()
        self.registry.import_file(parse_toml(file(), catalogue))
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
        self.clocks_right = False
        self.wet: set[Sensor] = set()

    @property
    def now(self) -> int:
        return self.hub.clock.now()

    def renew(self) -> None:
        self.registry.renew()

    # --- what is said -------------------------------------------------------------------------------------------

    def values(self, sensor: Sensor, value: int, at: int) -> Frame:
        own = at - 8 * HOUR if sensor.gateway == SLOW_CLOCK and not self.clocks_right else at
        said = {"ts": own, "values": {sensor.point: bool(value), "battery": 90 - sensor.number}}
        return self.frame(sensor.serial, "telemetry", json.dumps(said).encode(), at)

    @staticmethod
    def frame(device: str, leaf: str, payload: bytes, at: int) -> Frame:
        return Frame("main", 1, f"community/v1/{HOME}/{device}/{leaf}".encode(), payload, 1, at)

    def power_on(self, number: int, at: int) -> None:
        """A gateway says that it is there, and its sensors report for the first time."""
        frames = [self.frame(gateway(number), "status", b"online", at)]
        frames += [
            self.values(sensor, sensor in self.wet, at + SECOND) for sensor in SENSORS if sensor.gateway == number
        ]
        self.hub.hear(frames)
        self.hub.wait_until(at + 5 * SECOND)

    def trigger(self, *sensors: Sensor) -> None:
        """Pressed, wetted or opened at one moment, and let go three seconds later."""
        at = self.now + 5 * SECOND
        self.hub.hear([self.values(sensor, 1, at) for sensor in sensors])
        self.hub.hear([self.values(sensor, 0, at + 3 * SECOND) for sensor in sensors])

    # --- what is looked at --------------------------------------------------------------------------------------

    def overview(self) -> Overview:
        return self.desk.overview(HOME)

    def hitches(self, kind: HitchKind) -> list[Hitch]:
        return [hitch for hitch in self.overview().hitches if hitch.kind is kind]

    def tests(self) -> list[PointTest]:
        return self.hub.records.read(lambda books: books.commissioning.tests(HOME))


def in_pairs(rooms: Sequence[int]) -> Iterator[list[Sensor]]:
    """Ana takes the even rooms and Bob the odd ones, at the same time; sensor after sensor."""
    for one, other in zip(rooms[::2], rooms[1::2], strict=True):
        for number in range(BEHIND):
            yield [Sensor(one, number), Sensor(other, number)]


@pytest.fixture
def day(records: SqlRecords) -> Day:
    return Day(records)


def test_thirty_gateways_become_tested_points_in_half_a_day_and_nobody_is_paged(day: Day) -> None:
    day.desk.begin(HOME, Part.COMMUNITY, "", by="manager", until=START + 14 * DAY)
    assert day.overview().counts() == (300, 0, 0)
    assert day.overview().counts(gateways=True) == (30, 0, 0)

    for number in range(GATEWAYS):
        if number != DEAD:
            day.power_on(number, START + number * 2 * MINUTE)
    day.hub.wait_until(START + HOUR)
    all_hitches_are_named_and_the_others_have_adopted_themselves(day)

    the_installers_put_right_what_they_can_see(day)
    two_people_walk(day)
    the_swapped_pair_is_found_and_changed_over(day)

    shown = day.overview()
    assert shown.counts() == (300, 290, 290)
    assert shown.counts(gateways=True) == (30, 29, 0)
    assert [hitch.kind for hitch in shown.hitches] == [HitchKind.GATEWAY_SILENT]
    assert {line.gateway for line in shown.sensors if not line.seen} == {f"gw-{DEAD:02d}"}
    assert day.now - START <= 4 * HOUR, "half a working day"
    assert {test.by for test in day.tests()} == {"ana", "bob"}
    assert day.hub.notices() == ()
    assert day.hub.tickets() == ()

    a_week_of_recording_shows_what_is_loud(day)
    going_live_tells_from_then_on(day)


def all_hitches_are_named_and_the_others_have_adopted_themselves(day: Day) -> None:
    shown = day.overview()
    assert shown.counts() == (300, 288, 0)
    assert shown.counts(gateways=True) == (30, 29, 0)
    near = {(hitch.line, hitch.device) for hitch in day.hitches(HitchKind.NEAR_MISS)}
    assert near == {(sensor.line, f"{HOME}~{sensor.serial}") for sensor in MISSPELT}
    (dead,) = day.hitches(HitchKind.GATEWAY_SILENT)
    assert (dead.line, dead.text, dead.number) == (f"gw-{DEAD:02d}", "never", BEHIND)
    (slow,) = day.hitches(HitchKind.WRONG_CLOCK)
    assert (slow.line, slow.text) == (f"gw-{SLOW_CLOCK:02d}", str(BEHIND))
    assert slow.number is not None
    assert abs(slow.number - 8 * HOUR) < MINUTE
    kinds = {hitch.kind for hitch in shown.hitches}
    assert kinds == {HitchKind.NEAR_MISS, HitchKind.GATEWAY_SILENT, HitchKind.WRONG_CLOCK}
    here = Sensor(0, 4)
    binding = day.registrar.current.binding(f"{HOME}~{here.serial}", "door_open", day.now)
    assert binding is not None
    assert binding.facility == here.line
    assert day.registrar.current.devices[f"{HOME}~{here.serial}"].gateway == f"{HOME}~{gateway(0)}"


def the_installers_put_right_what_they_can_see(day: Day) -> None:
    for hitch in day.hitches(HitchKind.NEAR_MISS):
        day.desk.take_place(HOME, hitch.line, hitch.device, by="manager")
    day.clocks_right = True
    at = day.now + MINUTE
    day.hub.hear([day.values(sensor, 0, at) for sensor in SENSORS if sensor.gateway == SLOW_CLOCK])
    assert day.hitches(HitchKind.WRONG_CLOCK) == []
    assert day.overview().counts() == (300, 290, 0)


def two_people_walk(day: Day) -> None:
    """Each stands in a room and triggers one sensor after the other; each is ticked with its word."""
    rooms = [number for number in range(GATEWAYS) if number not in (DEAD, SWAPPED)]
    for pair in in_pairs(rooms):
        if pair[0].number == 0:
            for who, sensor in zip(("ana", "bob"), pair, strict=True):
                day.walk.here(HOME, f"r{sensor.gateway:02d}", by=who)
        pressed = day.now + 5 * SECOND
        day.trigger(*pair)
        last = day.tests()[-2:]
        assert {(test.by, test.device) for test in last} == {
            (who, f"{HOME}~{sensor.serial}") for who, sensor in zip(("ana", "bob"), pair, strict=True)
        }
        assert all(test.at - pressed <= 3 * SECOND and test.value == 1.0 for test in last)
    assert day.overview().counts().tested == 280


def the_swapped_pair_is_found_and_changed_over(day: Day) -> None:
    """Bob names the sensor before he wets it; its neighbour speaks instead."""
    day.walk.here(HOME, f"r{SWAPPED:02d}", by="bob")
    one, other = PAIR
    for number in range(2, BEHIND):
        day.trigger(Sensor(SWAPPED, number))
    day.walk.expect(HOME, f"{HOME}~{one.serial}", one.point, by="bob")
    day.trigger(at_place(one))
    (swapped,) = day.hitches(HitchKind.SWAPPED)
    assert (swapped.device, swapped.other, swapped.by) == (f"{HOME}~{one.serial}", f"{HOME}~{other.serial}", "bob")
    assert day.overview().counts().tested == 288
    before = day.now
    day.desk.swap(HOME, swapped.device, swapped.other, by="bob")
    day.hub.wait_until(before + MINUTE)
    day.trigger(one)
    day.trigger(other)
    places = {
        (device.serial, at): binding.facility
        for device in PAIR
        for at in (before - 1, day.now)
        if (binding := day.registrar.current.binding(f"{HOME}~{device.serial}", "leak", at)) is not None
    }
    assert places == {
        (one.serial, before - 1): one.line,
        (other.serial, before - 1): other.line,
        (one.serial, day.now): other.line,
        (other.serial, day.now): one.line,
    }


def a_week_of_recording_shows_what_is_loud(day: Day) -> None:
    """Two floats stick again and again, one door stands open for an hour: recorded, and told to nobody."""
    floats, door = (Sensor(1, 8), Sensor(2, 9)), Sensor(5, 4)
    for _ in range(17):
        at = day.now + MINUTE
        day.hub.hear([day.values(sensor, 1, at) for sensor in floats])
        day.hub.hear([day.values(sensor, 0, at + 10 * SECOND) for sensor in floats])
        day.hub.wait_until(at + 5 * MINUTE)
    day.hub.hear([day.values(door, 1, day.now + SECOND)])
    day.hub.wait_until(day.now + HOUR)
    assert (day.hub.notices(), day.hub.tickets()) == ((), ())
    unsent = {(row.facility, row.alarms, row.tellings) for row in day.desk.unsent(HOME)}
    assert unsent == {(floats[0].line, 17, 6), (floats[1].line, 17, 6), (door.line, 1, 1)}
    assert {row.facility for row in day.desk.unsent(HOME, "fire_door")} == {door.line}


def going_live_tells_from_then_on(day: Day) -> None:
    """The door still stands open when its kind goes live; leak heads stay quiet until theirs does."""
    assert day.desk.go_live(HOME, "fire_door", by="manager") == 90
    day.hub.wait_until(day.now + 5 * SECOND)
    assert {(notice.kind, notice.contact) for notice in day.hub.notices()} == {("opened", "desk")}
    leak = Sensor(8, 1)
    day.hub.hear([day.values(leak, 1, day.now + SECOND)])
    day.hub.wait_until(day.now + HOUR)
    assert len(day.hub.notices()) == 1
    states = {state.kind: state.commissioned for state in day.desk.kinds(HOME)}
    assert states == {"leak_watch": 120, "fire_door": 0, "sump": 90}
    day.desk.go_live(HOME, "leak_watch", by="manager")
    day.desk.go_live(HOME, "sump", by="manager")
    day.hub.wait_until(day.now + 5 * SECOND)
    assert {ticket.key.facility for ticket in day.hub.tickets() if ticket.key.facility} == {
        Sensor(5, 4).line,
        leak.line,
    }
    assert [span.holds_at(day.now) for span in day.desk.spans(HOME)] == [False], "nothing is left to commission"
