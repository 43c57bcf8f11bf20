"""What the simulator says from a profile's data is what the maker's gateway says, word for word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from devices.profiles.columns import NOTHING_TOLD, Columns
from devices.profiles.shape import Column
from devices.simulator import speaking
from devices.simulator.effects import Report
from devices.simulator.model import SimDevice, SimPoint
from devices.simulator.signals import Steady, Value
from devices.simulator.speaking.backwards import raw_of
from devices.simulator.speaking.sheets import ROOT, Sheet
from devices.simulator.speaking.speech import Fault, Stage

NOON: Final = 1_795_406_400_000  # 2026-11-23T04:00:00Z
READ: Final[dict[str, Value]] = {
    "temperature": 21.5,
    "leak": False,
    "energy": 12.4,
    "charging": True,
    "bay_occupied": True,
    "socket2.power": 1840.0,
    "occupancy": 7.0,
}


def device(*points: str) -> SimDevice:
    found = tuple(
        SimPoint(name=each, metric=each.rpartition(".")[2], signal=Steady(READ[each]), key=1) for each in points
    )
    return SimDevice(
        id="s-1", gateway="gw-1", building="", facility="", kind="pump", interval=1, phase=0, points=found, model="M 1"
    )


def said(name: str, *points: str) -> dict[str, object]:
    """Topic -> what is said there; a bare value as text."""
    who = device(*points)
    report = Report(device=who.id, at=NOON, values={point: READ[point] for point in points}, clock=NOON)
    messages = speaking.make(name, Stage("garden", NOON), (who,)).report(who, report)
    return {
        each.topic: json.loads(each.payload) if each.payload.startswith((b"{", b"[")) else each.payload
        for each in messages
    }


def test_values_of_one_object() -> None:
    assert said("udmi", "temperature", "leak") == {
        "devices/s-1/events/pointset": {
            "timestamp": "2026-11-23T04:00:00.000+00:00",
            "points": {"temperature": {"present_value": 21.5}, "leak": {"present_value": False}},
        }
    }


def test_a_list_of_tags_with_names_taken_apart_and_a_quality() -> None:
    assert said("kepware", "temperature", "leak") == {
        "iotgateway": {
            "values": [
                {"id": "sim.s-1.temperature", "v": 21.5, "q": True, "t": NOON},
                {"id": "sim.s-1.leak", "v": False, "q": True, "t": NOON},
            ]
        }
    }


def test_a_part_of_the_device_is_a_message_of_its_own_where_the_message_names_it() -> None:
    found = said("aws_shadow", "temperature", "leak")
    assert list(found) == ["$aws/things/s-1/shadow/update/documents"]
    assert said("neuron", "leak") == {
        "/neuron/gw-1": {"node": "s-1", "group": "pump", "timestamp": NOON, "values": {"leak": False}}
    }


def test_a_part_of_the_device_is_an_item_of_a_list_and_units_are_the_makers() -> None:
    assert said("ev_charging_platform", "charging", "socket2.power") == {
        "charging/s-1/connectors": {
            "time": NOON,
            "connectors": [{"id": 1, "state": "charging"}, {"id": 2, "power": 1.84}],
        }
    }


def test_one_value_a_topic_and_the_word_that_says_no_more_than_it_has_to() -> None:
    assert said("ocpp_bridge", "energy", "charging") == {
        "ocpp/s-1/state/energy_active_import_register": b"12400.0",
        "ocpp/s-1/state/status": b"Charging",
    }
    (body,) = said("ev_charging_platform", "bay_occupied").values()
    assert body == {"time": NOON, "connectors": [{"id": 1, "state": "taken"}]}


def test_what_a_word_says_beside_the_first_is_left_out() -> None:
    who = device("bay_occupied", "charging")
    assert list(speaking.make("ocpp_bridge", Stage("garden", NOON), (who,)).heard_as(who)) == ["charging"]


def test_what_only_the_medium_tells_and_units_at_the_end_of_keys() -> None:
    assert said("wmbus", "energy") == {
        "wmbusmeters/s-1": {
            "media": "electricity",
            "id": "s-1",
            "meter": "M 1",
            "timestamp": "2026-11-23T04:00:00.000+00:00",
            "total_energy_consumption_kwh": 12.4,
        }
    }


def test_what_has_to_be_there_is_there() -> None:
    (body,) = said("theengs", "temperature").values()
    assert isinstance(body, dict)
    assert (body["tempc"], body["model_id"]) == (21.5, "M 1")


def test_a_list_of_whole_messages() -> None:
    assert said("people_counter_footfallcam", "occupancy") == {
        "/status/s-1": [{"CameraSerial": "s-1", "RoiId": 1, "Timestamp": NOON // 1000, "ObjectCount": 7.0}]
    }


@pytest.mark.parametrize(
    ("name", "active", "payload"),
    [
        ("ocpp_bridge", True, b"E21"),
        ("ocpp_bridge", False, b"NoError"),
        (
            "ctwing",
            True,
            (
                b'{"deviceId":"s-1","serviceId":"E21","eventContent":{"text":"overload"},"messageType":"eventReport",'
                b'"eventType":3,"timestamp":1795406400000}'
            ),
        ),
        ("wmbus", False, b'{"meter":"M 1","id":"s-1","status":"OK","timestamp":"2026-11-23T04:00:00.000+00:00"}'),
    ],
)
def test_a_fault_begins_and_ends_in_the_formats_own_words(name: str, *, active: bool, payload: bytes) -> None:
    who = device("energy")
    (found,) = speaking.make(name, Stage("garden", NOON), (who,)).fault(who, Fault(NOON, "E21", active, "overload"))
    assert found.payload == payload


@pytest.mark.parametrize(
    ("column", "metric", "value", "raw"),
    [
        (Column(metric="temperature", factor=0.1, offset=-40.0), "temperature", 21.5, 615.0),
        (Column(metric="temperature", unit="degF"), "temperature", 21.5, 70.7),
        (Column(metric="power", unit="kW"), "power", 1840.0, 1.84),
        (Column(metric="door_open", invert=True), "door_open", True, False),
        (Column(metric="door_open", words={"1": False, "0": True}), "door_open", True, 0),
        (Column(metric="fault", words={"E": True}, otherwise=False), "fault", True, "E"),
        (Column(metric="direction", words={"u": "up"}), "direction", "down", None),
        (Column(metric="direction"), "direction", "down", "down"),
    ],
)
def test_what_a_column_makes_of_a_value_is_undone(column: Column, metric: str, value: Value, raw: object) -> None:
    keys = Columns({"key": column}, {}, "all").of("key")
    found = raw_of(keys, metric, value, {})
    assert found == raw
    if found is not None:
        assert keys[0].take(found, NOTHING_TOLD) == (metric, pytest.approx(value))


def test_a_sheet_takes_all_of_a_wish_or_nothing() -> None:
    sheet, item = Sheet("t"), (*ROOT, "list", None)
    assert sheet.put({(*item, "id"): 1, (*item, "a"): 2})
    assert sheet.put({(*item, "id"): 1, (*item, "b"): 3})
    assert sheet.put({(*item, "id"): 2, (*item, "b"): 4})
    assert not sheet.put({(*ROOT, "list"): 5, (*ROOT, "more"): 6}), "a list is no number"
    assert json.loads(sheet.payload()) == {"list": [{"id": 1, "a": 2, "b": 3}, {"id": 2, "b": 4}]}


@pytest.mark.parametrize(("value", "payload"), [("up", b"up"), ("7", b'"7"'), (7, b"7"), (True, b"true")])
def test_a_bare_text_is_not_taken_for_something_else(value: object, payload: bytes) -> None:
    sheet = Sheet("t")
    assert sheet.put({ROOT: value})
    assert sheet.payload() == payload


OWN: Final = """
name = "kestrel"
title = { zh = "红隼", en = "Kestrel" }
device = { scheme = "kestrel", id = "{.sn}" }
points = { skip = ["sn"] }
announce = { model = "{.type}" }
[metrics]
tF = { metric = "temperature", unit = "°F" }
wet = "leak"
[[message]]
topic = "kestrel/air"
each = "devs[]"
"""


def test_a_profile_of_the_users_own_is_spoken_like_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "kestrel.toml").write_text(OWN, encoding="utf-8")
    who = device("temperature", "leak")
    report = Report(device=who.id, at=NOON, values={"temperature": 20.0, "leak": False}, clock=NOON)
    (message,) = speaking.make("kestrel", Stage("garden", NOON), (who,), tmp_path).report(who, report)
    assert json.loads(message.payload) == {"devs": [{"sn": "s-1", "tF": 68.0, "wet": False, "type": "M 1"}]}
    with pytest.raises(speaking.UnknownSpeaker, match="does not speak 'kestrel'"):
        speaking.make("kestrel", Stage("garden", NOON), (who,))


def test_a_profile_without_values_cannot_be_spoken_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "kestrel.toml").write_text(OWN.replace('{ skip = ["sn"] }', "[]"), encoding="utf-8")
    with pytest.raises(speaking.UnknownSpeaker, match="the profile kestrel reads no values"):
        speaking.make("kestrel", Stage("garden", NOON), (), tmp_path)
