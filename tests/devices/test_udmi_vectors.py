"""Messages that the UDMI project publishes with its schemas, read by the profile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

import devices.formats
from devices.contract import Decoded, Message
from devices.conversation import Conversation

LEAVES: Final = {
    "events_discovery": "events/discovery",
    "events_pointset": "events/pointset",
    "events_system": "events/system",
    "state": "state",
}

BROKEN: Final = {
    # What the schema finds wrong, and which of it touches what the profile reads.
    "events_pointset/empty": {"missing_key"},
    "events_pointset/errors": {"bad_shape", "no_value", "nested_value"},
    "events_system/empty": {"missing_key"},
    "events_system/errors": {"bad_event"},
    "state/empty": {"missing_key"},
    "state/errors": {"bad_event"},
}
FAULTY: Final = {
    # Against the schema, and yet all that they say is read: as the tests below want it of every message.
    "events_discovery/errors": "keys that the schema does not have",
    "events_discovery/node": "a key that the schema does not have",
    "events_system/categories": "six of its ten categories are misspelt",
    "state/delta_x1_gateway": "hardware of version 1, without make and model, and the maker's own keys beside it",
    "state/delta_x1_target": "no serial number, and a key of version 1",
    "state/makemodel_error": "keys of version 1 in a message of version 1.5.7",
    "state/scan_bad": "a family of discovery whose name has capitals",
}


def messages(folder: Path) -> list[Path]:
    return sorted(path for leaf in LEAVES for path in (folder / "vectors" / "udmi" / leaf).glob("*.json"))


def decode(path: Path) -> Decoded:
    topic = f"site/devices/AHU-1/{LEAVES[path.parent.name]}"
    conversation = Conversation(devices.formats.make("udmi"), "c")
    said = conversation.hear(Message(topic=topic, payload=path.read_bytes(), received_at=0))
    assert said is not None
    return said


def test_valid_messages_are_read_and_broken_ones_are_named(foreign_data: Path) -> None:
    paths = messages(foreign_data)
    assert len(paths) == 54
    for path in paths:
        name = f"{path.parent.name}/{path.stem}"
        broken = bool(path.with_suffix(".out").read_text(encoding="utf-8").strip())
        assert broken == (name in BROKEN or name in FAULTY), name
        assert {problem.reason for problem in decode(path).problems} == BROKEN.get(name, set()), name


def test_every_plain_present_value_becomes_a_reading(foreign_data: Path) -> None:
    for path in messages(foreign_data):
        if path.parent.name == "events_pointset":
            points = json.loads(path.read_bytes()).get("points", {})
            given = {key: point.get("present_value") for key, point in points.items() if isinstance(point, dict)}
            plain = {key: value for key, value in given.items() if isinstance(value, (bool, int, float, str))}
            assert {key: value for sample in decode(path).samples for key, value in sample.values.items()} == plain


def test_every_status_of_level_500_is_a_fault(foreign_data: Path) -> None:
    levels = 0
    for path in messages(foreign_data):
        said = decode(path)
        if path.parent.name == "state" and not said.problems:
            state = json.loads(path.read_bytes())
            parts = [state["system"], state.get("gateway", {}), state.get("pointset", {})]
            parts += state.get("pointset", {}).get("points", {}).values()
            severe = [part["status"] for part in parts if part.get("status", {}).get("level", 0) >= 500]
            assert len(said.events) == len(severe), path
            assert all(event.active for event in said.events)
            levels += len(severe)
    assert levels > 10


def test_every_state_says_what_the_device_is(foreign_data: Path) -> None:
    read = 0
    for path in messages(foreign_data):
        said = decode(path)
        if path.parent.name == "state" and not said.problems:
            system = json.loads(path.read_bytes())["system"]
            hardware, software = system.get("hardware", {}), system.get("software", {})
            [told] = said.announcements
            assert told.maker == (hardware.get("make") or system.get("vendor_name", "")), path
            assert told.model == (hardware.get("model") or system["make_model"]), path
            assert told.firmware == (software.get("firmware") or system["firmware"]["version"]), path
            assert told.serial == system.get("serial_no", ""), path
            read += 1
    assert read == 24


def test_every_log_entry_of_level_500_is_a_fault_with_its_category(foreign_data: Path) -> None:
    entries = 0
    for path in messages(foreign_data):
        said = decode(path)
        if path.parent.name == "events_system" and not said.problems:
            log = json.loads(path.read_bytes()).get("logentries", [])
            severe = [entry["category"] for entry in log if entry["level"] >= 500]
            assert [event.code for event in said.events] == severe, path
            entries += len(severe)
    assert entries == 13


def test_a_device_that_enumerates_its_own_points_tells_their_units(foreign_data: Path) -> None:
    told = {path.stem: decode(path).announcements for path in messages(foreign_data) if "discovery" in path.parent.name}
    [own] = told.pop("enumeration")
    points = [(point.name, point.unit, point.label) for point in own.points]
    assert points == [("sup_flow_actual_avo_1", "percent", "Basic value reading"), ("notification_class", "", "")]
    assert set(told.values()) == {()}, "what a gateway has found are other devices, which do not speak here"


@pytest.mark.parametrize("leaf", sorted(set(LEAVES.values())))
def test_no_message_of_another_kind_makes_it_raise(foreign_data: Path, leaf: str) -> None:
    wire_format = devices.formats.make("udmi")
    for path in sorted((foreign_data / "vectors" / "udmi").rglob("*.json")):
        conversation = Conversation(wire_format, "c")
        payload = path.read_bytes()
        assert conversation.hear(Message(topic=f"devices/AHU-1/{leaf}", payload=payload, received_at=0)) is not None
