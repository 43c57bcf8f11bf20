"""What the simulator says in a format, the format's own decoder reads back as the same device, points and values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import formats
from devices.contract import Decoded, DeviceRef, Message
from devices.conversation import Conversation
from devices.simulator import speaking
from devices.simulator.habits import signal_for
from devices.simulator.model import SimCommunity, SimDevice, SimPoint, point_key
from devices.simulator.play import Play, Publication
from devices.simulator.scenario import Scenario, Step
from devices.simulator.signals import Steady, Value
from devices.simulator.speaking.by_profile import ProfileSpeaker
from devices.simulator.speaking.speech import Speaker, Stage
from devices.words import METRICS, SWITCHES


def a_speaker(name: str) -> Speaker:
    return speaking.make(name, Stage("test-garden", 0), ())


NOON: Final = 1_795_406_400_000  # 2026-11-23T04:00:00Z
MINUTE: Final = 60_000
GARDEN: Final = "test-garden"
ALL: Final = speaking.names()
BY_PROFILE: Final = tuple(each for each in ALL if isinstance(a_speaker(each), ProfileSpeaker))
BY_HAND: Final = tuple(each for each in ALL if each not in BY_PROFILE)
EVERYDAY: Final = ("temperature", "occupancy", "leak", "power", "free_bays")
"""Points of which every format has a word for one at least."""


def a_device(name: str, *points: str, gateway: str = "gw-1", **more: Any) -> SimDevice:
    found = tuple(
        SimPoint(
            name=each,
            metric=each.rpartition(".")[2],
            signal=signal_for("gym", each.rpartition(".")[2]),
            key=point_key(1, name, each),
        )
        for each in points
    )
    given_ = {"building": "b1", "facility": "f", "kind": "gym", "interval": 30_000, "phase": 7_000, **more}
    return SimDevice(id=name, gateway=gateway, points=found, **given_)


def a_step(shape: str, *devices: str, **more: Any) -> Step:
    return Step(shape=shape, devices=devices, **{"start": MINUTE, "end": 3 * MINUTE, "values": {}, **more})


def a_play(name: str, *devices: SimDevice, steps: tuple[Step, ...] = ()) -> Play:
    community = SimCommunity(id=GARDEN, zone="Asia/Shanghai", devices={device.id: device for device in devices})
    plot = Scenario(name="test", about_zh="", about_en="", steps=steps, expect=())
    return Play(community=community, scenario=plot, start=NOON, speaks=name)


def heard(name: str, said: Iterator[Publication] | list[Publication]) -> list[tuple[Publication, Decoded]]:
    """What the project's own decoder makes of it. Nothing may be on a topic that it does not subscribe to."""
    conversation = Conversation(formats.make(name), GARDEN)
    found = []
    for each in said:
        decoded = conversation.hear(Message(each.topic, each.payload, each.at, retain=each.retain))
        assert decoded is not None, f"{name} does not read {each.topic}"
        found.append((each, decoded))
    return found


def ref_of(play: Play, device: SimDevice) -> DeviceRef:
    return DeviceRef(GARDEN, *play.speaker_of(device).own(device))


def close(found: object, wanted: object) -> bool:
    if isinstance(wanted, (bool, str)):
        return found is wanted or found == wanted
    return isinstance(found, float) and found == pytest.approx(wanted, rel=1e-6, abs=1e-6)


