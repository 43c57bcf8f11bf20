"""Reading JSON that a stranger wrote: bounded in size and depth, and exact about what is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

import msgspec

from devices.contract import UNREADABLE, DeviceRef, Limits, Problem

_T = TypeVar("_T")
_decode: Final = msgspec.json.Decoder().decode
Part = bytes | msgspec.Raw
NO_PART: Final = msgspec.Raw(b"null")
"""A part of a message that is not there."""
_NO_BRACKETS: Final = re.compile(rb'(?:"(?:[^"\\]|\\.)*+"?|[^"\[{\]}])++', re.DOTALL)
"""Strings, with whatever brackets are in them, and everything else that nests nothing. A string that never ends is one: looked
for again behind each quote, its end would cost the square of the payload."""
_UNQUOTED: Final = bytes(each for each in range(256) if each not in b'"[{]}')
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_ODD_NUMBER: Final = re.compile(
    rb"""(?:"(?:[^"\\]|\\.)*+"?                               # strings,
            |[^"\-0-9NnIi]++|-?[0-9.]{1,300}+(?![0-9.eE])    # everyday numbers
            |(?!-?(?:[0-9]|NaN|nan|Infinity|inf)).           # and all else stay as they are
         )++
        |(-?(?:NaN|nan|Infinity|inf|[0-9.]++(?:[eE]\+?[0-9]++)?))""",
    re.DOTALL | re.VERBOSE,
)
_MOST_ODD: Final = 500
"""Numbers of a message that are looked at more closely."""
_LONGEST_WITH_ODD: Final = 64 * 1024
_RIGHT_JSON: Final = "send JSON without comments or trailing commas"
_NO_FLOAT: Final = 10**309
"""Stands where a message has NaN, an infinity, or a number that no 64-bit float holds: every format refuses it."""
_NO_FLOAT_BYTES: Final = str(_NO_FLOAT).encode()


def deeper(payload: bytes, limit: int) -> bool:
    """Whether brackets are nested more than ``limit`` levels deep, strings left out; for broken JSON it may say so too early.

    Each round takes away the innermost pairs, so that the work is done in few calls, whatever a stranger has written.
    """
    brackets = payload.translate(None, _UNQUOTED).replace(b'""', b"") if b"\\" not in payload else b'"'
    if b'"' in brackets:  # a bracket within a string, or an escape: look closer
        brackets = _NO_BRACKETS.sub(b"", payload)
    brackets = brackets.translate(_ONE_KIND)
    for _ in range(limit):
        inner = brackets.replace(b"[]", b"")
        if len(inner) == len(brackets):
            break
        brackets = inner
    return b"[]" in brackets or brackets.count(b"[") > limit


def too_deep(payload: bytes, limit: int) -> bool:
    """Whether the nesting goes beyond the limit; few brackets need no closer look."""
    brackets = len(payload) - len(payload.replace(b"[", b"").replace(b"{", b""))  # half the time of count()
    return brackets > limit and deeper(payload, limit)


def read_object(payload: bytes, limits: Limits, device: DeviceRef | None) -> dict[str, Any] | Problem:
    """The JSON object in the payload, or what is wrong with it. Never raises."""
    found = read_json(payload, limits, device)
    if isinstance(found, (dict, Problem)):
        return found
    return Problem("not_an_object", f"found a JSON {kind_of(found)}: send one JSON object", device)


def read_fields(
    payload: bytes, decode: Callable[[bytes], _T], limits: Limits, device: DeviceRef | None
) -> _T | Problem:
    """The fields of the JSON object that ``decode``'s Struct has, which take anything; those that it has not cost nothing.

    What is wrong is said as by ``read_object``. Never raises.
    """
    if len(payload) > limits.payload:
        detail = f"payload of {len(payload)} bytes; at most {limits.payload} are taken: send fewer values a message"
        return Problem("too_large", detail, device)
    if too_deep(payload, limits.depth):
        return Problem("too_deep", f"JSON nested more than {limits.depth} levels deep: send a flat object", device)
    try:
        if not payload.isascii():
            payload.decode("utf-8")
        return decode(payload)
    except UnicodeDecodeError as error:
        return Problem("not_utf8", f"byte {error.start} is not UTF-8: encode the payload as UTF-8", device)
    except UNREADABLE as error:
        return _read_again(payload, decode, limits, Problem("not_json", f"{error}: {_RIGHT_JSON}", device))


def _read_again(payload: bytes, decode: Callable[[bytes], _T], limits: Limits, wrong: Problem) -> _T | Problem:
    """The fields, if nothing but odd numbers was in their way; else what is wrong."""
    if len(payload) <= _LONGEST_WITH_ODD:
        with suppress(*UNREADABLE):
            return decode(_without_odd_numbers(payload))
    whole = read_object(payload, limits, wrong.device) if decode is not _decode else None
    return whole if isinstance(whole, Problem) else wrong


def read_json(payload: bytes, limits: Limits, device: DeviceRef | None) -> Any:
    """Whatever JSON is in the payload, or a Problem that says what is wrong with it. Never raises."""
    return read_fields(payload, _decode, limits, device)


def read_part(part: Part, decode: Callable[[Part], _T]) -> _T | None:
    """What stands in a part of a message that was left unread; None where that is something else than ``decode`` takes."""
    try:
        return decode(part)
    except UNREADABLE:
        return None


def read_raw(part: Part) -> Any:
    """Whatever stands in such a part; None where that is nothing, or cannot be read."""
    return read_part(part, _decode)


def _without_odd_numbers(payload: bytes) -> bytes:
    """The JSON with a number in the place of those that JSON, or a float, cannot hold; for other payloads the same bytes.

    Many libraries write NaN for a value that is missing, and the rest of such a message is as good as ever.
    """
    return _ODD_NUMBER.sub(_odd_number, payload, 2 * _MOST_ODD)


def _odd_number(found: re.Match[bytes]) -> bytes:
    number = found[1]
    if number is None:
        return found[0]
    return number if math.isfinite(_float_of(number)) else _NO_FLOAT_BYTES


def _float_of(number: bytes) -> float:
    try:
        return float(number)
    except ValueError:  # 1.2.3
        return 0.0


def show(value: object) -> str:
    """A foreign value in a sentence: short, and without line breaks."""
    if value == _NO_FLOAT:
        return "NaN, infinite or too large"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def kind_of(value: object) -> str:
    """What JSON calls a value that is no object."""
    kinds = {list: "array", str: "string", bool: "boolean", int: "number", float: "number"}
    return kinds.get(type(value), "null")
