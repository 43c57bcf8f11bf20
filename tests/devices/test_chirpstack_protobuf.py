"""ChirpStack's two ways of writing an event say the same, and its Protocol Buffers cost no more than they are worth."""

from __future__ import annotations

import json
import struct
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from devices.contract import Decoded, Message
from devices.formats.chirpstack import ChirpStackFormat
from devices.formats.protobuf_wire import varint, write_field

FORMAT = ChirpStackFormat()
EUI = "24e124707c0500a1"
TOPIC = f"application/a/device/{EUI}/event/up"

names = st.sampled_from(["temperature", "humidity", "battery", "door", "Zone 1", "备注", "value", "unit", "time", ""])
values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(names, values, max_size=6)
levels = st.integers(-190, -1)


def hear(payload: bytes, topic: str = TOPIC) -> Decoded:
    route = FORMAT.route(topic, "c")
    assert route is not None
    return FORMAT.decode(route, Message(topic=topic, payload=payload, received_at=0), {})


def double(tag: int, number: float) -> bytes:
    return varint(tag) + struct.pack("<d", number)


def value(found: Any) -> bytes:
    if found is None:
        return write_field(0x08, 0)
    if isinstance(found, bool):
        return write_field(0x20, int(found))
    if isinstance(found, float):
        return double(0x11, found)
    if isinstance(found, str):
        return write_field(0x1A, found.encode())
    if isinstance(found, dict):
        return write_field(0x2A, fields(found))
    return write_field(0x32, b"".join(write_field(0x0A, value(each)) for each in found))


def fields(found: dict[str, Any]) -> bytes:
    return b"".join(
        write_field(0x0A, write_field(0x0A, key.encode()) + write_field(0x12, value(each)))
        for key, each in found.items()
    )


def event(found: dict[str, Any], heard: list[int], second: int) -> bytes:
    info = write_field(0x3A, b"bin room") + write_field(0x42, EUI.encode())
    gateways = b"".join(write_field(0x62, write_field(0x30, level % (1 << 64))) for level in heard)
    time = write_field(0x08, second) + write_field(0x10, 250_000_000)
    head = write_field(0x0A, b"one") + write_field(0x12, time) + write_field(0x1A, info)
    return head + write_field(0x40, 85) + write_field(0x5A, fields(found)) + gateways


@given(objects, st.lists(levels, max_size=3), st.integers(0, 4_000_000_000))
def test_both_ways_of_writing_an_event_say_the_same(found: dict[str, Any], heard: list[int], second: int) -> None:
    told = {
        "deduplicationId": "one",
        "time": datetime.fromtimestamp(second + 0.25, UTC).isoformat(),
        "deviceInfo": {"deviceName": "bin room", "devEui": EUI},
        "fPort": 85,
        "object": found,
        "rxInfo": [{"rssi": level} for level in heard],
    }
    assert hear(event(found, heard, second)) == hear(json.dumps(told).encode())


def test_json_behind_a_line_break_is_json() -> None:
    told = json.dumps({"deviceInfo": {"devEui": EUI}, "object": {"temperature": 4.5}}).encode()
    assert hear(b"\n" + told).samples[0].values == {"temperature": 4.5}


def test_more_values_than_an_event_is_worth_are_not_read() -> None:
    found = event({"list": [None] * 6_000}, [], 0)
    assert [problem.reason for problem in hear(found).problems] == ["too_many_values"]


def test_objects_in_objects_end_somewhere() -> None:
    found: Any = 1.0
    for _ in range(200):
        found = {"a": found}
    (problem,) = hear(event(found, [], 0)).problems
    assert problem.reason == "not_protobuf"
    assert "more objects" in problem.detail


def test_a_moment_beyond_the_calendar_is_no_moment() -> None:
    (sample,) = hear(event({"temperature": 4.5}, [], 1 << 62)).samples
    assert sample.time is None
