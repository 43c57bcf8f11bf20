"""Every format can be made, is bounded in what it listens to, is documented, and stands the same trials."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import formats
from devices.contract import NO_STATE, Format, LearningFormat, Limits, Message
from devices.conversation import Conversation
from devices.formats.topic_filters import matches
from tests.devices.test_worked_examples import ALL, assert_sound

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_763_800_001_000
FORMATS = {name: formats.make(name, Limits()) for name in formats.names()}


@pytest.mark.parametrize("name", formats.names())
def test_a_format_listens_to_topics_of_its_own_and_never_to_everything(name: str) -> None:
    wire_format = FORMATS[name]
    assert wire_format.name == name
    for each in wire_format.filters:
        assert re.fullmatch(r"[^#]*(/#)?", each), each
        assert each not in {"#", "+/#"}
        assert not each.startswith("$SYS")


MORSE = """
from devices.contract import Decoded

class Helper:
    name = "another"

class MorseFormat:
    name, filters = "morse", ("morse/+",)

    def __init__(self, limits=None, *, speed="20"):
        self.speed = speed

    def route(self, topic, community):
        return topic

    def decode(self, route, message, state=None):
        return Decoded()
"""


@pytest.fixture
def one_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder beside the shipped formats, with the examples of one that is not shipped."""
    (tmp_path / "morse_examples.toml").write_text("", encoding="utf-8")
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path)])
    monkeypatch.setattr(formats, "_FORMATS", formats._found())
    yield tmp_path
    sys.modules.pop("devices.formats.morse", None)


@pytest.mark.parametrize("module", ["morse.py", "morse/__init__.py"])
def test_a_format_is_added_by_one_module_or_folder_and_its_examples(one_more: Path, module: str) -> None:
    (one_more / module).parent.mkdir(exist_ok=True)
    (one_more / module).write_text(MORSE, encoding="utf-8")
    assert "morse" in formats.names()
    made = formats.make("morse", options={"speed": "25"})
    assert (made.name, made.speed, formats.rank("morse")) == ("morse", "25", 1)  # type: ignore[attr-defined]
    with pytest.raises(formats.UnknownFormat, match="format morse: "):
        formats.make("morse", options={"tone": "high"})


def test_examples_without_their_format_are_named(one_more: Path) -> None:
    (one_more / "morse.py").write_text(MORSE.replace('"morse",', '"mores",'), encoding="utf-8")
    with pytest.raises(formats.UnknownFormat, match='no class with name = "morse"'):
        formats.make("morse")


@pytest.mark.parametrize(
    "example", [pytest.param(each.values, id=str(each.id)) for each in ALL if each.values[0].filters]
)
def test_no_message_is_subscribed_to_twice(example: tuple[Format, dict[str, Any]]) -> None:
    """A broker may send it once for each filter, and the second would be another message."""
    wire_format, shown = example
    assert sum(matches(each, shown["topic"]) for each in wire_format.filters) <= 1


def test_the_manual_lists_every_format() -> None:
    table = (ROOT / "docs" / "formats" / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| \[`([a-z0-9_]+)`\]", table, re.MULTILINE))
    assert listed == set(formats.names())


def test_every_format_has_worked_examples() -> None:
    shown = {str(example.id).partition(":")[0] for example in ALL}
    assert set(formats.names()) <= shown


def test_an_unknown_format_and_an_unknown_option_are_refused_by_name() -> None:
    with pytest.raises(formats.UnknownFormat, match=r"unknown format 'lorawan2'; expected one of .*zigbee2mqtt"):
        formats.make("lorawan2")
    with pytest.raises(formats.UnknownFormat, match=r"format zigbee2mqtt: .*colour"):
        formats.make("zigbee2mqtt", options={"colour": "red"})


def topics_of(wire_format: Format) -> st.SearchStrategy[str]:
    """Topics that its filters let in."""
    level = st.sampled_from(["device", "1", "config", "status", "x y", "0x00158d00018255df", "up", "冷机"])

    def fill(pattern: str) -> st.SearchStrategy[str]:
        levels = pattern.split("/")
        parts = [level if each == "+" else st.just(each) for each in levels if each != "#"]
        tail = st.lists(level, max_size=4) if levels[-1] == "#" else st.just([])
        return st.tuples(st.tuples(*parts), tail).map(lambda found: "/".join((*found[0], *found[1])))

    return st.one_of([fill(each) for each in wire_format.filters]) if wire_format.filters else st.just("http/x")


@pytest.mark.parametrize("name", formats.names())
@given(data=st.data())
@settings(max_examples=60)
def test_no_bytes_on_any_topic_make_it_raise_or_say_what_is_no_reading(name: str, data: st.DataObject) -> None:
    wire_format = FORMATS[name]
    conversation = Conversation(wire_format, "garden")
    payload = st.binary(max_size=200) | st.text(max_size=100).map(str.encode)
    for _ in range(3):
        topic = data.draw(topics_of(wire_format))
        message = Message(topic, data.draw(payload), NOW, retain=data.draw(st.booleans()))
        said = conversation.hear(message)
        if said is not None:
            assert_sound(said)
    if isinstance(wire_format, LearningFormat):
        assert len(list(wire_format.topics(conversation.state))) <= 5_000


@pytest.mark.parametrize("name", formats.names())
def test_a_payload_without_end_is_refused_and_costs_little(name: str) -> None:
    """Work is bounded by the payload: a nest of brackets, a giant number, a 9 MB text."""
    wire_format = FORMATS[name]
    topic = next(each.values[1]["topic"] for each in ALL if each.values[0].name == name)
    route = wire_format.route(topic, None if name == "native" else "garden")
    if route is None:
        assert isinstance(wire_format, LearningFormat)  # its devices name this topic first
        return
    for payload in (b"[" * 300_000, b'{"a":' * 50_000, b"9" * 200_000, b'"' + b"x" * 9_000_000 + b'"'):
        said = wire_format.decode(route, Message(topic, payload, NOW), NO_STATE)
        assert not said.samples
