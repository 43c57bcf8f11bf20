"""Sparkplug: bounded, exact about what is missing, and never taken in by an old death or a foreign alias."""

from __future__ import annotations

import json
import math
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.contract import NOTHING, Decoded, DeviceRef, Format, Limits, Message
from devices.conversation import Conversation
from devices.formats import make
from devices.formats.protobuf_wire import MOST_FIELDS, WireError, read_fields, read_varint, varint, write_field
from devices.formats.sparkplug import BIRTH_LIMIT, SparkplugFormat
from devices.formats.sparkplug_nodes import MOST_DEVICES, MOST_METRICS, MOST_NODES, NODES
from devices.formats.sparkplug_payload import read_payload
from devices.formats.sparkplug_readings import MOST_READINGS, quality_of
from devices.formats.sparkplug_session import FORGIVEN_MS
from devices.formats.sparkplug_tables import MOST_CELLS
from devices.formats.sparkplug_topics import node_key
from devices.formats.sparkplug_values import NAMES, NUMBERS, WrongType, name_of, read_value

AT = 1_763_800_000_000
NODE = DeviceRef("c", "spb", "plant/gw")
DEVICE = DeviceRef("c", "spb", "plant/gw/ahu")
TOPICS = (
    "spBv1.0/Plant/NBIRTH/GW",
    "spBv1.0/Plant/NDATA/GW",
    "spBv1.0/Plant/NDEATH/GW",
    "spBv1.0/Plant/NCMD/GW",
    "spBv1.0/Plant/DBIRTH/GW/AHU",
    "spBv1.0/Plant/DDATA/GW/AHU",
    "spBv1.0/Plant/DDEATH/GW/AHU",
    "spBv1.0/Plant/DCMD/GW/AHU",
    "$sparkplug/certificates/spBv1.0/Plant/NBIRTH/GW",
    "$sparkplug/certificates/spBv1.0/Plant/DBIRTH/GW/AHU",
    "spBv1.0/STATE/host",
    "STATE/host",
    "spBv1.0/nonsense",
    "cloud/plant",
)


# --- a small writer of payloads --------------------------------------------------------------------------------


def tagged(number: int, value: Any, *, real: bool = False) -> bytes:
    """A field by its number: bool and int as varints, text and bytes with their length, float as eight bytes or four."""
    if isinstance(value, float):
        wire, size = (5, "<f") if not real else (1, "<d")
        return bytes([number << 3 | wire]) + struct.pack(size, value)
    if isinstance(value, (bool, int)):
        return write_field(number << 3, int(value) & (1 << 64) - 1)
    return write_field(number << 3 | 2, value.encode() if isinstance(value, str) else value)


_FIELDS = {"Float": 2, "Double": 3, "Boolean": 4, "String": 5, "Text": 5, "UUID": 5, "DataSet": 7, "Template": 8}
_LONG = ("Int64", "UInt64", "DateTime")


def valued(first: int, datatype: str, value: Any) -> bytes:
    """The value in the field of its datatype; ``first`` is the number of ``int_value``."""
    if value is None:
        return b""
    if datatype in ("Float", "Double"):
        return tagged(first + _FIELDS[datatype], float(value), real=datatype == "Double")
    if isinstance(value, int) and datatype != "Boolean":
        return tagged(first + 1, value) if datatype in _LONG else tagged(first, value & 0xFFFFFFFF)
    return tagged(first + _FIELDS.get(datatype, 6), value)


def properties(found: dict[str, tuple[str, Any]]) -> bytes:
    """A property set of {key: (datatype, value)}."""
    keys = b"".join(tagged(1, key) for key in found)
    values = (tagged(1, NUMBERS[sort]) + valued(3, sort, value) for sort, value in found.values())
    return keys + b"".join(tagged(2, value) for value in values)


def metric(
    name: str | None = None,
    datatype: str = "",
    value: Any = None,
    *,
    alias: int | None = None,
    at: int | None = AT,
    flags: str = "",
    props: dict[str, tuple[str, Any]] | None = None,
    field: str = "",
) -> bytes:
    """One metric. ``flags``: any of ``historical transient null``; ``field`` says the value's type if not its datatype."""
    out = b""
    if name is not None:
        out += tagged(1, name)
    if alias is not None:
        out += tagged(2, alias)
    if at is not None:
        out += tagged(3, at)
    if datatype:
        out += tagged(4, NUMBERS[datatype])
    for number, flag in ((5, "historical"), (6, "transient"), (7, "null")):
        if flag in flags:
            out += tagged(number, value=True)
    if props is not None:
        out += tagged(9, properties(props))
    return out + valued(10, field or datatype, value)


def template(*members: bytes, ref: str = "Motor", definition: bool = False) -> bytes:
    """A template, or an instance of one."""
    return b"".join(tagged(2, member) for member in members) + tagged(4, ref) + tagged(5, definition)


def payload(*metrics: bytes, seq: int | None = None, at: int | None = AT) -> bytes:
    """A whole message."""
    out = b"" if at is None else tagged(1, at)
    out += b"".join(tagged(2, each) for each in metrics)
    return out if seq is None else out + tagged(3, seq)


def birth(*metrics: bytes, seq: int = 0, bd: int | None = 0, at: int = AT) -> bytes:
    """An NBIRTH with what every node has to have."""
    own = [] if bd is None else [metric("bdSeq", "Int64", bd, at=at)]
    own.append(metric("Node Control/Rebirth", "Boolean", value=False, at=at))
    return payload(*own, *metrics, seq=seq, at=at)


def death(bd: int | None = 0) -> bytes:
    """An NDEATH."""
    return payload(*([] if bd is None else [metric("bdSeq", "Int64", bd)]))


# --- and who speaks them ----------------------------------------------------------------------------------------


