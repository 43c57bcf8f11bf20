"""The two small languages of profiles, their times, and what they remember."""

from __future__ import annotations

from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import devices.formats
from devices.contract import Message
from devices.conversation import Conversation
from devices.profiles import ProfileFormat, gathering
from devices.profiles.columns import slug
from devices.profiles.paths import BadPath, Here, Odd, getter, steps, template, walker
from devices.profiles.points import Reader
from devices.profiles.times import clock, from_number, zone_of
from devices.profiles.topics import BadPattern, Pattern

MESSAGE: dict[str, Any] = {
    "a": {"b": [{"id": 1, "v": 5}, {"id": 2, "v": 6}], "names": ["x", "y"]},
    "time": 7,
    "key": None,
}


def here(item: Any = None, **names: str) -> Here:
    return Here(MESSAGE, MESSAGE if item is None else item, names)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("time", 7),
        ("a.b[1].v", 6),
        ("a.b[9].v", None),
        ("a.{which}[0]", "x"),
        ("/time", 7),
        ("key", None),
        ("key.deeper", None),
        ("time.deeper", None),
        ("", MESSAGE),
    ],
)
def test_a_path_leads_to_one_thing_or_to_nothing(path: str, found: object) -> None:
    assert getter(path)(here(which="names")) == found


def test_a_walk_comes_by_many_things_under_their_names() -> None:
    assert [(each.index, each.item["v"]) for each in walker("a.b[]")(here())] == [(0, 5), (1, 6)]
    assert [each.names["k"] for each in walker("{k}")(here())] == ["a", "time", "key"]
    assert [each.item for each in walker("a.{part}[].id")(here({"a": {"b": [{"id": 1}]}}))] == [1]
    assert list(walker("nowhere.{k}")(here())) == []
    assert [each.item for each in walker("time[]")(here())] == [7], "one thing is a list of one"


def test_things_side_by_side_and_above() -> None:
    spots = list(walker("a.b[].v")(here()))
    assert [getter("/a.names[#]")(spot) for spot in spots] == ["x", "y"]
    assert [getter("^.id")(spot) for spot in spots] == [None, None], "the walk stopped at the entries themselves"
    spots = list(walker("a.b[].{k}")(here()))
    assert [getter("^.id")(spot) for spot in spots] == [1, 1, 2, 2]
    assert getter("^^.time")(spots[0]) == 7
    assert getter("^^^^.time")(spots[0]) is None


def test_a_walk_through_the_wrong_kind_says_so() -> None:
    with pytest.raises(Odd):
        list(walker("time.{k}")(here()))
    with pytest.raises(Odd):
        list(walker("a.b[].v.x")(here()))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{device}/{.time}", "d/7"),
        ("{/a.b[0].id}", "1"),
        ("fixed", "fixed"),
        ("", ""),
        ("{.key}", None),
        ("{.a}", None),
        ("x{.nothing}", None),
        ("{missing}", None),
    ],
)
def test_a_template_is_whole_or_nothing(text: str, said: str | None) -> None:
    assert template(text)(here(device="d")) == said


@pytest.mark.parametrize("path", ["a..b", "a.", "[x]", "a{b", "/^a", "a b]"])
def test_a_path_that_cannot_be_read_is_refused(path: str) -> None:
    with pytest.raises(BadPath):
        steps(path)


@given(st.text(max_size=20))
def test_any_text_is_a_path_and_a_template_or_refused(text: str) -> None:
    for make in (getter, walker, template):
        try:
            made: Any = make(text)
        except BadPath:
            continue
        if make is not walker:
            made(here())


def test_patterns_name_their_parts() -> None:
    pattern = Pattern("$oc/devices/{device}/sys/properties/report{query?}")
    assert pattern.match("$oc/devices/a1/sys/properties/report") == {"device": "a1"}
    assert pattern.match("$oc/devices/a1/sys/properties/report?r=1") == {"device": "a1", "query": "?r=1"}
    assert pattern.match("$oc/devices/a1/b/sys/properties/report") is None
    assert pattern.filter() == "$oc/devices/+/sys/properties/+"
    assert Pattern("/{id}/elevator/{rest#}").filter() == "/+/elevator/#"
    assert Pattern("/{id}/elevator/{rest#}").match("/a/elevator/b/c") == {"id": "a", "rest": "b/c"}
    for text in ("{a}/{a}", "a+b/{c}", "{a#}/b", "{1}", "{}", "a/}"):
        with pytest.raises(BadPattern):
            Pattern(text)


