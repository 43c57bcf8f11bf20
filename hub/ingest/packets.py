"""MQTT packets read straight from the bytes of a connection: the few that come by the million, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from hub.ingest.frames import DUP, RETAIN, Frame

_TYPE_AND_QOS: Final = 0xF6
_PUBLISH_QOS0: Final = 0x30
_PUBLISH_QOS1: Final = 0x32
_FLAGS: Final = tuple(
    (first >> 1) & 0x03 | (RETAIN if first & 0x01 else 0) | (DUP if first & 0x08 else 0) for first in range(16)
)
"""Low half of a PUBLISH's first byte -> the flags of a frame."""
_PUBACK: Final = 0x4002_0000

_CONTENT_TYPE: Final = 0x03
_FIXED: Final = {0x01: 1, 0x02: 4, 0x23: 2}
_TEXT: Final = {_CONTENT_TYPE: 1, 0x08: 1, 0x09: 1, 0x26: 2}
"""Properties of a PUBLISH: bytes of the fixed ones, number of length-prefixed parts of the others."""

SYSTEM: Final = b"$SYS/"


class Harvest(NamedTuple):
    """The messages of one read round."""

    received_at: int
    frames: list[Frame]
    """To be journalled, in their order."""
    system: list[Frame]
    """What the broker says about itself: never journalled."""


def take_publishes(  # noqa: C901, PLR0911, PLR0912 - one flat loop on purpose: a call per message costs a tenth of it
    data: bytes, at: int, harvest: Harvest, *, connection: str, mqtt5: bool
) -> int:
    """Take the whole QoS 0 and QoS 1 PUBLISH packets that ``data`` holds from ``at`` on.

    Returns where the first packet starts that is cut off, of another kind or odd in any way: paho judges that one.
    """
    size = len(data)
    received_at, frames, system = harvest
    while size - at >= 2:
        first = data[at]
        kind = first & _TYPE_AND_QOS
        if kind != _PUBLISH_QOS1 and kind != _PUBLISH_QOS0:  # noqa: PLR1714 - half the time of a membership test
            return at
        length = data[at + 1]
        start = at + 2
        if length & 0x80:
            if start < size and data[start] < 0x80:  # two bytes: what nearly every message of a device needs
                length, start = length & 0x7F | data[start] << 7, start + 1
            else:
                length, start = _varint(data, at + 1)
        end = start + length
        if end > size or length < 2:
            return at
        body = start + 2 + (data[start] << 8 | data[start + 1])
        packet_id = 0
        if kind == _PUBLISH_QOS1:
            if body + 2 > end:
                return at
            packet_id = data[body] << 8 | data[body + 1]
            if packet_id == 0:
                return at
            topic = data[start + 2 : body]
            body += 2
        else:
            topic = data[start + 2 : body]
        content_type = ""
        if mqtt5:
            if body >= end:
                return at
            if data[body]:
                found = _properties(data, body, end)
                if found is None:
                    return at
                content_type, body = found
            else:
                body += 1
        if body > end or not topic:
            return at
        frame = Frame(connection, packet_id, topic, data[body:end], _FLAGS[first & 0x0F], received_at, content_type)
        if packet_id == 0 and topic.startswith(SYSTEM):
            system.append(frame)
        else:
            frames.append(frame)
        at = end
    return at


def packet_end(data: bytes, at: int) -> int | None:
    """Where the packet that starts at ``at`` ends; None while that cannot be known; -1 where its length is malformed."""
    if len(data) - at < 2:
        return None
    length, start = _varint(data, at + 1)
    if start == 0:
        return None if len(data) - at < 5 else -1
    return start + length


def puback_block(packet_ids: Sequence[int]) -> bytes:
    """The PUBACKs of ``packet_ids`` in their order, as one block (0, a QoS 0 message, is passed over).

    The short form, without a reason, is right in MQTT 3.1.1 and 5 alike.
    """
    ids = np.asarray(packet_ids, dtype=np.uint32)
    block: bytes = (ids[ids != 0] | np.uint32(_PUBACK)).astype(">u4").tobytes()
    return block


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer and where it ends; (0, 0) where it is cut off or longer than four bytes."""
    value = 0
    for shift, byte in enumerate(data[at : at + 4]):
        value |= (byte & 0x7F) << (7 * shift)
        if not byte & 0x80:
            return value, at + shift + 1
    return 0, 0


def _properties(data: bytes, at: int, end: int) -> tuple[str, int] | None:
    """The content type and where the payload starts; None where a property is unknown or does not fit."""
    length, at = _varint(data, at)
    stop = at + length
    if at == 0 or stop > end:
        return None
    content_type = ""
    while at < stop:
        name = data[at]
        at += 1
        if name in _FIXED:
            at += _FIXED[name]
            continue
        parts = _TEXT.get(name)
        if parts is None:
            return None
        for _ in range(parts):
            if at + 2 > stop:
                return None
            after = at + 2 + (data[at] << 8 | data[at + 1])
            if name == _CONTENT_TYPE:
                content_type = data[at + 2 : after].decode("utf-8", "replace")
            at = after
    return (content_type, stop) if at == stop else None