class Talk:
    """A conversation with a clock of its own; forgets what need not last when the hub restarts."""

    def __init__(self, wire_format: Format | None = None) -> None:
        self.conversation = Conversation(wire_format if wire_format is not None else SparkplugFormat(), "c")
        self.fleeting: set[str] = set()
        self.now = AT

    def __call__(self, kind: str, data: bytes, *, after: int = 0, topic: str = "", **flags: Any) -> Decoded:
        self.now += after
        place = topic or f"spBv1.0/Plant/{kind}/GW" + ("/AHU" if kind.startswith("D") else "")
        said = self.conversation.hear(Message(place, data, received_at=self.now, **flags))
        assert said is not None
        self.fleeting |= {change.key for change in said.changes if not change.lasting}
        json.dumps([change.value for change in said.changes])
        return said

    def restart(self) -> None:
        for key in self.fleeting:
            self.conversation.state.pop(key, None)

    def born(self, *metrics: bytes, bd: int = 0) -> Talk:
        self("NBIRTH", birth(*metrics, bd=bd))
        return self


@pytest.fixture
def talk() -> Talk:
    return Talk()


def values(said: Decoded) -> dict[str, Any]:
    return {name: value for sample in said.samples for name, value in sample.values.items()}


def told(said: Decoded) -> list[tuple[str, bool | None]]:
    return [(each.device.id, each.online) for each in said.statements]


def reasons(said: Decoded) -> list[str]:
    return [problem.reason for problem in said.problems]


# --- any bytes ------------------------------------------------------------------------------------------------


@given(st.sampled_from(TOPICS), st.binary(max_size=200))
def test_any_bytes_on_any_topic_are_read_or_refused(topic: str, data: bytes) -> None:
    wire_format = SparkplugFormat(injector="cloud/#")
    route = wire_format.route(topic, None)
    assert route is not None
    said = wire_format.decode(route, Message(topic, data, received_at=AT))
    assert all(problem.reason.isidentifier() and ": " in problem.detail for problem in said.problems)


cells = st.one_of(st.none(), st.booleans(), st.integers(0, 2**64 - 1), st.floats(width=32), st.text(max_size=8))
odd_metrics = st.builds(
    lambda name, alias, datatype, flags, number, value: (
        (b"" if name is None else tagged(1, name))
        + (b"" if alias is None else tagged(2, alias))
        + tagged(4, datatype)
        + b"".join(tagged(each, value=True) for each in flags)
        + (b"" if value is None else tagged(number, value))
    ),
    st.none() | st.text(max_size=12) | st.sampled_from(["temperature", "Zone/power", "bdSeq", "a.running"]),
    st.none() | st.integers(0, 5),
    st.integers(0, 40),
    st.sets(st.integers(5, 9), max_size=2),
    st.integers(9, 19),
    cells,
)


@given(
    st.lists(
        st.tuples(st.sampled_from(TOPICS[:10]), st.lists(odd_metrics, max_size=4), st.integers(0, 300)), max_size=8
    )
)
def test_any_conversation_keeps_readings_plain_and_the_state_plain(
    messages: list[tuple[str, list[bytes], int]],
) -> None:
    conversation = Conversation(SparkplugFormat(), "c")
    for topic, metrics, seq in messages:
        said = conversation.hear(Message(topic, payload(*metrics, seq=seq), received_at=AT))
        assert said is not None
        for sample in said.samples:
            for name, value in sample.values.items():
                assert 0 < len(name) <= 128
                assert name.isprintable()
                assert type(value) in (float, bool, str)
                assert value == value  # noqa: PLR0124 - NaN is the number that does not equal itself
        assert len(said.problems) <= 9
        assert json.loads(json.dumps(conversation.state)) == conversation.state


@given(st.integers(0, 2**64 - 1))
def test_a_number_comes_back_from_the_wire(value: int) -> None:
    assert read_varint(varint(value), 0) == (value, len(varint(value)))
    assert read_fields(write_field(0x18, value)) == [(0x18, value)]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x0b", "wire type 3"),
        (b"\x0a\x05ab", "only 2 are left"),
        (b"\x08", "breaks off"),
        (b"\x08" + b"\xff" * 9, "breaks off"),
        (b"\x08" + b"\xff" * 10, "64 bits"),
        (b"\x09\x00", "only 1 are left"),
        (b"\x08\x00" * (MOST_FIELDS + 1), "more than"),
    ],
)
def test_what_is_no_message_says_where(data: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        read_fields(data)


# --- topics ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("spBv1.0/Plant/NBIRTH", "use spBv1.0/"),
        ("spBv1.0/Plant/NBIRTH/GW/AHU", "use spBv1.0/"),
        ("spBv1.0/Plant/DBIRTH/GW", "use spBv1.0/"),
        ("spBv1.0/Plant/XDATA/GW", "use spBv1.0/"),
        ("spBv1.0//NBIRTH/GW", "group id ''"),
        ("spBv1.0/Plant/DDATA/GW/", "device id ''"),
        (f"spBv1.0/Plant/NDATA/{'x' * 129}", "1 to 128"),
        ("$sparkplug/certificates/spBv1.0/Plant/NDATA/GW", "is no birth"),
    ],
)
def test_a_wrong_topic_says_what_is_wrong(topic: str, words: str) -> None:
    wire_format = SparkplugFormat()
    route = wire_format.route(topic, "c")
    assert route is not None
    [problem] = wire_format.decode(route, Message(topic, b"x", received_at=AT)).problems
    assert problem.reason == "bad_topic"
    assert words in problem.detail


def test_topics_of_others_are_not_ours() -> None:
    wire_format = SparkplugFormat()
    for topic in ("community/v1/c/d/telemetry", "STATE/a/b", "spAv1.0/g/NBIRTH/n", "$SYS/broker", "cloud/plant"):
        assert wire_format.route(topic, "c") is None


def test_an_identity_is_the_same_in_any_case_and_what_is_shown_keeps_it(talk: Talk) -> None:
    first = talk("NBIRTH", birth(), topic="spBv1.0/Plant/NBIRTH/Straße 1")
    again = talk("NBIRTH", birth(), topic="spBv1.0/PLANT/NBIRTH/STRASSE 1")
    assert first.statements[0].device == again.statements[0].device == DeviceRef("c", "spb", "plant/strasse 1")
    assert first.announcements[0].name == "Straße 1"
    assert talk("NDATA", payload(metric(alias=9, value=1, datatype="Int8")), topic="spBv1.0/Plant/NDATA/X").requests[
        0
    ].topic == ("spBv1.0/Plant/NCMD/X")


# --- lives ----------------------------------------------------------------------------------------------------


