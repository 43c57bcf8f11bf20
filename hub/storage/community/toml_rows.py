"""What a TOML community file says, as rows: a device and its points, a crew and its contacts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from hub.domain.wording import Wording
from hub.flows.community.picture import RowError
from hub.storage.community.rows import RawRow


class _Nested(NamedTuple):
    """A key under which a table keeps rows of another one."""

    key: str
    table: str
    parent: str
    """The key of the inner row that names the outer one."""
    short: str
    """The inner key that a plain text (or, for a table, the item's own name) stands for."""
    value: str
    """For tables of plain values: the inner key of the value; else empty."""
    shape: type
    expected: str


_NESTED: Final = {
    "crews": (_Nested("contacts", "contacts", "crew", "id", "", dict, "[crews.<id>.contacts.<id>]"),),
    "facilities": (
        _Nested("units", "units", "facility", "id", "", list, '["pump1", { id = "pump2", name = "…" }]'),
        _Nested("ledger", "ledger", "facility", "item", "value", dict, '{ serial = "…", maker = "…" }'),
    ),
    "devices": (
        _Nested("points", "points", "device", "name", "", list, '["temperature", { name = "ain1", metric = "level" }]'),
    ),
}
_TABLES: Final = ("parties", "crews", "places", "facilities", "devices", "rules", "expected", "commissioning")


def toml_rows(data: dict[str, Any], errors: list[RowError]) -> list[RawRow]:
    """The rows of a file; what has the wrong shape goes to ``errors``."""
    known = ("community", *_TABLES)
    errors += [
        RowError(
            where=key,
            key="",
            reason=Wording("unknown table"),
            expected=Wording("one of %(names)s", names=", ".join(known)),
        )
        for key in data
        if key not in known
    ]
    rows: list[RawRow] = []
    community = data.get("community")
    if isinstance(community, dict):
        rows.append(RawRow(table="community", where="community", values=community))
    else:
        errors.append(RowError(where="community", key="", reason=Wording("missing"), expected='[community] id = "…"'))
    for table in _TABLES:
        for name, cells in _entries(data.get(table, {}), table, errors):
            rows += _split(table, name, cells, errors)
    return rows


def _entries(found: object, table: str, errors: list[RowError]) -> Iterator[tuple[str, dict[str, Any]]]:
    heading = f"[{table}.<id>]"
    if not isinstance(found, dict):
        errors.append(RowError(where=table, key="", reason=Wording("is no table"), expected=heading))
        return
    for name, cells in found.items():
        if not isinstance(cells, dict):
            errors.append(RowError(where=table, key=name, reason=Wording("unknown key"), expected=heading))
        elif "id" in cells:
            where = f"{table}.{name}"
            right = Wording("the id is in the heading")
            errors.append(RowError(where=where, key="id", reason=Wording("unknown key"), expected=right))
        else:
            yield name, cells


def _split(table: str, name: str, cells: dict[str, Any], errors: list[RowError]) -> list[RawRow]:
    own = dict(cells)
    inner: list[RawRow] = []
    for nested in _NESTED.get(table, ()):
        found = own.pop(nested.key, None)
        if found is None:
            continue
        where = f"{table}.{name}"
        if isinstance(found, nested.shape):
            inner += _inner(nested, name, where, found)
        else:
            reason = Wording("found %(found)s", found=repr(found))
            errors.append(RowError(where=where, key=nested.key, reason=reason, expected=nested.expected, table=table))
    return [RawRow(table=table, where=f"{table}.{name}", values={"id": name, **own}), *inner]


def _inner(nested: _Nested, name: str, where: str, found: Any) -> Iterator[RawRow]:
    if isinstance(found, list):
        for number, item in enumerate(found, 1):
            values = item if isinstance(item, dict) else {nested.short: item}
            place = f"{where}.{nested.key}[{number}]"
            yield RawRow(table=nested.table, where=place, values={**values, nested.parent: name})
        return
    for key, item in found.items():
        values = {nested.value: item} if nested.value or not isinstance(item, dict) else item
        place = f"{where}.{nested.key}.{key}"
        yield RawRow(table=nested.table, where=place, values={**values, nested.short: key, nested.parent: name})
