"""The simulator is a function of seed and time, and its faults do what their scenario says."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.simulator import rhythm, scenario
from devices.simulator.habits import USUAL, signal_for
from devices.simulator.model import SimCommunity, SimDevice, SimPoint, point_key
from devices.simulator.play import Play, Publication
from devices.simulator.recorded import Recorded, RecordedError, publications, rows
from devices.simulator.scenario import Scenario, ScenarioError, Step

NOON = 1_795_406_400_000  # 2026-11-23T04:00:00Z, noon in Shanghai
MINUTE = 60_000
ZONE = "Asia/Shanghai"


def a_device(name: str = "pump-1", *metrics: str, gateway: str = "gw-1", interval: int = 30_000) -> SimDevice:
    points = tuple(
        SimPoint(name=m, metric=m, signal=signal_for("pump_room", m), key=point_key(1, name, m)) for m in metrics
    )
    return SimDevice(
        id=name,
        gateway=gateway,
        building="b1",
        facility="pump-room",
        kind="pump_room",
        interval=interval,
        phase=7_000,
        points=points,
    )


def a_community(*devices: SimDevice) -> SimCommunity:
    return SimCommunity(id="test-garden", zone=ZONE, devices={device.id: device for device in devices})


def a_step(shape: str, **more: object) -> Step:
    given_ = {"devices": ("pump-1",), "start": 60_000, "end": 180_000, "values": {}, **more}
    return Step(shape=shape, **given_)  # type: ignore[arg-type]


def a_play(*steps: Step, devices: tuple[SimDevice, ...] = ()) -> Play:
    plot = Scenario(name="test", about_zh="", about_en="", steps=steps, expect=())
    return Play(
        community=a_community(*(devices or (a_device("pump-1", "motor_temperature", "running"),))),
        scenario=plot,
        start=NOON,
    )


def bodies(publications_: list[Publication]) -> list[dict[str, object]]:
    return [json.loads(publication.payload) for publication in publications_]


@given(at=st.integers(NOON - 400 * 86_400_000, NOON), cut=st.integers(1, 9 * MINUTE))
def test_what_is_said_does_not_depend_on_how_the_time_is_cut(at: int, cut: int) -> None:
    device = a_device("pump-1", "motor_temperature", "energy", "running")
    whole = list(Play(community=a_community(device), scenario=None, start=at).between(at, at + 10 * MINUTE))
    parts = Play(community=a_community(device), scenario=None, start=at)
    assert whole == [*parts.between(at, at + cut), *parts.between(at + cut, at + 10 * MINUTE)]


@given(
    metric=st.sampled_from(sorted(USUAL)),
    at=st.integers(NOON - 800 * 86_400_000, NOON),
    ahead=st.integers(0, 40 * 86_400_000),
)
def test_counters_never_fall(metric: str, at: int, ahead: int) -> None:
    signal = USUAL[metric]
    if type(signal).__name__ != "Total":
        return
    before = signal.at(at, rhythm.local(at, ZONE), 99, 0)
    after = signal.at(at + ahead, rhythm.local(at + ahead, ZONE), 99, 0)
    assert float(before) <= float(after)


def test_the_day_has_a_rhythm() -> None:
    evening, night = NOON + 7 * 3_600_000, NOON + 15 * 3_600_000
    level = [rhythm.level(rhythm.EVENING, rhythm.local(at, ZONE)) for at in (evening, night)]
    assert level[0] > 0.9
    assert level[1] < 0.05


def test_messages_come_in_order_and_from_every_device() -> None:
    play = a_play(devices=(a_device("a", "temperature"), a_device("b", "temperature", interval=10_000)))
    said = list(play.between(NOON, NOON + 5 * MINUTE))
    assert [p.at for p in said] == sorted(p.at for p in said)
    assert Counter(p.topic.split("/")[3] for p in said) == {"a": 10, "b": 30}


def test_a_set_value_begins_and_ends_at_once() -> None:
    play = a_play(a_step("set", values={"running": "broken"}))
    said = list(play.between(NOON, NOON + 4 * MINUTE))
    wrong = [p.at - NOON for p in said if json.loads(p.payload)["values"]["running"] == "broken"]
    assert wrong[0] == 60_000
    assert 150_000 < wrong[-1] < 180_000
    assert 180_000 in [p.at - NOON for p in said]


def test_a_ramp_grows_from_what_the_value_was() -> None:
    device = a_device("pump-1", "motor_temperature", "running")
    play = a_play(a_step("ramp", values={"motor_temperature": 0.0}, per_minute=6.0))
    begun = device.values(NOON + 60_000, ZONE)["motor_temperature"]
    at_end = [json.loads(p.payload)["values"]["motor_temperature"] for p in play.between(NOON + 60_000, NOON + 180_000)]
    assert at_end[0] == begun
    assert at_end[-1] == pytest.approx(float(begun) + 6.0 * 1.62, abs=1.0)


def test_a_fault_event_is_said_twice() -> None:
    play = a_play(a_step("event", code="E21", text="overload"))
    events = [json.loads(p.payload) for p in play.between(NOON, NOON + 5 * MINUTE) if p.topic.endswith("/event")]
    assert [(e["ts"] - NOON, e["code"], e["active"]) for e in events] == [
        (60_000, "E21", True),
        (180_000, "E21", False),
    ]


def test_silence_is_silence_and_reaches_everything_behind_a_gateway() -> None:
    devices = (
        a_device("gw-1", "signal", gateway="gw-1"),
        a_device("pump-1", "running"),
        a_device("far", "running", gateway="gw-2"),
    )
    play = a_play(a_step("silent", devices=("gateway:gw-1",)), devices=devices)
    heard = {p.topic.split("/")[3] for p in play.between(NOON + 60_000, NOON + 180_000)}
    assert heard == {"far"}
    assert play.silent_gateways(NOON + 60_000) == {"gw-1"}
    assert play.silent_gateways(NOON + 180_000) == set()


def test_a_stuck_sensor_repeats_itself_with_fresh_times() -> None:
    play = a_play(a_step("stuck"))
    said = bodies(list(play.between(NOON + 60_000, NOON + 180_000)))
    assert len({json.dumps(b["values"]) for b in said}) == 1
    assert len({b["ts"] for b in said}) == len(said) > 3


def test_duplicates_are_the_same_message_twice() -> None:
    said = list(a_play(a_step("duplicate")).between(NOON + 60_000, NOON + 180_000))
    assert all(count == 2 for count in Counter(p.payload for p in said).values())


def test_clocks_can_be_wrong_or_missing() -> None:
    wrong = bodies(list(a_play(a_step("clock", offset_ms=-1000)).between(NOON + 60_000, NOON + 180_000)))
    right = bodies(list(a_play().between(NOON + 67_000, NOON + 180_000)))
    assert [b["ts"] for b in wrong[1:]] == [int(str(b["ts"])) - 1000 for b in right]
    assert all("ts" not in b for b in bodies(list(a_play(a_step("no_clock")).between(NOON + 60_000, NOON + 180_000))))


def test_a_burst_reports_faster() -> None:
    said = list(a_play(a_step("burst", every_ms=20)).between(NOON + 60_000, NOON + 61_000))
    assert len(said) == 50


def test_garbage_comes_among_good_messages() -> None:
    said = list(a_play(a_step("garbage", end=60_000 + 3_600_000)).between(NOON + 60_000, NOON + 3_600_000))
    good = [p for p in said if p.payload.startswith(b'{"ts":17')]
    assert 0.25 < len(good) / len(said) < 0.75


def test_the_truth_is_kept() -> None:
    truth = a_play(a_step("event", code="E21")).truth(NOON + 100_000)
    assert [(t.at - NOON, t.began, t.detail) for t in truth] == [(60_000, True, "E21")]


# --- as they were fitted ------------------------------------------------------------------------------------------


def leak_heads(*steps: Step) -> Play:
    return a_play(*steps, devices=tuple(a_device(name, "leak", interval=12 * 3_600_000) for name in ("a", "b", "c")))


def wet(play: Play) -> list[tuple[int, str]]:
    """When which serial says that it is wet, from the start."""
    said = play.between(NOON, NOON + 10 * MINUTE)
    return [(p.at - NOON, p.topic.split("/")[3]) for p in said if json.loads(p.payload)["values"]["leak"]]


TRIGGERED = {"devices": ("a", "c"), "end": 63_000, "values": {"leak": True}, "each_ms": 20_000}


def test_devices_that_take_turns_are_triggered_one_after_the_other() -> None:
    assert wet(leak_heads(a_step("set", **TRIGGERED))) == [(60_000, "a"), (80_000, "c")]


def test_a_device_says_the_serial_that_it_has_and_not_that_of_the_list() -> None:
    mistyped = a_step("serial", devices=("a",), serial="a81")
    assert wet(leak_heads(a_step("set", **TRIGGERED), mistyped)) == [(60_000, "a81"), (80_000, "c")]


def test_what_happens_at_one_place_of_a_swapped_pair_is_said_by_the_other_device() -> None:
    swapped = a_step("swapped", devices=("a", "b"))
    assert wet(leak_heads(a_step("set", **TRIGGERED), swapped)) == [(60_000, "b"), (80_000, "c")]


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (a_step("swapped", devices=("a", "b", "c")), "swapped is about 2 of the community's devices; a, b, c names 3"),
        (a_step("serial", devices=("d",), serial="x1"), "serial is about 1 of the community's devices; d names 0"),
    ],
)
def test_a_fitting_that_the_community_has_no_devices_for_is_refused(step: Step, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        leak_heads(step)


@pytest.mark.parametrize("name", scenario.names())
def test_shipped_scenarios_say_what_they_are_in_both_languages(name: str) -> None:
    plot = scenario.load(name)
    assert plot.about_zh
    assert plot.about_en


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stepp = 1", "unknown key stepp"),
        ('[[step]]\nshape = "explode"', "shape 'explode' is none of"),
        ('[[step]]\nshape = "set"', "names no devices"),
        ('[[step]]\nshape = "set"\nwhen = 3', "unknown key when"),
        ('[[step]]\nshape = "serial"\ndevices = ["a"]', 'shape serial needs serial = "a8…"'),
        ("[[step", "not valid TOML"),
    ],
)
def test_a_bad_scenario_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        scenario.parse(text, "bad.toml", "bad")


def test_no_such_scenario_lists_those_that_exist() -> None:
    with pytest.raises(ScenarioError, match="lift-door-fault"):
        scenario.load("lift-door-falt")


def test_a_recorded_series_keeps_its_own_times_and_leaves_at_the_speed_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "series.csv"
    file.write_text(
        "timestamp,value\n2013-12-02 21:15:00,73.9\n2013-12-02 21:20:00,74.1\n2013-12-02 21:10:00,70\n",
        encoding="utf-8",
    )
    source = Recorded(path=file, community="c", device="machine", point="temperature")
    said = list(publications(source, speed=300.0, start=NOON, as_live=False))
    assert [p.at - NOON for p in said] == [0, 1000, 1000]
    assert bodies(said)[0] == {"ts": 1_386_018_900_000, "values": {"temperature": 73.9}}
    live = list(publications(source, speed=300.0, start=NOON, as_live=True))
    assert [b["ts"] for b in bodies(live)] == [p.at for p in live]
    shanghai = list(publications(replace(source, zone=ZONE), speed=300.0, start=NOON, as_live=False))
    assert bodies(shanghai)[0]["ts"] == 1_386_018_900_000 - 8 * 3_600_000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time,value\n", "no column 'timestamp'; the first line has time, value"),
        ("timestamp,value\nnoon,3\n", "line 2"),
        ("timestamp,value\n2020-01-01 00:00:00,\n", "line 2"),
    ],
)
def test_a_file_that_is_no_series_is_refused_by_line(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "series.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RecordedError, match=says):
        list(rows(Recorded(path=file, community="c", device="d", point="p")))