def test_a_death_counts_for_its_own_session_only(talk: Talk) -> None:
    talk("NBIRTH", birth(bd=7))
    talk("DBIRTH", payload(metric("level", "Double", 1.0), seq=1))
    old = talk("NDEATH", death(6))
    assert (old.statements, old.changes, old.requests) == ((), (), ())
    newer = talk("NDEATH", death(8))
    assert newer.statements == ()
    assert [each.why for each in newer.requests] == ["session 8 has ended, and its birth was not heard"]
    assert told(talk("NDEATH", death(7))) == [(NODE.id, False), (DEVICE.id, False)]


def test_a_session_number_goes_round(talk: Talk) -> None:
    talk("NBIRTH", birth(bd=0))
    assert talk("NDEATH", death(255)).requests == ()
    talk("NBIRTH", birth(bd=255))
    assert len(talk("NDEATH", death(0)).requests) == 1


def test_a_death_without_a_number_is_believed(talk: Talk) -> None:
    assert told(talk.born()("NDEATH", b"")) == []  # nothing at all: a retained message taken back
    assert told(talk("NDEATH", death(None))) == [(NODE.id, False)]
    assert told(Talk()("NDEATH", death(3))) == [(NODE.id, False)]


def test_after_a_death_names_hold_and_aliases_do_not(talk: Talk) -> None:
    talk.born(metric("load", "Double", 1.0, alias=1), metric("fuel", "Double", 2.0))
    talk("NDEATH", death())
    said = talk("NDATA", payload(metric(alias=1, value=5.0, datatype="Double"), metric("fuel", "Double", 3.0), seq=9))
    assert values(said) == {"fuel": 3.0}
    assert reasons(said) == ["before_birth"]
    assert not said.problems[0].whole
    assert "after its death" in said.requests[0].why


def test_a_birth_of_the_node_ends_what_its_devices_were_called(talk: Talk) -> None:
    talk.born()
    talk("DBIRTH", payload(metric("level", "Double", 1.0, alias=1), seq=1))
    assert told(talk("NBIRTH", birth())) == [(NODE.id, True)]
    said = talk("DDATA", payload(metric(alias=1, datatype="Double", value=2.0), seq=1))
    assert (reasons(said), said.samples) == (["before_birth"], ())
    talk("DBIRTH", payload(metric("fill", "Double", 1.0, alias=1), seq=2))
    assert values(talk("DDATA", payload(metric(alias=1, value=3.0, field="Double"), seq=3))) == {"fill": 3.0}


def test_a_device_that_is_born_under_a_dead_or_unknown_node(talk: Talk) -> None:
    said = talk("DBIRTH", payload(metric("level", "Double", 1.0), seq=1))
    assert told(said) == [(DEVICE.id, True)]
    assert "birth of its node was not heard" in said.requests[0].why
    talk("NDEATH", death())
    late = talk("DBIRTH", payload(metric("level", "Double", 1.0), seq=1), after=60_000)
    assert late.statements == ()  # the death may have overtaken it
    assert len(late.requests) == 1


def test_a_device_dies_and_speaks_by_name(talk: Talk) -> None:
    talk.born()
    talk("DBIRTH", payload(metric("level", "Double", 1.0, alias=4), seq=1))
    assert told(talk("DDEATH", payload(seq=2))) == [(DEVICE.id, False)]
    said = talk("DDATA", payload(metric(alias=4, field="Double", value=2.0), seq=3))
    assert reasons(said) == ["before_birth"]
    assert len(said.requests) == 1
    assert told(Talk()("DDEATH", payload(seq=2))) == [(DEVICE.id, False)]


def test_after_a_restart_aliases_hold_and_one_birth_is_asked_for(talk: Talk) -> None:
    talk.born(metric("load", "Double", 1.0, alias=1), metric("fuel", "Double", 2.0))
    talk.restart()
    first = talk("NDATA", payload(metric(alias=1, value=5.0, field="Double"), seq=77))
    assert values(first) == {"load": 5.0}
    assert ["restart" in each.why for each in first.requests] == [True]
    assert talk("NDATA", payload(metric(alias=1, value=6.0, field="Double"), seq=78)).requests == ()
    talk.restart()
    assert talk("NDATA", payload(metric("fuel", "Double", 5.0), seq=79)).requests == ()  # a name is a name


def test_an_alias_whose_value_is_of_another_type_is_not_believed(talk: Talk) -> None:
    talk.born(metric("load", "Double", 1.0, alias=1), metric("note", "String", "x", alias=2))
    for sent in (
        metric(alias=1, datatype="Boolean", value=True),
        metric(alias=1, field="String", value="x"),
        metric(alias=2, datatype="Double", value=1.0),
    ):
        said = talk("NDATA", payload(sent, seq=1), after=3_600_000)
        assert (reasons(said), said.samples, len(said.requests)) == (["unknown_alias"], (), 1)


def test_births_that_the_broker_kept_spare_the_plant_a_rebirth(talk: Talk) -> None:
    root = "$sparkplug/certificates/spBv1.0/Plant"
    first = talk(
        "", payload(metric("level", "Double", 1.5, alias=4), seq=1), topic=f"{root}/DBIRTH/GW/AHU", retain=True
    )
    second = talk("", birth(metric("load", "Double", 9.0, alias=1)), topic=f"{root}/NBIRTH/GW", retain=True)
    for said in (first, second):
        assert (said.statements, said.requests, len(said.announcements)) == ((), (), 1)
        assert [sample.told_again for sample in said.samples] == [True]
    said = talk("DDATA", payload(metric(alias=4, field="Double", value=2.0), seq=200))
    assert (values(said), said.requests) == ({"level": 2.0}, ())
    assert told(said) == [(NODE.id, True), (DEVICE.id, True)]
    assert told(talk("DDATA", payload(metric(alias=4, field="Double", value=2.0), seq=201))) == []
    talk.born()
    ignored = talk("", birth(metric("fuel", "Double", 9.0)), topic=f"{root}/NBIRTH/GW")
    assert ignored == Decoded()


