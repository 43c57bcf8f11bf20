"""Through which gateway a LoRaWAN device speaks: the steadily strongest, in the same way whatever the server writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from devices.contract import Announcement, Message
from devices.conversation import Conversation
from devices.formats.chirpstack import ChirpStackFormat
from devices.formats.thethingsstack import TheThingsStackFormat
from devices.lorawan.gateways import KEPT_MS, STEADY_MS, STEADY_UPLINKS, UNHEARD_UPLINKS

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
START: Final = 1_790_000_000_000
ONE, OTHER, THIRD = "0016c001f153a14c", "0016c001f153a14d", "0016c001f153a14e"
TOPIC: Final = "application/a/device/0101010101010101/event/up"


class Server:
    """ChirpStack, and what its uplinks have announced of the device's gateway."""

    def __init__(self) -> None:
        self.talk = Conversation(ChirpStackFormat(), "hg")
        self.at = START

    def uplink(self, *heard: tuple[str, int], after: int = 10 * MINUTE) -> Announcement | None:
        self.at += after
        said = {
            "deviceInfo": {"devEui": "0101010101010101", "deviceName": "Door"},
            "object": {"temperature": 21.5},
            "rxInfo": [{"gatewayId": name, "rssi": level} for name, level in heard],
        }
        found = self.talk.hear(Message(topic=TOPIC, payload=json.dumps(said).encode(), received_at=self.at))
        assert found is not None
        assert found.samples[0].values["signal"] == max(level for _, level in heard)
        return found.announcements[0] if found.announcements else None

    def news(self, count: int, *heard: tuple[str, int], after: int = 10 * MINUTE) -> Iterator[tuple[int, str]]:
        """(which uplink, the gateway) of each change."""
        for number in range(1, count + 1):
            said = self.uplink(*heard, after=after)
            if said is not None and said.via is not None:
                yield number, said.via.id


def test_the_first_uplink_says_which_gateway_it_is_and_the_next_ones_nothing() -> None:
    server = Server()
    assert list(server.news(20, (OTHER, -90), (ONE, -60))) == [(1, ONE)]


def test_two_gateways_that_take_turns_change_nothing() -> None:
    server = Server()
    changes = [*server.news(1, (ONE, -60))]
    for _ in range(500):
        changes += server.news(3, (ONE, -70), (OTHER, -60))
        changes += server.news(1, (ONE, -60), (OTHER, -70))
    assert changes == [(1, ONE)]
    assert set(server.talk.state) == {"0101010101010101"}
    assert len(server.talk.state["0101010101010101"]) <= 4


def test_the_other_one_is_it_after_a_day_of_being_the_strongest() -> None:
    server = Server()
    assert list(server.news(1, (ONE, -60))) == [(1, ONE)]
    needed = STEADY_MS // HOUR + 1
    assert list(server.news(100, (ONE, -70), (OTHER, -60), after=HOUR)) == [(needed, OTHER)]
    assert list(server.news(STEADY_UPLINKS - 1, (ONE, -60), after=6 * HOUR)) == [(UNHEARD_UPLINKS, ONE)]


def test_a_gateway_that_no_longer_hears_the_device_is_given_up_sooner_and_at_most_once_a_day() -> None:
    server = Server()
    list(server.news(1, (ONE, -60)))
    list(server.news(1, (ONE, -60), after=KEPT_MS))
    assert list(server.news(10, (OTHER, -90), (THIRD, -95))) == [(UNHEARD_UPLINKS, OTHER)]
    assert list(server.news(20, (THIRD, -95))) == [], "not again within the day"


def test_a_join_and_another_name_tell_the_gateway_again() -> None:
    server = Server()
    server.uplink((ONE, -60))
    payload = json.dumps({"deviceInfo": {"devEui": "0101010101010101", "deviceName": "Door"}}).encode()
    said = server.talk.hear(Message(topic=TOPIC.replace("/up", "/join"), payload=payload, received_at=server.at))
    assert said is not None
    assert said.announcements[0].via is not None
    assert said.announcements[0].via.id == ONE


def test_the_things_stack_names_gateways_by_their_eui_and_many_under_one_word_are_none() -> None:
    talk = Conversation(TheThingsStackFormat(), "hg")
    ids = {"device_id": "dev1", "dev_eui": "0004A30B001C0530"}
    for gateway, via in (({"gateway_id": "packetbroker"}, None), ({"gateway_id": "g", "eui": ONE.upper()}, ONE)):
        up = {"decoded_payload": {"temperature": 1.0}, "rx_metadata": [{"gateway_ids": gateway, "rssi": -35}]}
        payload = json.dumps({"end_device_ids": ids, "uplink_message": up}).encode()
        said = talk.hear(Message(topic="v3/app@t/devices/dev1/up", payload=payload, received_at=START))
        assert said is not None
        assert said.samples[0].values["signal"] == -35
        (announcement,) = said.announcements
        assert (announcement.via.id if announcement.via is not None else None) == via