WITHOUT_TIME: Final = frozenset({"homeassistant", "ocpp_bridge", "theengs"})
"""Formats whose messages count when they arrive."""
IN_SECONDS: Final = frozenset(
    {"aws_shadow", "huawei_iotda", "lift_eleon", "people_counter_footfallcam", "people_counter_milesight"}
)
"""Formats whose times are whole seconds."""
NEEDS_TIME: Final = frozenset({"udmi"})
"""Formats that read no message without a time: a device without a clock says nothing."""
AT_ONCE: Final = {
    "ev_charging_platform": frozenset({"charging", "bay_occupied", "booked", "fault", "online"}),
    "ocpp_bridge": frozenset({"charging", "bay_occupied", "fault", "status"}),
}
"""Format -> what one word of it says at once, also of what the device does not measure."""
WHEN_CHANGED: Final = {"zigbee2mqtt": frozenset({"battery", "battery_voltage", "battery_low"})}
"""Format -> what its decoder takes only when it changes, because a bridge repeats it with every message."""
NUMBERS: Final = st.integers(0, 1_000).map(lambda tenths: tenths / 10)
WORDS: Final = {
    "service_mode": ("normal", "inspection", "fire", "stopped", "maintenance"),
    "direction": ("up", "down", "none"),
    "fault_code": ("E21", "0"),
}


def readings(metric: str) -> st.SearchStrategy[Value]:
    """Values that a device may read."""
    if metric in WORDS:
        return st.sampled_from(WORDS[metric])
    if metric in SWITCHES:
        return st.booleans()
    return NUMBERS.map(lambda level: -1.0 - level) if metric == "signal" else NUMBERS


def named_for(heard: str, metric: str) -> bool:
    """By the metric, or, where the scale of numbers is unknown to the format, by its word as it came."""
    return heard.rpartition(".")[2] in {metric, f"{metric}_raw"}


def coarse(name: str, moment: int | None) -> int | None:
    """The moment as the format can tell it."""
    return moment if moment is None or name not in IN_SECONDS else moment // 1000 * 1000


@cache
def metrics_of(name: str) -> list[str]:
    """The metrics that the format has a word for."""
    device = a_device("sensor-1", *sorted(METRICS))
    heard_as = a_play(name, device).speaker_of(device).heard_as(device)
    return sorted(point for point in METRICS if point in heard_as)


@st.composite
def some_points(draw: st.DrawFn, name: str, most: int) -> tuple[SimPoint, ...]:
    """Points with a metric each, some of them in parts of the device, each with a value that stays."""
    metric = st.sampled_from(metrics_of(name)) | st.sampled_from(sorted(METRICS))
    part = st.sampled_from(["port1", "port2", "switch1"])
    names = draw(st.lists(metric | st.builds("{}.{}".format, part, metric), max_size=most, unique=True))
    found = []
    for point in names:
        word = point.rpartition(".")[2]
        found.append(SimPoint(name=point, metric=word, signal=Steady(draw(readings(word))), key=1))
    return tuple(found)


@pytest.mark.parametrize("name", BY_HAND)
@given(data=st.data(), at=st.integers(0, 86_400_000))
@settings(max_examples=60)
def test_what_is_said_is_read_back(name: str, data: st.DataObject, at: int) -> None:
    say_some(name, data, at)


@pytest.mark.parametrize("name", BY_PROFILE)
@given(data=st.data(), at=st.integers(0, 86_400_000))
@settings(max_examples=15)
def test_what_is_said_by_a_profile_is_read_back(name: str, data: st.DataObject, at: int) -> None:
    say_some(name, data, at)


def say_some(name: str, data: st.DataObject, at: int) -> None:
    points, gateway = data.draw(some_points(name, most=12)), data.draw(some_points(name, most=3))
    read_back(name, points, gateway, NOON + at)


@pytest.mark.parametrize("switches", [False, True])
@pytest.mark.parametrize("name", ALL)
def test_every_word_is_read_back(name: str, *, switches: bool) -> None:
    values: dict[str, Value] = dict.fromkeys(METRICS, 12.5) | dict.fromkeys(SWITCHES, switches) | {"signal": -71.5}
    values |= {metric: words[-1] for metric, words in WORDS.items()}
    points = tuple(
        SimPoint(name=metric, metric=metric, signal=Steady(values[metric]), key=1) for metric in metrics_of(name)
    )
    assert points
    read_back(name, points, (), NOON)


