"""Every example of docs/formats/profile.md goes through its profile and comes out as the page says, in both languages."""

from __future__ import annotations

import pytest

import devices.formats
from devices.contract import Message
from devices.conversation import Conversation
from tests.docs.pages import blocks, page


def examples(name: str) -> list[tuple[str, ...]]:
    return [
        (block.mark.removeprefix("example: "), *block.text.strip().split("\n", 1))
        for block in blocks(page(name))
        if block.mark.startswith("example: ")
    ]


EXAMPLES = examples("docs/formats/profile.md")


@pytest.mark.parametrize(("expected", "topic", "payload"), EXAMPLES)
def test_an_example_says_what_the_page_says(expected: str, topic: str, payload: str) -> None:
    name, *wanted = expected.split()
    said = Conversation(devices.formats.make(name), "c").hear(Message(topic, payload.encode(), 0))
    assert said is not None
    assert not said.problems
    values = {key: value for sample in said.samples for key, value in sample.values.items()}
    words = [f"{key}={value}" if isinstance(value, str) else f"{key}={value:g}" for key, value in values.items()]
    assert sorted(words) == sorted(wanted)


def test_both_languages_show_the_same_messages() -> None:
    assert len(EXAMPLES) == 3
    assert examples("docs/formats/profile.zh-CN.md") == EXAMPLES
