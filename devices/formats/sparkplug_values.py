"""The datatypes of Sparkplug B, and how a raw value is read as one of them.

Source: chapter 6.4.16 of the Sparkplug 3.0 specification. Two rules go beyond it, because encoders in use disagree:
an integer is taken from whichever of ``int_value`` and ``long_value`` is there, cut to the declared width and then
extended by its sign; array items are little-endian, also where the specification's own examples are printed otherwise.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from devices.formats.protobuf_wire import WireError
from devices.formats.sparkplug_payload import BOOL, BYTES, DOUBLE, FLOAT, INT, PLAIN, TEXT

_WORDS: Final = (
    "Unknown Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float Double Boolean String DateTime Text UUID DataSet "
    "Bytes File Template PropertySet PropertySetList Int8Array Int16Array Int32Array Int64Array UInt8Array UInt16Array "
    "UInt32Array UInt64Array FloatArray DoubleArray BooleanArray StringArray DateTimeArray"
)
NAMES: Final = tuple(_WORDS.split())
"""Datatype -> its name."""
NUMBERS: Final[Mapping[str, int]] = MappingProxyType({name: number for number, name in enumerate(NAMES)})
"""Name -> datatype."""

BOOLEAN: Final = NUMBERS["Boolean"]
DATA_SET: Final = NUMBERS["DataSet"]
TEMPLATE: Final = NUMBERS["Template"]
PROPERTY_SET: Final = NUMBERS["PropertySet"]
PROPERTY_SETS: Final = NUMBERS["PropertySetList"]

_INTEGERS: Final[Mapping[int, tuple[int, int]]] = MappingProxyType(
    {
        NUMBERS[name]: ((1 << bits) - 1, 1 << (bits - 1) if signed else 0)
        for name, bits, signed in (
            ("Int8", 8, True),
            ("Int16", 16, True),
            ("Int32", 32, True),
            ("Int64", 64, True),
            ("UInt8", 8, False),
            ("UInt16", 16, False),
            ("UInt32", 32, False),
            ("UInt64", 64, False),
            ("DateTime", 64, False),
        )
    }
)
"""Datatype -> mask of its width, and the bit that makes a number negative (0: none does)."""
REALS: Final = frozenset((NUMBERS["Float"], NUMBERS["Double"]))
"""Datatypes of floating-point numbers."""
_TEXTS: Final = frozenset((NUMBERS["String"], NUMBERS["Text"], NUMBERS["UUID"]))
_BYTES: Final = frozenset((NUMBERS["Bytes"], NUMBERS["File"]))
_ARRAYS: Final[Mapping[int, struct.Struct]] = MappingProxyType(
    {
        NUMBERS[f"{name}Array"]: struct.Struct(f"<{code}")
        for name, code in (
            ("Int8", "b"),
            ("Int16", "h"),
            ("Int32", "i"),
            ("Int64", "q"),
            ("UInt8", "B"),
            ("UInt16", "H"),
            ("UInt32", "I"),
            ("UInt64", "Q"),
            ("Float", "f"),
            ("Double", "d"),
            ("DateTime", "Q"),
        )
    }
)
_BOOLEANS: Final = NUMBERS["BooleanArray"]
_STRINGS: Final = NUMBERS["StringArray"]
ITEM_OF: Final[Mapping[int, int]] = MappingProxyType(
    {number: NUMBERS[name.removesuffix("Array")] for name, number in NUMBERS.items() if name.endswith("Array")}
)
"""Datatype of an array -> that of its items."""
_float = struct.Struct("<f").unpack
_double = struct.Struct("<d").unpack

NUMBER: Final = "number"
SWITCH: Final = "switch"
WORD: Final = "text"
FAMILY: Final[Mapping[int, str]] = MappingProxyType(
    dict.fromkeys((*_INTEGERS, *REALS), NUMBER) | {BOOLEAN: SWITCH} | dict.fromkeys(_TEXTS, WORD)
)
"""Datatypes whose values can be readings, and what kind of reading; the others cannot be one."""


class WrongType(ValueError):
    """The value is not of the datatype that was announced for it; the text says what was found."""


def name_of(datatype: int) -> str:
    """The datatype's name; its number where the specification knows none."""
    return NAMES[datatype] if 0 <= datatype < len(NAMES) else f"datatype {datatype}"


def read_value(kind: str, raw: Any, datatype: int) -> Any:  # noqa: C901, PLR0911, PLR0912 - one branch a family of types
    """A scalar or an array: int, float, bool, str, bytes, or a list of one of these. None where there is no value.

    DateTime is epoch ms. WrongType where the value is not of this datatype. Without a datatype (0) the field decides;
    an integer is then taken as it stands, for its width and sign are unknown.
    """
    if kind == INT:
        width = _INTEGERS.get(datatype)
        if width is not None:
            number = raw & width[0]
            return number - width[0] - 1 if number & width[1] else number
        if datatype == BOOLEAN and raw in (0, 1):
            return raw == 1
        if datatype == 0:
            return raw
    elif kind == DOUBLE:
        if datatype in REALS or datatype == 0:
            return _double(raw)[0]
    elif kind == FLOAT:
        if datatype in REALS or datatype == 0:
            return _float(raw)[0]
    elif kind == BOOL:
        if datatype in (BOOLEAN, 0):
            return raw != 0
    elif kind == TEXT:
        if datatype in _TEXTS or datatype == 0:
            return _text(raw)
    elif kind == BYTES:
        if datatype in _BYTES or datatype == 0:
            return raw
        return _array(raw, datatype)
    elif kind == PLAIN:
        return _plain(raw, datatype)
    elif not kind:
        return None
    raise WrongType(f"a value of the field for {kind} where {name_of(datatype)} was announced")


def _plain(value: Any, datatype: int) -> Any:
    """A value that came as JSON, where integers have their sign already and NaN is a word."""
    if value is None:
        return None
    if isinstance(value, bool):
        fits = datatype in (BOOLEAN, 0)
    elif isinstance(value, int):
        fits = datatype in _INTEGERS or datatype in REALS or datatype == 0
    elif isinstance(value, float):
        fits = datatype in REALS or datatype == 0
    else:
        fits = isinstance(value, str) and (datatype in _TEXTS or datatype == 0)
        if datatype in REALS and value in ("NaN", "Infinity", "-Infinity"):
            return float(value)
    if not fits:
        raise WrongType(f"a JSON {type(value).__name__} where {name_of(datatype)} was announced")
    return value


def _array(raw: bytes, datatype: int) -> list[Any]:
    if datatype == _STRINGS:
        # every item ends with NUL, so that no items and one empty text look the same
        return [_text(item) for item in raw.removesuffix(b"\0").split(b"\0")] if raw else []
    if datatype == _BOOLEANS:
        if len(raw) < 4:
            raise WrongType(f"{len(raw)} bytes for a BooleanArray, which begins with four that count")
        count = int.from_bytes(raw[:4], "little")
        if (count + 7) // 8 > len(raw) - 4:
            raise WrongType(f"{len(raw) - 4} bytes for {count} booleans")
        return [bool(raw[4 + index // 8] & 0x80 >> index % 8) for index in range(count)]
    item = _ARRAYS.get(datatype)
    if item is None:
        raise WrongType(f"bytes where {name_of(datatype)} was announced")
    if len(raw) % item.size:
        raise WrongType(f"{len(raw)} bytes for {name_of(datatype)}, whose items have {item.size} each")
    return [found for (found,) in item.iter_unpack(raw)]


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError(f"a text whose byte {error.start} is not UTF-8") from None