def read_back(name: str, points: tuple[SimPoint, ...], gateway: tuple[SimPoint, ...], begin: int) -> None:
    """Hold what a gateway and a device behind it say within a minute to what they measure."""
    devices = (replace(a_device("gw-1"), points=gateway), replace(a_device("sensor-1"), points=points))
    play = a_play(name, *devices)
    found = heard(name, play.between(begin, begin + MINUTE))
    assert not [problem for _, decoded in found for problem in decoded.problems]
    assert not [request for _, decoded in found for request in decoded.requests], "something was missing"
    for device in devices:
        who, heard_as = ref_of(play, device), play.speaker_of(device).heard_as(device)
        moments: dict[int | None, dict[str, object]] = {}
        for each, decoded in found:
            for sample in decoded.samples:
                if sample.device == who:
                    assert sample.quality == "good"
                    moment = each.at if name in WITHOUT_TIME else sample.time
                    moments.setdefault(coarse(name, moment), {}).update(sample.values)
        values = device.values(begin, "Asia/Shanghai")
        wanted = {heard_as[point]: value for point, value in values.items() if point in heard_as}
        assert all(named_for(heard_as[p.name], p.metric) for p in device.points if p.name in heard_as)
        for late in (0, device.interval):
            spoken = moments.get(coarse(name, begin + (device.phase - begin) % device.interval + late), {})
            beside = {point for point in spoken if point.rpartition(".")[2] in AT_ONCE.get(name, ())}
            again = WHEN_CHANGED.get(name, frozenset()) if late else frozenset()
            assert spoken.keys() - beside <= wanted.keys()
            assert wanted.keys() - again <= spoken.keys()
            both = spoken.keys() & wanted.keys()
            wrong = {point: (wanted[point], spoken[point]) for point in both if not close(spoken[point], wanted[point])}
            assert not wrong, wrong


@pytest.mark.parametrize("name", ALL)
def test_nobody_but_the_devices_speaks(name: str) -> None:
    devices = (a_device("gw-1", "signal", *EVERYDAY), a_device("sensor-1", *EVERYDAY, "battery"))
    play = a_play(name, *devices)
    found = heard(name, play.between(NOON, NOON + 5 * MINUTE))
    speakers = {sample.device for _, decoded in found for sample in decoded.samples}
    assert speakers == {ref_of(play, device) for device in devices}


@pytest.mark.parametrize("name", ALL)
def test_a_devices_own_id_is_kept(name: str) -> None:
    device = a_device("sensor-1", *EVERYDAY)
    made_up = a_play(name, device).speaker_of(device).own(device)
    own = replace(device, scheme=made_up.scheme, own=made_up.id.replace("a", "b").replace("1", "2"))
    play = a_play(name, own)
    if name != "native":
        assert play.speaker_of(own).own(own).id == own.own
    speakers = {s.device for _, decoded in heard(name, play.between(NOON, NOON + MINUTE)) for s in decoded.samples}
    assert speakers == {ref_of(play, own)}


@pytest.mark.parametrize("name", ALL)
def test_silence_is_silence(name: str) -> None:
    devices = (a_device("gw-1", *EVERYDAY), a_device("sensor-1", *EVERYDAY))
    play = a_play(name, *devices, steps=(a_step("silent", "gateway:gw-1"),))
    before = list(play.between(NOON, NOON + MINUTE))
    assert before
    assert not list(play.between(NOON + MINUTE, NOON + 3 * MINUTE))
    after = list(play.between(NOON + 3 * MINUTE, NOON + 5 * MINUTE))
    found = heard(name, [*before, *after])
    assert not [problem for _, decoded in found for problem in decoded.problems]
    again = {s.device for each, decoded in found[len(before) :] for s in decoded.samples}
    assert again == {ref_of(play, device) for device in devices}


