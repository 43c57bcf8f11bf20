"""Which field of a decoded object is which metric: the table in ``fields.toml``, and finding a key in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Final, NamedTuple

import msgspec

from devices.units import convert
from devices.words import METRICS, SWITCHES, UNIT_OF, own_name, own_value, plain

_LONGEST: Final = 128
"""Characters of a key that is looked up at all."""
LONGEST_STRAIGHT: Final = 128
"""Characters of a point that a number goes to as it is."""
_MOST_STRAIGHT: Final = 1_024
_LONGEST_KEY: Final = 64
"""Keys of which a table remembers where their numbers go, and their characters."""
_TAIL: Final = re.compile(r"(?P<stem>[a-z].*?)_?(?:(?P<phase>l[123])(?:_?n)?|(?:ch(?:annel)?_?)?(?P<number>\d{1,3}))")
_HEAD: Final = re.compile(
    r"(?P<where>ch|channel|line|region|node|port|input|zone|probe)_?(?P<number>\d{1,3})_(?P<stem>.+)"
)
_NOT_SLUG: Final = re.compile(r"[^a-z0-9_-]+")
_BEFORE_NUMBER: Final = re.compile(r"_(?=\d)")
_GROUPS: Final = frozenset(
    {"data", "measurement", "measurements", "readings", "sensor", "sensors", "status", "telemetry", "values"}
)
"""Names of objects that say nothing about where on the device their values are."""
_SETTINGS: Final = ("_config", "_settings", "_enable", "_key", "password", "secret")
"""How names end of what a device was told, and of what nobody should read."""
_COLDEST: Final = -273.15
_HOTTEST: Final = 300.0
"""Everything that stands for a missing probe is above."""
_NO_PROBE: Final = frozenset({327.67, 3276.7, 655.35, 6553.5})
"""Temperatures that stand for "no probe": all ones, or the largest number, in hundredths or tenths of a degree."""


class Row(NamedTuple):
    """What the table says of one key; see the head of fields.toml."""

    metric: str = ""
    unit: str = ""
    channel: str = ""
    name: str = ""
    """Keep it under this name instead of the maker's."""
    words: Mapping[str, bool] | None = None
    above: float | None = None
    times: float = 1.0
    about: str = ""
    """A field of an announcement."""
    moment: bool = False

    def fitted(self, value: object, unit: str) -> float | bool | str | None:
        """The value as the metric wants it; None where it does not fit. ``unit``: what the object itself says."""
        if self.metric in SWITCHES:
            return self._switched(value)
        number = own_value(value)
        if isinstance(number, bool) or not isinstance(number, float):
            return None
        return self._converted(number * self.times, unit)

    def _switched(self, value: object) -> bool | None:
        if isinstance(value, bool):
            return value
        if self.words is not None:
            return self.words.get(f"{value:g}" if isinstance(value, float) else str(value).strip().lower())
        if self.above is not None:
            return value > self.above if isinstance(value, (int, float)) else None
        return bool(value) if value in (0, 1) else None

    def _converted(self, number: float, unit: str) -> float | None:
        target = UNIT_OF.get(self.metric, "")
        sent = unit or self.unit or target
        found = number if sent == target else convert(number, sent, target)
        return None if found is None or (target == "Cel" and no_probe(found)) else found

    def absent(self, value: object) -> bool:
        """Whether the value stands for "no probe" and is no reading under any name."""
        return self.unit == "Cel" and isinstance(value, (int, float)) and no_probe(value)


_SILENT: Final = Row()


def no_probe(celsius: float) -> bool:
    """Whether a temperature is one that a sensor sends when nothing is connected."""
    return celsius < _COLDEST or celsius in _NO_PROBE


class Found(NamedTuple):
    """A row, and where on the device it is said to be."""

    row: Row
    channel: str

    @property
    def point(self) -> str:
        """The name that its values are stored by."""
        name = self.row.metric or self.row.name
        return f"{self.channel}.{name}" if self.channel else name


class Straight(msgspec.Struct, frozen=True, gc=False):
    """Where a number goes as it is: nothing to convert."""

    point: str
    least: float = -1e15
    most: float = 1e15
    """What is smaller, or not smaller than this, needs a closer look: it may stand for a missing probe."""


Straights = dict[str, Straight | None]
"""Key of the outermost object -> where a number under it goes; None where a closer look is needed."""


class Table:
    """What is known of the fields of one maker's objects. Compared by identity; never changed."""

    __slots__ = ("rows", "straight")

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self.rows = rows
        self.straight: Straights = _Straights(self)