def test_a_kept_birth_does_not_raise_the_dead(talk: Talk) -> None:
    root = "$sparkplug/certificates/spBv1.0/Plant/NBIRTH/GW"
    talk.born(metric("load", "Double", 9.0, alias=1))
    talk("NDEATH", death())
    same = talk("", birth(metric("load", "Double", 9.0, alias=1)), topic=root, retain=True)
    assert (same.statements, same.announcements) == ((), ())
    assert reasons(talk("NDATA", payload(metric(alias=1, field="Double", value=1.0)))) == ["before_birth"]
    older = talk("", birth(metric("x", "Double", 9.0, alias=1), at=AT - 1), topic=root, retain=True)
    assert older == Decoded()
    newer = talk("", birth(metric("fuel", "Double", 9.0, alias=1), at=AT + 1), topic=root, retain=True)
    assert newer.statements == ()
    said = talk("NDATA", payload(metric(alias=1, field="Double", value=1.0)))
    assert (values(said), told(said)) == ({"fuel": 1.0}, [(NODE.id, True)])


# --- order ----------------------------------------------------------------------------------------------------


def data(seq: int | None) -> bytes:
    return payload(metric("load", "Double", 1.0), seq=seq)


def test_a_hole_is_asked_about_after_two_seconds_and_once(talk: Talk) -> None:
    talk.born(metric("load", "Double", 1.0))
    assert talk("NDATA", data(1)).requests == ()
    assert talk("NDATA", data(4)).requests == ()
    assert talk("NDATA", data(5), after=1_999).requests == ()
    [request] = talk("NDATA", data(6), after=1).requests
    assert request.why == "messages with seq 2, 3 did not come within 2 s"
    assert (request.topic, request.key) == ("spBv1.0/Plant/NCMD/GW", "sparkplug rebirth plant/gw")
    [command] = read_payload(request.payload, 1_000).metrics
    assert (command.name, command.value, command.timestamp) == ("Node Control/Rebirth", 1, talk.now)
    assert talk("NDATA", data(7), after=10_000).requests == ()


def test_a_hole_behind_which_nothing_comes_is_asked_about_as_time_passes(talk: Talk) -> None:
    spoken = SparkplugFormat()
    talk.born(metric("load", "Double", 1.0))
    talk("NDATA", data(2))
    assert spoken.tick(talk.now + 1_999, talk.conversation.state) == NOTHING
    said = spoken.tick(talk.now + 2_000, talk.conversation.state)
    [request] = said.requests
    assert (request.topic, request.key) == ("spBv1.0/Plant/NCMD/GW", "sparkplug rebirth plant/gw")
    assert request.why == "messages with seq 1 did not come within 2 s"
    talk.conversation.learn(said.changes)
    assert spoken.tick(talk.now + 60_000, talk.conversation.state) == NOTHING
    assert talk("NDATA", data(3), after=3_000).requests == ()


def test_time_asks_nobody_who_is_heard_through_a_cloud() -> None:
    talk = Talk(SparkplugFormat(injector="cloud/plant"))
    for kind, seq in (("NBIRTH", 0), ("NDATA", 2)):
        place = {"namespace": "spBv1.0", "groupId": "Plant", "type": kind, "edgeNodeId": "GW"}
        inner = {"timestamp": AT, "seq": seq, "metrics": [{"name": "a", "dataType": "Double", "value": 1.0}]}
        talk("", json.dumps({"topic": place, "payload": inner}).encode(), topic="cloud/plant")
    said = SparkplugFormat(injector="cloud/plant").tick(AT + 60_000, talk.conversation.state)
    assert (len(said.changes), said.requests) == (1, ())


def test_a_hole_that_is_filled_is_none(talk: Talk) -> None:
    talk.born(metric("load", "Double", 1.0))
    talk("NDATA", data(3))
    for seq in (2, 1):
        late = talk("NDATA", data(seq), after=500)
        assert (values(late), late.requests) == ({"load": 1.0}, ())
    assert talk("NDATA", data(4), after=5_000).requests == ()


def test_the_last_message_once_more_is_no_hole(talk: Talk) -> None:
    talk.born(metric("load", "Double", 1.0))
    for seq, dup in ((1, False), (1, False), (0, True), (2, False)):
        assert talk("NDATA", data(seq), after=3_000, dup=dup).requests == ()


def test_a_count_that_begins_anew_without_a_birth_is_a_hole(talk: Talk) -> None:
    talk.born(metric("load", "Double", 1.0))
    for seq in range(1, 100):
        talk("NDATA", data(seq))
    assert talk("NDATA", data(1)).requests == ()
    assert len(talk("NDATA", data(2), after=2_000).requests) == 1
    assert talk("NDATA", data(3), after=2_000).requests == ()


def test_seq_is_one_count_over_a_node_and_its_devices_and_goes_round(talk: Talk) -> None:
    talk("NBIRTH", birth(metric("load", "Double", 1.0), seq=254))  # chapters differ on what it has to be: any is taken
    talk("DBIRTH", payload(metric("level", "Double", 1.0), seq=255))
    talk("DDATA", payload(metric("level", "Double", 1.0), seq=0))
    talk("NDATA", data(1))
    talk("DDEATH", payload(seq=2))
    assert talk("NDATA", data(3), after=9_000).requests == ()
    assert talk("NDATA", data(None), after=9_000).requests == ()


def test_requests_that_cure_nothing_come_less_and_less_often(talk: Talk) -> None:
    strange = payload(metric(alias=99, datatype="Double", value=1.0))
    talk.born()
    asked = []
    for minute in range(120):
        if talk("NDATA", strange, after=60_000).requests:
            asked.append(minute)
            talk.born()
    assert asked[:7] == [0, 1, 3, 7, 15, 31, 47]
    assert len(talk("NDATA", strange, after=FORGIVEN_MS).requests) == 1
    assert len(talk("NDATA", strange, after=60_000).requests) == 1  # and the first pause is short again


def test_what_had_to_wait_for_a_birth_has_no_place_in_the_order(talk: Talk) -> None:
    early = payload(metric("load", "Double", 5.0, at=None), seq=200, at=AT - 1)
    assert reasons(talk("NDATA", early)) == ["before_birth"]
    talk.born(metric("load", "Double", 1.0))
    assert values(talk("NDATA", early)) == {"load": 5.0}
    assert talk("NDATA", data(1)).requests == ()
    assert talk("NDATA", data(2), after=5_000).requests == ()


