"""The examples beside each format say what they promise, and no change of a byte makes a format raise."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import devices.formats
from devices.contract import Decoded, Format, Message
from devices.formats.native import NativeFormat

FORMATS: dict[str, Format] = {"native": NativeFormat()}
FOLDER = Path(devices.formats.__file__).parent


def examples() -> Iterator[Any]:
    for path in sorted(FOLDER.glob("*_examples.toml")):
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        for example in document["example"]:
            yield pytest.param(FORMATS[document["format"]], example, id=f"{document['format']}: {example['title']}")


def message_of(example: dict[str, Any], payload: bytes | None = None) -> Message:
    return Message(
        topic=example["topic"],
        payload=example["payload"].encode() if payload is None else payload,
        received_at=1_763_800_001_000,
        retain=example.get("retain", False),
    )


def decode(wire_format: Format, example: dict[str, Any], payload: bytes | None = None) -> Decoded:
    route = wire_format.route(example["topic"], None)
    assert route is not None
    return wire_format.decode(route, message_of(example, payload))


@pytest.mark.parametrize(("wire_format", "example"), list(examples()))
def test_an_example_says_what_it_promises(wire_format: Format, example: dict[str, Any]) -> None:
    said = decode(wire_format, example)
    samples = [{"time": s.time, "identity": s.identity, "values": s.values} for s in said.samples]
    events = [
        {"time": e.time, "identity": e.identity, "type": e.type, "code": e.code, "active": e.active, "text": e.text}
        for e in said.events
    ]
    nothing = {"time": None, "identity": None}
    assert samples == [nothing | sample for sample in example.get("samples", [])]
    assert events == [nothing | {"active": None} | event for event in example.get("events", [])]
    statements = ["withdrawn" if s.online is None else s.online for s in said.statements]
    assert statements == example.get("statements", [])
    assert [problem.reason for problem in said.problems] == example.get("problems", [])
    assert list(said.unknown) == example.get("unknown", [])


@pytest.mark.parametrize(("wire_format", "example"), list(examples()))
def test_no_damage_to_an_example_makes_a_format_raise(wire_format: Format, example: dict[str, Any]) -> None:
    chance = random.Random(example["title"])  # noqa: S311 - damage has to be the same every time
    whole = example["payload"].encode()
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(damaged) + 1)
            damaged[at : at + chance.randint(0, 3)] = bytes(
                chance.choice(b'{}[]",:\\0e9.-truefalsn\x00\xff\xc3') for _ in range(chance.randint(0, 3))
            )
        decode(wire_format, example, bytes(damaged))


@pytest.mark.parametrize(("wire_format", "example"), list(examples()))
def test_every_problem_names_what_would_be_right(wire_format: Format, example: dict[str, Any]) -> None:
    for problem in decode(wire_format, example).problems:
        assert len(problem.detail) > 20
        assert ": " in problem.detail or " is not " in problem.detail
