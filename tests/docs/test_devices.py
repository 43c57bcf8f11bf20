"""Every example of docs/devices.md goes through the decoder and comes out as the page says."""

from __future__ import annotations

import pytest

from devices.contract import Decoded, Message
from devices.formats.native import NativeFormat
from tests.docs.pages import blocks, page

EXAMPLES = [
    (block.mark.removeprefix("example: "), *block.text.strip().split("\n", 1))
    for block in blocks(page("docs/devices.md"))
    if block.mark.startswith("example: ")
]


def words(value: object) -> str:
    return value if isinstance(value, str) else f"{value:g}"  # type: ignore[str-format]


def said(decoded: Decoded) -> str:
    """What came out, in the words of the page's comments; the gravest thing where there is more."""
    for problem in decoded.problems:
        return f"problem {problem.reason}"
    for sample in decoded.samples:
        return " ".join(["samples", *(f"{name}={words(value)}" for name, value in sample.values.items())])
    for event in decoded.events:
        return f"event {event.code} {str(event.active).lower()}"
    for statement in decoded.statements:
        return f"status {'online' if statement.online else 'offline'}"
    return "nothing"


def test_there_are_examples_of_every_leaf() -> None:
    assert {topic.rpartition("/")[2] for _, topic, _ in EXAMPLES} == {"telemetry", "event", "status"}


@pytest.mark.parametrize(("expected", "topic", "payload"), EXAMPLES)
def test_an_example_says_what_the_page_says(expected: str, topic: str, payload: str) -> None:
    form = NativeFormat()
    route = form.route(topic, None)
    assert route is not None
    message = Message(topic=topic, payload=payload.encode(), received_at=1763800000500)
    assert said(form.decode(route, message)) == expected


def test_the_shown_refusal_is_the_hubs_own() -> None:
    topic = "community/v1/harmony-garden/pool-water/telemetry"
    payload = next(payload for _, where, payload in EXAMPLES if where == topic)
    form = NativeFormat()
    found = form.decode(form.route(topic, None), Message(topic=topic, payload=payload.encode(), received_at=0))
    shown = next(block.text for block in blocks(page("docs/devices.md")) if '"reason"' in block.text)
    assert found.problems[0].detail.replace('"', '\\"') in shown
    assert [list(sample.values) for sample in found.samples] == [["temperature"]]