@given(st.lists(st.integers(0, 255) | st.none(), max_size=40))
def test_the_order_kept_is_bounded(numbers: list[int | None]) -> None:
    talk = Talk().born(metric("load", "Double", 1.0))
    for seq in numbers:
        talk("NDATA", data(seq))
    assert len(talk.conversation.state["session plant/gw"]["missing"]) < 128


# --- values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("datatype", "raw", "value"),
    [
        ("Int8", 255, -1),
        ("Int8", 4294967295, -1),
        ("Int8", 2**64 - 1, -1),
        ("Int16", 35536, -30000),
        ("Int16", 4294937296, -30000),
        ("Int32", 4294967291, -5),
        ("Int64", 2**64 - 5, -5),
        ("UInt8", 255, 255),
        ("UInt32", 4000000000, 4000000000),
        ("UInt64", 2**64 - 1, 2**64 - 1),
        ("DateTime", 1763800000123, 1763800000123),
    ],
)
def test_an_integer_is_cut_to_its_width_and_keeps_its_sign(datatype: str, raw: int, value: int) -> None:
    assert read_value("int", raw, NAMES.index(datatype)) == value


@pytest.mark.parametrize(
    ("kind", "raw", "datatype"),
    [
        ("int", 2, "Boolean"),
        ("int", 1, "Double"),
        ("double", b"\0" * 8, "Int32"),
        ("text", b"x", "Double"),
        ("bytes", b"x", "Double"),
        ("bytes", b"xyz", "Int16Array"),
        ("bytes", b"\x01\0\0", "BooleanArray"),
        ("bytes", b"\xff\xff\xff\xff\0", "BooleanArray"),
        ("set", b"", "PropertySet"),
        ("plain", "x", "Int8"),
        ("plain", 1.5, "Int8"),
        ("plain", True, "Int8"),
        ("plain", [1], "Int8Array"),
    ],
)
def test_a_value_of_another_type_is_refused(kind: str, raw: Any, datatype: str) -> None:
    with pytest.raises(WrongType):
        read_value(kind, raw, NAMES.index(datatype))


def test_a_text_that_is_no_utf8_is_refused_and_an_unknown_datatype_has_a_name() -> None:
    with pytest.raises(WireError, match="not UTF-8"):
        read_value("text", b"\xff", NAMES.index("String"))
    with pytest.raises(WireError, match="not UTF-8"):
        read_value("bytes", b"a\0\xff\0", NAMES.index("StringArray"))
    assert name_of(99) == "datatype 99"


@pytest.mark.parametrize(
    ("code", "quality"),
    [(0, "bad"), (24, "bad"), (64, "uncertain"), (192, "good"), (216, "good"), (500, "stale"), (512, "bad")],
)
def test_quality(code: int, quality: str) -> None:
    assert quality_of(code) == quality


def test_what_is_null_transient_or_no_number_is_no_reading(talk: Talk) -> None:
    talk.born(*(metric(name, "Double", 1.0) for name in "abcd"))
    said = talk(
        "NDATA",
        payload(
            metric("a", "Double", flags="null"),
            metric("b", "Double", 2.0, flags="transient"),
            metric("c", "Double", float("nan")),
            metric("d", "Double"),
            seq=1,
        ),
    )
    assert (said.samples, said.problems) == ((), ())


def test_readings_stand_by_moment_and_by_how_they_were_told(talk: Talk) -> None:
    talk.born(metric("a", "Double", 1.0))
    said = talk(
        "NDATA",
        payload(
            metric("a", "Double", 1.0, at=AT - 60_000, flags="historical"),
            metric("a", "Double", 2.0, at=AT - 30_000, flags="historical"),
            metric("a", "Double", 3.0, at=None, props={"Quality": ("Int32", 500)}),
            metric("b", "Double", 4.0, at=0),
            at=AT,
            seq=1,
        ),
    )
    assert [(each.time, each.values, each.told_again, each.quality) for each in said.samples] == [
        (AT - 60_000, {"a": 1.0}, True, "good"),
        (AT - 30_000, {"a": 2.0}, True, "good"),
        (AT, {"a": 3.0}, False, "stale"),
        (0, {"b": 4.0}, False, "good"),
    ]
    assert talk("NDATA", payload(metric("a", "Double", 1.0, at=None), at=None)).samples[0].time is None


def test_members_of_templates_have_their_templates_name(talk: Talk) -> None:
    motor = template(metric("RPM", "Int32", 5, at=None), metric("Amps", "Float", 1.5), template(definition=True))
    pump = template(metric("Motor", "Template", motor), metric("on", "Boolean", value=True))
    said = talk(
        "NBIRTH",
        birth(metric("Motor", "Template", template(definition=True)), metric("P 1", "Template", pump, alias=3)),
    )
    assert values(said) == {"P 1/Motor/RPM": 5.0, "P 1/Motor/Amps": 1.5, "P 1/on": True}
    part = template(metric("on", field="Boolean", value=False))
    assert values(talk("NDATA", payload(metric(alias=3, field="Template", value=part), seq=1))) == {"P 1/on": False}
    deep = template(metric("x", "Double", 1.0))
    for _ in range(40):
        deep = template(metric("t", "Template", deep))
    said = talk("NBIRTH", birth(metric("t", "Template", deep)))
    assert (said.samples, reasons(said)) == ((), ["bad_metric"])


def data_set(columns: dict[str, str], *rows: tuple[Any, ...]) -> bytes:
    """``columns``: name -> datatype. A cell that is None has no value."""
    sorts = list(columns.values())
    head = tagged(1, len(columns)) + b"".join(tagged(2, each) for each in columns)
    head += b"".join(tagged(3, NUMBERS[sort]) for sort in sorts)
    cells = [[tagged(1, valued(1, sort, cell)) for sort, cell in zip(sorts, row, strict=True)] for row in rows]
    return head + b"".join(tagged(4, b"".join(row)) for row in cells)


