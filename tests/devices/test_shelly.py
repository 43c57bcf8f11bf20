"""Shelly: every component of the dumps that others took of real devices, and any bytes on any topic."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import devices.formats
from devices.contract import Decoded, DeviceRef, Limits, Message
from devices.conversation import Conversation
from devices.formats.shelly import ShellyFormat
from devices.formats.shelly_events import moment
from devices.formats.shelly_fields import MOST_VALUES
from devices.formats.topic_filters import apart, filters_of, matches

SHELLY = ShellyFormat()
MAC = "aabbccddeeff"
TOPICS = (
    "shellies/announce",
    "shellies/shellyem3-68C63AFAF952/emeter/0/power",
    "shellies/shelly1pm-AABBCC/relay/0",
    "shellies/shellygas-AABBCCDDEEFF/sensor/gas",
    "shellies/shellymotionsensor-AABBCCDDEEFF/status",
    "shellies/shellydimmer2-AABBCCDDEEFF/light/0/status",
    "shellies/shellytrv-AABBCCDDEEFF/info",
    "shellies/shellyix3-AABBCCDDEEFF/input_event/2",
    "shellies/any/thing/else",
    "shellies/any/online",
    "x/online",
    "x/announce",
    "x/events/rpc",
    "shellypro3em-aabbccddeeff/status/em:0",
    "shellyplus2pm-aabbccddeeff/status/cover:0",
    "x/status/sys",
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
KEYS = (
    "id",
    "output",
    "apower",
    "aenergy",
    "temperature",
    "errors",
    "a_errors",
    "a_current",
    "tC",
    "mac",
    "state",
    "battery",
)
component = st.dictionaries(st.sampled_from(KEYS), json_values | st.fixed_dictionaries({"total": json_values}))
params = st.dictionaries(
    st.sampled_from(
        ["ts", "switch:0", "switch:1", "em:0", "cover:0", "sys", "devicepower:0", "foo:7", "b\n", "events"]
    ),
    component | json_values,
)


def hear(topic: str, payload: bytes | dict[str, Any] | list[Any], conversation: Conversation | None = None) -> Decoded:
    conversation = conversation or Conversation(SHELLY, "harmony-garden")
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    said = conversation.hear(Message(topic=topic, payload=body, received_at=0))
    assert said is not None
    for change in said.changes:
        json.dumps(change.value)
    return said


def values_of(said: Decoded) -> dict[str, Any]:
    return {name: value for sample in said.samples for name, value in sample.values.items()}


# --- whatever comes -------------------------------------------------------------------------------------------


@given(st.sampled_from(TOPICS), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_a_sentence(topic: str, payload: bytes) -> None:
    said = hear(topic, payload)
    assert all(problem.detail and problem.reason.isidentifier() for problem in said.problems)


@given(
    st.lists(st.tuples(st.sampled_from(["NotifyStatus", "NotifyFullStatus", "NotifyEvent", "x"]), params), max_size=4)
)
def test_any_notifications_in_any_order_are_read(sent: list[tuple[str, dict[str, Any]]]) -> None:
    conversation = Conversation(SHELLY, None)
    for method, said in sent:
        body = json.dumps({"src": f"shellyx-{MAC}", "method": method, "params": said}).encode("utf-8", "replace")
        answer = hear("a b/events/rpc", body, conversation)
        for sample in answer.samples:
            assert sample.device == DeviceRef("", "mac", sample.device.id)
            for name, value in sample.values.items():
                assert name.isprintable()
                assert type(value) in (float, bool, str)
    assert len(conversation.state) <= 2


@given(st.sampled_from(TOPICS), json_values)
def test_any_json_is_read(topic: str, sent: Any) -> None:
    hear(topic, json.dumps(sent).encode("utf-8", "replace"))


@given(st.text(max_size=60), st.sampled_from([None, "c"]))
def test_any_topic_is_routed_or_not(topic: str, community: str | None) -> None:
    for text in (topic, f"shellies/{topic}", f"{topic}/events/rpc", f"{topic}/status/{topic}", f"{topic}/online"):
        SHELLY.route(text, community)


@pytest.mark.parametrize("event", [[], {}, None, 5])
def test_a_push_that_is_no_word_is_passed_over(event: Any) -> None:
    params = {"events": [{"component": "input:0", "event": event}, {"component": "input:0", "event": "single_push"}]}
    body = json.dumps({"src": f"shellyx-{MAC}", "method": "NotifyEvent", "params": params}).encode()
    assert [each.code for each in hear("a b/events/rpc", body).events] == ["input0.single_push"]


def test_a_message_says_at_most_so_many_values() -> None:
    said = hear("x/status/foo:1", {"id": 1, **{f"v{number}": number for number in range(3 * MOST_VALUES)}})
    assert len(values_of(said)) == MOST_VALUES


def test_what_is_learned_is_bounded() -> None:
    conversation = Conversation(SHELLY, None)
    for number in range(10_100):
        said = hear(f"p{number}/status/switch:0", {"id": 0, "output": True}, conversation)
    assert len(conversation.state) == 10_000
    assert not said.announcements
    assert values_of(said) == {"powered": True}


def test_errors_are_bounded_too() -> None:
    conversation = Conversation(SHELLY, None)
    for number in range(200):
        errors = {f"p{number}_errors": [f"e{each}" for each in range(30)]}
        said = {"src": f"shellyx-{MAC}", "method": "NotifyStatus", "params": {"switch:1": errors}}
        hear("p/events/rpc", said, conversation)
    faults = conversation.state["faults/p"]
    assert len(faults) <= 64
    assert all(len(codes) <= 8 for codes in faults.values())


def test_a_text_that_is_too_long_is_refused_alone() -> None:
    said = hear("x/status/text:200", {"id": 200, "value": "a" * 501})
    assert [problem.reason for problem in said.problems] == ["bad_value"]
    small = Conversation(ShellyFormat(Limits(payload=10)), None)
    assert [p.reason for p in hear("x/status/text:200", {"id": 200, "value": "abc"}, small).problems] == ["too_large"]


@pytest.mark.parametrize("ts", [None, True, "1788945300", 3.2, float("nan"), float("inf"), 10**400, -5, []])
def test_what_is_no_time_is_none(ts: object) -> None:
    assert moment(ts) is None


# --- topics ---------------------------------------------------------------------------------------------------


def test_it_listens_to_no_topic_of_others() -> None:
    assert SHELLY.filters == ("shellies/+/+/#", "+/events/rpc", "+/status/+", "+/online", "+/announce")
    for topic in (
        "zigbee2mqtt/plug",
        "a/b/events/rpc",
        "x/status/hello",
        "x/status",
        "events/rpc",
        "online",
        "a/b/online",
    ):
        assert SHELLY.route(topic, None) is None, topic


def test_prefixes_of_several_levels_are_an_option() -> None:
    deep = devices.formats.make("shelly", options={"prefix": "site/+/shelly, +"})
    assert "site/+/shelly/events/rpc" in deep.filters
    elsewhere = devices.formats.make("shelly", options={"prefix": "site/+, shellies/+"})
    assert "shellies/announce" in elsewhere.filters  # which no filter of these prefixes lets in
    assert "shellies/+/events/rpc" not in elsewhere.filters  # which that of the first generation does
    route = deep.route("site/b1/shelly/events/rpc", "c")
    assert route is not None
    assert route.speaker.guess == DeviceRef("c", "shelly", "site-b1-shelly")
    assert deep.route("site/b1/other/events/rpc", "c") is None


@pytest.mark.parametrize("option", ["", " , ", "#", "a/#/b", "a+/b", "#,a"])
def test_a_filter_that_is_none_is_refused_with_a_sentence(option: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        devices.formats.make("shelly", options={"prefix": option})


def test_a_filter_inside_another_is_left_out() -> None:
    assert apart(("a/#", "a/+/c", "b/c", "b/+", "a/#")) == ("a/#", "b/+")
    assert apart(("+/#", "$sparkplug/a/#")) == ("+/#", "$sparkplug/a/#")
    assert apart(("a/+", "a/#", "a")) == ("a/#",)
    assert apart(("+/b", "a/+")) == ("+/b", "a/+")


def test_filters_match_as_the_broker_does() -> None:
    assert filters_of("a/#, b/+/c,a/#") == ("a/#", "b/+/c")
    assert matches("a/#", "a")
    assert matches("a/#", "a/b/c")
    assert matches("+/b", "a/b")
    assert not matches("+/b", "$a/b")
    assert not matches("a/+", "a")
    assert not matches("a", "a/b")


# --- dumps of real devices ------------------------------------------------------------------------------------

NO_MEASUREMENT = {
    *("id", "tF", "by_minute", "minute_ts", "source", "user_calibrated_phase", "schedules", "calibration", "errors"),
}
"""Fields that say nothing about the world, or say it again in another unit."""
HOUSEKEEPING = {
    *("ble", "cloud", "mqtt", "ws", "eth", "modbus", "ui", "plugs_ui", "script:1", "awaiting_auth_code"),
}


def leaves(found: dict[str, Any]) -> list[Any]:
    listed: list[Any] = []
    for key, value in found.items():
        if key in NO_MEASUREMENT or value is None:
            continue
        listed.extend(leaves(value) if isinstance(value, dict) else [value])
    return listed


def dumps(folder: Path, generation: str) -> list[tuple[str, dict[str, Any]]]:
    found = [(path.name, json.loads(path.read_text("utf-8"))) for path in sorted(folder.glob(f"{generation}_*.json"))]
    assert found
    return found


def test_every_component_of_every_later_device_gives_all_it_measures(foreign_data: Path) -> None:
    compared = 0
    for name, dump in dumps(foreign_data / "vectors/shelly", "gen2"):
        src = dump["shelly"]["id"]
        whole = hear(
            "roof/events/rpc", {"src": src, "method": "NotifyFullStatus", "params": {"ts": 1.7e9, **dump["status"]}}
        )
        assert not whole.problems, name
        together = values_of(whole)
        assert {sample.device for sample in whole.samples} == {DeviceRef("harmony-garden", "mac", MAC)}
        apart: dict[str, Any] = {}
        for key, found in dump["status"].items():
            if key in HOUSEKEEPING:
                if isinstance(found, dict):
                    assert not values_of(hear(f"{src}/status/{key}", found)), (name, key)
                continue
            said = hear(f"{src}/status/{key}", found)
            values = values_of(said)
            assert not said.problems, (name, key)
            if key == "sys":
                assert values == {"uptime": float(found["uptime"])}
            elif key == "wifi":
                assert values == ({"signal": float(found["rssi"])} if found["rssi"] else {})
            else:
                expected = sorted((repr(each) for each in leaves(found)), key=str)
                told = {repr(value) for value in values.values()}
                told |= {repr(round(value * 1000, 3)) for value in values.values() if isinstance(value, float)}
                told |= {
                    repr(int(value)) for value in values.values() if isinstance(value, float) and value == int(value)
                }
                assert values, (name, key)
                assert len(values) == len(expected), (name, key)
                assert set(expected) <= told, (name, key)
            compared += 1
            apart |= values
        assert apart == together, name
    assert compared >= 40


def gen1_topics(status: dict[str, Any]) -> list[tuple[str, str, str, Any]]:
    """(topic, payload, point, value): the status as a device publishes it, value by value."""
    actuator = "light" if "lights" in status else "relay"
    sent: list[tuple[str, str, str, Any]] = []
    for number, relay in enumerate(status.get("relays", [])):
        sent.append((f"relay/{number}", "on" if relay["ison"] else "off", "powered", relay["ison"]))
    for number, meter in enumerate(status.get("meters", [])):
        sent.append((f"{actuator}/{number}/power", str(meter["power"]), "power", meter["power"]))
        sent.append((f"{actuator}/{number}/energy", str(meter["total"]), "energy", meter["total"] / 60_000))
    for number, light in enumerate(status.get("lights", [])):
        sent.append((f"light/{number}/status", json.dumps(light), "lit", light["ison"]))
    sent.extend(
        (f"input/{number}", str(each["input"]), f"input{number}.state", bool(each["input"]))
        for number, each in enumerate(status.get("inputs", []))
    )
    sent.extend(
        (f"ext_temperature/{number}", str(probe["tC"]), f"ext{number}.temperature", probe["tC"])
        for number, probe in status.get("ext_temperature", {}).items()
    )
    if "temperature" in status:
        sent.append(("temperature", str(status["temperature"]), "internal.temperature", status["temperature"]))
    if "gas_sensor" in status:
        gas = status["gas_sensor"]
        sent.append(("sensor/gas", gas["alarm_state"], "gas_alarm", False))
        sent.append(("sensor/operation", gas["sensor_state"], "operation", gas["sensor_state"]))
        sent.append(("sensor/self_test", gas["self_test_state"], "self_test", gas["self_test_state"]))
        sent.append(("sensor/concentration", str(status["concentration"]["ppm"]), "concentration", 0.0))
    sent.append(("info", json.dumps(status), "signal", float(status["wifi_sta"]["rssi"])))
    return sent


def test_every_value_of_every_gen1_device_is_read(foreign_data: Path) -> None:
    for name, dump in dumps(foreign_data / "vectors/shelly", "gen1"):
        status = dump["status"]
        root = f"shellies/{dump['settings']['device']['hostname']}"
        conversation = Conversation(SHELLY, "c")
        expected: dict[str, Any] = {"uptime": float(status["uptime"])}
        if "lights" in status:
            expected["brightness"] = float(status["lights"][0]["brightness"])
        heard: dict[str, Any] = {}
        for rest, payload, point, value in gen1_topics(status):
            said = hear(f"{root}/{rest}", payload.encode(), conversation)
            assert not said.problems, (name, rest)
            assert not said.unknown, (name, rest)
            expected[point] = value
            heard |= values_of(said)
        assert heard == pytest.approx(expected), name
        assert [sample.device for sample in said.samples] == [DeviceRef("c", "mac", MAC)]
        if status.get("valves"):
            assert not values_of(hear(f"{root}/valve/0/state", status["valves"][0]["state"].encode()))


def test_examples_cover_both_generations() -> None:
    path = Path(devices.formats.__file__).with_name("shelly_examples.toml")
    listed = tomllib.loads(path.read_text("utf-8"))["example"]
    assert len({example["title"] for example in listed}) == len(listed)
