"""What the fuzzer mutates: a few messages in one run of bytes, which every format can be handed.

The first byte chooses the format (with the options it has in one of its examples). Then come messages, each of them

    flag (``r``: retained) · topic · TAB and content type, where there is one · LF · payload

with ``BETWEEN`` between two. So most changes of a byte change a payload or a topic, and none makes it unreadable.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from devices import formats
from devices.contract import UNREADABLE, Change, Decoded, Format, LearningFormat, Message, QuickFormat
from devices.conversation import Conversation
from tests.devices.test_worked_examples import ALL, NOW, assert_sound, message_of

COMMUNITY: Final = "harmony-garden"
BETWEEN: Final = b"\n\x00\x1e"
"""In no example."""
MESSAGES: Final = 12
"""More in one input are not read."""
_STEP_MS: Final = 1_000
_TOPICS_LEARNED: Final = 5_000
PROFILES: Final = "profiles"
"""The group of all formats that are data: one engine reads them."""


class Speaker(NamedTuple):
    """A format as one connection speaks it."""

    name: str
    options: tuple[tuple[str, str], ...]
    format: Format

    def conversation(self) -> Conversation:
        """One that has heard nothing."""
        return Conversation(self.format, None if self.name == "native" else COMMUNITY)


def groups() -> tuple[str, ...]:
    """Those that are fuzzed by themselves: each format in Python, and all profiles together."""
    return (*(name for name in formats.names() if _is_code(name)), PROFILES)


def _is_code(name: str) -> bool:
    return formats.rank(name) < formats.rank("") or name == "native"


def speakers(chosen: Iterable[str]) -> list[Speaker]:
    """Every format of the groups, once for each set of options in its examples; always in the same order."""
    wanted = set(chosen)
    found = {
        (example.values[0].name, _options(example.values[1]))
        for example in ALL
        if (example.values[0].name if _is_code(example.values[0].name) else PROFILES) in wanted
    }
    return [Speaker(name, options, formats.make(name, options=dict(options))) for name, options in sorted(found)]


def _options(example: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(example.get("options", {}).items()))


def seeds(among: Sequence[Speaker]) -> Iterator[bytes]:
    """The worked examples of these speakers, each with what has to be heard before it."""
    places = {(each.name, each.options): place for place, each in enumerate(among)}
    for parameters in ALL:
        wire_format, example = parameters.values
        place = places.get((wire_format.name, _options(example)))
        if place is not None:
            messages = [message_of(each) for each in (*example.get("before", []), example)]
            yield bytes([place]) + BETWEEN.join(map(_packed, messages))


def _packed(message: Message) -> bytes:
    kind = f"\t{message.content_type}" if message.content_type else ""
    return f"{'r' if message.retain else '.'}{message.topic}{kind}\n".encode() + message.payload


def words(seed: bytes) -> Iterator[bytes]:
    """Names and separators of an example, for the fuzzer's dictionary."""
    for line in seed.split(BETWEEN):
        for word in line.replace(b"\n", b'"').replace(b"/", b'"').split(b'"'):
            if 3 <= len(word) <= 24 and word.isascii() and word.decode().isprintable():
                yield word


def unpack(data: bytes, among: Sequence[Speaker]) -> tuple[Speaker, list[Message]]:
    """Read any bytes. What is no UTF-8 is left out of a topic: the hub refuses such a one before a format sees it."""
    place = data[0] if data else 0
    messages = []
    for number, part in enumerate(data[1:].split(BETWEEN, MESSAGES)[:MESSAGES]):
        head, _, payload = part.partition(b"\n")
        topic, _, kind = head[1:].decode("utf-8", "ignore").partition("\t")
        messages.append(
            Message(topic, payload, NOW + number * _STEP_MS, retain=head[:1] == b"r", content_type=kind[:100])
        )
    return among[place % len(among)], messages


def hear(speaker: Speaker, messages: Iterable[Message]) -> Iterator[None]:
    """Hand over a message at each step, as the hub does; AssertionError where an answer breaks the contract."""
    conversation = speaker.conversation()
    for message in messages:
        _hear_quickly(conversation, message)
        said = conversation.hear(message)
        yield
        if said is not None:
            _assert_kept(conversation, said)


def _hear_quickly(conversation: Conversation, message: Message) -> None:
    route = conversation.route(message.topic)
    spoken = conversation.format
    if route is None or not isinstance(spoken, QuickFormat) or (short := spoken.quick(route)) is None:
        return
    try:
        found = short[1](message.payload)
    except UNREADABLE:
        return
    if isinstance(found.ts, str):
        spoken.moment(found.ts)


def _assert_kept(conversation: Conversation, said: Decoded) -> None:
    assert_sound(said)
    msgspec.json.encode(said)  # raises for what could not be stored: half a character, a foreign object
    assert all(_is_plain(change) for change in said.changes)
    if isinstance(conversation.format, LearningFormat):
        assert sum(1 for _ in conversation.format.topics(conversation.state)) <= _TOPICS_LEARNED


def _is_plain(change: Change) -> bool:
    return msgspec.json.decode(msgspec.json.encode(change.value)) == change.value


def as_command(data: bytes, among: Sequence[Speaker]) -> str:
    """The input as a command to be pasted into a shell."""
    speaker, messages = unpack(data, among)
    lines = " ".join(shlex.quote(f"{each.topic} hex:{each.payload.hex()}") for each in messages)
    retained = [number for number, each in enumerate(messages, 1) if each.retain]
    notes = [
        f"# options {dict(speaker.options)}" if speaker.options else "",
        f"# retained: messages {retained}" if retained else "",
        "# a topic with a blank: give hub decode each topic and payload by itself"
        if any(" " in each.topic for each in messages)
        else "",
    ]
    hub = f"hub decode --format {speaker.name} --community {COMMUNITY}{' --retained' if retained else ''} --capture -"
    return "\n".join([*filter(None, notes), f"printf '%s\\n' {lines} | {hub}"])