def test_a_table_of_one_row_gives_a_reading_a_column(talk: Talk) -> None:
    table = data_set({"Energy": "Double", "Phase": "Int32", "State": "String"}, (5.5, -3, "on"))
    said = talk("NBIRTH", birth(metric("Meter", "DataSet", table, alias=4)))
    assert values(said) == {"Meter/Energy": 5.5, "Meter/Phase": -3.0, "Meter/State": "on"}
    assert {each.name for each in said.announcements[0].points} == set(values(said))
    again = data_set({"Energy": "Double", "Phase": "Int32", "State": "String"}, (6.5, None, "off"))
    said = talk("NDATA", payload(metric(alias=4, field="DataSet", value=again), seq=1))
    assert (values(said), said.unknown) == ({"Meter/Energy": 6.5, "Meter/State": "off"}, ())


def test_rows_of_a_table_with_moments_are_of_those(talk: Talk) -> None:
    table = data_set({"at": "DateTime", "flow": "Float"}, (AT - 60_000, 1.5), (AT, 2.5))
    said = talk("NBIRTH", birth(metric("Log", "DataSet", table)))
    assert [(each.time, each.values, each.told_again) for each in said.samples] == [
        (AT - 60_000, {"Log/flow": 1.5}, True),
        (AT, {"Log/flow": 2.5}, False),
    ]


def test_rows_of_one_moment_are_told_apart_by_their_first_text(talk: Talk) -> None:
    talk.born()
    columns = {"meter": "String", "Energy": "Double"}
    said = talk("NDATA", payload(metric("M", "DataSet", data_set(columns, ("A", 1.0), ("B", 2.0))), seq=1))
    assert values(said) == {"M/A/Energy": 1.0, "M/B/Energy": 2.0}
    said = talk("NDATA", payload(metric("M", "DataSet", data_set(columns, ("A", 1.0), ("A", 2.0))), seq=2))
    assert (said.samples, said.unknown) == ((), ("M",))
    said = talk("NDATA", payload(metric("N", "DataSet", data_set({"x": "Double"}, (1.0,), (2.0,))), seq=3))
    assert (said.samples, said.unknown) == ((), ("N",))


def test_a_table_that_is_none_leaves_the_rest(talk: Talk) -> None:
    broken = data_set({"a": "Double", "b": "Double"}, (1.0, 2.0))[:-4]
    large = data_set({"a": "Double"}, *[(1.0,)] * (MOST_CELLS + 1))
    said = talk(
        "NBIRTH", birth(metric("T", "DataSet", broken), metric("L", "DataSet", large), metric("x", "Double", 1.0))
    )
    assert (values(said), reasons(said)) == ({"x": 1.0}, ["bad_metric", "bad_metric"])


def test_items_of_a_short_array_are_readings(talk: Talk) -> None:
    """A datatype that data leave out is that of the birth; an item that no birth knew is kept like any other metric."""
    unit = {"engUnit": ("String", "A")}
    arrays = [
        metric("I", "FloatArray", struct.pack("<3f", 1.5, math.nan, 3.5), alias=5, props=unit),
        metric("Doors", "BooleanArray", bytes((3, 0, 0, 0, 0b10100000)), alias=6),
        metric("None", "Int16Array", b""),
    ]
    said = talk("NBIRTH", birth(*arrays))
    assert values(said) == {"I/0": 1.5, "I/2": 3.5, "Doors/0": True, "Doors/1": False, "Doors/2": True}
    assert (said.unknown, said.problems) == ((), ())
    assert (point(said, "I/2").unit, len(said.announcements[0].points)) == ("A", 6)
    longer = struct.pack("<4f", 1.0, 2.0, 3.0, 4.0)
    said = talk("NDATA", payload(metric(alias=5, field="Bytes", value=longer), seq=1))
    assert values(said) == {"I/0": 1.0, "I/1": 2.0, "I/2": 3.0, "I/3": 4.0}
    said = talk("NDATA", payload(metric(alias=5, field="Bytes", value=b"123"), metric("x", "Double", 1.0), seq=2))
    assert (values(said), reasons(said)) == ({"x": 1.0}, ["bad_metric"])


def test_what_can_be_no_reading_is_counted(talk: Talk) -> None:
    tables = [metric("table", "DataSet", b""), metric("file", "File", b"x"), metric("list", "Int8Array", b"\x01" * 33)]
    said = talk("NBIRTH", birth(*tables, metric("x", "Double", 1.0)))
    assert said.unknown == ("table", "file", "list")
    assert values(said) == {"x": 1.0}
    assert [point.name for point in said.announcements[0].points] == ["x"]
    assert talk("NDATA", payload(*tables, metric("new", "File", b"x"), seq=1)).unknown == (
        "table",
        "file",
        "list",
        "new",
    )


# --- names ----------------------------------------------------------------------------------------------------


def point(said: Decoded, name: str) -> Any:
    return next(each for each in said.announcements[0].points if each.name == name)


def test_a_unit_makes_a_metric_certain(talk: Talk) -> None:
    said = talk(
        "NBIRTH",
        birth(
            metric("Hall/Temperature", "Float", 68.0, props={"engUnit": ("String", "°F")}),
            metric("Meter/Active Power", "Double", 1.5, props={"uom": ("String", "kW"), "Tooltip": ("String", "Main")}),
            metric("Hall/CO2", "Int32", 800, props={"Engineering Unit": ("String", "furlong")}),
            metric("Tank/Level", "Double", 50.0, props={"unit": ("String", "%")}),
            metric("Hall/Humidity", "Double", 50.0),
            metric("Door/running", "Boolean", value=True),
            metric("Lobby/occupancy", "Int32", 4),
        ),
    )
    assert values(said) == {
        "temperature": pytest.approx(20.0),
        "power": 1500.0,
        "Hall/CO2": 800.0,
        "Tank/Level": 50.0,
        "Hall/Humidity": 50.0,
        "running": True,
        "occupancy": 4.0,
    }
    assert (point(said, "temperature").metric, point(said, "temperature").unit) == ("temperature", "°F")
    assert point(said, "temperature").label == "Hall/Temperature"
    assert point(said, "power").label == "Main"
    assert [point(said, name).metric for name in ("Hall/CO2", "Tank/Level", "Hall/Humidity")] == ["", "", ""]


