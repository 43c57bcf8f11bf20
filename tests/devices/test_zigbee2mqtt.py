"""Zigbee2MQTT: every published definition can be read, and nothing that comes makes it raise."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import devices.formats
from devices.contract import Announcement, Decoded, Message
from devices.conversation import Conversation
from devices.formats.zigbee2mqtt import Zigbee2MqttFormat
from devices.formats.zigbee2mqtt_exposes import points_of
from devices.formats.zigbee2mqtt_inventory import MOST_DEVICES
from devices.formats.zigbee2mqtt_reading import attribute_value, moment
from devices.words import METRICS

DAY = 24 * 60 * 60 * 1000
COORDINATOR = {"ieee_address": "0x00124b00120144ae", "type": "Coordinator", "friendly_name": "Coordinator"}
TOPICS = (
    "bridge/devices",
    "bridge/groups",
    "bridge/state",
    "bridge/event",
    "bridge/logging",
    "plug",
    "plug/power",
    "plug/color-x",
    "plug/availability",
    "plug/set",
    "lamps",
    "lamps/state",
    "a/b/c",
    "",
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.sampled_from(("state", "l1", "W", "°C", "ON", "OFF", "\0", "é", [], {}, [[1, {}]]))
)
leaf = st.fixed_dictionaries(
    {
        "type": st.sampled_from(("numeric", "binary", "enum", "text", "list", "switch")) | scalars,
        "property": st.sampled_from(("power", "state", "state_l1", "color", "x" * 200)) | scalars,
        "access": st.integers(0, 7) | scalars,
    },
    optional=dict.fromkeys(("name", "unit", "endpoint", "value_on", "value_off", "label"), scalars)
    | {"values": st.lists(scalars, max_size=2) | scalars},
)
features = leaf | st.fixed_dictionaries(
    {
        "type": st.sampled_from(("composite", "light")),
        "features": st.lists(leaf | scalars, max_size=3) | scalars,
        "property": st.sampled_from(("color", "", "y" * 200)) | scalars,
        "access": st.integers(0, 7),
    }
)


def entry(ieee: str, name: str, exposes: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    definition = None if exposes is None else {"vendor": "v", "model": "m", "exposes": exposes}
    return {"ieee_address": ieee, "friendly_name": name, "type": "Router", "definition": definition, **more}


def numeric(name: str, unit: str) -> dict[str, Any]:
    return {"type": "numeric", "name": name, "property": name, "unit": unit, "access": 1}


COLOUR = {
    "type": "composite",
    "property": "color",
    "access": 7,
    "features": [{"type": "numeric", "name": "x", "property": "x", "access": 7}],
}
PLUG = entry("0x00158d00018255df", "plug", [numeric("power", "W"), COLOUR])


def hear(conversation: Conversation, topic: str, payload: object) -> Decoded:
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    said = conversation.hear(Message(topic=f"zigbee2mqtt/{topic}", payload=content, received_at=0))
    assert said is not None
    return said


def knowing(*entries: dict[str, Any]) -> Conversation:
    conversation = Conversation(Zigbee2MqttFormat(), "c")
    hear(conversation, "bridge/devices", [COORDINATOR, *entries])
    hear(
        conversation, "bridge/groups", [{"friendly_name": "lamps", "members": [{"ieee_address": "0x00158d00018255df"}]}]
    )
    return conversation


def assert_valid(announcement: Announcement) -> None:
    names = [point.name for point in announcement.points]
    assert len(names) == len(set(names))
    for point in announcement.points:
        assert 0 < len(point.name) <= 128
        assert point.name.isprintable()
        assert not point.metric or point.metric in METRICS
        # the hub reads a metric off a name: a point that measures something else must not be called like one
        assert point.name.rpartition(".")[2] == point.metric or point.name.rpartition(".")[2] not in METRICS, point


# --- every definition there is ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def definitions(foreign_data: Path) -> list[dict[str, Any]]:
    path = foreign_data / "vectors" / "zigbee-exposes" / "exposes.json.gz"
    found: list[dict[str, Any]] = json.loads(gzip.decompress(path.read_bytes()))
    assert len(found) == 4_516
    return found


def test_every_published_definition_is_announced_and_its_messages_are_read(definitions: list[dict[str, Any]]) -> None:
    wrong = [f"{each['vendor']} {each['model']}: {why}" for each in definitions if (why := wrong_with(each))]
    assert wrong == []


def wrong_with(definition: dict[str, Any]) -> str:
    """Announced with valid points, and a message with a value for every published feature fills exactly those."""
    conversation = Conversation(Zigbee2MqttFormat(), "c")
    sent = {"ieee_address": "0x0000000000000001", "friendly_name": "d", "type": "EndDevice", "definition": definition}
    said = hear(conversation, "bridge/devices", [sent])
    if said.problems:
        return str(said.problems)
    [announcement] = said.announcements
    assert_valid(announcement)
    if (announcement.maker, announcement.model) != (definition["vendor"].strip(), definition["model"].strip()):
        return f"announced as {announcement.maker} {announcement.model}"
    message: dict[str, Any] = {"linkquality": 1}
    for feature in definition["exposes"]:
        example_of(feature, message)
    said = hear(conversation, "d", message)
    if said.problems or said.unknown:
        return f"{said.problems} {said.unknown}"
    [sample] = said.samples
    announced = {point.name for point in announcement.points}
    return "" if sample.values.keys() == announced else f"differs in {sample.values.keys() ^ announced}"


def example_of(feature: dict[str, Any], message: dict[str, Any]) -> None:
    """Puts a plausible value of every published feature into the message, where the bridge would."""
    if feature["type"] == "composite":
        if feature["access"] & 1:
            inner = message.setdefault(feature["property"], {})
            for each in feature["features"]:
                example_of(each, inner)
    elif "features" in feature:
        for each in feature["features"]:
            example_of(each, message)
    elif feature["access"] & 1 and feature["type"] != "list":
        values: dict[str, Any] = {"numeric": 1, "text": "word", "binary": feature.get("value_on")}
        values["enum"] = next((each for each in feature.get("values", []) if each != ""), None)
        message.setdefault(feature["property"], values[feature["type"]])


def test_the_usual_quantities_find_their_metrics(definitions: list[dict[str, Any]]) -> None:
    """Counts, so that a change of the tables shows; what is missing has no unit, or another kind of one."""
    found: dict[str, int] = {}
    for definition in definitions:
        for point in points_of(definition["exposes"], battery=None).points:
            found[point.metric] = found.get(point.metric, 0) + 1
    least = {"battery": 1_140, "temperature": 700, "power": 450, "energy": 390, "humidity": 300, "presence": 200}
    least |= {"leak": 80, "tamper": 260, "door_open": 130, "smoke": 51, "co2": 50, "powered": 1_500, "lit": 1_500}
    assert {metric: found.get(metric, 0) for metric in least if found.get(metric, 0) < least[metric]} == {}


# --- whatever comes ---------------------------------------------------------------------------------------------------


@given(st.sampled_from(TOPICS), st.binary(max_size=300), st.booleans())
def test_any_bytes_on_any_topic(topic: str, payload: bytes, known: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    conversation = knowing(PLUG) if known else Conversation(Zigbee2MqttFormat(), None)
    said = hear(conversation, topic, payload)
    for sample in said.samples:
        assert all(type(value) in (float, bool, str) for value in sample.values.values())
    assert all(problem.detail and problem.reason.isidentifier() for problem in said.problems)


@given(st.lists(st.dictionaries(st.sampled_from(tuple(PLUG)), json_values) | json_values, max_size=4))
def test_any_inventory(entries: list[Any]) -> None:
    said = hear(knowing(PLUG), "bridge/devices", entries)
    for announcement in said.announcements:
        assert_valid(announcement)
    again = msgspec.json.decode(msgspec.json.encode([[change.key, change.value] for change in said.changes]))
    assert again == [[change.key, change.value] for change in said.changes]


@given(st.lists(features, max_size=5), st.dictionaries(st.sampled_from(("power", "state", "color")), json_values))
def test_any_definition_and_any_message(exposes: list[Any], message: dict[str, Any]) -> None:
    conversation = knowing(entry("0x00158d00018255df", "plug", exposes))
    [announcement] = hear(conversation, "bridge/devices", [PLUG | {"definition": {"exposes": exposes}}]).announcements
    assert_valid(announcement)
    for sample in hear(conversation, "plug", message).samples:
        for name, value in sample.values.items():
            assert 0 < len(name) <= 128
            assert name.isprintable()
            assert type(value) in (float, bool, str)


@given(json_values)
def test_any_last_seen(value: Any) -> None:
    found = moment(value)
    assert found is None or type(found) is int


@given(st.text())
def test_any_attribute(text: str) -> None:
    assert type(attribute_value(text)) in (float, bool, str, type(None))


# --- what is learned --------------------------------------------------------------------------------------------------


def test_the_same_inventory_again_teaches_nothing_new() -> None:
    conversation = knowing(PLUG)
    before = dict(conversation.state)
    said = hear(conversation, "bridge/devices", [COORDINATOR, PLUG])
    assert said.changes == ()
    assert conversation.state == before


def test_what_devices_of_one_model_measure_is_read_once() -> None:
    plugs = [entry(f"0x{number:016x}", f"plug{number}", [numeric("power", "W")]) for number in (1, 2)]
    battery = entry("0x0000000000000003", "button", [numeric("power", "W")], power_source="Battery")
    one, two, apart = hear(knowing(), "bridge/devices", [*plugs, battery]).announcements
    assert one.points is two.points
    assert apart.points is not one.points  # on a battery, voltage is another metric


def test_a_device_that_is_gone_is_forgotten_and_its_address_can_come_back() -> None:
    conversation = knowing(PLUG)
    said = hear(conversation, "bridge/devices", [COORDINATOR])
    assert [each.device.id for each in said.announcements if each.withdrawn] == ["00158d00018255df"]
    assert not [key for key in conversation.state if "plug" in key or key.startswith("device/")]
    hear(conversation, "bridge/devices", [COORDINATOR, PLUG])
    assert hear(conversation, "plug", {"power": 1}).samples


def test_a_damaged_inventory_withdraws_nobody() -> None:
    conversation = knowing(PLUG)
    said = hear(conversation, "bridge/devices", [COORDINATOR, {"ieee_address": None}])
    assert not [each for each in said.announcements if each.withdrawn]
    assert hear(conversation, "plug", {"power": 1}).samples


def test_two_devices_may_swap_their_names() -> None:
    one, other = entry("0x0000000000000001", "a", []), entry("0x0000000000000002", "b", [])
    conversation = knowing(one, other)
    hear(conversation, "bridge/devices", [COORDINATOR, one | {"friendly_name": "b"}, other | {"friendly_name": "a"}])
    for name, ieee in (("a", "2"), ("b", "1")):
        [sample] = hear(conversation, name, {"linkquality": 1}).samples
        assert sample.device.id == ieee.zfill(16)


def test_an_inventory_is_bounded_in_devices_and_bytes() -> None:
    conversation = Conversation(Zigbee2MqttFormat(), "c")
    many = [entry(f"0x{number:016x}", f"d{number}") for number in range(MOST_DEVICES + 1)]
    said = hear(conversation, "bridge/devices", many)
    assert len(said.announcements) == MOST_DEVICES
    assert [problem.reason for problem in said.problems] == ["too_many_devices"]
    said = hear(conversation, "bridge/devices", b"[" + b" " * (8 * 1024 * 1024) + b"]")
    assert [problem.reason for problem in said.problems] == ["too_large"]


def test_points_and_depth_of_a_definition_are_bounded() -> None:
    wide = points_of([numeric(f"n{number}", "") for number in range(5_000)], battery=None)
    assert len(wide.points) <= 502
    deep: dict[str, Any] = numeric("x", "")
    for number in range(50):
        deep = {"type": "composite", "property": f"p{number}", "access": 1, "features": [deep]}
    assert [point.name for point in points_of([deep], battery=None).points] == ["linkquality"]


def test_values_of_a_message_are_bounded_and_keys_too() -> None:
    sent = {f"k{number}": 1 for number in range(5_000)} | {"k" * 1_000: 1}
    said = hear(knowing(PLUG), "plug", sent)
    assert len(said.samples[0].values) == 500
    assert 0 < len(said.unknown) <= 16


def test_words_that_are_no_words_are_refused() -> None:
    words: tuple[Any, ...] = ([], {}, 5, None)
    for word in words:
        for topic in ("plug/availability", "bridge/state"):
            assert [problem.reason for problem in hear(knowing(PLUG), topic, {"state": word}).problems] == ["bad_state"]
        said = hear(knowing(PLUG), "bridge/event", {"type": word, "data": word})
        assert said == Decoded()


def test_a_number_that_no_float_can_hold_is_refused_alone() -> None:
    said = hear(knowing(PLUG), "plug", b'{"power": ' + b"9" * 400 + b', "odd": 1}')
    assert not said.samples or said.samples[0].values == {"odd": 1.0}


def test_a_topic_of_slashes_alone_is_read_in_no_time() -> None:
    said = hear(knowing(PLUG), "/" * 60_000, b"{}")
    assert [problem.reason for problem in said.problems] == ["unknown_device"]


@pytest.mark.parametrize(
    ("power_source", "unit", "name", "value"),
    [
        ("Battery", "mV", "battery_voltage", 3.0),
        ("Battery", "V", "battery_voltage", 3_000.0),
        ("Mains (single phase)", "V", "voltage", 3_000.0),
        ("Mains (single phase)", "mV", "voltage", 3.0),
        ("DC Source", "V", "voltage", 3_000.0),
        (None, "V", "voltage", 3_000.0),
    ],
)
def test_volts_of_the_battery_or_of_the_mains(power_source: str | None, unit: str, name: str, value: float) -> None:
    conversation = knowing(entry("0x0000000000000001", "d", [numeric("voltage", unit)], power_source=power_source))
    [sample] = hear(conversation, "d", {"voltage": 3_000}).samples
    assert sample.values == {name: pytest.approx(value)}


@pytest.mark.parametrize(
    ("name", "value_on", "value_off", "sent", "values"),
    [
        ("contact", False, True, False, {"door_open": True}),
        ("contact", True, False, False, {"door_open": True}),
        ("contact", True, False, True, {"door_open": False}),
        ("contact", "ON", "OFF", "OFF", {"door_open": True}),
        ("garage_door_contact", True, False, False, {"door_open": True}),
        ("valve", "CLOSED", "OPEN", "OPEN", {"valve_open": True}),
        ("window", "CLOSE", "OPEN", "OPEN", {"window": True}),
        ("child_lock", "LOCK", "UNLOCK", "LOCK", {"child_lock": True}),
        ("vibration", True, False, True, {"vibration_state": True}),
    ],
)
def test_open_is_open_whichever_word_a_definition_calls_on(
    name: str, value_on: Any, value_off: Any, sent: Any, values: dict[str, bool]
) -> None:
    exposed = {"type": "binary", "name": name, "property": name, "access": 1}
    exposed |= {"value_on": value_on, "value_off": value_off}
    [sample] = hear(knowing(entry("0x0000000000000001", "d", [exposed])), "d", {name: sent}).samples
    assert sample.values == values


def test_a_base_topic_with_a_wildcard_is_refused_by_name() -> None:
    for base in ("zigbee/#", "+/z", "", "/"):
        with pytest.raises(devices.formats.UnknownFormat, match="base topic"):
            devices.formats.make("zigbee2mqtt", options={"base": base})
    assert devices.formats.make("zigbee2mqtt", options={"base": "a/b/"}).filters == ("a/b/#",)


def test_what_the_bridge_repeats_of_the_battery_is_told_once_a_day_and_when_it_changes() -> None:
    bridge = Conversation(Zigbee2MqttFormat(), "garden")
    lists = [{"ieee_address": "0x00158d0000000001", "friendly_name": "door", "power_source": "Battery"}]

    def hear(topic: str, body: object, at: int, *, retain: bool = False) -> dict[str, object]:
        said = bridge.hear(Message(f"zigbee2mqtt/{topic}", msgspec.json.encode(body), at, retain))
        assert said is not None
        return {name: value for sample in said.samples for name, value in sample.values.items()}

    hear("bridge/devices", lists, 0)
    full = {"battery": 97.0, "linkquality": 40.0}
    rest = {"linkquality": 40.0}
    assert hear("door", full, 0, retain=True) == full, "which the hub takes for no reading"
    assert hear("door", full, 1) == full
    assert hear("door", full, 2) == rest
    assert hear("door", {**full, "battery": 96.0}, 3) == {**full, "battery": 96.0}
    assert hear("door", {**full, "battery": 96.0}, DAY + 2) == rest
    assert hear("door", {**full, "battery": 96.0}, DAY + 3) == {**full, "battery": 96.0}
    assert hear("door", {**full, "battery": 96.0}, 7) == {**full, "battery": 96.0}, "the clock was set back"
    kept = {key for key in bridge.state if key.startswith("slow/")}
    assert kept == {"slow/00158d0000000001"}
    hear("bridge/devices", [], 8)
    assert not any(key.startswith("slow/") for key in bridge.state)
