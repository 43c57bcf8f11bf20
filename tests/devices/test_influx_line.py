"""Line protocol and Telegraf's JSON: Telegraf's own cases, and any text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import devices.formats
from devices.contract import Decoded, Limits, Message
from devices.conversation import Conversation
from devices.formats.influx_line import InfluxLineFormat
from devices.formats.line_protocol import read_lines, read_series
from devices.formats.telegraf_json import TelegrafJsonFormat, moment
from devices.formats.telegraf_points import MOST_VALUES
from devices.words import METRICS

LINE = InfluxLineFormat()
JSON = TelegrafJsonFormat()
MOST = 2_000
PIECES = st.sampled_from(
    [
        *'abc,= \\"\n\r#ie.0123-+TF',
        "cpu",
        "host=a",
        "f=1",
        "f=2i",
        "f=true",
        '"x"',
        " 1763800000000000000\n",
        "\\ ",
        "\\,",
        "\\=",
    ]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def hear(payload: bytes, wire_format: Any = LINE, conversation: Conversation | None = None) -> Decoded:
    conversation = conversation or Conversation(wire_format, "c")
    said = conversation.hear(Message("telegraf/a/b", payload, 0))
    assert said is not None
    return said


def assert_plain(said: Decoded) -> None:
    for sample in said.samples:
        assert sample.values
        assert sample.time is None or type(sample.time) is int
        for name, value in sample.values.items():
            assert 0 < len(name) <= 128
            assert name.isprintable()
            assert type(value) in (float, bool, str)
            assert not isinstance(value, float) or abs(value) < float("inf")
    assert len(said.problems) <= 9


# --- Telegraf's own cases -------------------------------------------------------------------------------------


def cases(folder: Path, *groups: str) -> list[dict[str, Any]]:
    found = json.loads((folder / "vectors/influx-lines/cases.json").read_text("utf-8"))
    return [case for case in found if case["group"] in groups]


def fields_of(point: dict[str, Any]) -> dict[str, Any]:
    """Whole numbers are floats here; the type is kept by telling a bool from a number."""
    kinds = {"float": float, "integer": float, "unsigned": float, "boolean": bool, "string": str}
    return {name: kinds[field["type"]](field["value"]) for name, field in point["fields"].items()}


def test_every_case_of_telegraf_is_read_or_refused_as_there(foreign_data: Path) -> None:
    compared = 0
    for case in cases(foreign_data, "parse", "precision", "error text", "stream errors"):
        points, wrong = read_lines(case["input"], MOST)
        if case["points"] is None:
            lines = [each["line"] for each in case["errors"]["influx"]]
            if case["group"] == "error text":  # there the first error ends the reading
                wrong = wrong[:1]
            assert [each.line for each in wrong] == lines, case["name"]
        else:
            assert not wrong, case["name"]
            assert len(points) == len(case["points"])
            for found, expected in zip(points, case["points"], strict=True):
                assert (found.measurement, found.tags) == (expected["measurement"], expected["tags"]), case["name"]
                assert repr(sorted(found.fields.items())) == repr(sorted(fields_of(expected).items())), case["name"]
                time = case["now_ns"] if found.time is None else found.time * case["precision_ns"]
                assert time == expected["time_ns"], case["name"]
        compared += 1
    assert compared == 45


def test_every_series_of_telegraf_is_read_or_refused_as_there(foreign_data: Path) -> None:
    listed = cases(foreign_data, "series")
    assert len(listed) == 5
    for case in listed:
        if not case["input"]:
            assert read_lines("", MOST) == ([], [])
        elif case["points"] is None:
            with pytest.raises(ValueError, match="tag=value is expected"):
                read_series(case["input"])
        else:
            measurement, tags, end = read_series(case["input"])
            assert [{"measurement": measurement, "tags": tags}] == case["points"]
            assert end == len(case["input"])


@pytest.mark.parametrize(
    ("precision", "unit"), [("ns", 1), ("us", 1_000), ("µs", 1_000), ("ms", 1_000_000), ("s", 10**9)]
)
def test_a_time_is_the_same_in_every_precision(precision: str, unit: int) -> None:
    wire_format = InfluxLineFormat(precision=precision)
    said = hear(f"x,host=a f=1 {1_763_800_000_000_000_000 // unit}".encode(), wire_format)
    assert [sample.time for sample in said.samples] == [1_763_800_000_000]


# --- whatever comes -------------------------------------------------------------------------------------------


@given(st.lists(PIECES, max_size=30))
def test_any_text_is_read_or_refused(pieces: list[str]) -> None:
    assert_plain(hear("".join(pieces).encode()))


@given(st.lists(st.lists(PIECES.filter(lambda piece: "\n" not in piece), max_size=12), max_size=4))
def test_lines_say_together_what_each_says_alone(lines: list[list[str]]) -> None:
    """Also where they begin alike, which is read once."""
    texts = [f"{start}{''.join(line)} f=1" for line in lines for start in ("cpu,host=a", "cpu,host=a\\ ")]
    alone = [point for text in texts for point in read_lines(text, MOST)[0]]
    if not any('"' in text for text in texts):  # a text goes on over the end of a line
        assert read_lines("\n".join(texts), MOST)[0] == alone


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    for wire_format in (LINE, JSON):
        assert_plain(hear(payload, wire_format))


words = st.text(st.characters(codec="utf-8", exclude_characters="\n\\"), min_size=1, max_size=8)


@given(
    words.filter(lambda word: word[0] not in "# \t\r"),
    st.dictionaries(words, words, max_size=3),
    words,
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_what_is_written_is_read(measurement: str, tags: dict[str, str], field: str, value: float) -> None:
    def escaped(word: str, characters: str) -> str:
        return "".join(f"\\{each}" if each in characters else each for each in word)

    pairs = "".join(f",{escaped(tag, ',= ')}={escaped(each, ',= ')}" for tag, each in tags.items())
    line = f"{escaped(measurement, ', ')}{pairs} {escaped(field, ',= ')}={value!r} 7"
    [point], wrong = read_lines(line, MOST)
    assert not wrong
    assert point == (measurement, tags, {field: value}, 7)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "name": json_values,
            "fields": st.dictionaries(st.sampled_from(["temperature", "speed", "power_kw", "x"]), json_values)
            | json_values,
            "tags": st.dictionaries(st.sampled_from(["host", "cpu", "room"]), json_values) | json_values,
            "timestamp": json_values,
            "metrics": json_values,
        },
    )
)
def test_any_json_is_read(sent: dict[str, Any]) -> None:
    assert_plain(hear(json.dumps(sent).encode("utf-8", "replace"), JSON))


@given(st.sampled_from(["net", "x"]), st.sampled_from(sorted(METRICS)), json_values)
def test_a_value_that_is_no_metric_never_has_the_name_of_one(measurement: str, field: str, value: Any) -> None:
    sent = {"name": measurement, "tags": {"host": "a"}, "fields": {field: value}}
    for sample in hear(json.dumps(sent).encode("utf-8", "replace"), JSON).samples:
        for name, reading in sample.values.items():
            assert (
                name.endswith(".value")
                or isinstance(reading, bool | float)
                or field in {"service_mode", "direction", "fault_code"}
            )


# --- bounds ---------------------------------------------------------------------------------------------------


def test_a_message_says_at_most_so_many_values() -> None:
    lines = "\n".join(f"x,host=a f{number}=1" for number in range(MOST_VALUES + 5))
    said = hear(lines.encode())
    assert [problem.reason for problem in said.problems] == ["bad_line"]
    assert "line 2001: more than 2000 fields" in said.problems[0].detail
    metrics = [{"name": "x", "fields": {f"f{number}": 1}} for number in range(MOST_VALUES + 5)]
    said = hear(json.dumps({"metrics": metrics}).encode(), JSON)
    assert {problem.reason for problem in said.problems} == {"too_many_values"}
    assert sum(len(sample.values) for sample in said.samples) == MOST_VALUES


def test_what_is_learned_is_bounded() -> None:
    conversation = Conversation(LINE, "c")
    for number in range(5_010):
        said = hear(f"x,host=h{number},room=r f=1".encode(), LINE, conversation)
    assert len(conversation.state) == 5_000
    assert said.samples
    assert not said.announcements


def test_limits_are_named() -> None:
    small = Limits(payload=40, name=5, text=3)
    wire_format = InfluxLineFormat(small)
    assert [p.reason for p in hear(b"x" * 41, wire_format).problems] == ["too_large"]
    assert [p.reason for p in hear(b"x toolong=1", wire_format).problems] == ["bad_name"]
    assert [p.reason for p in hear(b'x f="abcd"', wire_format).problems] == ["bad_text"]
    assert [p.reason for p in hear(b"x \xff=1", wire_format).problems] == ["not_utf8"]


def test_names_in_any_script_stay_apart() -> None:
    said = hear("温度计,host=冷机1 a=1\n湿度计,host=冷机1 a=2\n温度计,host=水泵1 a=3".encode())
    assert not said.problems
    assert len({sample.device for sample in said.samples}) == 2
    assert sorted(value for sample in said.samples for value in sample.values.values()) == [1.0, 2.0, 3.0]


def test_many_bad_lines_are_cut_short_and_counted() -> None:
    said = hear(b"x\n" * 60 + b"x,host=a f=1\n" + b"x\n" * 60_000)
    assert len(said.problems) == 9
    assert said.problems[0].detail == "line 102: after 100 bad lines nothing more is read: send line protocol"
    assert said.problems[7].detail.startswith("line 7:")
    assert said.problems[-1].detail == "93 more lines or fields were refused: the first ones are named"
    assert len(said.samples) == 1


def test_a_number_without_end_is_refused() -> None:
    assert [p.reason for p in hear(b"x f=" + b"9" * 200_000).problems] == ["bad_value"]


@pytest.mark.parametrize("time", [None, True, "1763800000", -5, float("nan"), float("inf"), 10**30, [], {}])
def test_what_is_no_time_is_none(time: object) -> None:
    assert moment(time) is None


@pytest.mark.parametrize("options", [{"precision": "min"}, {"topics": "#"}, {"nothing": "x"}])
def test_an_option_that_is_wrong_is_named(options: dict[str, str]) -> None:
    with pytest.raises(devices.formats.UnknownFormat):
        devices.formats.make("influx_line", options=options)


def test_they_listen_where_they_are_told() -> None:
    for name in ("influx_line", "telegraf_json"):
        made = devices.formats.make(name, options={"topics": "a/+,b/#"})
        assert made.filters == ("a/+", "b/#")
        assert made.route("a/x", "c") is not None
        assert made.route("telegraf/x", "c") is None
