"""ChirpStack and The Things Stack: bounded, deaf to nothing, and one identity for a device that moves between them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.contract import Announcement, Decoded, Limits, Message
from devices.conversation import Conversation
from devices.formats import make
from devices.formats.chirpstack import ChirpStackFormat
from devices.formats.thethingsstack import TheThingsStackFormat
from devices.lorawan import uplink
from devices.lorawan.fields import table_of
from devices.lorawan.reading import READINGS, Reading, moment_of, plain_numbers

CHIRPSTACK, STACK = ChirpStackFormat(), TheThingsStackFormat()
CHIRPSTACK_TOPICS = [
    f"application/a/device/24e124707c012345/event/{event}"
    for event in ("up", "status", "join", "ack", "txack", "log", "location", "integration", "error")
]
STACK_TOPICS = [
    f"v3/app1@tenant1/devices/dev1/{event}" for event in ("up", "join", "location/solved", "down/ack", "service/data")
]
UP = CHIRPSTACK_TOPICS[0]

words = st.sampled_from(
    [
        "temperature",
        "humidity",
        "battery",
        "value",
        "data",
        "unit",
        "time",
        "timestamp",
        "history",
        "status",
        "°C",
        "on",
        "1",
        "ch2",
    ]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=8), inner, max_size=4),
    max_leaves=16,
)
profiles = st.sampled_from(["", "Elsys ERS", "Milesight AM307", "Milesight", "Decentlab DL-PR36", "dl-iam", "Cayenne"])


def hear(wire_format: Any, topic: str, payload: bytes, state: dict[str, Any] | None = None) -> Decoded:
    route = wire_format.route(topic, "c")
    assert route is not None
    found: Decoded = wire_format.decode(route, Message(topic=topic, payload=payload, received_at=0), state or {})
    assert_sound(found)
    return found


def assert_sound(found: Decoded) -> None:
    for sample in found.samples:
        assert sample.values
        assert sample.time is None or type(sample.time) is int
        for name, value in sample.values.items():
            assert name.isprintable()
            assert 0 < len(name) <= 128
            assert type(value) in {float, bool, str}
            assert not isinstance(value, float) or abs(value) < float("inf")
    assert sum(len(sample.values) for sample in found.samples) <= READINGS + 1  # and the signal
    for problem in found.problems:
        assert problem.reason.isidentifier()
        assert ": " in problem.detail or " is not " in problem.detail
    json.dumps([change.value for change in found.changes], allow_nan=False)
    assert all(isinstance(a, Announcement) for a in found.announcements)


def chirpstack_event(**more: Any) -> bytes:
    return json.dumps({"deviceInfo": {"devEui": "24e124707c012345", "deviceName": "n"}, **more}).encode()


def stack_event(**more: Any) -> bytes:
    return json.dumps({"end_device_ids": {"dev_eui": "24E124707C012345"}, "uplink_message": more}).encode()


@given(st.sampled_from(CHIRPSTACK_TOPICS), st.binary(max_size=200))
def test_any_bytes_are_an_event_or_are_refused(topic: str, payload: bytes) -> None:
    hear(CHIRPSTACK, topic, payload)


@given(st.sampled_from(STACK_TOPICS), st.binary(max_size=200))
def test_any_bytes_are_a_message_of_the_stack_or_are_refused(topic: str, payload: bytes) -> None:
    hear(STACK, topic, payload)


@given(
    st.sampled_from(CHIRPSTACK_TOPICS),
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            (
                "deduplicationId",
                "time",
                "fPort",
                "data",
                "object",
                "rxInfo",
                "margin",
                "batteryLevel",
                "level",
                "code",
                "description",
                "location",
            ),
            json_values,
        )
        | {
            "deviceInfo": st.fixed_dictionaries(
                {}, optional=dict.fromkeys(("devEui", "deviceName", "deviceProfileName", "tags"), json_values)
            )
        },
    ),
)
def test_any_object_is_an_event_or_is_refused(topic: str, event: dict[str, Any]) -> None:
    hear(CHIRPSTACK, topic, json.dumps(event).encode("utf-8", "replace"))


@given(
    st.sampled_from(STACK_TOPICS),
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("received_at", "simulated", "location_solved", "end_device_ids"), json_values)
        | {
            "uplink_message": st.fixed_dictionaries(
                {},
                optional=dict.fromkeys(
                    (
                        "f_port",
                        "f_cnt",
                        "frm_payload",
                        "decoded_payload",
                        "normalized_payload",
                        "rx_metadata",
                        "version_ids",
                        "attributes",
                    ),
                    json_values,
                ),
            )
        },
    ),
)
def test_any_object_is_a_message_of_the_stack_or_is_refused(topic: str, message: dict[str, Any]) -> None:
    hear(STACK, topic, json.dumps(message).encode("utf-8", "replace"))


@given(profiles, st.dictionaries(words | st.text(max_size=8), json_values, max_size=6))
def test_any_decoded_object_of_any_maker_is_read(profile: str, found: dict[str, Any]) -> None:
    info = {"devEui": "24e124707c012345", "deviceProfileName": profile}
    hear(CHIRPSTACK, UP, json.dumps({"deviceInfo": info, "object": found}).encode("utf-8", "replace"))


@given(profiles, st.binary(max_size=60), st.integers(-1, 300))
def test_any_frame_of_any_maker_is_read_or_named(profile: str, frame: bytes, port: int) -> None:
    import base64

    info = {"devEui": "24e124707c012345", "deviceProfileName": profile}
    event = {"deviceInfo": info, "fPort": port, "data": base64.b64encode(frame).decode()}
    found = hear(CHIRPSTACK, UP, json.dumps(event).encode())
    assert found.samples or found.problems or found.announcements


@pytest.mark.parametrize("tag", ["", "x" * 3_000])
def test_what_a_server_says_of_a_device_holds_for_the_event_that_says_it(tag: str) -> None:
    """It is remembered by its bytes, long ones are not: neither must hand on what another event said."""
    names = []
    for name, community in (("Hall", "a"), ("Roof", "a"), ("Hall", "b")):
        info = {"devEui": "24e124707c012345", "deviceName": name, "tags": {"t": tag}}
        event = json.dumps({"deviceInfo": info, "object": {"temperature": 4}}).encode()
        route = CHIRPSTACK.route(UP, community)
        assert route is not None
        [said] = CHIRPSTACK.decode(route, Message(UP, event, received_at=0)).announcements
        names.append((said.name, said.device.community))
    assert names == [("Hall", "a"), ("Roof", "a"), ("Hall", "b")]


@pytest.mark.parametrize(
    ("heard", "signal"), [([], None), ([{}, {"rssi": -90}, {"rssi": -70}], -70.0), ([7], None), (7, None)]
)
def test_the_signal_is_that_of_the_nearest_gateway(heard: Any, signal: float | None) -> None:
    [sample] = hear(CHIRPSTACK, UP, chirpstack_event(object={"temperature": 4}, rxInfo=heard)).samples
    assert sample.values.get("signal") == signal


def test_a_device_that_moves_between_the_servers_is_the_same() -> None:
    [ours] = hear(CHIRPSTACK, UP, chirpstack_event(object={"temperature": 4})).samples
    [theirs] = hear(STACK, STACK_TOPICS[0], stack_event(decoded_payload={"temperature": 4})).samples
    assert ours.device == theirs.device
    assert ours.device.hub_id == "c~eui64-24e124707c012345"


def test_other_topics_are_not_theirs() -> None:
    for topic in (
        "application/a/device/b/command/down",
        "application/a/event/up",
        "applications/a/device/b/event/up",
        "v3/a/as/up",
    ):
        assert CHIRPSTACK.route(topic, None) is None
    for topic in ("v3/app1/devices/dev1", "v3/app1/gateways/g/up", "v3//devices/dev1/up", "v2/app1/devices/dev1/up"):
        assert STACK.route(topic, None) is None
    prefixed = make("thethingsstack", options={"prefix": "/site-2/"})
    assert prefixed.filters == (
        "site-2/v3/+/devices/+/up",
        "site-2/v3/+/devices/+/join",
        "site-2/v3/+/devices/+/location/solved",
    )
    assert prefixed.route("v3/app1/devices/dev1/up", None) is None
    assert prefixed.route("site-2/v3/app1/devices/dev1/up", None) is not None


def test_a_message_has_at_most_so_many_readings() -> None:
    many = {f"v{number}": number for number in range(READINGS + 500)}
    found = hear(CHIRPSTACK, UP, chirpstack_event(object=many))
    assert [len(sample.values) for sample in found.samples] == [READINGS]
    assert [problem.reason for problem in found.problems] == ["too_many_values"]
    assert "500 values" in found.problems[0].detail
    history = [{"timestamp": 1_700_000_000 + number, "temperature": 1} for number in range(READINGS + 3)]
    found = hear(CHIRPSTACK, UP, chirpstack_event(object={"history": history}))
    assert len(found.samples) == READINGS
    normalized = [{"time": f"2023-11-14T22:{n // 60 % 60:02}:{n % 60:02}Z", "battery": 3} for n in range(READINGS + 3)]
    found = hear(STACK, STACK_TOPICS[0], stack_event(normalized_payload=normalized))
    assert len(found.samples) == READINGS
    assert [problem.reason for problem in found.problems] == ["too_many_values"]


def test_depth_size_and_names_are_bounded() -> None:
    deep: Any = 1
    for _ in range(29):
        deep = {"a": deep}
    assert hear(CHIRPSTACK, UP, chirpstack_event(object=deep)).samples
    for payload in (b"[" * 200_000, b'{"a":' * 40_000, chirpstack_event(object={"a": "x" * 300_000})):
        [problem] = hear(CHIRPSTACK, UP, payload).problems
        assert problem.reason in {"too_deep", "too_large"}
    small = ChirpStackFormat(Limits(name=12))
    found = hear(small, UP, chirpstack_event(object={"a" * 13: 1, "temperature": 1, "group": {"longer name": 2}}))
    assert [problem.reason for problem in found.problems] == ["bad_name", "bad_name"]
    assert [sample.values for sample in found.samples] == [{"temperature": 1.0}]


def test_only_so_many_devices_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uplink, "_MOST_DEVICES", 2)
    conversation = Conversation(CHIRPSTACK, "c")

    def announced(number: int, event: str = "up") -> int:
        topic = f"application/a/device/{number:016x}/event/{event}"
        payload = json.dumps(
            {"deviceInfo": {"devEui": f"{number:016x}", "deviceName": "n"}, "object": {"temperature": 1}}
        )
        found = conversation.hear(Message(topic=topic, payload=payload.encode(), received_at=0))
        assert found is not None
        return len(found.announcements)

    assert [announced(1), announced(2), announced(3), announced(1)] == [1, 1, 0, 0]
    assert announced(3, "join") == 1
    assert len(conversation.state) == 2


def test_what_a_device_says_of_itself_is_announced_once_and_kept_apart() -> None:
    conversation = Conversation(CHIRPSTACK, "c")

    def news(event: str = "up", **more: Any) -> list[tuple[str, str, str]]:
        topic = UP.replace("/up", f"/{event}")
        found = conversation.hear(Message(topic=topic, payload=chirpstack_event(**more), received_at=0))
        assert found is not None
        return [(each.name, each.firmware, each.power) for each in found.announcements]

    assert news(object={"firmware_version": "1.2", "temperature": 1}) == [("n", "1.2", "")]
    assert news("status", batteryLevel=50) == [("", "", "battery")]
    assert news(object={"firmware_version": "1.2"}) == []
    assert news("status", batteryLevel=49) == []
    assert news(object={"firmware_version": "1.3"}) == [("", "1.3", "")]
    assert news("join") == [("n", "1.3", "battery")]
    assert news("status", batteryLevel=48) == []


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (1_700_000_000, 1_700_000_000_000),
        (1_700_000_000_123, 1_700_000_000_123),
        (1_700_000_000.5, 1_700_000_000_500),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("2023-11-14T22:13:20", None),
        ("yesterday", None),
        (0, None),
        (-5, None),
        (1e300, None),
        (True, None),
        (None, None),
    ],
)
def test_a_moment_is_seconds_milliseconds_or_iso(value: object, moment: int | None) -> None:
    assert moment_of(value) == moment


def test_secrets_that_a_codec_shows_are_not_readings() -> None:
    shown = {"appKey": "00112233445566778899AABBCCDDEEFF", "wifi_password": "hunter2", "temperature": 20}
    [sample] = hear(CHIRPSTACK, UP, chirpstack_event(object=shown)).samples
    assert sample.values == {"temperature": 20.0}


_NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.floats(-300, 3300)


@given(
    profiles, st.dictionaries(words | st.sampled_from(["temp", "Temperature", "co2", "a.b"]), _NUMBERS | json_values)
)
def test_plain_numbers_are_read_as_by_a_closer_look(profile: str, found: dict[str, Any]) -> None:
    limits, table = Limits(), table_of(profile.lower())
    plain = plain_numbers(found, table, limits)
    reading = Reading(limits)
    if plain is not None:
        assert (reading.take(found, table), reading.about, reading.unknown) == ((plain, None), {}, [])
    one_by_one = Reading(Limits(name=127))
    assert Reading(limits).take(found, table) == one_by_one.take(found, table)