@pytest.mark.parametrize(
    ("kind", "value", "ms"),
    [
        ("auto", 1763800000, 1763800000000),
        ("auto", 1763800000.5, 1763800000500),
        ("auto", 1763800000123, 1763800000123),
        ("auto", 1763800000123456, 1763800000123),
        ("auto", 1763800000123456789, 1763800000123),
        ("auto", "1763800000123", 1763800000123),
        ("auto", "2025-11-22T16:26:40.123+08:00", 1763800000123),
        ("s", 1763800000, 1763800000000),
        ("ms", "1763800000123", 1763800000123),
        ("ns", 1763800000123456789, 1763800000123),
        ("iso", "20251122T082640Z", 1763800000000),
        ("iso", "2025-11-22T08:26:40.123456789Z", 1763800000123),
        ("iso", "2025-11-22T08:26:40", None),
        ("iso", 1763800000, None),
        ("auto", "2025-11-22 16:26:40", None),
        ("auto", True, None),
        ("auto", float("inf"), None),
        ("auto", 10**40, None),
        ("auto", [], None),
        ("auto", "9" * 5000, None),
    ],
)
def test_times_are_read(kind: Any, value: object, ms: int | None) -> None:
    assert clock(kind)(value, None) == ms


def test_local_times_are_read_with_the_zone_of_the_message_or_of_the_file() -> None:
    east = timezone(timedelta(hours=8))
    assert clock("local", east)("2025/11/22 16:26:40", None) == 1763800000000
    assert clock("local", east)("20251122162640", None) == 1763800000000
    assert clock("local", east)("2025-11-22 08:26:40", zone_of("UTC")) == 1763800000000
    assert [str(zone_of(text)) for text in ("UTC+8:00", "GMT-5", "+0530", "z")] == [
        "UTC+08:00",
        "UTC-05:00",
        "UTC+05:30",
        "UTC",
    ]
    assert [zone_of(text) for text in ("Asia/Shanghai", "+99", "")] == [None, None, None]


@given(st.integers() | st.floats(), st.sampled_from(["auto", "s", "ms", "us", "ns"]))
def test_any_number_is_a_time_or_none(value: float, unit: str) -> None:
    found = from_number(value, unit)
    assert found is None or (type(found) is int and abs(found) < 2**53)


@given(st.text(max_size=60), st.text(max_size=60))
def test_channels_are_short_words_and_keep_names_apart(one: str, other: str) -> None:
    assert all(letter in "abcdefghijklmnopqrstuvwxyz0123456789_-" for letter in slug(one))
    assert len(slug(one)) <= 41
    if not one.isascii() and not other.isascii() and one.lower().replace(" ", "_") != other.lower().replace(" ", "_"):
        assert slug(one) != slug(other)


def test_a_full_state_takes_nothing_more_and_forgets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_REMEMBERED", 2)
    conversation = Conversation(devices.formats.make("generic_http"), "c")

    def say(device: str, name: str) -> int:
        payload = f'{{"device":"{device}","name":"{name}"}}'.encode()
        said = conversation.hear(Message(topic="http/x", payload=payload, received_at=0))
        assert said is not None
        return len(said.announcements)

    assert [say("a", "1"), say("b", "1"), say("c", "1")] == [1, 1, 0]
    assert [say("a", "2"), say("a", "2")] == [1, 0]
    assert len(conversation.state) == 2


