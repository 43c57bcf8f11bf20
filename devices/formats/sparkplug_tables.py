"""DataSets as readings: a table is opened into a template, whose members are its cells.

Source: chapter 6 of the Sparkplug 3.0 specification, which says how a DataSet is written and not what it means. The hub takes
a table for what a gateway reads at once:

* one row: each column is ``table/column``;
* rows with a DateTime column: each row is of its own moment, and all but the newest are told late;
* several rows of one moment: the first column of texts names them, ``table/word/column``.

A table of several rows that nothing tells apart stays closed: no reading could be found again in the next message.
"""

from __future__ import annotations

from typing import Any, Final

from devices.formats.json_bytes import show
from devices.formats.protobuf_wire import WireError
from devices.formats.sparkplug_payload import TABLE, TEMPLATE, DataSet, Metric, Template, read_data_set
from devices.formats.sparkplug_values import FAMILY, NUMBERS, WORD, WrongType, read_value
from devices.formats.sparkplug_values import TEMPLATE as OF_TEMPLATE

MOST_CELLS: Final = 4_000
"""Of all tables of one message."""
_MOMENT: Final = NUMBERS["DateTime"]


def open_tables(metrics: list[Metric], bad: list[str]) -> list[Metric]:
    """The metrics, with templates in place of the tables that can be read; what cannot be is named in ``bad``.

    Tables inside templates stay closed.
    """
    if all(metric.kind != TABLE for metric in metrics):
        return metrics
    room, found = MOST_CELLS, []
    for metric in metrics:
        opened = metric
        if metric.kind == TABLE and not metric.is_null and room > 0:
            try:
                table = read_data_set(metric.value, room)
                room -= len(table.columns) * len(table.rows)
                opened = _opened(metric, table)
            except (WireError, WrongType) as error:
                bad.append(f"data set {show(metric.name or metric.alias)} cannot be read ({error})")
        found.append(opened)
    return found


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
    template = Template(None, None, is_definition=False, metrics=members, parameters=[])
    return Metric(
        metric.name,
        metric.alias,
        metric.timestamp,
        OF_TEMPLATE,
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
