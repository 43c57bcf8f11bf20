"""The reader of CBOR: the examples of RFC 8949's appendix A, its bounds, and any bytes."""

from __future__ import annotations

import contextlib
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.contract import Limits
from devices.formats.cbor_bytes import MOST_ITEMS, BadCbor, read

LIMITS = Limits()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("00", 0),
        ("17", 23),
        ("1818", 24),
        ("1903e8", 1000),
        ("1a000f4240", 1000000),
        ("1bffffffffffffffff", 2**64 - 1),
        ("20", -1),
        ("3903e7", -1000),
        ("3bffffffffffffffff", -(2**64)),
        ("f90001", 5.960464477539063e-8),
        ("f93e00", 1.5),
        ("f97bff", 65504.0),
        ("fa47c35000", 100000.0),
        ("fbc010666666666666", -4.1),
        ("f97c00", math.inf),
        ("f4", False),
        ("f5", True),
        ("f6", None),
        ("f7", None),
        ("f8ff", None),
        ("c074323031332d30332d32315432303a30343a30305a", "2013-03-21T20:04:00Z"),
        ("d74401020304", b"\x01\x02\x03\x04"),
        ("62c3bc", "ü"),
        ("8301820203820405", [1, [2, 3], [4, 5]]),
        ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
        ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"),
        ("7f657374726561646d696e67ff", "streaming"),
        ("9fff", []),
        ("a201020304", {1: 2, 3: 4}),
        ("c48221196ab3", 273.15),
    ],
)
def test_what_the_standard_shows_is_read(text: str, value: Any) -> None:
    found = read(bytes.fromhex(text), LIMITS)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "1 bytes are missing"),
        ("18", "1 bytes are missing"),
        ("1c", "reserved"),
        ("fc", "reserved"),
        ("62c3", "missing"),
        ("62c328", "not UTF-8"),
        ("9a7fffffff00", "2147483647 items are announced"),
        ("ba7fffffff0000", "2147483647 items are announced"),
        ("5b7fffffffffffffff00", "bytes are missing"),
        ("9f01", "missing"),
        ("ff", "never begun"),
        ("81ff", "never begun"),
        ("a101ff", "never begun"),
        ("a18000", "neither a number nor a text"),
        ("1f", "indefinite length"),
        ("df00", "indefinite length"),
        ("5f61ff", "another kind"),
        ("5f5f41ffff", "another kind"),
        ("0000", "1 bytes behind the end"),
        ("81" * 40 + "00", "more than 32 levels"),
        ("c0" * 40 + "00", "more than 32 levels"),
        ("9f" * 40 + "ff" * 40, "more than 32 levels"),
        ("c400", "decimal fraction"),
        ("c482f500", "decimal fraction"),
        ("c4823903e701", "decimal fraction"),
    ],
)
def test_what_is_wrong_is_said(text: str, words: str) -> None:
    with pytest.raises(BadCbor, match=words):
        read(bytes.fromhex(text), LIMITS)


def test_a_payload_beyond_the_limit_is_refused() -> None:
    with pytest.raises(BadCbor, match="at most 3"):
        read(b"\x83\x01\x02\x03", Limits(payload=3))


def headed(major: int, number: int, body: bytes = b"") -> bytes:
    return bytes([major << 5 | 27]) + struct.pack(">Q", number) + body


def encoded(value: Any) -> bytes:
    """CBOR in its plainest form."""
    write: dict[type, Any] = {
        type(None): lambda _: b"\xf6",
        bool: lambda yes: b"\xf5" if yes else b"\xf4",
        float: lambda number: b"\xfb" + struct.pack(">d", number),
        int: lambda number: headed(0, number) if number >= 0 else headed(1, -1 - number),
        str: lambda text: headed(3, len(text.encode()), text.encode()),
        bytes: lambda found: headed(2, len(found), found),
        list: lambda items: headed(4, len(items), b"".join(map(encoded, items))),
        dict: lambda pairs: headed(5, len(pairs), b"".join(encoded(k) + encoded(v) for k, v in pairs.items())),
    }
    written: bytes = write[type(value)](value)
    return written


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.integers(-9, 9) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


def test_more_items_than_a_pack_is_worth_are_not_read() -> None:
    assert len(read(encoded([0] * (MOST_ITEMS - 1)), LIMITS)) == MOST_ITEMS - 1
    with pytest.raises(BadCbor, match=f"more than {MOST_ITEMS} items"):
        read(encoded([0] * MOST_ITEMS), LIMITS)


@given(values)
def test_what_is_written_is_read(value: Any) -> None:
    assert read(encoded(value), LIMITS) == value


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    with contextlib.suppress(BadCbor):
        read(payload, LIMITS)
