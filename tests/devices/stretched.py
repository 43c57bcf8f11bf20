"""Worked examples made as large as the hub takes them: each part of a message that can be repeated is, one after the other.

What a stranger sends to cost the hub most looks like this: a message that the format reads, with one list, object or line of it
a thousand times over. ``make bench`` measures what such messages cost, ``make test`` counts what they make the formats do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from devices.contract import UNREADABLE, Limits, Message
from devices.conversation import Conversation
from tests.devices.test_worked_examples import ALL, message_of, prepared

_MOST_PLACES: Final = 12
"""Lists and objects of one example that are stretched."""
_DEEPEST: Final = 6


class Stretched(NamedTuple):
    """A message of one format, after what has to be heard before it."""

    name: str
    title: str
    message: Message
    conversation: Conversation
    """Fresh: nothing of this message has been heard."""


def stretched(limit: int = Limits().payload) -> Iterator[Stretched]:
    """Every worked example with each of its parts repeated until the payload has ``limit`` bytes; equal ones once."""
    seen: set[tuple[str, str, int]] = set()
    for parameters in ALL:
        wire_format, example = parameters.values
        message = message_of(example)
        for what, payload in _payloads(message.payload, limit):
            mark = (wire_format.name, message.topic, hash(payload))
            if mark not in seen and len(payload) <= limit:
                seen.add(mark)
                told = Message(
                    message.topic,
                    payload,
                    message.received_at,
                    retain=message.retain,
                    content_type=message.content_type,
                )
                yield Stretched(wire_format.name, f"{example['title']}: {what}", told, prepared(wire_format, example))


def _payloads(payload: bytes, limit: int) -> Iterator[tuple[str, bytes]]:
    try:
        found = msgspec.json.decode(payload)
    except UNREADABLE:
        yield from _repeated(payload, limit)
        return
    for place in list(_places(found, (), _DEEPEST))[:_MOST_PLACES]:
        yield f"/{'/'.join(map(str, place))} again and again", _with(found, place, limit)


def _repeated(payload: bytes, limit: int) -> Iterator[tuple[str, bytes]]:
    """Lines of text, or bytes whose repetition is a message too, as that of Protocol Buffers is."""
    if payload:
        yield "all of it again and again", payload * (limit // len(payload))
        lines = payload.rstrip(b"\n") + b"\n"
        yield "its lines again and again", lines * (limit // len(lines))
        item = payload[1:] if 0x81 <= payload[0] <= 0x97 else payload  # a CBOR array of few items
        yield "its items again and again", b"\x9f" + item * ((limit - 2) // max(len(item), 1)) + b"\xff"


def _places(found: Any, path: tuple[str | int, ...], deeper: int) -> Iterator[tuple[str | int, ...]]:
    """The paths of all lists and objects that hold something, the outermost first."""
    if not isinstance(found, (dict, list)) or not found or not deeper:
        return
    yield path
    for key, value in found.items() if isinstance(found, dict) else enumerate(found):
        yield from _places(value, (*path, key), deeper - 1)


def _with(found: Any, place: tuple[str | int, ...], limit: int) -> bytes:
    """The message with what stands at ``place`` repeated: items of a list as they are, those of an object under new keys."""
    whole = msgspec.json.decode(msgspec.json.encode(found))
    holder: Any = {"": whole}
    key: str | int = ""
    for step in place:
        holder, key = holder[key], step
    part = holder[key]
    room = limit - len(msgspec.json.encode(whole))
    if isinstance(part, list):
        size = sum(len(msgspec.json.encode(each)) + 1 for each in part)
        part.extend(list(part) * (room // size))
    else:
        items = list(part.items())
        size = sum(len(msgspec.json.encode(each)) + len(msgspec.json.encode(str(word))) + 9 for word, each in items)
        for number in range(room // size):
            part.update((f"{word}_{number}", each) for word, each in items)
    return msgspec.json.encode(whole)