@pytest.mark.parametrize("name", ALL)
def test_a_device_that_falls_silent_alone_comes_back(name: str) -> None:
    devices = (a_device("gw-1", *EVERYDAY), a_device("sensor-1", *EVERYDAY))
    play = a_play(name, *devices, steps=(a_step("silent", "sensor-1"),))
    found = heard(name, play.between(NOON, NOON + 5 * MINUTE))
    assert not [problem for _, decoded in found for problem in decoded.problems]
    silent = ref_of(play, devices[1])
    spoke = [each.at for each, decoded in found for s in decoded.samples if s.device == silent]
    assert not [at for at in spoke if NOON + MINUTE <= at < NOON + 3 * MINUTE]
    assert max(spoke) > NOON + 4 * MINUTE
    gone = [s.online for _, decoded in found for s in decoded.statements if s.device == silent]
    assert gone == ([True, False, True] if name == "sparkplug" else [])


@pytest.mark.parametrize("name", ALL)
def test_a_drift_is_told(name: str) -> None:
    device = a_device("sensor-1", *EVERYDAY)
    step = a_step("ramp", "sensor-1", per_minute=6.0, end=None, values=dict.fromkeys(EVERYDAY, 0.0))
    found = heard(name, a_play(name, device, steps=(step,)).between(NOON, NOON + 12 * MINUTE))
    values = [value for _, decoded in found for s in decoded.samples for value in s.values.items()]
    spoken = {point.rpartition(".")[2].removesuffix("_raw") for point, _ in values}
    drifting = next(metric for metric in ("temperature", "occupancy", "free_bays") if metric in spoken)
    told = [value for point, value in values if named_for(point, drifting)]
    assert told[-1] - told[0] > 50


@pytest.mark.parametrize("name", ALL)
def test_a_wrong_clock_and_none(name: str) -> None:
    device = a_device("sensor-1", *EVERYDAY)
    wrong = a_play(name, device, steps=(a_step("clock", "sensor-1", offset_ms=-1_000_000_000),))
    said = list(wrong.between(NOON, NOON + 3 * MINUTE))
    times = [s.time for each, decoded in heard(name, said) for s in decoded.samples if each.at > NOON + MINUTE]
    assert times
    assert all(name in WITHOUT_TIME if time is None else time < NOON - 900_000_000 for time in times)
    none = a_play(name, device, steps=(a_step("no_clock", "sensor-1"),))
    said = list(none.between(NOON, NOON + 3 * MINUTE))
    times = [s.time for each, decoded in heard(name, said) for s in decoded.samples if each.at > NOON + MINUTE]
    assert set(times) == (set() if name in NEEDS_TIME else {None})


@pytest.mark.parametrize("name", ALL)
def test_duplicates_say_the_same_twice(name: str) -> None:
    device = a_device("sensor-1", *EVERYDAY)
    play = a_play(name, device, steps=(a_step("duplicate", "sensor-1"),))
    list(play.between(NOON, NOON + MINUTE))
    said = list(play.between(NOON + MINUTE, NOON + 3 * MINUTE))
    assert said[::2] == said[1::2]
    assert said


@pytest.mark.parametrize("name", ALL)
def test_garbage_is_refused_and_the_rest_is_read(name: str) -> None:
    device = a_device("sensor-1", *EVERYDAY)
    play = a_play(name, device, steps=(a_step("garbage", "sensor-1", end=None),))
    found = heard(name, play.between(NOON, NOON + 20 * MINUTE))
    assert [problem for _, decoded in found for problem in decoded.problems]
    good = [s for each, decoded in found for s in decoded.samples if each.at > NOON + MINUTE]
    assert good


