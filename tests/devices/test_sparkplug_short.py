"""Sparkplug's short way says what the long way would, and takes what devices send every day."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devices.contract import Decoded, Limits, Message
from devices.formats.protobuf_wire import WireError
from devices.formats.sparkplug_hearing import hear
from devices.formats.sparkplug_payload import read_payload
from devices.formats.sparkplug_readings import MOST_READINGS
from devices.formats.sparkplug_short import hear_short
from tests.devices.test_sparkplug import AT, Talk, metric, payload, tagged, values

LIMITS = Limits(text=20)
BORN = (
    metric("level", "Double", 1.0, alias=0),
    metric("Zone/temperature", "Float", 70.0, alias=1, props={"engUnit": ("String", "°F")}),
    metric("starts", "Int8", 3, alias=300),
    metric("total", "UInt64", 3, alias=2**40),
    metric("running", "Boolean", value=True, alias=4),
    metric("mode", "String", "auto", alias=5),
    metric("table", "DataSet", b"", alias=6),
    metric("since", "DateTime", AT, alias=7),
)
PLAIN: dict[str, tuple[str, Any]] = {
    "level": ("Double", 21.5),
    "Zone/temperature": ("Float", 50.0),
    "starts": ("Int8", 0xFD),
    "total": ("UInt64", 2**50),
    "running": ("Boolean", False),
    "mode": ("String", "manual"),
    "since": ("DateTime", AT + 1),
}
"""A value for each metric that can be a reading."""
ALIASES = {"level": 0, "Zone/temperature": 1, "starts": 300, "total": 2**40, "running": 4, "mode": 5, "since": 7}
TOPIC = "spBv1.0/Plant/NDATA/GW"


def born() -> Talk:
    return Talk().born(*BORN)


def both(talk: Talk, data: bytes, **flags: Any) -> tuple[Decoded | None, Decoded | None]:
    """(by the short way, by the long way) with nothing learned; None where a way has no answer."""
    conversation = talk.conversation
    message = Message(TOPIC, data, received_at=talk.now, **flags)
    route = conversation.route(TOPIC)
    short = hear_short(route, message, LIMITS, conversation.state)
    try:
        return short, hear(route, message, read_payload(data, LIMITS.payload), LIMITS, conversation.state)
    except WireError:
        return short, None


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("by_alias", [True, False])
@pytest.mark.parametrize("with_datatype", [True, False])
def test_plain_metrics_go_the_short_way(name: str, by_alias: bool, with_datatype: bool) -> None:  # noqa: FBT001 - parameters
    datatype, value = PLAIN[name]
    sent = metric(
        None if by_alias else name,
        datatype if with_datatype else "",
        value,
        alias=ALIASES[name] if by_alias else None,
        field=datatype,
    )
    short, long = both(born(), payload(sent, seq=1))
    assert short is not None
    assert short == long
    assert len(values(short)) == 1


numbers = st.sampled_from([0.0, 1.5, -40.0, float("nan"), float("inf"), 3e38])
any_value = (
    st.none() | st.booleans() | st.integers(0, 2**64 - 1) | numbers | st.text(max_size=25) | st.binary(max_size=3)
)
likely = st.builds(
    lambda name, by_alias, at, with_datatype, flags: metric(
        name if by_alias != 1 else None,
        PLAIN[name][0] if with_datatype else "",
        PLAIN[name][1],
        alias=ALIASES[name] if by_alias else None,
        at=at,
        flags=flags,
        field=PLAIN[name][0],
    ),
    st.sampled_from(list(PLAIN)),
    st.integers(0, 2),
    st.sampled_from([None, AT, AT, AT + 5]),
    st.booleans(),
    st.sampled_from(["", "", "", "null", "historical"]),
)
odd = st.builds(
    lambda name, alias, datatype, number, value: (
        (b"" if name is None else tagged(1, name))
        + (b"" if alias is None else tagged(2, alias))
        + (b"" if datatype is None else tagged(4, datatype))
        + (b"" if value is None else tagged(number, value, real=number == 13))
    ),
    st.none() | st.sampled_from(["", "level", "mode", "table", "unborn", "Node Control/Rebirth"]),
    st.none() | st.sampled_from([0, 1, 4, 5, 6, 9, 300]),
    st.none() | st.integers(0, 17),
    st.integers(10, 17),
    any_value,
)
WHOLE: tuple[list[tuple[int, int]], None] = ([], None)
damages = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=2)


@given(
    st.lists(st.one_of(likely, likely, odd), max_size=5),
    st.none() | st.integers(0, 300),
    st.sampled_from([None, AT, AT - 1, AT + 1]),
    st.tuples(damages, st.none() | st.integers(0, 60)),
    st.sampled_from([{}, {}, {"dup": True}, {"retain": True}]),
)
@example([metric(alias=5, value="x" * 21, field="String")], 1, AT, WHOLE, {})
@example([metric(alias=5, value="", field="String")], 1, AT, WHOLE, {})
@example([metric(alias=0, value=float("nan"), field="Double")], 1, AT, WHOLE, {})
@example([metric(alias=0, value=1.0, field="Double")], 1, AT - 1, WHOLE, {})
@example([metric(alias=0, value=1.0, field="Double", at=at) for at in (AT + 5, AT)], 1, AT, WHOLE, {})
@example([metric(alias=300, datatype="UInt8", value=0xFD)], 1, AT, WHOLE, {})
@example([metric(alias=300, value=1.5, field="Float")], 1, AT, WHOLE, {})
@example([metric("Node Control/Rebirth", value=True, field="Boolean")], 1, AT, WHOLE, {})
@example([metric(alias=5, value="abc", field="String")], None, AT, ([], -1), {})
def test_the_short_way_says_what_the_long_way_says_or_nothing(
    metrics: list[bytes],
    seq: int | None,
    at: int | None,
    damage: tuple[list[tuple[int, int]], int | None],
    flags: dict[str, bool],
) -> None:
    data = bytearray(payload(*metrics, seq=seq, at=at))
    for place, byte in damage[0]:
        if data:
            data[place % len(data)] = byte
    short, long = both(born(), bytes(data if damage[1] is None else data[: damage[1]]), **flags)
    if short is not None:
        assert short == long


def test_what_is_not_everyday_goes_the_long_way() -> None:
    talk, sent = born(), payload(metric(alias=0, value=2.0, field="Double"), seq=1)
    assert both(talk, sent)[0] is not None
    assert both(talk, sent, dup=True)[0] is None
    assert both(talk, sent, retain=True)[0] is None
    assert both(talk, payload(*[metric(alias=0, value=2.0, field="Double")] * MOST_READINGS, seq=1))[0] is None
    talk("NDATA", payload(seq=5))
    talk.now += 3_000
    assert both(talk, payload(metric(alias=0, value=2.0, field="Double"), seq=6))[0] is None  # others are lost
    talk.restart()
    assert both(talk, sent)[0] is None  # a birth may have been missed
    talk.born(*BORN)("NDEATH", payload(metric("bdSeq", "Int64", 0)))
    assert both(talk, sent)[0] is None
    assert both(Talk(), sent)[0] is None
