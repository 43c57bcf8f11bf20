"""Reading JSON that a stranger wrote: bounded in size and depth, and exact about what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from devices.contract import UNREADABLE, DeviceRef, Limits, Problem

_T = TypeVar("_T")
_decode: Final = msgspec.json.Decoder().decode
Part = bytes | msgspec.Raw
NO_PART: Final = msgspec.Raw(b"null")
"""A part of a message that is not there."""
_NO_BRACKETS: Final = re.compile(rb'(?:"(?:[^"\\]|\\.)*+"|[^"\[{\]}])++', re.DOTALL)
"""Strings, with whatever brackets are in them, and everything else that nests nothing."""
_UNQUOTED: Final = bytes(each for each in range(256) if each not in b'"[{]}')
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")


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
        whole = read_object(payload, limits, device) if decode is not _decode else None
        if isinstance(whole, Problem):
            return whole
        return Problem("not_json", f"{error}: send JSON without NaN, comments or trailing commas", device)


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


def show(value: object) -> str:
    """A foreign value in a sentence: short, and without line breaks."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def kind_of(value: object) -> str:
    """What JSON calls a value that is no object."""
    kinds = {list: "array", str: "string", bool: "boolean", int: "number", float: "number"}
    return kinds.get(type(value), "null")