@pytest.mark.parametrize("name", ALL)
def test_a_fault_is_told_or_left_out(name: str) -> None:
    device = a_device("sensor-1", *EVERYDAY)
    play = a_play(name, device, steps=(a_step("event", "sensor-1", code="E21", text="overload"),))
    found = heard(name, play.between(NOON, NOON + 5 * MINUTE))
    events = [
        (event.type, event.code, event.active)
        for _, decoded in found
        for event in decoded.events
        if event.type == "fault"
    ]
    assert events in FAULTS.get(name, [[]])
    assert not [problem for _, decoded in found for problem in decoded.problems]


FAULTS: Final = {
    "native": [[("fault", "E21", True), ("fault", "E21", False)]],
    "chirpstack": [[("fault", "E21", None)]],
    "alink": [[("fault", "E21", None)]],
    "ctwing": [[("fault", "E21", None)]],
    "generic_http": [[("fault", "E21", True), ("fault", "E21", False)]],
    "lift_gbt24476": [[("fault", "E21", True), ("fault", "E21", False)]],
    "ocpp_bridge": [[("fault", "E21", True), ("fault", "E21", False)]],
    "shelly": [[("fault", "E21", True), ("fault", "E21", False)]],
    "udmi": [[("fault", "E21", None)]],
    "wmbus": [[("fault", "E21", True), ("fault", "E21", False)]],
}
"""Format -> what comes of a fault that begins and ends; not here: it has no word for one."""


@pytest.mark.parametrize("name", ALL)
def test_a_will_says_that_a_gateway_is_gone(name: str) -> None:
    gateway = a_device("gw-1", *EVERYDAY)
    play = a_play(name, gateway)
    said = list(play.between(NOON, NOON + MINUTE))
    will = play.presence("gw-1", online=False)
    if will is None:
        assert name in WITHOUT_WILL
        return
    hello = play.presence("gw-1", online=True)
    words = [Publication(NOON, "gw-1", *each) for each in (hello, will) if each is not None]
    statements = [s for _, decoded in heard(name, [*said, *words]) for s in decoded.statements]
    about = [statement.online for statement in statements if statement.device == ref_of(play, gateway)]
    assert (about[0], about[-1]) == (True, False)


WITHOUT_WILL: Final = frozenset(
    {
        "chirpstack",
        "edgex",
        "huawei_iotda",
        "influx_line",
        "kepware",
        "people_counter_footfallcam",
        "people_counter_milesight",
        "senml",
        "telegraf_json",
        "theengs",
        "thethingsstack",
        "tuyalink",
        "udmi",
        "wmbus",
    }
)


def test_native_is_said_as_ever() -> None:
    point = SimPoint(name="temperature", metric="temperature", signal=Steady(21.5), key=1)
    device = replace(a_device("sensor-1"), points=(point,))
    step = a_step("event", "sensor-1", code="E21", text="过载", start=20_000, end=None)
    said = [(each.topic, each.payload) for each in a_play("", device, steps=(step,)).between(NOON, NOON + 38_000)]
    root = "community/v1/test-garden/sensor-1"
    assert said == [
        (f"{root}/telemetry", b'{"ts":1795406407000,"seq":1,"boot":"1a2068f8a00","values":{"temperature":21.5}}'),
        (f"{root}/event", '{"ts":1795406420000,"type":"fault","code":"E21","active":true,"text":"过载"}'.encode()),
        (f"{root}/telemetry", b'{"ts":1795406420000,"seq":2,"boot":"1a2068f8a00","values":{"temperature":21.5}}'),
        (f"{root}/telemetry", b'{"ts":1795406437000,"seq":3,"boot":"1a2068f8a00","values":{"temperature":21.5}}'),
    ]


def test_an_unknown_format_is_refused_by_name() -> None:
    with pytest.raises(speaking.UnknownSpeaker, match=r"does not speak 'klingon'; it speaks .*native"):
        a_play("klingon", a_device("sensor-1", "temperature"))
    with pytest.raises(speaking.UnknownSpeaker, match=r"device sensor-1: .* scheme 'odd'; expected one of .*native"):
        a_play("", a_device("sensor-1", "temperature", scheme="odd", own="x"))
