"""Tasmota: units by key, topics by discovery, and nothing that comes makes it raise."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import devices.formats
from devices.contract import Decoded, LearningFormat, Message
from devices.conversation import Conversation
from devices.formats import tasmota_discovery
from devices.formats.tasmota import TasmotaFormat
from devices.formats.tasmota_reading import moment
from devices.formats.tasmota_words import QUANTITIES, STATES, TOP_UNITS
from devices.units import unit_of
from devices.words import METRICS

MAC = "A0B1C249A3BC"
LEAVES = ("SENSOR", "STATE", "LWT", "INFO1")
OTHERS = ("RESULT", "POWER", "POWER1", "POWER99", "STATUS8", "STATUS10", "STATUS11", "OTHER")
TOPICS = (
    f"tasmota/discovery/{MAC}/config",
    f"tasmota/discovery/{MAC}/sensors",
    "tasmota/discovery/x/config",
    "tasmota/discovery/x",
    "tele/SENSOR",
    *(f"tele/t/{leaf}" for leaf in LEAVES),
    *(f"stat/a/b/{leaf}" for leaf in OTHERS),
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(-1e300, 1e300)
    | st.sampled_from(("ON", "x\0", "é", "", [], {}, [[1, {}]]))
)
json_values = (
    scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.sampled_from(("a", "é", "Power")), scalars, max_size=2)
)
quantities = st.dictionaries(
    st.sampled_from((*QUANTITIES, "Id", "mac", "Volume", "Flow", "x.y", "é", "a" * 200)), json_values, max_size=4
)
sensors = st.dictionaries(
    st.sampled_from(
        ("ENERGY", "AM2301", "DS18B20-1", "DS18B20-2", "ESP32", "Switch1", "POWER1", "Wifi", "é", "b" * 200, *TOP_UNITS)
    ),
    quantities | json_values,
    max_size=4,
)
configs = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("dn", "fn", "mac", "md", "ofln", "onln", "state", "sw", "rl", "bat", "dslp", "hn"), json_values
    )
    | {
        "t": st.sampled_from(("t", "a/b", "#")) | st.text(max_size=10),
        "ft": st.sampled_from(("%prefix%/%topic%/", "%topic%/%prefix%", "x/%id%/%hostname%/")) | st.text(max_size=10),
        "tp": st.just(["cmnd", "stat", "tele"]) | json_values,
    },
)


def hear(conversation: Conversation, topic: str, payload: object) -> Decoded:
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    said = conversation.hear(Message(topic=topic, payload=content, received_at=0))
    assert said is not None, topic
    return said


def started() -> Conversation:
    return Conversation(TasmotaFormat(), "c")


def discovered(conversation: Conversation, mac: str = MAC, **more: Any) -> Decoded:
    sent = {"t": f"t{mac}", "ft": "%prefix%/%topic%/", "tp": ["cmnd", "stat", "tele"], **more}
    return hear(conversation, f"tasmota/discovery/{mac}/config", sent)


def assert_sound(said: Decoded) -> None:
    for sample in said.samples:
        for name, value in sample.values.items():
            assert 0 < len(name) <= 128
            assert name.isprintable()
            assert type(value) in (float, bool, str)
            assert not isinstance(value, float) or math.isfinite(value)
    for announcement in said.announcements:
        names = [point.name for point in announcement.points]
        assert len(names) == len(set(names))
        for point in announcement.points:
            last = point.name.rpartition(".")[2]
            assert last == point.metric or last not in METRICS
            assert 0 < len(point.name) <= 128
    changes = [[change.key, change.value] for change in said.changes]
    assert msgspec.json.decode(msgspec.json.encode(changes)) == changes
    assert all(problem.detail and problem.reason.isidentifier() for problem in said.problems)


# --- whatever comes ---------------------------------------------------------------------------------------------------


@given(st.sampled_from(TOPICS), st.binary(max_size=200))
def test_any_bytes_on_any_topic(topic: str, payload: bytes) -> None:
    conversation = started()
    assert_sound(hear(conversation, topic, payload))
    discovered(conversation)
    assert_sound(hear(conversation, topic, payload))


@given(configs, sensors, sensors)
def test_any_discovery_and_any_telemetry(
    config: dict[str, Any], announced: dict[str, Any], sent: dict[str, Any]
) -> None:
    conversation = started()
    assert_sound(hear(conversation, f"tasmota/discovery/{MAC}/config", config))
    assert_sound(hear(conversation, f"tasmota/discovery/{MAC}/sensors", {"sn": announced}))
    topics = list(TasmotaFormat().topics(conversation.state))
    for topic in topics:
        assert not set(topic) & set("+#\0")
        assert not topic.startswith("$")
    for topic in (*topics, *(f"tele/t/{leaf}" for leaf in LEAVES), *(f"stat/t/{leaf}" for leaf in OTHERS)):
        assert_sound(hear(conversation, topic, sent))
        assert_sound(hear(conversation, topic, {"StatusSNS": sent, "StatusSTS": sent}))


@given(sensors)
def test_what_is_announced_is_what_is_read(sent: dict[str, Any]) -> None:
    conversation = started()
    discovered(conversation, t="t")
    said = hear(conversation, f"tasmota/discovery/{MAC}/sensors", {"sn": sent})
    announced = {point.name for announcement in said.announcements for point in announcement.points}
    read = hear(conversation, "tele/t/SENSOR", sent)
    assert {name for sample in read.samples if sample.device.id == MAC.lower() for name in sample.values} == announced


@given(json_values)
def test_any_time(value: Any) -> None:
    found = moment(value, None)
    assert found is None or type(found) is int


# --- what is learned --------------------------------------------------------------------------------------------------


def test_topics_of_the_makers_own_order_are_heard_anyway() -> None:
    wire_format = TasmotaFormat()
    assert isinstance(wire_format, LearningFormat)
    conversation = started()
    discovered(conversation, rl=[1, 1])
    assert list(wire_format.topics(conversation.state)) == []
    discovered(conversation, ft="%topic%/%prefix%/", t="x", rl=[1, 1])
    learned = list(wire_format.topics(conversation.state))
    assert {"x/tele/SENSOR", "x/tele/STATE", "x/tele/LWT", "x/stat/RESULT", "x/stat/POWER", "x/stat/POWER2"} <= set(
        learned
    )
    assert "x/stat/POWER3" not in learned
    [sample] = hear(conversation, "x/stat/POWER2", b"ON").samples
    assert (sample.device.id, sample.values) == (MAC.lower(), {"2.powered": True})
    hear(conversation, f"tasmota/discovery/{MAC}/config", b"")
    assert conversation.state == {}
    assert wire_format.route_learned("x/tele/SENSOR", "c", conversation.state) is None


def test_a_renamed_topic_stays_the_same_device() -> None:
    conversation = started()
    discovered(conversation, t="old")
    discovered(conversation, t="new")
    [sample] = hear(conversation, "tele/new/SENSOR", {"ENERGY": {"Power": 1}}).samples
    assert sample.device.id == MAC.lower()
    [sample] = hear(conversation, "tele/old/SENSOR", {"ENERGY": {"Power": 1}}).samples
    assert (sample.device.scheme, sample.device.id) == ("tasmota", "old")


def test_the_same_discovery_again_teaches_nothing_new() -> None:
    conversation = started()
    discovered(conversation, rl=[1])
    hear(conversation, f"tasmota/discovery/{MAC}/sensors", {"sn": {"AM2301": {"Temperature": 1}}})
    assert discovered(conversation, rl=[1]).changes == ()
    assert hear(conversation, f"tasmota/discovery/{MAC}/sensors", {"sn": {"AM2301": {"Temperature": 1}}}).changes == ()


def test_devices_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasmota_discovery, "MOST_DEVICES", 2)
    conversation = started()
    reasons = []
    for number in range(4):
        mac = f"A0B1C24900{number:02}"
        reasons += [problem.reason for problem in discovered(conversation, mac).problems]
        hear(conversation, f"tasmota/discovery/{mac}/sensors", {"sn": {"AM2301": {"Temperature": 1}}})
    assert reasons == ["too_many_devices"] * 2
    assert sum(key.startswith("channels/") for key in conversation.state) == 2


def test_values_of_a_message_are_bounded_and_keys_too() -> None:
    sent = {f"S{number}": {f"k{key}": 1 for key in range(100)} for number in range(50)} | {"k" * 1_000: {"a": 1}}
    said = hear(started(), "tele/t/SENSOR", sent | {"AM2301": {"k" * 1_000: 1}})
    assert len(said.samples[0].values) == 500
    assert said.unknown == ("k" * 64,)


def test_wills_of_strangers_are_bounded() -> None:
    conversation = started()
    for number in range(1_100):
        hear(conversation, f"tele/t{number}/LWT", b"Online")
    assert sum(key.startswith("heard/") for key in conversation.state) == 1_000


def test_a_number_that_no_float_can_hold_is_refused_alone() -> None:
    said = hear(started(), "tele/t/SENSOR", b'{"ENERGY": {"Total": ' + b"9" * 400 + b', "Power": 1}}')
    assert not said.samples or said.samples[0].values == {"power": 1.0}


def test_an_unknown_zone_is_refused_by_name() -> None:
    for zone in ("Mars/Olympus", "../etc", "Asia"):
        with pytest.raises(devices.formats.UnknownFormat, match="time zone such as"):
            devices.formats.make("tasmota", options={"zone": zone})


def test_the_tables_speak_of_what_there_is() -> None:
    for quantity in (*QUANTITIES.values(), *STATES.values()):
        assert not quantity.metric or quantity.metric in {*METRICS, "air_pressure"}
        assert not quantity.unit or quantity.unit in TOP_UNITS or unit_of(quantity.unit) is not None
    assert all(unit_of(unit) is not None for unit in TOP_UNITS.values())
