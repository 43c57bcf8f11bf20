"""A Zigbee bridge that nobody adopted says that it is offline: one thing is told, and nothing of what is behind it."""

from __future__ import annotations

import json
from typing import Final

import pytest

from hub.clock import HOUR, MINUTE, from_iso
from hub.domain.alarms import Overlay
from hub.flows.community.adoption import Adoption
from hub.flows.community.desk import RegistryDesk
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

[crews.works.contacts.desk]
name = "值班"
channel = "email"
address = "desk@small.example"

[facilities.gym]
kind = "gym"
name = { zh = "健身房", en = "Gym" }
"""
PLUGS: Final = ("one", "two")
BRIDGE: Final = "small~ieee-00124b00120144ae"


def plug(number: int, name: str) -> dict[str, object]:
    power = {"type": "numeric", "name": "power", "property": "power", "unit": "W", "access": 1}
    return {
        "ieee_address": f"0x00158d000000000{number}",
        "friendly_name": name,
        "type": "Router",
        "power_source": "Mains (single phase)",
        "definition": {"model": "P1", "vendor": "Acme", "exposes": [power]},
    }


COORDINATOR: Final = {"ieee_address": "0x00124b00120144ae", "type": "Coordinator", "friendly_name": "Coordinator"}
INVENTORY: Final = [plug(number, name) for number, name in enumerate(PLUGS, 1)]


def say(at: int, topic: str, body: object) -> Frame:
    return Frame("main", 1, f"zigbee2mqtt/{topic}".encode(), json.dumps(body).encode(), 1, at)


def power(hub: VirtualHub, begin: int, end: int) -> None:
    for at in range(begin, end, MINUTE):
        hub.hear([say(at, name, {"power": 20, "linkquality": 90}) for name in PLUGS])


@pytest.fixture
def hub(records: SqlRecords) -> VirtualHub:
    connection = Connection(name="main", url="mqtt://127.0.0.1:1883", community="small", formats=["zigbee2mqtt"])
    return VirtualHub(Registry(), records, start=START, spoken=[Spoken.of(connection)])


def test_a_bridge_that_goes_offline_is_one_alarm_and_its_devices_are_suppressed(hub: VirtualHub) -> None:
    catalogue = load_catalogue()
    desk = RegistryDesk(records=hub.records, registrar=hub.registrar, catalogue=catalogue, clock=hub.clock)
    hub.lane._renew = desk.renew
    desk.import_file(parse_toml(COMMUNITY, catalogue))
    hub.hear([say(START, "bridge/devices", INVENTORY)])
    power(hub, START + MINUTE, START + 5 * MINUTE)
    desk.adopt([Adoption(device=item.device.id, facility="gym") for item in desk.waiting()])
    assert {device.its_gateway for device in hub.registrar.current.devices.values()} == {None}

    hub.hear([say(START + 5 * MINUTE, "bridge/devices", [COORDINATOR, *INVENTORY])])
    power(hub, START + 6 * MINUTE, START + 10 * MINUTE)
    adopted = [d for d in hub.registrar.current.devices.values() if d.id != BRIDGE]
    assert {device.its_gateway for device in adopted} == {BRIDGE}, "the picture has been read again"

    hub.hear([say(START + 10 * MINUTE, "bridge/state", {"state": "offline"})])
    hub.wait_until(START + 3 * HOUR)
    (ticket,) = hub.tickets()
    assert (ticket.key.unit, ticket.key.failure_mode) == (BRIDGE, "no_data")
    told = {alarm.device: alarm for alarm in hub.alarms() if alarm.active}
    assert {device for device, alarm in told.items() if alarm.overlay is Overlay.NONE} == {BRIDGE}
    assert {alarm.overlay_reason for alarm in told.values() if alarm.device != BRIDGE} == {f"gateway {BRIDGE}"}
    assert len(told) == 1 + len(PLUGS)

    hub.hear([say(START + 3 * HOUR, "bridge/state", {"state": "online"})])
    power(hub, START + 3 * HOUR + MINUTE, START + 4 * HOUR)
    assert len(hub.tickets()) == 1
    assert not [alarm for alarm in hub.alarms() if alarm.active or alarm.overlay is not Overlay.NONE]