def test_two_of_a_metric_keep_their_names_and_their_meaning(talk: Talk) -> None:
    celsius, fahrenheit = {"engUnit": ("String", "C")}, {"engUnit": ("String", "°F")}
    said = talk(
        "NBIRTH",
        birth(
            metric("Zone 1/temp", "Double", 21.0, props=celsius, alias=1),
            metric("Zone 2/temp", "Double", 50.0, props=fahrenheit, alias=2),
        ),
    )
    assert values(said) == {"Zone 1/temp": 21.0, "Zone 2/temp": pytest.approx(10.0)}
    assert {each.metric for each in said.announcements[0].points} == {"temperature"}
    again = talk("NDATA", payload(metric(alias=2, field="Double", value=32.0), seq=1))
    assert values(again) == {"Zone 2/temp": pytest.approx(0.0)}


def test_a_name_that_the_hub_would_take_for_something_else_is_told_apart(talk: Talk) -> None:
    said = talk(
        "NBIRTH",
        birth(
            metric("level", "Double", 50.0, props={"engUnit": ("String", "%")}),
            metric("running", "Int32", 3),
            metric("Line.power", "String", "on"),
            metric("temperature", "Double", 20.0),
            metric("Line.speed", "Double", 1.0),
        ),
    )
    assert values(said) == {
        "level [%]": 50.0,
        "running [Int32]": 3.0,
        "Line.power [String]": "on",
        "temperature": 20.0,
        "speed": 1.0,
    }


def test_what_a_device_is_goes_into_its_announcement(talk: Talk) -> None:
    said = talk(
        "NBIRTH",
        birth(
            metric("Properties/Hardware Make", "String", "Acme"),
            metric("Properties/Model", "String", "GW-1"),
            metric("Node Info/Firmware Version", "String", "2.1"),
            metric("Info/Serial Number", "String", " 0815 "),
            metric("Properties/Slots", "Int32", 4),
            metric("Line/Model", "String", "what is made there"),
        ),
    )
    [announcement] = said.announcements
    assert (announcement.maker, announcement.model, announcement.firmware) == ("Acme", "GW-1", "2.1")
    assert announcement.serial == "0815"
    assert values(said) == {"Properties/Slots": 4.0, "Line/Model": "what is made there"}


def test_a_metric_that_no_birth_named_is_kept_where_its_type_is_known(talk: Talk) -> None:
    talk.born(metric("Hall/Temp", "Double", 1.0, props={"engUnit": ("String", "C")}))
    said = talk(
        "NDATA",
        payload(
            metric("late", "Double", 2.0),
            metric("bare", field="Double", value=2.0),
            metric("temperature", "Double", 3.0),
            metric("Node Control/Reboot", "Boolean", value=True),
            seq=1,
        ),
    )
    assert values(said) == {"late": 2.0}
    assert reasons(said) == ["unknown_metric", "bad_name"]
    assert len(said.requests) == 1


def test_names_that_cannot_be_kept_are_named(talk: Talk) -> None:
    said = talk(
        "NBIRTH",
        birth(metric("a\nb", "Double", 1.0), metric("x" * 129, "Double", 1.0), metric("y" * 501, "Double", 1.0)),
    )
    assert (said.samples, reasons(said)) == ((), ["bad_name"] * 3)
    assert reasons(talk("NDATA", payload(metric("z" * 129, "Double", 1.0), seq=1))) == ["bad_name"]


# --- bounds ---------------------------------------------------------------------------------------------------


def test_bounds_are_named(talk: Talk) -> None:
    talk.born(metric("note", "String", "x"))
    said = talk("NDATA", payload(metric("note", "String", "x" * 501), seq=1))
    assert (reasons(said), said.samples) == (["text_too_long"], ())
    assert reasons(talk("NDATA", payload(metric("note", "String", "a\0"), seq=2))) == ["bad_text"]
    assert reasons(talk("NDATA", b"\x12" * 300_000)) == ["too_large"]
    assert reasons(talk("NDATA", b"\x12\x00" * 30_000)) == ["too_many_metrics"]
    assert reasons(talk("NDATA", b"no sparkplug")) == ["not_protobuf"]
    many = talk(
        "NDATA", payload(*(metric(f"m{number}", "Int8", 1, at=None) for number in range(MOST_READINGS + 1)), seq=3)
    )
    assert len(values(many)) == MOST_READINGS
    assert reasons(many) == ["too_many_values"]


def test_parts_that_cannot_be_read_are_named_and_the_rest_is_kept(talk: Talk) -> None:
    talk.born(metric("a", "Double", 1.0))
    broken = [b"\x0a\x01\xff", b"\x0a\x05a", tagged(1, "a") + tagged(4, 10) + tagged(9, b"\x0a\x01x") + tagged(15, "x")]
    said = talk("NDATA", payload(*broken * 4, metric("a", "Double", 2.0), seq=1))
    assert values(said) == {"a": 2.0}
    assert len(said.problems) == 9
    assert said.problems[-1].reason == "more_problems"


def test_a_birth_of_too_many_metrics_is_refused_by_name(talk: Talk) -> None:
    enough = [metric(f"m{number}", "Int8", 1, at=None) for number in range(MOST_METRICS)]
    talk("NBIRTH", birth(*enough[:-2]))
    assert talk.conversation.state[NODES] == {"plant/gw": MOST_METRICS}
    said = talk("DBIRTH", payload(metric("one more", "Int8", 1), seq=1))
    assert (reasons(said), said.samples) == (["too_many_metrics"], ())
    assert talk("DDATA", payload(metric("one more", "Int8", 1), seq=2)).requests == ()  # it would be no less again
    less = talk("NBIRTH", birth(*enough[:10]))
    assert reasons(less) == []
    assert reasons(talk("DBIRTH", payload(metric("one more", "Int8", 1), seq=1))) == []
    assert talk.conversation.state[NODES] == {"plant/gw": 13}


def test_dead_nodes_make_room_and_living_ones_do_not(talk: Talk) -> None:
    state = talk.conversation.state
    talk.born(metric("a", "Double", 1.0))
    talk("DBIRTH", payload(metric("b", "Double", 1.0), seq=1))
    state[NODES] |= {f"g/{number}": 1 for number in range(MOST_NODES - 1)}
    for number in range(MOST_NODES - 1):
        state[node_key(f"g/{number}")] = {
            "life": "on",
            "bd": 0,
            "born": 0,
            "metrics": 1,
            "devices": {},
            "refused": False,
        }
    said = talk("NBIRTH", birth(), topic="spBv1.0/g/NBIRTH/new")
    assert reasons(said) == ["too_many_nodes"]
    talk("NDEATH", death())
    assert reasons(talk("NBIRTH", birth(), topic="spBv1.0/g/NBIRTH/new")) == []
    assert len(state[NODES]) == MOST_NODES
    assert not [key for key in state if "plant/gw" in key]


