"""The Sparkplug B payload: what its Protocol Buffers fields are called, read into plain values and written for one command.

Source: chapter 6 of the Sparkplug 3.0 specification. Nothing here knows topics, births or the hub. Values stay raw until
somebody asks for them with a datatype (``sparkplug_values``), because data messages may leave the datatype to the birth.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from devices.formats.protobuf_wire import WireError, read_fields, write_field

# Kinds of raw values: which field of the message carried it.
INT: Final = "int"
FLOAT: Final = "float"
DOUBLE: Final = "double"
BOOL: Final = "bool"
TEXT: Final = "text"
BYTES: Final = "bytes"
TABLE: Final = "table"
TEMPLATE: Final = "template"
SET: Final = "set"
SETS: Final = "sets"
PLAIN: Final = "plain"
"""A value that came as JSON."""

_METRIC_VALUES: Final[Mapping[int, str]] = MappingProxyType(
    {
        0x50: INT,  # int_value, 32 bits
        0x58: INT,  # long_value, 64 bits: encoders disagree which of the two they use
        0x65: FLOAT,
        0x69: DOUBLE,
        0x70: BOOL,
        0x7A: TEXT,
        0x82: BYTES,
        0x8A: TABLE,
        0x92: TEMPLATE,
    }
)
_PROPERTY_VALUES: Final[Mapping[int, str]] = MappingProxyType(
    {0x18: INT, 0x20: INT, 0x2D: FLOAT, 0x31: DOUBLE, 0x38: BOOL, 0x42: TEXT, 0x4A: SET, 0x52: SETS}
)
_CELL_VALUES: Final[Mapping[int, str]] = MappingProxyType(
    {0x08: INT, 0x10: INT, 0x1D: FLOAT, 0x21: DOUBLE, 0x28: BOOL, 0x32: TEXT}
)
_METADATA: Final[Mapping[int, str]] = MappingProxyType(
    {
        0x08: "is_multi_part",
        0x12: "content_type",
        0x18: "size",
        0x20: "seq",
        0x2A: "file_name",
        0x32: "file_type",
        0x3A: "md5",
        0x42: "description",
    }
)
_COMPRESSED: Final = "SPBV1.0_COMPRESSED"
"""The uuid by which Eclipse Tahu and what grew from it say that the body is the real payload, packed."""
_EITHER_HEADER: Final = 47
"""zlib: take a gzip header or a zlib one, whichever is there."""


class Metric(msgspec.Struct, gc=False):
    """One metric as it was sent; what is not on the wire is None, 0 or False."""

    name: str | None = None
    alias: int | None = None
    timestamp: int | None = None
    datatype: int = 0
    is_historical: bool = False
    is_transient: bool = False
    is_null: bool = False
    metadata: bytes | None = None
    properties: bytes | dict[str, Property] | None = None
    kind: str = ""
    """Empty: no value."""
    value: Any = None


class Property(msgspec.Struct, gc=False):
    """One property; ``kind`` and ``value`` as in a metric."""

    datatype: int
    is_null: bool
    kind: str
    value: Any


class Payload(msgspec.Struct, gc=False):
    """One message. ``bad`` says what was wrong with the metrics that are missing in ``metrics``."""

    timestamp: int | None = None
    metrics: list[Metric] = []
    seq: int | None = None
    uuid: str | None = None
    body: bytes | None = None
    bad: list[str] = []


class DataSet(msgspec.Struct, gc=False):
    """A DataSet: cells as (kind, raw value), with the datatype of each column."""

    columns: list[str]
    types: list[int]
    rows: list[list[tuple[str, Any]]]


class Parameter(msgspec.Struct, gc=False):
    """A template's parameter; ``kind`` and ``value`` as in a metric."""

    name: str
    datatype: int
    kind: str
    value: Any


class Template(msgspec.Struct, gc=False):
    """A template (UDT), or an instance of one."""

    version: str | None
    template_ref: str | None
    is_definition: bool
    metrics: list[Metric]
    parameters: list[Parameter]


def read_payload(data: bytes, limit: int) -> Payload:
    """The message in these bytes, unpacked where it was packed; ``limit`` bounds what unpacking may yield, in bytes.

    WireError where it is none. A single metric that cannot be read is left out and named in ``bad``.
    """
    payload = _payload(data)
    if payload.uuid == _COMPRESSED and payload.body is not None:
        inner = _payload(_unpacked(payload.body, limit))
        inner.seq = payload.seq if inner.seq is None else inner.seq
        inner.timestamp = payload.timestamp if inner.timestamp is None else inner.timestamp
        return inner
    return payload


def _payload(data: bytes) -> Payload:
    payload = Payload(metrics=[], bad=[])
    for tag, value in read_fields(data):
        if tag == 0x12:
            _add_metric(payload, _bytes(value))
        elif tag == 0x08:
            payload.timestamp = _number(value)
        elif tag == 0x18:
            payload.seq = _number(value)
        elif tag == 0x22:
            payload.uuid = _text(value)
        elif tag == 0x2A:
            payload.body = _bytes(value)
    return payload


def _add_metric(payload: Payload, data: bytes) -> None:
    try:
        payload.metrics.append(read_metric(data))
    except WireError as error:
        payload.bad.append(f"metric {len(payload.metrics) + len(payload.bad) + 1} cannot be read ({error})")


