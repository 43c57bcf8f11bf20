"""How long a device may be silent, from what it publishes to the alarm: a promise counts as it stands, and people's word first."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, NamedTuple

import pytest

from hub.clock import DAY, HOUR, MINUTE, SECOND, from_iso
from hub.domain.places import Device, DeviceState
from hub.flows.community.adoption import Adoption
from hub.flows.community.desk import RegistryDesk
from hub.flows.community.exchange import Exchange
from hub.flows.registry import Registry
from hub.ingest.frames import Frame
from hub.ingest.spoken import Spoken
from hub.settings import Connection
from hub.storage.catalogue import load_catalogue
from hub.storage.community_toml import parse_toml
from hub.storage.unit import SqlRecords
from tests.acceptance.virtual import VirtualHub

START: Final = from_iso("2026-11-23T02:00:00Z")
COMMUNITY: Final = """
[community]
id = "small"
name = "小苑"

[crews.works]
name = "工程班"
default = true

[facilities.gym]
kind = "gym"
name = { zh = "健身房", en = "Gym" }

[facilities.homes]
kind = "household_detector"
name = { zh = "住户", en = "Homes" }
"""


def zigbee(number: int, source: str, point: dict[str, object]) -> dict[str, object]:
    definition = {"model": "P1", "vendor": "Acme", "exposes": [{"access": 1, **point}]}
    return {
        "ieee_address": f"0x00158d000000000{number}",
        "friendly_name": f"z{number}",
        "type": "Router" if source.startswith("Mains") else "EndDevice",
        "power_source": source,
        "definition": definition,
    }


def coordinator(number: int) -> dict[str, object]:
    return {"ieee_address": f"0x00124b001201440{number}", "type": "Coordinator", "friendly_name": "Coordinator"}


POWER: Final = {"type": "numeric", "name": "power", "property": "power", "unit": "W"}
PLUG: Final = zigbee(1, "Mains (single phase)", POWER)
METER: Final = zigbee(2, "Battery", POWER)
SMOKE: Final = zigbee(
    3, "Battery", {"type": "binary", "name": "smoke", "property": "smoke", "value_on": True, "value_off": False}
)
TASMOTA: Final = {
    "dn": "Plug",
    "mac": "A0B1C249A3BC",
    "ofln": "Offline",
    "onln": "Online",
    "t": "plug",
    "ft": "%prefix%/%topic%/",
    "tp": ["cmnd", "stat", "tele"],
    "rl": [1],
}
ASSISTED: Final = {
    "state_topic": "box/power",
    "device_class": "power",
    "unit_of_measurement": "W",
    "expire_after": 1200,
    "unique_id": "box_power",
    "device": {"identifiers": ["box"], "connections": [["mac", "a4:cf:12:aa:bb:cc"]]},
}


class Word(NamedTuple):
    """A device of a format: what announces it, and one of its reports."""

    wire_format: str
    announcement: tuple[str, object]
    report: tuple[str, object]
    promised: int


WORDS: Final = {
    "a Zigbee plug": Word(
        "zigbee2mqtt",
        ("zigbee2mqtt/bridge/devices", [PLUG]),
        ("zigbee2mqtt/z1", {"power": 5, "linkquality": 90}),
        10 * MINUTE,
    ),
    "a Zigbee sensor on a battery": Word(
        "zigbee2mqtt",
        ("zigbee2mqtt/bridge/devices", [METER]),
        ("zigbee2mqtt/z2", {"power": 5, "linkquality": 90}),
        25 * HOUR,
    ),
    "a Tasmota plug": Word(
        "tasmota",
        ("tasmota/discovery/A0B1C249A3BC/config", TASMOTA),
        ("tele/plug/SENSOR", {"ENERGY": {"Power": 5}}),
        5 * MINUTE,
    ),
    "a SenML pack": Word(
        "senml",
        ("senml/room-7", [{"bn": "room-7:", "n": "power", "u": "W", "v": 5, "ut": 900}]),
        ("senml/room-7", [{"bn": "room-7:", "n": "power", "u": "W", "v": 6, "ut": 900}]),
        15 * MINUTE,
    ),
    "an entity of Home Assistant": Word(
        "homeassistant", ("homeassistant/sensor/box/power/config", ASSISTED), ("box/power", 5), 20 * MINUTE
    ),
}


def say(at: int, topic: str, body: object) -> Frame:
    return Frame("main", 1, topic.encode(), b"" if body is None else json.dumps(body).encode(), 1, at)


class Place:
    """A hub that hears one format, and the desk of its registry."""

    def __init__(self, records: SqlRecords, wire_format: str) -> None:
        connection = Connection(name="main", url="mqtt://127.0.0.1:1883", community="small", formats=[wire_format])
        self.hub = VirtualHub(Registry(), records, start=START, spoken=[Spoken.of(connection)])
        catalogue = load_catalogue()
        self.desk = RegistryDesk(
            records=records, registrar=self.hub.registrar, catalogue=catalogue, clock=self.hub.clock
        )
        self.hub.lane._renew = self.desk.renew
        self.desk.import_file(parse_toml(COMMUNITY, catalogue))

    def adopt(self, facility: str = "gym") -> None:
        self.desk.adopt([Adoption(device=item.device.id, facility=facility) for item in self.desk.waiting()])

    def report(self, begin: int, end: int, *frames: tuple[str, object], every: int = MINUTE) -> int:
        """When it was heard last."""
        moments = range(begin, end, every)
        for at in moments:
            self.hub.hear([say(at, *frame) for frame in frames])
        return moments[-1]

    @property
    def device(self) -> Device:
        return next(iter(self.hub.registrar.current.devices.values()))

    def silent_since(self) -> list[int | None]:
        return [
            alarm.pending_since or alarm.raised_at for alarm in self.hub.alarms() if alarm.active or alarm.pending_since
        ]

    def noted(self) -> list[tuple[str, Any]]:
        """What the audit holds of the hub's own doing, the oldest first."""
        entries = self.hub.records.read(lambda books: books.people.audit())
        return [(entry.action, json.loads(entry.detail)) for entry in reversed(entries) if entry.by == "hub"]


