"""Rows of a community as TOML text: each facility followed by its devices."""

from __future__ import annotations

import json
import re
from typing import Final

from hub.domain.places import Name
from hub.storage.community.flatten import Row
from hub.storage.community.rows import plain_name

_INSTANTS: Final = frozenset({"from", "until", "retired", "sim_expires", "calibrated_until", "end_of_life"})
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(rows: dict[str, list[Row]]) -> str:
    """The whole file."""
    under: dict[tuple[str, str], list[Row]] = {}
    for table, parent in (("contacts", "crew"), ("units", "facility"), ("ledger", "facility"), ("points", "device")):
        for row in rows[table]:
            under.setdefault((table, row[parent]), []).append(row)
    blocks = [_block("community", rows["community"][0])]
    blocks += [_block(f"parties.{_key(row['id'])}", row, "id") for row in rows["parties"]]
    for row in rows["crews"]:
        blocks.append(_block(f"crews.{_key(row['id'])}", row, "id"))
        for contact in under.get(("contacts", row["id"]), []):
            blocks.append(_block(f"crews.{_key(row['id'])}.contacts.{_key(contact['id'])}", contact, "id", "crew"))
    blocks += [_block(f"places.{_key(row['id'])}", row, "id") for row in rows["places"]]
    homeless = list(rows["devices"])
    for row in rows["facilities"]:
        blocks.append(_facility(row, under))
        blocks += [_device(device, under) for device in rows["devices"] if device.get("facility") == row["id"]]
        homeless = [device for device in homeless if device.get("facility") != row["id"]]
    blocks += [_device(device, under) for device in homeless]
    blocks += [_block(f"rules.{_key(row['id'])}", row, "id") for row in rows["rules"]]
    blocks += [_block(f"expected.{_key(row['id'])}", row, "id") for row in rows["expected"]]
    blocks += [_block(f"commissioning.{_key(row['id'])}", row, "id") for row in rows["commissioning"]]
    return "\n\n".join(blocks) + "\n"


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else _value("", text)


def _block(heading: str, row: Row, *hidden: str) -> str:
    lines = [f"{_key(key)} = {_value(key, value)}" for key, value in row.items() if key not in hidden]
    return "\n".join([f"[{heading}]", *lines])


def _facility(row: Row, under: dict[tuple[str, str], list[Row]]) -> str:
    block = _block(f"facilities.{_key(row['id'])}", row, "id")
    units = under.get(("units", row["id"]), [])
    if units:
        block += "\nunits = [" + ", ".join(_short(unit, "id", "facility") for unit in units) + "]"
    ledger = under.get(("ledger", row["id"]), [])
    if ledger:
        block += "\nledger = " + _value("", {entry["item"]: entry["value"] for entry in ledger})
    return block


def _device(row: Row, under: dict[tuple[str, str], list[Row]]) -> str:
    points = ", ".join(_short(point, "name", "device") for point in under.get(("points", row["id"]), []))
    block = _block(f"devices.{_key(row['id'])}", row, "id")
    return f"{block}\npoints = [{points}]"


def _short(row: Row, only: str, hidden: str) -> str:
    """A row that says nothing but its name is written as that name."""
    shown = {key: value for key, value in row.items() if key != hidden}
    return _value("", shown[only]) if set(shown) == {only} else _value("", shown)


def _value(key: str, value: object) -> str:
    if isinstance(value, Name):
        value = plain_name(value)
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value if key in _INSTANTS else json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list() | tuple():
            return "[" + ", ".join(_value("", item) for item in value) + "]"
        case dict():
            return "{ " + ", ".join(f"{_key(name)} = {_value(name, item)}" for name, item in value.items()) + " }"
        case _:
            return repr(value)