def _unpacked(body: bytes, limit: int) -> bytes:
    try:
        unpacker = zlib.decompressobj(_EITHER_HEADER)
        data = unpacker.decompress(body, limit)
    except zlib.error as error:
        raise WireError(f"the packed body cannot be unpacked ({error})") from None
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise WireError(f"the packed body breaks off, or holds more than {limit} bytes")
    return data


def read_metric(data: bytes) -> Metric:
    """One metric. WireError where the bytes are none."""
    metric = Metric()
    rare: dict[int, Any] = {}
    for tag, value in read_fields(data):
        if tag == 0x18:
            metric.timestamp = value  # type: ignore[assignment] # a tag of wire type 0 comes with a number
        elif tag == 0x10:
            metric.alias = value  # type: ignore[assignment] # as above
        elif tag == 0x20:
            metric.datatype = value  # type: ignore[assignment] # as above
        elif tag == 0x0A:
            metric.name = _text(value)
        elif tag in _METRIC_VALUES:
            metric.kind, metric.value = _METRIC_VALUES[tag], value
        else:
            rare[tag] = value
    if rare:
        metric.is_historical, metric.is_transient, metric.is_null = (bool(rare.get(tag)) for tag in (0x28, 0x30, 0x38))
        metric.metadata, metric.properties = rare.get(0x42), rare.get(0x4A)
    return metric


def read_metadata(data: bytes) -> dict[str, Any]:
    """The metadata that stand in the message, by the specification's names."""
    found: dict[str, Any] = {}
    for tag, value in read_fields(data):
        name = _METADATA.get(tag)
        if name is not None:
            found[name] = _text(value) if isinstance(value, bytes) else bool(value) if tag == 0x08 else value
    return found


def read_properties(data: bytes | dict[str, Property]) -> dict[str, Property]:
    """A property set: keys and values stand in two lists of equal length. What came as JSON is one already."""
    if isinstance(data, dict):
        return data
    keys: list[str] = []
    values: list[Property] = []
    for tag, value in read_fields(data):
        if tag == 0x0A:
            keys.append(_text(value))
        elif tag == 0x12:
            seen = dict(read_fields(_bytes(value)))
            kind, raw = _value_in(seen, _PROPERTY_VALUES)
            values.append(Property(_number(seen.get(0x08, 0)), bool(seen.get(0x10)), kind, raw))
    if len(keys) != len(values):
        raise WireError(f"a property set of {len(keys)} keys and {len(values)} values")
    return dict(zip(keys, values, strict=True))


def read_property_sets(data: bytes) -> list[dict[str, Property]]:
    """A list of property sets."""
    return [read_properties(_bytes(value)) for tag, value in read_fields(data) if tag == 0x0A]


def read_data_set(data: bytes, most_cells: int) -> DataSet:
    """A DataSet. WireError where columns, types and cells do not fit together, or there are more cells than that."""
    table = DataSet([], [], [])
    for tag, value in read_fields(data):
        if tag == 0x12:
            table.columns.append(_text(value))
        elif tag == 0x18:
            table.types.append(_number(value))
        elif tag == 0x22:
            cells = read_fields(_bytes(value))
            if (len(table.rows) + 1) * max(len(cells), 1) > most_cells:
                raise WireError(f"more than {most_cells} cells")
            table.rows.append([_value_in(dict(read_fields(_bytes(cell))), _CELL_VALUES) for _, cell in cells])
    widths = {len(table.columns), len(table.types), *map(len, table.rows)}
    if len(widths) > 1:
        raise WireError(
            f"a data set of {len(table.columns)} columns, {len(table.types)} types and rows of other widths"
        )
    return table


def read_template(data: bytes | Template) -> Template:
    """A template. Its members are metrics like any other; what came as JSON is one already."""
    if isinstance(data, Template):
        return data
    template = Template(None, None, is_definition=False, metrics=[], parameters=[])
    for tag, value in read_fields(data):
        if tag == 0x0A:
            template.version = _text(value)
        elif tag == 0x12:
            template.metrics.append(read_metric(_bytes(value)))
        elif tag == 0x1A:
            seen = dict(read_fields(_bytes(value)))
            kind, raw = _value_in(seen, _PROPERTY_VALUES)
            template.parameters.append(Parameter(_text(seen.get(0x0A, b"")), _number(seen.get(0x10, 0)), kind, raw))
        elif tag == 0x22:
            template.template_ref = _text(value)
        elif tag == 0x28:
            template.is_definition = bool(value)
    return template


def write_switch(name: str, timestamp: int, *, sent_at: int) -> bytes:
    """A command that sets one Boolean metric to true; both times are epoch ms. Commands carry no seq."""
    metric = (
        write_field(0x0A, name.encode())
        + write_field(0x18, timestamp)
        + write_field(0x20, 11)  # Boolean
        + write_field(0x70, 1)
    )
    return write_field(0x08, sent_at) + write_field(0x12, metric)


def _value_in(seen: Mapping[int, int | bytes], values: Mapping[int, str]) -> tuple[str, Any]:
    """(kind, raw value) of the field that carries the value; ("", None) where none does."""
    for tag, value in seen.items():
        kind = values.get(tag)
        if kind is not None:
            return kind, value
    return "", None


def _text(value: int | bytes) -> str:
    try:
        return _bytes(value).decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError(f"a text whose byte {error.start} is not UTF-8") from None


def _bytes(value: int | bytes) -> bytes:
    return value if isinstance(value, bytes) else b""


def _number(value: int | bytes) -> int:
    return value if isinstance(value, int) else 0
