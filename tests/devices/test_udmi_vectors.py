"""Messages that the UDMI project publishes with its schemas, read by the profile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

import devices.formats
from devices.contract import Decoded, Message
from devices.conversation import Conversation

LEAVES: Final = {"events_pointset": "events/pointset", "events_system": "events/system", "state": "state"}

BROKEN: Final = {
    # What the schema finds wrong, and which of it touches what the profile reads.
    "events_pointset/empty": {"missing_key"},
    "events_pointset/errors": {"bad_shape", "no_value", "nested_value"},
    "events_system/empty": {"missing_key"},
    "events_system/errors": {"bad_event"},
    "state/empty": {"missing_key"},
    "state/errors": {"bad_event"},
}
NOT_READ: Final = {
    "events_system/categories": "the spelling of a category; it is passed on as the fault's code",
    "state/delta_x1_gateway": "maker and model are missing, and keys of the maker's own stand beside them",
    "state/delta_x1_target": "the serial number is missing, and a key of the maker's own stands beside it",
    "state/makemodel_error": "hardware and software are missing, and keys of an older version stand instead",
    "state/scan_bad": "a family of discovery, which is not read",
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
    assert len(paths) == 39
    for path in paths:
        name = f"{path.parent.name}/{path.stem}"
        broken = bool(path.with_suffix(".out").read_text(encoding="utf-8").strip())
        assert broken == (name in BROKEN or name in NOT_READ), name
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


@pytest.mark.parametrize("leaf", sorted(set(LEAVES.values())))
def test_no_message_of_another_kind_makes_it_raise(foreign_data: Path, leaf: str) -> None:
    wire_format = devices.formats.make("udmi")
    for path in sorted((foreign_data / "vectors" / "udmi").rglob("*.json")):
        conversation = Conversation(wire_format, "c")
        payload = path.read_bytes()
        assert conversation.hear(Message(topic=f"devices/AHU-1/{leaf}", payload=payload, received_at=0)) is not None
