"""The largest payload that is taken costs a bounded number of steps, whatever it repeats.

Steps are calls of our own functions: the same on every machine, unlike time, which ``make bench`` and ``make soak`` look at.
"""

from __future__ import annotations

import sys
from itertools import islice
from types import FrameType
from typing import Any, Final

import pytest

from devices import formats
from devices.contract import Decoded, Limits, Message
from devices.conversation import Conversation
from tests.devices.stretched import stretched

MOST_CALLS: Final = 150_000
KEPWARE: Final = ("iotgateway", b'{"timestamp":1,"values":[', b'{"id":"a.b.c"}', b"]}")
LIFT: Final = ("lift/1/status", b'{"ts":1763800010123,"fault_codes":[', b"2", b"]}")
STACK: Final = (
    "v3/app/devices/dev/up",
    b'{"end_device_ids":{"dev_eui":"0004A30B001C0530"},"uplink_message":{"normalized_payload":[',
    b'{"air":{"temperature":20.5},"soil":{"moisture":31.5}}',
    b"]}}",
)


def filled(before: bytes, piece: bytes, after: bytes, between: bytes = b",") -> bytes:
    """As much of the piece as one message may hold."""
    room = Limits().payload - len(before) - len(after)
    return before + between.join([piece] * (room // (len(piece) + len(between)))) + after


def hear(name: str, topic: str, payload: bytes) -> tuple[Decoded, int]:
    """What is said, and in how many calls."""
    return calls_of(Conversation(formats.make(name), "garden"), Message(topic, payload, 1_763_800_001_000))


def calls_of(conversation: Conversation, message: Message) -> tuple[Decoded, int]:
    calls = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    route = conversation.route(message.topic)
    assert route is not None
    sys.setprofile(count)
    try:
        said = conversation.format.decode(route, message, conversation.state)
    finally:
        sys.setprofile(None)
    return said, calls


def test_no_example_that_is_made_as_large_as_possible_is_read_without_end() -> None:
    """One in twelve; ``make bench`` measures them all."""
    tried = 0
    for each in islice(stretched(), 3, None, 12):
        calls = calls_of(each.conversation, each.message)[1]
        assert calls <= MOST_CALLS, f"{each.name}, {each.title}: {calls} calls"
        tried += 1
    assert tried > 100


@pytest.mark.parametrize(
    ("name", "topic", "payload", "reason"),
    [
        ("kepware", KEPWARE[0], filled(*KEPWARE[1:]), "no_value"),
        ("lift_gbt24476", LIFT[0], filled(*LIFT[1:]), "too_many_faults"),
        ("thethingsstack", STACK[0], filled(*STACK[1:]), "too_many_values"),
        ("influx_line", "telegraf/x", filled(b"", b"x f=1 1 1", b"", b"\n"), "bad_line"),
        ("influx_line", "telegraf/x", filled(b"", b"x,host=a f=1", b"", b"\n"), "bad_line"),
    ],
    ids=["things that cannot be read", "faults listed again", "measurements", "bad lines", "lines"],
)
def test_what_is_repeated_without_end_is_not_read_to_the_end(
    name: str, topic: str, payload: bytes, reason: str
) -> None:
    said, calls = hear(name, topic, payload)
    assert reason in {problem.reason for problem in said.problems}
    assert calls <= MOST_CALLS
