"""What holds for every profile: valid, in the hub's own terms, with examples, within bounds whatever comes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import devices.formats
from devices.contract import Decoded, Format, Message
from devices.conversation import Conversation
from devices.profiles import ProfileFormat, names
from devices.profiles.gathering import MOST_FAULTS, MOST_VALUES
from devices.profiles.reading import SHIPPED
from devices.profiles.rules import Rule
from devices.profiles.shape import Column, Metrics
from devices.profiles.topics import covers
from devices.units import unit_of
from devices.words import METRICS

ALL = [*names(), "template"]
FEW = settings(max_examples=30)  # of each profile; the engine is the same
FORMATS: dict[str, Format] = {name: devices.formats.make(name) for name in ALL}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=16,
)


def examples_of(name: str) -> list[dict[str, Any]]:
    path = SHIPPED / f"{name}_examples.toml"
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    assert document["format"] == name
    examples: list[dict[str, Any]] = document["example"]
    return examples


def made(name: str, example: dict[str, Any]) -> Format:
    options = example.get("options")
    return FORMATS[name] if options is None else devices.formats.make(name, options=options)


def profile_of(name: str) -> Any:
    wire_format = FORMATS[name]
    assert isinstance(wire_format, ProfileFormat)
    return wire_format.profile


def columns_of(metrics: Metrics) -> list[Column]:
    listed = [each for value in metrics.values() for each in (value if isinstance(value, list) else [value])]
    return [Column(metric=each) if isinstance(each, str) else each for each in listed]


def assert_within_bounds(said: Decoded) -> None:
    assert sum(len(sample.values) for sample in said.samples) <= MOST_VALUES
    assert len(said.problems) <= 9
    assert len(said.changes) <= 4 * MOST_VALUES
    for sample in said.samples:
        assert sample.time is None or type(sample.time) is int
        for name, value in sample.values.items():
            assert 0 < len(name) <= 128
            assert name.isprintable()
            assert type(value) in (float, bool, str)
            assert not isinstance(value, float) or abs(value) < float("inf")
    for event in said.events:
        assert 0 < len(event.code) <= 64
        assert event.code.isprintable()
        assert len(event.text) <= 500
    spoken_of = [sample.device for sample in said.samples] + [event.device for event in said.events]
    spoken_of += [statement.device for statement in said.statements]
    assert all(0 < len(device.id) <= 128 for device in spoken_of)
    assert all(problem.detail and problem.reason.isidentifier() for problem in said.problems)
    json.dumps([change.value for change in said.changes])


def test_there_are_profiles_and_the_folder_is_listed_without_reading_it() -> None:
    assert len(ALL) > 20
    assert set(names()) < set(devices.formats.names())


@pytest.mark.parametrize("name", ALL)
def test_a_profile_says_what_it_is_in_both_languages(name: str) -> None:
    profile = profile_of(name)
    assert profile.name == name
    assert any("\u4e00" <= letter <= "\u9fff" for letter in profile.title.zh) or profile.title.zh == profile.title.en
    assert profile.title.en.isascii()
    assert len(profile.about) > 10


@pytest.mark.parametrize("name", ALL)
def test_a_profile_speaks_of_the_hubs_metrics_and_of_known_units(name: str) -> None:
    profile = profile_of(name)
    for metrics in (profile.metrics, *(message.metrics for message in profile.message)):
        for column in columns_of(metrics):
            assert column.metric in METRICS or not column.metric
            assert not column.unit or unit_of(column.unit) is not None
    assert all(unit_of(unit) is not None for unit in profile.suffixes.values())


@pytest.mark.parametrize("name", ALL)
def test_a_profile_subscribes_to_narrow_filters(name: str) -> None:
    filters = FORMATS[name].filters
    assert filters or all(pattern.pushed for rule in rules_of(name) for pattern in rule.patterns)
    for each in filters:
        assert any(level not in {"+", "#", ""} for level in each.split("/")), each
        assert "#" not in each.replace("/#", "", 1) or each.endswith("/#")
    assert not any(covers(one, other) for one in filters for other in filters if one != other)


@pytest.mark.parametrize("name", ALL)
def test_a_profile_has_examples_of_the_everyday_the_odd_and_the_bad(name: str) -> None:
    examples = examples_of(name)
    assert any(example.get("samples") or example.get("events") for example in examples)
    assert any(example.get("problems") for example in examples)
    for example in examples:
        route = devices.formats.make(name, options=example.get("options")).route(example["topic"], "c")
        assert route is not None
    told = {place for example in examples for place in told_by(name, example)}
    assert told == set(range(len(rules_of(name)))), "a [[message]] without an example"


def rules_of(name: str, options: dict[str, str] | None = None) -> list[Rule]:
    wire_format = devices.formats.make(name, options=options)
    assert isinstance(wire_format, ProfileFormat)
    return wire_format._rules


def told_by(name: str, example: dict[str, Any]) -> set[int]:
    """The places of the messages that an example's topics fit."""
    topics = [example["topic"], *(each["topic"] for each in example.get("before", []))]
    rules = enumerate(rules_of(name, example.get("options")))
    return {
        place
        for place, rule in rules
        if any(form.match(topic) is not None for form in rule.patterns for topic in topics)
    }


