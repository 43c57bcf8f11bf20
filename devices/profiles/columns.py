"""What a maker's key means: from ``metrics`` and ``suffixes`` of a profile to a reading under its name, in the hub's unit."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from zlib import crc32

from devices.profiles.shape import Column, Guess, Metrics
from devices.profiles.topics import BadPattern, Pattern
from devices.units import unit_of
from devices.words import METRICS, TEXTS, UNIT_OF, fit, metric_for, own_value

_REMEMBERED_KEYS: Final = 2048
_ONE_UNIT: Final = frozenset(
    "temperature humidity co2 pm25 pm10 illuminance noise frequency power_factor ph occupancy floor".split()
)
"""Metrics that makers give in one unit in practice. Pressure, power, energy, level, battery … come in several."""
_NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})
_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
_LONGEST_SLUG: Final = 32


class Told(NamedTuple):
    """What a device's own model says of a key: the unit's spelling, and how many decimals its whole numbers carry."""

    unit: str = ""
    decimals: int = 0


NOTHING_TOLD: Final = Told()


class Refused(NamedTuple):
    """A value that its column cannot take: why, in the words of a problem."""

    reason: str
    detail: str


class Taken(NamedTuple):
    """A value under its name."""

    name: str
    value: float | bool | str


class Key:
    """One column that one key feeds."""

    __slots__ = (
        "channel",
        "factor",
        "invert",
        "known",
        "metric",
        "nothing",
        "offset",
        "otherwise",
        "own",
        "unit",
        "words",
    )

    def __init__(
        self,
        key: str,
        column: Column,
        suffix_unit: str = "",
        names: Mapping[str, str] = _NO_NAMES,
        guess: str = "",
        *,
        known: bool = True,
    ) -> None:
        self.metric = column.metric or ("" if column.name else guess)
        self.own = column.name or (f"{key}_raw" if _passes_for_a_metric(key) else key)
        self.channel = slug(filled(column.channel, names)) if column.channel else ""
        self.unit = column.unit or suffix_unit
        self.factor, self.offset, self.invert = column.factor, column.offset, column.invert
        self.words, self.otherwise = column.words, column.otherwise
        self.nothing = frozenset(column.nothing)
        self.known = known

    def within(self, channel: str, names: Mapping[str, str]) -> Key:
        """The same in a part of the device."""
        inner = copy(self)
        inner.channel = slug(filled(channel, names))
        return inner

    def take(self, value: object, told: Told) -> Taken | Refused | None:
        """The reading; None where the value is none (null, NaN, a sentinel)."""
        if self.nothing and isinstance(value, (str, int, float)) and value in self.nothing:
            return None
        if self.words:
            word = _word(value)
            if word not in self.words:
                if self.otherwise is None:
                    right = ", ".join(sorted(self.words)[:8])
                    return Refused("unknown_word", f"is {value!r:.60}: expected one of {right}")
                value = self.otherwise
            else:
                value = self.words[word]
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            value = _word(value) if self.metric in TEXTS else self._scaled(own_value(value), told)
        if self.invert and (isinstance(value, bool) or value in (0, 1)):
            value = not value
        found = fit(self.metric, value, told.unit or self.unit, name=self.own, channel=self.channel)
        return None if found is None else Taken(found.name, found.value)

    def _scaled(self, value: float | str | None, told: Told) -> float | None:
        if not isinstance(value, float):
            return None
        if told.decimals:
            value = value / 10**told.decimals
        if self.factor != 1.0 or self.offset:
            value = value * self.factor + self.offset
        return value


class Columns:
    """Which columns each key feeds. What it remembers are answers to pure questions, at most 2,048 keys."""

    def __init__(self, metrics: Metrics, suffixes: Mapping[str, str], guess: Guess) -> None:
        self._exact = {key: _listed(value) for key, value in metrics.items() if "{" not in key}
        self._patterns = [
            (pattern, _listed(value))
            for key, value in metrics.items()
            if "{" in key and (pattern := _pattern(key)) is not None
        ]
        self._suffixes = sorted(suffixes.items(), key=lambda item: -len(item[0]))
        self._guess = guess
        self.of = lru_cache(maxsize=_REMEMBERED_KEYS)(self._of)

    def _of(self, key: str, scaled: bool) -> tuple[Key, ...]:
        """The columns of a key; none where the profile passes it over. ``scaled``: the device's model told its scale."""
        base, unit = key, ""
        for suffix, suffix_unit in self._suffixes:
            if key.endswith(suffix) and len(key) > len(suffix):
                base, unit = key[: -len(suffix)], suffix_unit
                break
        columns, names = self._named(key)
        if columns is None and base != key:
            columns, names = self._named(base)
        guess = metric_for(base)
        if guess in UNIT_OF and not (scaled or unit or self._sure_of(guess)):
            guess = ""
        if columns is None:
            return (Key(key, Column(), unit, guess=guess, known=False),)
        if "key" in names:  # a pattern like {module}:{key} only tells the part of the device
            return tuple(inner.within(columns[0].channel, names) for inner in self._of(names["key"], scaled))
        return tuple(Key(key, column, unit, names, guess) for column in columns if not column.skip)

    def _sure_of(self, metric: str) -> bool:
        """Whether a number under the metric's word is taken for it, although no unit is told."""
        return self._guess == "all" or (self._guess == "sure" and metric in _ONE_UNIT)

    def _named(self, key: str) -> tuple[tuple[Column, ...] | None, Mapping[str, str]]:
        if key in self._exact:
            return self._exact[key], _NO_NAMES
        for pattern, columns in self._patterns:
            names = pattern.match(key)
            if names is not None:
                return columns, names
        return None, _NO_NAMES

    def named(self, key: str, unit: str) -> list[tuple[str, str]]:
        """(name, metric) of the points that the key will feed, if its values come in that unit."""
        found: list[tuple[str, str]] = []
        for column in self.of(key, True):
            told, own = unit_of(unit or column.unit), unit_of(UNIT_OF.get(column.metric, ""))
            other = told is not None and own is not None and told.dimension != own.dimension
            metric = "" if other else column.metric
            name = metric or column.own
            found.append((f"{column.channel}.{name}" if column.channel else name, metric))
        return found

    def knows(self, key: str) -> bool:
        """Whether the profile itself names the key."""
        return any(column.known for column in self.of(key, True))


