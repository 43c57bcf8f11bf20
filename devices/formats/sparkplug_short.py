"""The short way of the everyday data message: plain values of a device that is born and alive, and nothing to ask for.

Everything else goes the long way (``sparkplug_hearing``), which knows all of it and names what is wrong: a metric that is null,
historical, a template, or in no birth; a repeat, or a hole in the order that was open for too long; bytes that cannot be read.
Where this way answers, it answers as the long way would, in one pass over the bytes and without an object for each metric.
"""

from __future__ import annotations

import math
import struct
from typing import Any, Final

from devices.contract import Change, Decoded, Limits, Message, Sample, State
from devices.formats.protobuf_wire import WireError, read_varint
from devices.formats.sparkplug_births import Table
from devices.formats.sparkplug_nodes import OFF, ON, Node
from devices.formats.sparkplug_payload import BOOL, INT, TEXT
from devices.formats.sparkplug_readings import MOST_READINGS
from devices.formats.sparkplug_session import Session, followed
from devices.formats.sparkplug_topics import Route
from devices.formats.sparkplug_values import REALS, WrongType, read_value
from devices.units import convert
from devices.words import own_value

_MOST_FIELDS: Final = MOST_READINGS
"""Metrics and other fields of a message; below the bounds of the long way."""
_UNBORN: Final = (OFF,)
_NO_MOMENT: Final = object()
_SMALL: Final = tuple(map(str, range(0x80)))
"""Aliases of one byte, as the state has them."""
_NUMBERS: Final = {0x50: INT, 0x58: INT, 0x70: BOOL}
"""Tags of values that are a number on the wire."""
_TEXT: Final = 0x7A
_float = struct.Struct("<f").unpack_from
_double = struct.Struct("<d").unpack_from


class _NotPlain(Exception):
    """Something for the long way."""


_UNREAD: Final = (_NotPlain, KeyError, IndexError, struct.error, UnicodeDecodeError, WireError, WrongType)
"""What stops the short way: KeyError for metrics that no birth named, IndexError and struct.error where the bytes end."""

_Heard = tuple[int | None, int | None, dict[int | None, dict[str, float | bool | str]]]
"""The message's time and seq, and its values by their moment."""


def hear_short(route: Route, message: Message, limits: Limits, state: State) -> Decoded | None:
    """What the message says; None where the long way has to look at it. Never raises."""
    node: Node | None = state.get(route.node_key)
    table: Table | None = state.get(route.table_key)
    session: Session | None = state.get(route.session_key)
    if node is None or session is None or table is None or route.speaker is None:
        return None
    if node["life"] != ON or (route.part and node["devices"].get(route.part, _UNBORN)[0] != ON):
        return None
    if message.dup or message.retain or len(message.payload) > limits.payload:
        return None
    try:
        time, seq, moments = _read(message.payload, table, limits.text)
    except _UNREAD:
        return None
    born = node["born"]
    after, why = followed(session, seq, message.received_at)
    if why or (time is not None and born is not None and time < born):
        return None
    return Decoded(
        samples=tuple([Sample(route.speaker, moment, values) for moment, values in moments.items()]),
        changes=(Change(route.session_key, after, lasting=False),),
    )


def _read(data: bytes, table: Table, longest: int) -> _Heard:  # noqa: C901, PLR0912, PLR0915 - the hot loop: calls would cost more than branches
    """The message, if all of it is plain: its time first, and in each metric name or alias, time, datatype and value.

    Raises one of ``_UNREAD`` where anything else comes. ``longest``: characters of a text.
    """
    aliases, names = table["aliases"], table["names"]
    moments: dict[int | None, dict[str, float | bool | str]] = {}
    values: dict[str, float | bool | str] = {}
    moment: object = _NO_MOMENT  # that of the values at hand
    seq: int | None = None
    message_time: int | None = None
    stamp, stamped = b"\xff", 0  # the field of the last time that came, and the time: most metrics repeat it
    position, end = 0, len(data)
    if data[0] == 0x08:
        message_time, position = read_varint(data, 1)
        stamp, stamped = b"\x18" + data[1:position], message_time
    for _ in range(_MOST_FIELDS):
        if position == end:
            return message_time, seq, moments
        tag, size = data[position], data[position + 1]
        if tag == 0x18:
            seq, position = read_varint(data, position + 1)
            continue
        if tag != 0x12 or size > 0x7F:
            raise _NotPlain
        position += 2
        stop = position + size
        if data[position] == 0x10:
            alias = data[position + 1]
            position += 2
            if alias < 0x80:
                name = aliases[_SMALL[alias]]
            else:
                alias, position = read_varint(data, position - 1)
                name = aliases[str(alias)]
        else:
            name, position = _name(data, position)
        born, point, unit, to = names[name]
        time = message_time
        if data.startswith(stamp, position):
            time, position = stamped, position + len(stamp)
        elif data[position] == 0x18:
            stamped, behind = read_varint(data, position + 1)
            stamp, time, position = data[position:behind], stamped, behind
        tag = data[position]
        if tag == 0x20:
            if data[position + 1] != born:
                raise _NotPlain
            tag, position = data[position + 2], position + 2
        value: Any
        if tag == 0x65 and born in REALS:
            value, position = _float(data, position + 1)[0], position + 5
        elif tag == 0x69 and born in REALS:
            value, position = _double(data, position + 1)[0], position + 9
        else:
            value, position = _other_value(tag, data, position + 1, born, longest)
        if position != stop or not point:
            raise _NotPlain
        if value.__class__ is float:
            if not math.isfinite(value):
                continue
            if unit:
                value = convert(value, unit, to)
        if value is not None:
            if time is not moment:
                values, moment = moments.setdefault(time, {}), time
            values[point] = value
    raise _NotPlain


def _name(data: bytes, position: int) -> tuple[str, int]:
    """(name, position behind it) of a metric that has one; an alias beside it says nothing more."""
    behind = position + 2 + data[position + 1]
    if data[position] != 0x0A or data[position + 1] > 0x7F:
        raise _NotPlain
    name = data[position + 2 : behind].decode()
    return name, read_varint(data, behind + 1)[1] if data[behind] == 0x10 else behind


def _other_value(
    tag: int, data: bytes, position: int, datatype: int, longest: int
) -> tuple[float | bool | str | None, int]:
    """(value, position behind it) of what is no float on the wire: a whole number, a switch or a short text."""
    kind = _NUMBERS.get(tag)
    if kind is not None:
        number, behind = read_varint(data, position)
        return own_value(read_value(kind, number, datatype)), behind
    behind = position + 1 + data[position]
    if tag != _TEXT or data[position] > 0x7F:
        raise _NotPlain
    text = own_value(read_value(TEXT, data[position + 1 : behind], datatype))
    if isinstance(text, str) and (len(text) > longest or "\0" in text):
        raise _NotPlain
    return text, behind