class _Straights(Straights):
    """Answers to a pure question, remembered for the first keys that are asked about."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self._table = table

    def __missing__(self, key: str) -> Straight | None:
        goes = _straight(self._table, key) if len(key) <= _LONGEST_KEY else None
        if len(self) < _MOST_STRAIGHT and len(key) <= _LONGEST_KEY:
            self[key] = goes
        return goes


class _NoStraight(Straights):
    """A closer look at every key."""

    def __missing__(self, key: str) -> None:
        return None


NO_TABLE: Final = Table({})
NO_STRAIGHT: Final = _NoStraight()


class Tables(NamedTuple):
    """The tables of all makers, each with what holds for any."""

    any: Table
    normalized: Table
    by_words: tuple[tuple[tuple[str, ...], Table], ...]
    """(words that the announced text must have, table), the most special first."""


@cache
def tables() -> Tables:
    """The tables in fields.toml, read once."""
    text = (resources.files("devices.lorawan") / "fields.toml").read_text(encoding="utf-8")
    sections = {
        name: {key: _row(key, said) for key, said in rows.items()} for name, rows in tomllib.loads(text).items()
    }
    common, normalized = sections.pop("any"), sections.pop("normalized")
    by_words = []
    for name in sorted(sections, key=lambda name: -len(name.split())):
        words = tuple(name.split())
        by_words.append((words, Table(common | sections.get(words[0], {}) | sections[name])))
    return Tables(Table(common), Table(normalized), tuple(by_words))


@lru_cache(maxsize=1024)
def table_of(described: str) -> Table:
    """The table for a device of which this is announced (lower case)."""
    found = tables()
    return next((table for words, table in found.by_words if all(word in described for word in words)), found.any)


def _row(key: str, said: str | Mapping[str, Any]) -> Row:
    """One line of the table. ValueError names a metric that there is not."""
    if not isinstance(said, str):
        row = Row(**said)
    elif said == "@":
        row = Row(moment=True)
    elif said.startswith("="):
        row = Row(name=said[1:])
    elif said.startswith("!"):
        row = Row(about=said[1:])
    else:
        metric, unit, channel = (*said.split(), "", "", "")[:3]
        row = Row(metric, unit, channel)
    if row.metric and row.metric not in METRICS:
        raise ValueError(f"{key} in fields.toml: there is no metric {row.metric!r}")
    return row


@lru_cache(maxsize=4096)
def snake(key: str) -> str:
    """The key as the table writes keys."""
    return plain(key)


def find(table: Table, path: str, key: str) -> Found | None:
    """The row of a key inside an object; ``path`` are the keys of the objects around it, joined by dots."""
    return _find(table, path, key) if len(key) <= _LONGEST and len(path) <= _LONGEST else None


def passed_over(table: Table, key: str) -> bool:
    """Whether it is a setting or a secret, or the table says that nobody wants it."""
    word = snake(key) if len(key) <= _LONGEST else key
    return word.endswith(_SETTINGS) or table.rows.get(word) == _SILENT


def _straight(table: Table, key: str) -> Straight | None:
    found = find(table, "", key)
    if found is None:
        keeps = key and key.isprintable() and not passed_over(table, key)
        return Straight(own_name(key)) if keeps else None
    if found.row.metric not in UNIT_OF:
        return None
    row, target = found.row, UNIT_OF[found.row.metric]
    direct = row.unit in {"", target} and row.times == 1 and row.words is None
    if not direct or len(found.point) > LONGEST_STRAIGHT:
        return None
    return Straight(found.point, _COLDEST, _HOTTEST) if target == "Cel" else Straight(found.point)


@lru_cache(maxsize=4096)
def _find(table: Table, path: str, key: str) -> Found | None:
    rows = table.rows
    word = key if key in rows else snake(key)
    if path:
        row = rows.get(f"{path}.{word}")
        if row is not None:
            return Found(row, row.channel)
    row = rows.get(word)
    if row is not None:
        return Found(row, joined(path, row.channel))
    found = _numbered(rows, word)
    return found if found is None or not path else Found(found.row, joined(path, found.channel))


def _numbered(rows: Mapping[str, Row], word: str) -> Found | None:
    """The row of a key with a number, a phase or a place in it."""
    head = _HEAD.fullmatch(word)
    if head is not None:
        where, number, stem = head["where"], head["number"], head["stem"]
        row = rows.get(f"{where}_#_{stem}")
        if row is not None:
            return Found(row, f"{row.channel}{number}")
        row = rows.get(stem)
        return Found(row, joined(f"{where}{number}", row.channel)) if row is not None and not row.about else None
    tail = _TAIL.fullmatch(word)
    if tail is None:
        return None
    row = rows.get(f"{tail['stem']}_#") or rows.get(tail["stem"])
    if row is None or row.about or row.moment:
        return None
    mark = tail["phase"] or tail["number"]
    if not row.channel:
        return Found(row, mark if tail["phase"] else f"ch{mark}")
    between = "_" if tail["phase"] or row.channel[-1].isdigit() else ""
    return Found(row, f"{row.channel}{between}{mark}")


def joined(path: str, channel: str) -> str:
    """The place of a value as a slug: the objects around it, if their names tell a place, and the row's own channel."""
    if not path:
        return channel
    slug = _NOT_SLUG.sub("-", "_".join(part for part in path.split(".") if part not in _GROUPS)).strip("-_")
    slug = _BEFORE_NUMBER.sub("", slug)
    return f"{slug}_{channel}" if slug and channel else slug or channel