def _listed(value: str | Column | list[Column]) -> tuple[Column, ...]:
    if isinstance(value, str):
        return (Column(metric=value),)
    return tuple(value) if isinstance(value, list) else (value,)


def _pattern(key: str) -> Pattern | None:
    """The pattern of a key; None where it cannot be read, which ``checks`` names."""
    try:
        return Pattern(key)
    except BadPattern:
        return None


def _passes_for_a_metric(key: str) -> bool:
    """Whether a point of this name would be read as a metric of the table: its last word is one."""
    return key.rpartition(".")[2] in METRICS


def _word(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, int):
        return str(value) if abs(value) < 2**63 else None
    return str(value) if isinstance(value, (str, float)) else None


def filled(text: str, names: Mapping[str, str]) -> str:
    """A column's channel with the parts of the key put in."""
    for name, word in names.items():
        text = text.replace(f"{{{name}}}", word)
    return text


@lru_cache(maxsize=1024)
def slug(text: str) -> str:
    """A channel's name, ``[a-z0-9_-]+``. Where letters are lost (Chinese words, long names), a checksum keeps names apart."""
    low = text.lower().replace(" ", "_")
    kept = "".join(letter if letter in _LETTERS else "_" for letter in low)
    if len(kept) <= _LONGEST_SLUG and (kept == low or low.isascii()):
        return kept
    start = kept.strip("_")[:_LONGEST_SLUG]
    return f"{start}-{crc32(low.encode('utf-8', 'replace')):08x}".lstrip("-")


def number_in(text: str) -> Any:
    """A number, or true or false, that is written as text; any other text as it is."""
    low = text.strip()
    if low.lower() in {"true", "false"}:
        return low.lower() == "true"
    if "_" in low or len(low) > 64:
        return text
    try:
        return own_value(float(low))
    except ValueError:
        return text
