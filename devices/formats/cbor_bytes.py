"""Reading CBOR (RFC 8949) that a stranger wrote: bounded in size and depth, and exact about what is wrong.

What data formats need of it: whole numbers, floats of 16, 32 and 64 bits, text, bytes, arrays, maps, true, false, null,
indefinite lengths, and decimal fractions (tag 4). Other tags are passed over, and their content counts.
"""

from __future__ import annotations

import math
import struct
from typing import Any, Final

from devices.contract import Limits

_BREAK: Final = object()
_SIMPLE: Final = {20: False, 21: True, 22: None, 23: None}
_FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}
_DECIMAL_FRACTION: Final = 4
_INDEFINITE: Final = 31
_LARGEST_EXPONENT: Final = 400
MOST_ITEMS: Final = 16_000
"""Numbers, texts, arrays and maps of one payload: a reading takes some eight of them."""


class BadCbor(ValueError):
    """The bytes are no CBOR, or more than is taken; the text says what and where."""


def read(payload: bytes, limits: Limits) -> Any:
    """The one item that the bytes are. BadCbor says what is wrong with them.

    A length is believed only as far as there are bytes behind it, and more than ``MOST_ITEMS`` items are not read.
    """
    if len(payload) > limits.payload:
        raise BadCbor(f"payload of {len(payload)} bytes; at most {limits.payload} are taken")
    reader = _Reader(payload, limits.depth)
    found = reader.item(0)
    if found is _BREAK:
        raise BadCbor("byte 0 ends something that was never begun")
    if reader.at != len(payload):
        raise BadCbor(f"{len(payload) - reader.at} bytes behind the end, at byte {reader.at}")
    return found


class _Reader:
    def __init__(self, payload: bytes, depth: int) -> None:
        self._payload = payload
        self._depth = depth
        self._room = MOST_ITEMS
        self.at = 0

    def item(self, depth: int) -> Any:
        """The next item, or ``_BREAK``."""
        start = self.at
        self._room -= 1
        if self._room < 0:
            raise BadCbor(f"more than {MOST_ITEMS} items at byte {start}")
        first = self._take(1)[0]
        major, info = first >> 5, first & 31
        if major == 7:
            return self._simple(info, start)
        if depth >= self._depth and major >= 4:
            raise BadCbor(f"nested more than {self._depth} levels deep at byte {start}")
        if info == _INDEFINITE:
            return self._indefinite(major, depth, start)
        value = self._argument(info, start)
        if major < 2:
            return -1 - value if major else value
        if major < 4:
            found = self._take(value)
            return self._text(found, start) if major == 3 else found
        return self._tagged(value, depth) if major == 6 else self._collected(major, value, depth, start)

    def _collected(self, major: int, count: int, depth: int, start: int) -> Any:
        """An array or a map of ``count``, which is believed only as far as there are bytes for it."""
        least = 1 if major == 4 else 2
        if count * least > len(self._payload) - self.at:
            raise BadCbor(f"{count} items are announced at byte {start}, and too few bytes follow")
        if major == 4:
            return [self._inner(depth) for _ in range(count)]
        return dict(self._pair(depth) for _ in range(count))

    def _argument(self, info: int, start: int) -> int:
        if info < 24:
            return info
        if info > 27:
            raise BadCbor(f"byte {start} is no item: its length is reserved")
        return int.from_bytes(self._take(1 << (info - 24)), "big")

    def _take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self._payload):
            raise BadCbor(f"the payload ends within an item, {end - len(self._payload)} bytes are missing")
        found = self._payload[self.at : end]
        self.at = end
        return found

    def _inner(self, depth: int) -> Any:
        start = self.at
        found = self.item(depth + 1)
        if found is _BREAK:
            raise BadCbor(f"byte {start} ends something that was never begun")
        return found

    def _pair(self, depth: int) -> tuple[Any, Any]:
        start = self.at
        key = self._inner(depth)
        if not isinstance(key, (int, str, bytes, float)):
            raise BadCbor(f"the key at byte {start} is neither a number nor a text")
        return key, self._inner(depth)

    def _text(self, found: bytes, start: int) -> str:
        try:
            return found.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadCbor(f"the text at byte {start} is not UTF-8") from error

    def _simple(self, info: int, start: int) -> Any:
        if info in _SIMPLE:
            return _SIMPLE[info]
        if info in _FLOATS:
            form = _FLOATS[info]
            return struct.unpack(form, self._take(struct.calcsize(form)))[0]
        if info == _INDEFINITE:
            return _BREAK
        if info == 24:
            self._take(1)
            return None
        if info < 20:
            return None
        raise BadCbor(f"byte {start} is no item: its length is reserved")

    def _indefinite(self, major: int, depth: int, start: int) -> Any:
        """Chunks or items up to a break."""
        if major == 5:
            pairs: dict[Any, Any] = {}
            while not self._at_break():
                key, value = self._pair(depth)
                pairs[key] = value
            return pairs
        if major == 4:
            items: list[Any] = []
            while not self._at_break():
                items.append(self._inner(depth))
            return items
        if major not in {2, 3}:
            raise BadCbor(f"byte {start} is no item: it cannot be of indefinite length")
        chunks: list[bytes] = []
        while not self._at_break():
            head = self._take(1)[0]
            if head >> 5 != major or head & 31 == _INDEFINITE:
                raise BadCbor(f"a chunk of another kind at byte {self.at - 1}")
            chunks.append(self._take(self._argument(head & 31, self.at - 1)))
        whole = b"".join(chunks)
        return whole if major == 2 else self._text(whole, start)

    def _at_break(self) -> bool:
        if self.at < len(self._payload) and self._payload[self.at] == 0xFF:
            self.at += 1
            return True
        return False

    def _tagged(self, tag: int, depth: int) -> Any:
        start = self.at
        found = self._inner(depth)
        if tag != _DECIMAL_FRACTION:
            return found
        whole = isinstance(found, list) and len(found) == 2 and all(type(part) is int for part in found)
        if not whole or abs(found[0]) > _LARGEST_EXPONENT:
            raise BadCbor(f"the decimal fraction at byte {start} is not an exponent and a number")
        number = float(f"{found[1]}e{found[0]}")
        return number if math.isfinite(number) else None
