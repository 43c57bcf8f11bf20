"""ChirpStack's events as Protocol Buffers (the server's setting ``json = false``), turned into the JSON of the same event.

Source: api/proto/integration/integration.proto of ChirpStack v4, and the JSON mapping of Protocol Buffers. Only the fields
that the hub reads are looked at. One way of reading an event is enough: both settings of a server say the same so.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from devices.formats.protobuf_wire import TooManyFields, WireError, read_fields

_FIRST_TAGS: Final = frozenset({b"\x0a", b"\x12", b"\x1a"})
"""What an event begins with: its identity, its time or its device."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LEVELS: Final = ("INFO", "WARNING", "ERROR")
_CODES: Final = (
    *("UNKNOWN", "DOWNLINK_PAYLOAD_SIZE", "UPLINK_CODEC", "DOWNLINK_CODEC", "OTAA", "UPLINK_F_CNT_RESET", "UPLINK_MIC"),
    *("UPLINK_F_CNT_RETRANSMISSION", "DOWNLINK_GATEWAY", "RELAY_NEW_END_DEVICE", "F_CNT_DOWN", "EXPIRED"),
)
_float = struct.Struct("<f").unpack
_double = struct.Struct("<d").unpack
_MOST_PARTS: Final = 6_000
"""Fields, entries and values of one event; a reading takes two of them."""


class _Room:
    """How much more of an event is read: its parts, and objects in objects."""

    __slots__ = ("_depth", "_parts")

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._parts = _MOST_PARTS

    def one_less(self) -> None:
        """TooManyFields where there is no room for another part."""
        self._parts -= 1
        if self._parts < 0:
            raise TooManyFields(f"more than {_MOST_PARTS} parts in one event")

    def __enter__(self) -> None:
        """Into an object. WireError where that is too deep."""
        self._depth -= 1
        if self._depth < 0:
            raise WireError("objects stand in more objects than the hub looks into")

    def __exit__(self, *_: object) -> None:
        self._depth += 1


_Raw = int | bytes
_Read = Callable[[_Raw, _Room], Any]
"""From what the wire carried to what the JSON has there."""
_Shape = Mapping[int, tuple[str, _Read]]
"""Tag -> the name in JSON, and how it is read."""


def is_protobuf(payload: bytes) -> bool:
    """Whether these bytes begin like an event. JSON begins with a brace, perhaps behind a line break, which is a tag too."""
    return payload[:1] in _FIRST_TAGS and payload.lstrip()[:1] != b"{"


def event_json(payload: bytes, event: str, depth: int) -> bytes:
    """The event as the server would have sent it in JSON. WireError where the bytes are no event of this kind.

    TooManyFields where it holds more than ``_MOST_PARTS`` parts. ``event``: the topic's last word. ``depth``: how many objects deep its ``object`` may be.
    """
    return msgspec.json.encode(_message(payload, _EVENTS[event], _Room(depth)))


def _message(data: _Raw, shape: _Shape, room: _Room) -> dict[str, Any]:
    """The fields of a message. A field that may come again is a list."""
    found: dict[str, Any] = {}
    for tag, raw in read_fields(_bytes(data)):
        known = shape.get(tag)
        if known is None:
            continue
        room.one_less()
        name, read = known
        value = read(raw, room)
        if name == _GATEWAYS:
            found.setdefault(name, []).append(value)
        elif isinstance(value, _Pair):
            found.setdefault(name, {})[value.key] = value.value
        else:
            found[name] = value
    return found


class _Pair(msgspec.Struct, gc=False):
    """An entry of a map, which stands on the wire as a message of its own."""

    key: str
    value: Any


def _bytes(raw: _Raw, _room: _Room | None = None) -> bytes:
    if isinstance(raw, int):
        raise WireError(f"the number {raw} where bytes were expected")
    return raw


def _text(raw: _Raw, _room: _Room | None = None) -> str:
    try:
        return _bytes(raw).decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError(f"a text whose byte {error.start} is not UTF-8") from None


def _base64(raw: _Raw, _room: _Room) -> str:
    return binascii.b2a_base64(_bytes(raw), newline=False).decode()


def _unsigned(raw: _Raw, _room: _Room | None = None) -> int:
    return raw if isinstance(raw, int) else 0


def _signed(raw: _Raw, _room: _Room | None = None) -> int:
    """Negative numbers stand as two's complement of 64 bits."""
    number = _unsigned(raw)
    return number - (1 << 64) if number >> 63 else number


