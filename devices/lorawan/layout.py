"""How the bytes of one tagged value are laid out, as a line of a table: ``temperature:i16/10 humidity:u8/2``.

A part is ``name:type``, with any of ``/number`` (divide), ``?word,word`` (a word for 0, 1, 2 …) and ``!hex,hex`` (bytes
that stand for "no reading", as a number). Types: ``u8 i8 u16 i16 u24 i24 u32 i32`` integers, ``f32`` IEEE 754,
``xN`` N bytes as hexadecimal text, ``v2`` two bytes as a version. The name ``-`` passes over as many bytes as it says:
``-:3``.
"""

from __future__ import annotations

import re
import struct
from typing import Any, Final, Literal, NamedTuple

Order = Literal["little", "big"]

_PART: Final = re.compile(
    r"(?P<name>[a-z0-9_]+|-):(?P<type>(?:[uifxv])?\d+)"
    r"(?:/(?P<by>[\d.]+))?(?:\?(?P<words>[\w,-]+))?(?:!(?P<absent>[0-9a-f,]+))?"
)


class Part(NamedTuple):
    """One value inside a layout."""

    name: str
    kind: str
    """``u``, ``i``, ``f``, ``x``, ``v``; empty for bytes to pass over."""
    size: int
    """In bytes."""
    divisor: float = 1.0
    words: tuple[str, ...] = ()
    absent: frozenset[int] = frozenset()

    def read(self, raw: bytes, order: Order) -> float | str | None:
        """The value in these bytes; None: no reading."""
        if self.kind == "x":
            return raw.hex()
        if self.kind == "v":
            return f"{raw[0]:x}.{raw[1]:x}"
        if self.kind == "f":
            found: float = struct.unpack("<f" if order == "little" else ">f", raw)[0]
            return found / self.divisor
        number = int.from_bytes(raw, order)
        if number in self.absent:
            return None
        if self.words:
            return self.words[number] if number < len(self.words) else float(number)
        if self.kind == "i":
            number = int.from_bytes(raw, order, signed=True)
        return number / self.divisor


class Layout(NamedTuple):
    """The parts of one tagged value, in order."""

    size: int
    parts: tuple[Part, ...]

    def fill(self, values: dict[str, Any], payload: bytes, at: int, order: Order) -> None:
        """Put what the ``size`` bytes at ``at`` say into ``values``; a name that is there already becomes a list."""
        for part in self.parts:
            end = at + part.size
            if part.kind:
                value = part.read(payload[at:end], order)
                if value is not None:
                    _add(values, part.name, value)
            at = end


def _add(values: dict[str, Any], name: str, value: float | str) -> None:
    if name not in values:
        values[name] = value
    elif isinstance(values[name], list):
        values[name].append(value)
    else:
        values[name] = [values[name], value]


def layout(text: str) -> Layout:
    """The layout that a line of a table describes. ValueError names a part that is not one."""
    parts = tuple(_part(word) for word in text.split())
    return Layout(sum(part.size for part in parts), parts)


def _part(word: str) -> Part:
    found = _PART.fullmatch(word)
    if found is None:
        raise ValueError(f"{word!r} in a table of layouts: write name:type, e.g. temperature:i16/10")
    name, kind = found["name"], found["type"]
    if name == "-":
        return Part("-", "", int(kind))
    letter, number = kind[0], int(kind[1:])
    return Part(
        name=name,
        kind=letter,
        size=number if letter in "xv" else number // 8,
        divisor=float(found["by"] or 1),
        words=tuple(found["words"].split(",")) if found["words"] else (),
        absent=frozenset(int(each, 16) for each in (found["absent"] or "").split(",") if each),
    )


class Trouble(NamedTuple):
    """Why a frame, or the rest of it, could not be read."""

    reason: str
    detail: str


class Frame(NamedTuple):
    """What a codec read from the bytes of one uplink: an object under the maker's names, as a server's codec makes it."""

    values: dict[str, Any]
    trouble: Trouble | None = None
