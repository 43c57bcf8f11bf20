"""A device that two formats tell of: the better one's word counts, whoever speaks first, and after a restart too."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from hub.flows.batch import Decoded, Learned, Position, Slots
from hub.ingest.announcing import OWNERS
from hub.ingest.control import Redriven, redrive_frame
from hub.ingest.decoding import Decoder
from hub.ingest.frames import RETAIN, Frame
from hub.ingest.spoken import Spoken
from hub.settings import Connection, Ingest

NOON = 1_795_000_000_000
IEEE = "00158d00018255df"
SENSOR = f"garden~ieee-{IEEE}"
CONFIG = "homeassistant/sensor/evil/config"
EXPOSES = [{"type": "numeric", "name": "temperature", "property": "temperature", "unit": "°C", "access": 1}]
INVENTORY = [{"ieee_address": f"0x{IEEE}", "friendly_name": "fire pump", "definition": {"exposes": EXPOSES}}]
CLAIM = {
    "device": {"identifiers": [f"zigbee2mqtt_0x{IEEE}"], "name": "Nothing to see here"},
    "state_topic": "evil/state",
    "unique_id": "evil",
    "device_class": "temperature",
    "unit_of_measurement": "°C",
    "availability": [{"topic": "evil/available"}],
}


class Desk:
    """Both formats on one connection, where whoever may publish can say anything."""

    def __init__(self, known: Iterable[Learned] = ()) -> None:
        self.slots = Slots()
        self.counts: dict[str, int] = {}
        self.learned = list(known)
        spoken = Spoken.of(
            Connection(url="mqtt://broker", community="garden", formats=("zigbee2mqtt", "homeassistant"))
        )
        self.decoder = Decoder([spoken], self.slots, Ingest(), known=lambda _: False, window=99, counts=self.counts)
        self.decoder.learn(self.learned)

    def again(self) -> Desk:
        """After a restart."""
        newest = {(each.connection, each.format, each.key): each for each in self.learned}
        return Desk(each for each in newest.values() if each.value is not None)

    def say(self, topic: str, body: Any, flags: int = 1) -> Decoded:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.read(Frame("main", 1, topic.encode(), payload, flags, NOON))

    def read(self, frame: Frame) -> Decoded:
        out = self.decoder.decode(Position("j", 1), [frame], NOON)
        self.learned.extend(out.learned)
        return out

    def values(self, out: Decoded) -> list[tuple[str, float]]:
        slots, values = out.readings.slot.tolist(), out.readings.value.tolist()
        return [(self.slots.keys[slot].name, value) for slot, value in zip(slots, values, strict=True)]

    def attack(self) -> None:
        """A stranger's discovery says that it is the sensor, that it is called otherwise, away, frozen, gone."""
        claimed = self.say(CONFIG, CLAIM, 1 | RETAIN)
        assert [each for each in claimed.announced if not each.points_only] == []
        assert {each.name for each in claimed.announced} <= {""}
        assert self.say("evil/available", b"offline").availability == []
        assert self.values(self.say("evil/state", b"-40")) == []
        assert self.say(CONFIG, b"", 1 | RETAIN).announced == []


def test_a_stranger_s_discovery_neither_moves_nor_silences_nor_removes_a_device() -> None:
    desk = Desk()
    assert [each.name for each in desk.say("zigbee2mqtt/bridge/devices", INVENTORY, 1 | RETAIN).announced] == [
        "fire pump"
    ]
    desk.attack()
    assert desk.counts["other_format_speaks"] >= 4
    assert desk.values(desk.say("zigbee2mqtt/fire pump", {"temperature": 21})) == [("temperature", 21.0)]
    word = desk.say("zigbee2mqtt/fire pump/availability", b"online").availability
    assert [(each.device, each.online) for each in word] == [(SENSOR, True)]


def test_nor_does_it_where_it_is_the_first_to_speak_after_a_restart() -> None:
    desk = Desk()
    desk.say("zigbee2mqtt/bridge/devices", INVENTORY, 1 | RETAIN)
    desk.say("zigbee2mqtt/fire pump", {"temperature": 21, "own": 1})
    again = desk.again()
    again.attack()
    claim = {**CLAIM, "device_class": "humidity", "unit_of_measurement": "%"}
    again.say(CONFIG, claim, 1 | RETAIN)
    assert again.values(again.say("evil/state", b"40")) == [("humidity", 40.0)], "a point that nobody better tells"
    later = again.again()
    assert later.values(later.say("evil/state", b"41")) == [("humidity", 41.0)]


def test_the_better_format_takes_the_device_over_and_the_other_s_statement_goes() -> None:
    desk = Desk()
    desk.say(CONFIG, CLAIM, 1 | RETAIN)
    assert [each.online for each in desk.say("evil/available", b"offline").availability] == [False]
    taken = desk.say("zigbee2mqtt/bridge/devices", INVENTORY, 1 | RETAIN)
    assert [(each.device, each.online) for each in taken.availability] == [(SENSOR, None)]
    assert desk.say("evil/available", b"offline").availability == []
    assert desk.again().say("evil/available", b"offline").availability == []


def test_a_device_that_its_format_no_longer_knows_is_free_for_another() -> None:
    desk = Desk()
    desk.say("zigbee2mqtt/bridge/devices", INVENTORY, 1 | RETAIN)
    desk.say(CONFIG, CLAIM, 1 | RETAIN)
    gone = desk.say("zigbee2mqtt/bridge/devices", [], 1 | RETAIN)
    assert [(each.device, each.withdrawn) for each in gone.announced] == [(SENSOR, True)]
    for later in (desk.again(), desk):
        assert [each.online for each in later.say("evil/available", b"online").availability] == [True]
        assert later.values(later.say("evil/state", b"20")) == [("temperature", 20.0)]


def test_a_device_whose_first_word_is_that_it_is_gone_stays_free_after_a_restart() -> None:
    """Known from before there were owners, and removed while the hub was down."""
    before = Desk()
    before.say("zigbee2mqtt/bridge/devices", INVENTORY, 1 | RETAIN)
    desk = Desk(each for each in before.learned if each.format != OWNERS)
    assert [each.withdrawn for each in desk.say("zigbee2mqtt/bridge/devices", [], 1 | RETAIN).announced] == [True]
    desk.say(CONFIG, CLAIM, 1 | RETAIN)
    for later in (desk.again(), desk):
        assert [each.online for each in later.say("evil/available", b"online").availability] == [True]


def test_an_old_word_sent_through_again_takes_no_statement_back() -> None:
    desk = Desk()
    desk.say(CONFIG, CLAIM, 1 | RETAIN)
    old = Redriven("main", b"zigbee2mqtt/bridge/devices", json.dumps(INVENTORY).encode(), 0, NOON)
    assert desk.read(redrive_frame(old, NOON)).availability == []


def test_who_speaks_is_kept_for_as_many_points_as_a_device_may_have() -> None:
    desk = Desk()
    desk.say("zigbee2mqtt/bridge/devices", INVENTORY, 1 | RETAIN)
    for number in range(6):
        desk.say("zigbee2mqtt/fire pump", {f"k{number}_{index}": index for index in range(400)})
    [owners] = desk.decoder._devices._owners.values()
    assert len(owners) <= 1_002