@given(
    st.sampled_from(["alink", "tuyalink", "udmi", "theengs", "lift_gbt24476", "ctwing"]),
    st.dictionaries(
        st.text(max_size=6)
        | st.sampled_from(["temperature", "leak", "level", "door_closed", "tempc", "a.temperature"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=70)
        | st.lists(st.integers(), max_size=2)
        | st.fixed_dictionaries(
            {},
            optional={
                "value": st.integers() | st.text(max_size=3) | st.none(),
                "time": st.integers() | st.text(max_size=3),
            },
        ),
        max_size=5,
    ),
)
def test_the_everyday_way_and_the_general_one_agree(name: str, values: dict[str, Any]) -> None:
    topic, message = EVERYDAY[name]
    payload = msgspec.json.encode(message(values))
    said = []
    for everyday in (True, False):
        wire_format = devices.formats.make(name)
        assert isinstance(wire_format, ProfileFormat)
        for rule in wire_format._rules:
            for table in rule._tables:
                if isinstance(table, Reader) and not everyday:
                    table._path = None
        answer = Conversation(wire_format, "c").hear(Message(topic=topic, payload=payload, received_at=0))
        assert answer is not None
        said.append(answer)
    assert said[0] == said[1]


EVERYDAY: dict[str, tuple[str, Any]] = {
    "alink": ("/sys/p/d/thing/event/property/post", lambda values: {"params": values}),
    "tuyalink": ("tylink/d/thing/property/report", lambda values: {"time": 1626197189, "data": values}),
    "udmi": ("devices/d/events/pointset", lambda values: {"timestamp": "2018-08-26T21:39:29Z", "points": values}),
    "theengs": ("home/g/BTtoMQTT/A4C138D5E112", lambda values: {**values, "model_id": "x"}),
    "lift_gbt24476": ("lift/1/status", lambda values: {**values, "ts": 1763800000123}),
    "ctwing": ("http/x", lambda values: {"messageType": "dataReport", "deviceId": "d", "payload": values}),
}


def test_too_many_faults_are_named_and_cut() -> None:
    conversation = Conversation(devices.formats.make("wmbus"), "c")
    flags = " ".join(f"F{number}" for number in range(100))
    payload = f'{{"id":"1","media":"water","status":"{flags}"}}'.encode()
    said = conversation.hear(Message(topic="wmbusmeters/x", payload=payload, received_at=0))
    assert said is not None
    assert len(said.events) == gathering.MOST_FAULTS
    assert {problem.reason for problem in said.problems} == {"too_many_faults", "more_problems"}


def test_profiles_are_read_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise AssertionError("a file was read")

    monkeypatch.setattr(Path, "read_text", fail)
    assert "alink" in devices.formats.names()
    assert devices.formats.make("native").name == "native"


def test_of_two_gateways_that_hear_a_device_the_first_keeps_it_until_it_has_been_quiet_about_it() -> None:
    """Bluetooth: every gateway in reach passes the same advertisement on."""
    talk = Conversation(devices.formats.make("theengs"), "garden")
    minute = 60_000

    def heard(gateway: str, at: int) -> list[str]:
        payload = b'{"id":"A4:C1:38:D5:E1:12","model":"TH","model_id":"X","tempc":21.4}'
        said = talk.hear(Message(topic=f"home/{gateway}/BTtoMQTT/A4C138D5E112", payload=payload, received_at=at))
        assert said is not None
        return [each.via.id for each in said.announcements if each.via is not None]

    told = [heard(gateway, at * minute) for at in range(180) for gateway in ("attic", "cellar")]
    assert [each for each in told if each] == [["attic"]]
    alone = [(at, *heard("cellar", at * minute)) for at in range(180, 300)]
    assert [(at - 180, gateways[0]) for at, *gateways in alone if gateways] == [(30, "cellar")]


def test_a_message_of_no_kind_that_the_profile_knows_is_told_what_would_be_one() -> None:
    said = Conversation(devices.formats.make("ctwing"), "garden").hear(
        Message(topic="http/ctwing", payload=b"{}", received_at=1)
    )
    assert said is not None
    (problem,) = said.problems
    assert problem.detail.startswith(
        "the message has no key: expected payload and messageType = dataReport, or messageType"
    )
    assert "eventType = 1 | 2" in problem.detail


def test_a_device_that_logs_in_at_another_gateway_is_behind_that_one_at_once() -> None:
    talk = Conversation(devices.formats.make("tuyalink"), "garden")

    def gateway(topic: str, payload: bytes, at: int) -> str | None:
        said = talk.hear(Message(topic=topic, payload=payload, received_at=at))
        assert said is not None
        return next((each.via.id for each in said.announcements if each.via is not None), None)

    assert (
        gateway("tylink/attic/device/sub/login", b'{"data":["lock"],"time":1763800000}', 1_763_800_000_000) == "attic"
    )
    assert (
        gateway("tylink/cellar/device/sub/login", b'{"data":["lock"],"time":1763800060}', 1_763_800_060_000) == "cellar"
    )
