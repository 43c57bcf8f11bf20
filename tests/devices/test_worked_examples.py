"""The examples beside each format say what they promise, and no change of a byte makes a format raise."""

from __future__ import annotations

import json
import random
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import devices.formats
from devices.contract import Decoded, Format, Message
from devices.conversation import Conversation
from devices.words import METRICS

FOLDER = Path(devices.formats.__file__).parents[1]
NOW = 1_763_800_001_000


def examples() -> Iterator[Any]:
    for path in sorted(FOLDER.rglob("*_examples.toml")):
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        for example in document["example"]:
            name = document["format"]
            wire_format = devices.formats.make(name, options=example.get("options"))
            yield pytest.param(wire_format, example, id=f"{name}: {example['title']}")


ALL = list(examples())


def bytes_of(example: dict[str, Any]) -> bytes:
    """``payload``: the text itself; ``json``: an object to be written as JSON; ``hex``: bytes."""
    if "hex" in example:
        return bytes.fromhex(example["hex"])
    if "json" in example:
        return json.dumps(example["json"], ensure_ascii=False).encode()
    return str(example["payload"]).encode()


def message_of(example: dict[str, Any], payload: bytes | None = None) -> Message:
    return Message(
        topic=example["topic"],
        payload=bytes_of(example) if payload is None else payload,
        received_at=example.get("received_at", NOW),
        retain=example.get("retain", False),
        content_type=example.get("content_type", ""),
    )


def prepared(wire_format: Format, example: dict[str, Any]) -> Conversation:
    """With what the messages before taught: example ``before = [{topic, payload}]``."""
    community = None if wire_format.name == "native" else "harmony-garden"
    conversation = Conversation(wire_format, community)
    for earlier in example.get("before", []):
        assert conversation.hear(message_of(earlier)) is not None, f"{earlier['topic']} is not this format's"
    return conversation


def decode(wire_format: Format, example: dict[str, Any], payload: bytes | None = None) -> Decoded:
    said = prepared(wire_format, example).hear(message_of(example, payload))
    assert said is not None, "the topic is not this format's"
    return said


def plain(items: Any, **defaults: Any) -> list[dict[str, Any]]:
    """Structs as an example writes them: the device as ``scheme:id``, and only what is not the default."""
    found = []
    for item in items:
        fields = {key: getattr(item, key) for key in item.__struct_fields__}
        fields = {key: ref(value) for key, value in fields.items() if key not in defaults or value != defaults[key]}
        found.append(fields)
    return found


def ref(value: Any) -> Any:
    if hasattr(value, "scheme"):
        return f"{value.scheme}:{value.id}"
    if isinstance(value, tuple):
        return [ref(each) for each in value]
    if isinstance(value, msgspec.Struct):
        return {
            key: ref(getattr(value, key))
            for key in value.__struct_fields__
            if getattr(value, key) not in ("", (), False)
        }
    return value


def wanted(example: dict[str, Any], found: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    """The example's list; a field that an example leaves out of ``device`` is not compared."""
    listed: list[dict[str, Any]] = example.get(what, [])
    devices_named = any("device" in each for each in listed)
    if not devices_named:
        for each in found:
            each.pop("device", None)
    return listed


@pytest.mark.parametrize(("wire_format", "example"), ALL)
def test_an_example_says_what_it_promises(wire_format: Format, example: dict[str, Any]) -> None:
    said = decode(wire_format, example)
    samples = plain(said.samples, time=None, identity=None, quality="good", told_again=False)
    assert samples == wanted(example, samples, "samples")
    events = plain(said.events, time=None, identity=None, active=None)
    assert events == [{"text": ""} | event for event in wanted(example, events, "events")]
    statements: list[Any] = ["withdrawn" if s.online is None else s.online for s in said.statements]
    if any(isinstance(each, str) and ":" in each for each in example.get("statements", [])):
        statements = [f"{ref(s.device)} {str(s.online).lower()}" for s in said.statements]
    assert statements == example.get("statements", [])
    assert [problem.reason for problem in said.problems] == example.get("problems", [])
    assert list(said.unknown) == example.get("unknown", [])
    if "announcements" in example:
        empty: dict[str, Any] = {"via": None, "interval_s": None, "withdrawn": False, "points": (), "hints": ()}
        empty |= {
            "silence_s": None,
            "aliases": (),
            **dict.fromkeys(("name", "maker", "model", "firmware", "serial", "power"), ""),
        }
        assert plain(said.announcements, **empty) == example["announcements"]
    assert [request.topic for request in said.requests] == example.get("requests", [])


@pytest.mark.parametrize(("wire_format", "example"), ALL)
def test_no_damage_to_an_example_makes_a_format_raise(wire_format: Format, example: dict[str, Any]) -> None:
    chance = random.Random(example["title"])  # noqa: S311 - damage has to be the same every time
    whole = bytes_of(example)
    conversation = prepared(wire_format, example)
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(damaged) + 1)
            damaged[at : at + chance.randint(0, 3)] = bytes(
                chance.choice(b'{}[]",:\\0e9.-truefalsn\x00\xff\xc3') for _ in range(chance.randint(0, 3))
            )
        route = conversation.route(example["topic"])
        assert route is not None
        said = wire_format.decode(route, message_of(example, bytes(damaged)), conversation.state)
        assert_sound(said)
    for number in (b"NaN", b"-1e999"):
        odd = re.sub(rb"(?<=[:\[, =])-?\d+(\.\d+)?", number, whole)
        assert_sound(decode(wire_format, example, odd))


def assert_sound(said: Decoded) -> None:
    """What holds for every answer of every format."""
    for sample in said.samples:
        assert sample.time is None or type(sample.time) is int
        for name, value in sample.values.items():
            assert name.isprintable()
            assert 0 < len(name) <= 128
            assert type(value) in (float, bool, str)
            assert not isinstance(value, float) or abs(value) < float("inf")
    for announcement in said.announcements:
        assert all(point.metric in METRICS or not point.metric for point in announcement.points)


@pytest.mark.parametrize(("wire_format", "example"), ALL)
def test_the_same_message_says_the_same_again(wire_format: Format, example: dict[str, Any]) -> None:
    assert decode(wire_format, example) == decode(wire_format, example)


@pytest.mark.parametrize(("wire_format", "example"), ALL)
def test_every_problem_names_what_would_be_right(wire_format: Format, example: dict[str, Any]) -> None:
    for problem in decode(wire_format, example).problems:
        assert len(problem.detail) > 20
        assert ": " in problem.detail or " is not " in problem.detail
