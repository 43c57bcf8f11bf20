"""The native format: bounded, exact about what is wrong, and deaf to nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.contract import DeviceRef, Limits, Message, Problem, QuickFormat
from devices.formats.json_bytes import deeper, read_object, show, too_deep
from devices.formats.native import NativeFormat, Route
from devices.words import own_value

NATIVE = NativeFormat()
LEAVES = ("telemetry", "event", "status")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def decode(leaf: str, payload: bytes, wire_format: NativeFormat = NATIVE) -> Any:
    route = wire_format.route(f"community/v1/c/d/{leaf}", None)
    assert route is not None
    return wire_format.decode(route, Message(topic="", payload=payload, received_at=0))


def telemetry(values: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({**more, "values": values}).encode()


@given(st.sampled_from(LEAVES), st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_with_a_sentence(leaf: str, payload: bytes) -> None:
    said = decode(leaf, payload)
    assert said.samples or said.events or said.statements or said.problems or json.loads(payload)["values"] is not None
    assert all(problem.detail and problem.reason.isidentifier() for problem in said.problems)


@given(
    st.sampled_from(LEAVES),
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("ts", "seq", "boot", "values", "type", "code", "active", "text", "online", "more"), json_values
        ),
    ),
)
def test_any_object_is_read_or_refused_and_readings_are_always_plain(leaf: str, sent: dict[str, Any]) -> None:
    said = decode(leaf, json.dumps(sent).encode("utf-8", "replace"))
    for sample in said.samples:
        assert sample.time is None or isinstance(sample.time, int)
        assert all(isinstance(value, (float, bool, str)) for value in sample.values.values())
    for event in said.events:
        assert 0 < len(event.type) <= 64
        assert len(event.code) <= 64
        assert event.active in {None, True, False}
    assert len(said.problems) <= 9


@given(st.dictionaries(st.text(max_size=8), st.floats(allow_nan=False, allow_infinity=False) | st.booleans()))
def test_the_short_way_and_the_long_one_agree(values: dict[str, Any]) -> None:
    payload = telemetry(values, ts=5)
    quick = NATIVE.quick(Route(DeviceRef("c", "native", "d"), "telemetry"))
    assert quick is not None
    message = quick[1](payload)
    said = decode("telemetry", payload)
    if not said.problems and said.samples:
        assert said.samples[0].values == message.values


def test_it_has_a_short_way_for_telemetry_alone() -> None:
    assert isinstance(NATIVE, QuickFormat)
    for leaf in ("event", "status"):
        assert NATIVE.quick(Route(DeviceRef("c", "native", "d"), leaf)) is None


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("community/v1/c/d", "is not community/v1/{community}/{device}/telemetry, event or status"),
        ("community/v1/c/d/error", "is not community/v1/"),
        ("community/v1/c/d/telemetry/x", "is not community/v1/"),
        ("community/v1/C/d/telemetry", "community id 'C' in the topic: use lower-case letters"),
        ("community/v1/c/-d/telemetry", "device id '-d' in the topic"),
        (f"community/v1/c/{'d' * 64}/telemetry", "at most 63"),
        ("community/v1/c/楼/telemetry", "device id '楼'"),
    ],
)
def test_a_wrong_topic_under_our_root_says_what_is_wrong(topic: str, words: str) -> None:
    route = NATIVE.route(topic, None)
    assert route is not None
    [problem] = NATIVE.decode(route, Message(topic=topic, payload=b"{}", received_at=0)).problems
    assert problem.reason == "bad_topic"
    assert words in problem.detail


def test_other_topics_are_not_ours_and_a_foreign_community_is_refused() -> None:
    assert NATIVE.route("zigbee2mqtt/plug", None) is None
    assert NATIVE.route("community/v1/c/d/telemetry", "c") == Route(DeviceRef("c", "native", "d"), "telemetry")
    route = NATIVE.route("community/v1/other/d/telemetry", "c")
    assert route is not None
    assert "belongs to 'c'" in route.wrong


def test_limits_are_named_with_the_number_allowed() -> None:
    small = NativeFormat(Limits(payload=100, depth=3, values=2, name=5, text=4))
    cases = {
        b" " * 101: ("too_large", "at most 100"),
        b'{"values": [[[1]]]}': ("too_deep", "more than 3 levels"),
        telemetry({"a": 1, "b": 2, "c": 3}): ("too_many_values", "at most 2"),
        telemetry({"toolong": 1}): ("bad_name", "1 to 5"),
        telemetry({"a": "abcde"}): ("text_too_long", "at most 4"),
        telemetry({"a": "a\0"}): ("bad_text", "NUL"),
        telemetry({"a\n": 1}): ("bad_name", "printable"),
    }
    for payload, (reason, words) in cases.items():
        [problem] = decode("telemetry", payload, small).problems
        assert (problem.reason, words in problem.detail) == (reason, True), problem


def test_a_bomb_of_brackets_is_refused_before_it_is_parsed() -> None:
    for payload in (b"[" * 200_000, b'{"a":' * 40_000, b'{"values":{"x":' + b"[" * 100_000):
        [problem] = decode("telemetry", payload).problems
        assert problem.reason == "too_deep"


def test_brackets_inside_strings_are_no_depth() -> None:
    text = json.dumps({"values": {"a": '[[[[{{{{\\"[[['}}).encode()
    assert deeper(text, 1)
    assert not deeper(text, 2)
    assert not too_deep(text, 4)


def test_strings_that_never_end_are_looked_through_once() -> None:
    for quotes in (b'\\"' * 120_000, b'"\\' * 120_000):
        assert deeper(b"[{" * 20 + quotes, 32)
        assert not deeper(b"[{" * 10 + quotes, 32)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b'{"a": NaN, "b": "NaN, \\"-Infinity", "c": [-Infinity, 1e400, -1.5e-3, 12, null]}', {"b", "c"}),
        (b'{"a": nan, "c": -inf}', set()),
        (b'{"a": 1e400, "b": 1e4, "c": 100000}', {"b", "c"}),
        (b'{"a": ' + b"9" * 400 + b'.5, "b": ' + b"1" * 5000 + b"}", set()),
    ],
)
def test_numbers_that_json_or_a_float_cannot_hold_spoil_nothing_else(written: bytes, read: set[str]) -> None:
    found = read_object(written, Limits(), None)
    assert isinstance(found, dict)
    assert {key for key, value in found.items() if own_value(value) is not None or isinstance(value, list)} == read
    assert show(next(iter(found.values()))) == "NaN, infinite or too large"


def test_what_only_looks_like_such_a_number_stays_malformed() -> None:
    for written in (b'{"a": Nanny}', b'{"a": 1.2.3}', b'{"a": NaN', b'{"a": -}', b"NaN" * 20_000, b'{"\xff": NaN}'):
        found = read_object(written, Limits(), None)
        assert isinstance(found, Problem)


@given(json_values)
def test_nesting_is_found_however_deep_it_is(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False).encode()
    deep = nesting(value)
    assert not deeper(text, deep)
    assert deep == 0 or deeper(text, deep - 1)


def nesting(value: Any) -> int:
    if not isinstance(value, (dict, list)):
        return 0
    return 1 + max(map(nesting, value.values() if isinstance(value, dict) else value), default=0)


def test_many_problems_are_cut_short_and_counted() -> None:
    said = decode("telemetry", telemetry({f"v{number}": [] for number in range(100)}))
    assert len(said.problems) == 9
    assert said.problems[-1].detail == "92 more values were refused: the first ones are named"


def test_a_number_too_large_for_a_float_is_refused_alone() -> None:
    said = decode("telemetry", b'{"values": {"a": 1, "b": ' + b"9" * 400 + b"}}")
    assert said.problems
    assert not said.samples or said.samples[0].values == {"a": 1.0}