def test_a_birth_that_is_refused_for_its_size_is_not_asked_for_again(talk: Talk) -> None:
    unborn = payload(metric("a", "Double", 1.0), seq=1)
    assert len(talk("NDATA", unborn).requests) == 1
    for large in (b"\x12\x00" * 30_000, b"\0" * (BIRTH_LIMIT + 1)):
        assert reasons(talk("NBIRTH", large))[0] in ("too_many_metrics", "too_large")
        said = talk("NDATA", unborn)
        assert (reasons(said), said.requests) == (["before_birth"], ())
    talk.born(metric("a", "Double", 1.0))
    assert values(talk("NDATA", unborn)) == {"a": 1.0}


def test_strangers_are_asked_only_while_there_is_room(talk: Talk) -> None:
    state = talk.conversation.state
    state[NODES] = {f"g/{number}": 1 for number in range(MOST_NODES)}
    for number in range(MOST_NODES):
        state[node_key(f"g/{number}")] = {
            "life": "on",
            "bd": 0,
            "born": 0,
            "metrics": 1,
            "devices": {},
            "refused": False,
        }
    for kind, sent in (("NDATA", data(1)), ("DDEATH", payload(seq=1)), ("NBIRTH", b"\x12\x00" * 30_000)):
        said = talk(kind, sent)
        assert (said.requests, said.changes) == ((), ())
    state[node_key("g/7")]["life"] = "off"
    assert len(talk("NDATA", data(1)).requests) == 1


def test_a_birth_that_says_nothing_new_changes_nothing_that_lasts(talk: Talk) -> None:
    talk.born(metric("a", "Double", 1.0))
    again = talk("NBIRTH", birth(metric("a", "Double", 2.0)))
    assert [change.key for change in again.changes] == ["session plant/gw"]


def test_a_node_has_so_many_devices(talk: Talk) -> None:
    talk.born()
    state = talk.conversation.state[node_key("plant/gw")]
    state["devices"] = {str(number): ["on", 1] for number in range(MOST_DEVICES)}
    assert reasons(talk("DBIRTH", payload(metric("b", "Double", 1.0), seq=1))) == ["too_many_devices"]


def test_a_packed_payload_is_unpacked_and_a_bomb_is_not(talk: Talk) -> None:
    talk.born(metric("a", "Double", 1.0))
    inner = payload(metric("a", "Double", 5.0))

    def packed(body: bytes) -> bytes:
        return payload(seq=1) + tagged(4, "SPBV1.0_COMPRESSED") + tagged(5, body)

    assert values(talk("NDATA", packed(zlib.compress(inner)))) == {"a": 5.0}
    assert reasons(talk("NDATA", packed(zlib.compress(b"\0" * 10_000_000)))) == ["not_protobuf"]
    assert reasons(talk("NDATA", packed(b"x"))) == ["not_protobuf"]
    assert reasons(talk("NDATA", packed(zlib.compress(inner)[:-3]))) == ["not_protobuf"]


def test_limits_of_the_connection_hold() -> None:
    talk = Talk(SparkplugFormat(Limits(payload=100, name=5, text=40)))
    said = talk("NBIRTH", birth(metric("abcde", "String", "x" * 41), metric("abcdef", "Double", 1.0), bd=None))
    assert (reasons(said), said.samples) == (["bad_name", "text_too_long"], ())
    assert reasons(talk("NDATA", b"x" * 101)) == ["too_large"]


# --- other forms ----------------------------------------------------------------------------------------------


def test_json_below_an_injectors_topic_says_whose_it_is_and_asks_for_nothing() -> None:
    talk = Talk(make("sparkplug", options={"injector": "cloud/#"}))
    assert "cloud/#" in talk.conversation.format.filters

    def say(kind: str, *metrics: Any, seq: int = 0, **topic: Any) -> Decoded:
        whose = {"namespace": "spBv1.0", "groupId": "Plant", "edgeNodeId": "GW", "type": kind} | topic
        sent = {"topic": whose, "payload": {"timestamp": AT, "metrics": list(metrics), "seq": seq}}
        return talk("", json.dumps(sent).encode(), topic="cloud/plant")

    level = {"name": "level", "timestamp": AT, "dataType": "Double", "value": 1.5}
    unborn = say("DDATA", level, deviceId="AHU")
    assert (reasons(unborn), unborn.requests) == (["before_birth"], ())
    assert told(say("NBIRTH")) == [(NODE.id, True)]
    assert values(say("DBIRTH", level, deviceId="AHU", seq=1)) == {"level": 1.5}
    assert told(say("NDEATH")) == [(NODE.id, False), (DEVICE.id, False)]
    for wrong in (b"[]", b'{"topic": {}}', b'{"topic": "x", "payload": {}}', b'{"payload": 5}', b"{"):
        assert reasons(talk("", wrong, topic="cloud/plant"))[0] in ("bad_topic", "not_an_object", "not_json")


@pytest.mark.parametrize("injector", ["#", "+/x", "a/+/b", "/#", "a#", "a/#/b"])
def test_an_injector_is_a_topic_or_what_is_below_one(injector: str) -> None:
    with pytest.raises(ValueError, match="use a topic"):
        SparkplugFormat(injector=injector)


def test_hosts_say_who_they_are_and_nothing_about_devices(talk: Talk) -> None:
    for topic, word in (
        ("spBv1.0/STATE/host", b'{"online": true, "timestamp": 1763800000123}'),
        ("STATE/host", b"OFFLINE"),
        ("STATE/host", b""),
    ):
        assert talk("", word, topic=topic, retain=True) == Decoded()
    assert reasons(talk("", b"maybe", topic="spBv1.0/STATE/host")) == ["bad_state"]
    assert talk("NCMD", payload(metric("Node Control/Rebirth", "Boolean", value=True))) == Decoded()