def _flag(raw: _Raw, _room: _Room) -> bool:
    return raw != 0


def _single(raw: _Raw, _room: _Room) -> float:
    """Rounded to what the sender can have meant: a float has seven digits."""
    return float(f"{_float(_bytes(raw))[0]:.7g}")


def _number(raw: _Raw, _room: _Room | None = None) -> float:
    found: float = _double(_bytes(raw))[0]
    return found


def _word_of(words: tuple[str, ...]) -> _Read:
    def read(raw: _Raw, _room: _Room) -> str:
        number = _unsigned(raw)
        return words[number] if number < len(words) else words[0]

    return read


def _time(raw: _Raw, _room: _Room) -> str | None:
    parts = dict(read_fields(_bytes(raw)))
    try:
        moment = _EPOCH + timedelta(
            seconds=_signed(parts.get(0x08, 0)), microseconds=_signed(parts.get(0x10, 0)) // 1000
        )
    except OverflowError:
        return None
    return moment.isoformat()


def _inside(shape: _Shape) -> _Read:
    return lambda raw, room: _message(raw, shape, room)


def _pair(read: _Read) -> _Read:
    def entry(raw: _Raw, room: _Room) -> _Pair:
        parts = dict(read_fields(_bytes(raw)))
        return _Pair(_text(parts.get(0x0A, b"")), read(parts.get(0x12, b""), room))

    return entry


def _value(raw: _Raw, room: _Room) -> Any:
    """One ``google.protobuf.Value``, which holds one of six kinds; the last one counts, as everywhere on the wire."""
    room.one_less()
    for tag, inner in reversed(read_fields(_bytes(raw))):
        kind = _VALUES.get(tag)
        if kind is not None:
            return kind(inner, room)
    return None


def _struct(raw: _Raw, room: _Room) -> dict[str, Any]:
    with room:
        fields: dict[str, Any] = _message(raw, _STRUCT, room).get("fields", {})
    return fields


def _list(raw: _Raw, room: _Room) -> list[Any]:
    with room:
        return [_value(each, room) for tag, each in read_fields(_bytes(raw)) if tag == 0x0A]


_GATEWAYS: Final = "rxInfo"
_STRUCT: Final[_Shape] = {0x0A: ("fields", _pair(_value))}
_VALUES: Final[Mapping[int, _Read]] = {
    0x08: lambda _raw, _room: None,
    0x11: _number,
    0x1A: _text,
    0x20: _flag,
    0x2A: _struct,
    0x32: _list,
}
_DEVICE: Final[_Shape] = {
    0x22: ("applicationName", _text),
    0x32: ("deviceProfileName", _text),
    0x3A: ("deviceName", _text),
    0x42: ("devEui", _text),
    0x4A: ("tags", _pair(_text)),
}
_GATEWAY: Final[_Shape] = {0x0A: ("gatewayId", _text), 0x30: ("rssi", _signed)}
_LOCATION: Final[_Shape] = {
    0x09: ("latitude", _number),
    0x11: ("longitude", _number),
    0x19: ("altitude", _number),
    0x2D: ("accuracy", _single),
}
_ANY: Final[_Shape] = {
    0x0A: ("deduplicationId", _text),
    0x12: ("time", _time),
    0x1A: ("deviceInfo", _inside(_DEVICE)),
}
_UP: Final[_Shape] = {
    **_ANY,
    0x40: ("fPort", _unsigned),
    0x52: ("data", _base64),
    0x5A: ("object", _struct),
    0x62: (_GATEWAYS, _inside(_GATEWAY)),
}
_EVENTS: Final[Mapping[str, _Shape]] = {
    "up": _UP,
    "join": _ANY,
    "status": {
        **_ANY,
        0x28: ("margin", _signed),
        0x30: ("externalPowerSource", _flag),
        0x38: ("batteryLevelUnavailable", _flag),
        0x45: ("batteryLevel", _single),
    },
    "log": {
        0x0A: ("time", _time),
        0x12: ("deviceInfo", _inside(_DEVICE)),
        0x18: ("level", _word_of(_LEVELS)),
        0x20: ("code", _word_of(_CODES)),
        0x2A: ("description", _text),
    },
    "location": {**_ANY, 0x22: ("location", _inside(_LOCATION))},
    "integration": {**_ANY, 0x32: ("object", _struct)},
}
"""By the topic's last word. ``integration``: as the server's versions before 4.15 wrote it."""