def test_every_example_file_belongs_to_a_profile() -> None:
    files = {path.stem.removesuffix("_examples") for path in SHIPPED.glob("*_examples.toml")}
    assert files == set(ALL)


def test_other_topics_are_not_theirs() -> None:
    for wire_format in FORMATS.values():
        assert wire_format.route("community/v1/c/d/telemetry", "c") is None
        assert wire_format.route("x" * 5000, "c") is None


@pytest.mark.parametrize("name", ALL)
@FEW
@given(st.data())
def test_any_bytes_and_any_json_are_read_or_refused(name: str, data: st.DataObject) -> None:
    example = data.draw(st.sampled_from(examples_of(name)))
    conversation = Conversation(made(name, example), "c")
    payload = data.draw(
        st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode("utf-8", "replace"))
    )
    said = conversation.hear(Message(topic=example["topic"], payload=payload, received_at=0))
    assert said is not None
    assert_within_bounds(said)


@pytest.mark.parametrize("name", [name for name in ALL if name != "ocpp_bridge"])  # that one has bare values only
@FEW
@given(st.data())
def test_an_example_with_its_parts_exchanged_is_read_or_refused(name: str, data: st.DataObject) -> None:
    example = data.draw(st.sampled_from([each for each in examples_of(name) if is_json(each["payload"])]))
    mutated = mutate(json.loads(example["payload"]), data)
    conversation = Conversation(made(name, example), "c")
    for _ in range(2):  # once more, beside what the first one taught
        said = conversation.hear(Message(topic=example["topic"], payload=json.dumps(mutated).encode(), received_at=0))
        assert said is not None
        assert_within_bounds(said)


def is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), (dict, list))
    except ValueError:
        return False


def mutate(value: Any, data: st.DataObject) -> Any:
    """The same with some parts replaced by others."""
    if data.draw(st.integers(0, 9)) == 0:
        return data.draw(json_values)
    if isinstance(value, dict):
        return {key: mutate(part, data) for key, part in value.items()}
    return [mutate(part, data) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", ALL)
def test_huge_messages_stay_within_bounds(name: str) -> None:
    for example in examples_of(name):
        if not is_json(example["payload"]):
            continue
        conversation = Conversation(made(name, example), "c")
        for payload in (
            json.dumps(widened(json.loads(example["payload"]))).encode(),
            example["payload"].replace("1", "9" * 5000, 1).encode(),
        ):
            said = conversation.hear(Message(topic=example["topic"], payload=payload, received_at=0))
            assert said is not None
            assert_within_bounds(said)
            for key, value in conversation.state.items():
                assert len(key) < 300
                assert not isinstance(value, dict) or len(value) <= max(MOST_FAULTS, 500)


def widened(value: Any, room: int = 3000) -> Any:
    """Objects and lists with thousands of entries where there were a few."""
    if isinstance(value, list) and value:
        return [widened(value[0], 1)] * room if room > 1 else [widened(part, 1) for part in value]
    if isinstance(value, dict) and value:
        wide = {key: widened(part, 1 if room == 1 else room // 50) for key, part in value.items()}
        return wide if room == 1 else {**wide, **{f"more{number}": number for number in range(room)}}
    return value


def test_a_profile_of_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "pump_room.toml").write_text(
        """
        name = "pump_room"
        title = { zh = "泵房", en = "Pump room" }
        extends = "alink"
        [metrics]
        WaterPressure = { metric = "pressure", unit = "kPa" }
        """,
        encoding="utf-8",
    )
    wire_format = devices.formats.make("pump_room", profiles=tmp_path)
    assert "pump_room" in devices.formats.names(tmp_path)
    topic = "/sys/p/d/thing/event/property/post"
    payload = b'{"params":{"WaterPressure":420,"CurrentTemperature":21}}'
    said = Conversation(wire_format, "c").hear(Message(topic=topic, payload=payload, received_at=0))
    assert said is not None
    assert said.samples[0].values == {"pressure": 0.42, "temperature": 21.0}
    with pytest.raises(devices.formats.UnknownFormat, match="unknown format 'pump_room'"):
        devices.formats.make("pump_room")