@pytest.fixture
def at_home(records: SqlRecords) -> Callable[[str], Place]:
    return lambda wire_format: Place(records, wire_format)


@pytest.mark.parametrize("name", WORDS)
def test_a_device_is_silent_when_it_has_been_for_as_long_as_it_promised_and_not_before(
    at_home: Callable[[str], Place], name: str
) -> None:
    word = WORDS[name]
    place = at_home(word.wire_format)
    place.hub.hear([say(START, *word.announcement)])
    place.report(START + MINUTE, START + 3 * MINUTE, word.report)
    place.adopt()
    last = place.report(START + 3 * MINUTE, START + 10 * MINUTE, word.report)
    assert place.device.about.silence == word.promised
    assert place.device.expected_interval is None, "nobody set it"
    place.hub.wait_until(last + word.promised - SECOND)
    assert place.silent_since() == []
    place.hub.wait_until(last + word.promised + SECOND)
    assert place.silent_since() == [last + word.promised]


def test_what_people_set_comes_before_the_promise(at_home: Callable[[str], Place]) -> None:
    word = WORDS["a Zigbee plug"]
    place = at_home(word.wire_format)
    place.hub.hear([say(START, *word.announcement)])
    place.report(START + MINUTE, START + 3 * MINUTE, word.report)
    place.adopt()
    change = replace(place.device, expected_interval=20 * MINUTE)
    place.hub.records.write(lambda books: books.registry.change([change]))
    place.desk.renew()
    last = place.report(START + 3 * MINUTE, START + 10 * MINUTE, word.report)
    place.hub.wait_until(last + HOUR - SECOND)
    assert place.silent_since() == []
    place.hub.wait_until(last + HOUR + SECOND)
    assert place.silent_since() == [last + HOUR]


def test_a_device_in_use_that_moves_to_another_gateway_or_promises_something_else_is_known_so(
    at_home: Callable[[str], Place],
) -> None:
    word = WORDS["a Zigbee plug"]
    place = at_home(word.wire_format)
    place.hub.hear([say(START, "zigbee2mqtt/bridge/devices", [coordinator(1), PLUG])])
    place.report(START + MINUTE, START + 3 * MINUTE, word.report)
    place.adopt()
    plug = "small~ieee-00158d0000000001"
    assert place.hub.registrar.current.devices[plug].its_gateway == "small~ieee-00124b0012014401"
    moved = {**PLUG, "power_source": "Battery", "type": "EndDevice"}
    place.hub.hear([say(START + 5 * MINUTE, "zigbee2mqtt/bridge/devices", [coordinator(2), moved])])
    place.hub.wait_until(START + 6 * MINUTE)
    found = place.hub.registrar.current.devices[plug]
    assert (found.its_gateway, found.about.silence) == ("small~ieee-00124b0012014402", 25 * HOUR)
    assert found.gateway is None, "nobody set it"
    ((action, detail),) = [each for each in place.noted() if "gateway" in each[1]]
    assert action == "device_told"
    assert detail["gateway"] == {"from": "small~ieee-00124b0012014401", "to": "small~ieee-00124b0012014402"}


