"""DataSets and arrays as readings: they are opened into a template, whose members are cells, or items.

Source: chapter 6 of the Sparkplug 3.0 specification, which says how a DataSet is written and not what it means. The hub takes
a table for what a gateway reads at once:

* one row: each column is ``table/column``;
* rows with a DateTime column: each row is of its own moment, and all but the newest are told late;
* several rows of one moment: the first column of texts names them, ``table/word/column``.

A table of several rows that nothing tells apart stays closed: no reading could be found again in the next message. Items of
an array are ``array/0``, ``array/1``; an array of more than ``MOST_ITEMS`` is a curve or a picture, and stays closed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from devices.formats.json_bytes import show
from devices.formats.protobuf_wire import WireError
from devices.formats.sparkplug_payload import BYTES, PLAIN, TABLE, TEMPLATE, DataSet, Metric, Template, read_data_set
from devices.formats.sparkplug_values import FAMILY, ITEM_OF, NUMBERS, WORD, WrongType, read_value
from devices.formats.sparkplug_values import TEMPLATE as OF_TEMPLATE

MOST_CELLS: Final = 4_000
"""Of all tables of one message, items of arrays among them."""
MOST_ITEMS: Final = 32
_OPENED: Final = frozenset((TABLE, BYTES, PLAIN))
_WIDEST: Final = 4 + 8 * MOST_ITEMS
"""Bytes: more items than are opened whatever they are, but for texts."""
_STRINGS: Final = NUMBERS["StringArray"]
_MOMENT: Final = NUMBERS["DateTime"]


def open_tables(
    metrics: list[Metric], bad: list[str], born: Callable[[Metric], int] = lambda metric: metric.datatype
) -> list[Metric]:
    """The metrics, with templates in place of the tables and arrays that can be read; what cannot be is named in ``bad``.

    Those inside templates stay closed. ``born``: the datatype that a birth gave a metric whose message leaves it out.
    """
    if _OPENED.isdisjoint([metric.kind for metric in metrics]):
        return metrics
    room, found = MOST_CELLS, []
    for metric in metrics:
        opened = metric
        if metric.kind in _OPENED and not metric.is_null and room > 0:
            try:
                if metric.kind == TABLE:
                    table = read_data_set(metric.value, room)
                    room -= len(table.columns) * len(table.rows)
                    opened = _opened(metric, table)
                else:
                    items = _items(metric, metric.datatype or born(metric))
                    room -= len(items or ())
                    opened = metric if items is None else _template(metric, items)
            except (WireError, WrongType) as error:
                sort = "data set" if metric.kind == TABLE else "array"
                bad.append(f"{sort} {show(metric.name or metric.alias)} cannot be read ({error})")
        found.append(opened)
    return found


def _items(metric: Metric, datatype: int) -> list[Metric] | None:
    """The items of an array that can be readings; None where it is no array, or too long a one."""
    sort, raw = ITEM_OF.get(datatype), metric.value
    if sort is None or (metric.kind == PLAIN) != isinstance(raw, list):
        return None
    if metric.kind == BYTES:
        if (raw.count(b"\0") if datatype == _STRINGS else len(raw)) > _WIDEST:
            return None
        raw = read_value(BYTES, raw, datatype)
    if len(raw) > MOST_ITEMS:
        return None
    return [
        Metric(str(number), datatype=sort, properties=metric.properties, is_null=item is None, kind=PLAIN, value=item)
        for number, item in enumerate(raw)
    ]


def _opened(metric: Metric, table: DataSet) -> Metric:
    """The table as a template; the metric as it is where its rows cannot be told apart, or there are none."""
    at = _first(table, {_MOMENT})
    moments = [metric.timestamp if at is None else _cell(table, row, at) for row in table.rows]
    word = _first(table, _TEXTS) if len(set(moments)) < len(moments) else None
    words = [None if word is None else _cell(table, row, word) for row in table.rows]
    told_apart = len(set(zip(moments, words, strict=True))) == len(moments)
    if not table.rows or not told_apart or (word is not None and not all(words)):
        return metric
    newest = max((moment for moment in moments if moment is not None), default=None)
    members = [
        Metric(
            f"{named}/{column}" if named else column,
            timestamp=moment,
            datatype=datatype,
            is_historical=moment != newest,
            is_null=not kind,
            kind=kind,
            value=raw,
        )
        for row, moment, named in zip(table.rows, moments, words, strict=True)
        for index, (column, datatype, (kind, raw)) in enumerate(zip(table.columns, table.types, row, strict=True))
        if index not in (at, word)
    ]
    return _template(metric, members)


def _template(metric: Metric, members: list[Metric]) -> Metric:
    """The metric with these members in place of its value."""
    template = Template(None, None, is_definition=False, metrics=members, parameters=[])
    return Metric(
        metric.name,
        metric.alias,
        metric.timestamp,
        metric.datatype if metric.datatype in ITEM_OF else OF_TEMPLATE,
        metric.is_historical,
        metric.is_transient,
        properties=metric.properties,
        kind=TEMPLATE,
        value=template,
    )


_TEXTS: Final = frozenset(datatype for datatype, family in FAMILY.items() if family == WORD)


def _first(table: DataSet, datatypes: set[int] | frozenset[int]) -> int | None:
    """Where the first column of one of these datatypes stands."""
    return next((index for index, datatype in enumerate(table.types) if datatype in datatypes), None)


def _cell(table: DataSet, row: list[tuple[str, Any]], index: int) -> Any:
    kind, raw = row[index]
    return read_value(kind, raw, table.types[index])
