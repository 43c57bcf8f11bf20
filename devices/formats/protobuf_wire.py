"""Protocol Buffers on the wire, read and written without a library: field by field, bounded, and never past the end.

Source: the encoding page of the Protocol Buffers documentation. A field is a tag (number << 3 | wire type) and a value:
type 0 a varint, 1 eight bytes, 2 a length and as many bytes, 5 four bytes. Groups (3 and 4) are long out of use.
"""

from __future__ import annotations

from typing import Final

MOST_FIELDS: Final = 25_000
"""Fields of one message, those of messages inside it left out."""
_LONGEST_SHIFT: Final = 70
"""A number has at most ten bytes of seven bits."""


class WireError(ValueError):
    """The bytes are no message of this kind; the text says what was found and where."""


class TooManyFields(WireError):
    """More fields than ``MOST_FIELDS``: reading on would cost more memory than a message is worth."""


Fields = list[tuple[int, int | bytes]]
"""(tag, value) in the order of the wire: whole numbers of varints, bytes of everything else."""


def read_fields(data: bytes) -> Fields:  # noqa: C901, PLR0912 - the hot loop: calls would cost more than branches
    """The fields of a message. WireError where it breaks off or holds a group."""
    found: Fields = []
    add = found.append
    position, end = 0, len(data)
    try:
        for _ in range(MOST_FIELDS):
            if position >= end:
                return found
            tag = data[position]
            position += 1
            if tag & 0x80:
                tag, position = read_varint(data, position - 1)
            kind = tag & 7
            if kind == 0:
                number = byte = data[position]
                position += 1
                if byte & 0x80:  # written out, for every metric has a time of six such bytes
                    number &= 0x7F
                    shift = 7
                    while byte & 0x80 and shift < _LONGEST_SHIFT:
                        byte = data[position]
                        position += 1
                        number |= (byte & 0x7F) << shift
                        shift += 7
                    if number >> 64 or byte & 0x80:
                        raise WireError(f"the number that ends before byte {position} does not fit 64 bits")
                add((tag, number))
                continue
            if kind == 2:
                size = data[position]
                position += 1
                if size & 0x80:
                    size, position = read_varint(data, position - 1)
            elif kind in (1, 5):
                size = 8 if kind == 1 else 4
            else:
                raise WireError(f"wire type {kind} before byte {position}")
            if position + size > end:
                raise WireError(f"a field of {size} bytes at byte {position}, where only {end - position} are left")
            add((tag, data[position : position + size]))
            position += size
    except IndexError:
        raise WireError(f"the message breaks off at byte {end}") from None
    if position < end:
        raise TooManyFields(f"more than {MOST_FIELDS} fields in one message")
    return found


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """(number, position behind it). WireError where it does not fit 64 bits, IndexError where it breaks off."""
    number = 0
    for shift in range(0, _LONGEST_SHIFT, 7):
        byte = data[position + shift // 7]
        number |= (byte & 0x7F) << shift
        if byte < 0x80 and not number >> 64:
            return number, position + shift // 7 + 1
    raise WireError(f"the number at byte {position} does not fit 64 bits")


def varint(number: int) -> bytes:
    """A number from 0 to 2^64 - 1 as it goes on the wire."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def write_field(tag: int, value: int | bytes) -> bytes:
    """A field with a varint, or with bytes and their length."""
    if isinstance(value, int):
        return varint(tag) + varint(value)
    return varint(tag) + varint(len(value)) + value