def removed(place: Place, device: dict[str, object], report: tuple[str, object], facility: str = "gym") -> str:
    """A device in use that is taken out of the bridge's list five minutes after the start; its hub id."""
    place.hub.hear([say(START, "zigbee2mqtt/bridge/devices", [device])])
    place.report(START + MINUTE, START + 3 * MINUTE, report)
    place.adopt(facility)
    place.report(START + 3 * MINUTE, START + 5 * MINUTE, report)
    place.hub.hear([say(START + 5 * MINUTE, "zigbee2mqtt/bridge/devices", [])])
    return f"small~ieee-{str(device['ieee_address'])[2:]}"


def test_a_device_that_its_bridge_removed_is_retired_after_a_day_and_taken_up_again_when_it_is_back(
    at_home: Callable[[str], Place],
) -> None:
    word = WORDS["a Zigbee plug"]
    place = at_home(word.wire_format)
    plug = removed(place, PLUG, word.report)
    gone = START + 5 * MINUTE
    place.hub.wait_until(gone + DAY - MINUTE)
    assert place.hub.registrar.current.devices[plug].state is DeviceState.ADOPTED
    assert place.silent_since() != []

    place.hub.wait_until(gone + DAY + MINUTE)
    found = place.hub.registrar.current
    assert found.devices[plug].state is DeviceState.RETIRED
    assert place.silent_since() == []
    (alarm,) = place.hub.alarms()
    assert "device_removed" in {event.reason for event in place.hub.history(alarm)}
    (span,) = found.bindings[plug, "power"]
    left_at = found.devices[plug].about.retired_at
    assert span.valid_to == left_at, "its history stays"

    back = gone + 2 * DAY
    place.hub.hear([say(back, *word.announcement)])
    place.hub.wait_until(back + MINUTE)
    found = place.hub.registrar.current
    assert found.devices[plug].state is DeviceState.ADOPTED
    assert [(span.valid_from, span.valid_to) for span in found.bindings[plug, "power"]][1:] == [(back, None)]
    assert [action for action, _ in place.noted()] == ["device_left", "device_back"]


def test_a_device_that_was_retired_by_itself_can_still_be_replaced(at_home: Callable[[str], Place]) -> None:
    place = at_home("zigbee2mqtt")
    plug = removed(place, PLUG, WORDS["a Zigbee plug"].report)
    place.hub.wait_until(START + 2 * DAY)
    other = zigbee(4, "Mains (single phase)", POWER)
    place.hub.hear([say(START + 2 * DAY, "zigbee2mqtt/bridge/devices", [other])])
    place.hub.hear([say(START + 2 * DAY + MINUTE, "zigbee2mqtt/z4", {"power": 5, "linkquality": 90})])
    new = place.desk.exchange(Exchange(device=plug, by="small~ieee-00158d0000000004"))
    found = place.hub.registrar.current.bindings
    assert found[plug, "power"][-1].valid_to == found[new.id, "power"][-1].valid_from


def test_a_removed_device_that_guards_lives_stays_until_people_say_so(at_home: Callable[[str], Place]) -> None:
    place = at_home("zigbee2mqtt")
    smoke = removed(place, SMOKE, ("zigbee2mqtt/z3", {"smoke": False, "linkquality": 90}), "homes")
    place.hub.wait_until(START + 3 * DAY)
    assert place.hub.registrar.current.devices[smoke].state is DeviceState.ADOPTED


def test_a_lorawan_gateway_that_nobody_listed_and_that_fails_is_one_alarm(at_home: Callable[[str], Place]) -> None:
    place = at_home("chirpstack")
    heard = [{"gatewayId": "0016c001f153a14c", "rssi": -60}]

    def uplinks(begin: int, end: int) -> int:
        said = {"object": {"temperature": 21.5}, "rxInfo": heard}
        devices = [f"010101010101010{number}" for number in range(3)]
        frames = [
            (f"application/a/device/{eui}/event/up", {"deviceInfo": {"devEui": eui, "deviceName": eui}, **said})
            for eui in devices
        ]
        return place.report(begin, end, *frames)

    uplinks(START, START + 3 * MINUTE)
    place.adopt()
    last = uplinks(START + 3 * MINUTE, START + 12 * MINUTE)
    place.hub.wait_until(last + HOUR)
    gateway = "small~eui64-0016c001f153a14c"
    assert [ticket.key.unit for ticket in place.hub.tickets()] == [gateway]
    covered = {alarm.overlay_reason for alarm in place.hub.alarms() if alarm.device != gateway}
    assert covered == {f"gateway {gateway}"}
