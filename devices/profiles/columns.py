"""What a maker's key means: from ``metrics`` and ``suffixes`` of a profile to a reading under its name, in the hub's unit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from zlib import crc32

from devices.formats.json_bytes import show
from devices.profiles.paths import as_text
from devices.profiles.shape import Column, Guess, Metrics
from devices.profiles.topics import BadPattern, Pattern
from devices.units import unit_of
from devices.words import SWITCHES, TEXTS, UNIT_OF, fit, metric_for, own_value, passes_for

_REMEMBERED_KEYS: Final = 2048
_ONE_UNIT: Final = frozenset(
    {"temperature", "humidity", "co2", "pm25", "pm10", "illuminance", "noise", "frequency", "power_factor"}
    | {"ph", "occupancy", "floor"}
)
"""Metrics that makers give in one unit in practice. Pressure, power, energy, level, battery … come in several."""
_NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})
_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
_LONGEST_SLUG: Final = 32
_WHOLE: Final = 2**63


class Told(NamedTuple):
    """What a device's own model says of a key: the unit's spelling, and how many decimals its whole numbers carry."""

    unit: str = ""
    decimals: int = 0


NOTHING_TOLD: Final = Told()


class Refused(NamedTuple):
    """A value that its column cannot take: why, in the words of a problem."""

    reason: str
    detail: str


Taken = tuple[str, float | bool | str]
"""A value under its name."""


class Key:
    """One column that one key feeds."""

    __slots__ = (
        "_else",
        "_metric_name",
        "_names",
        "_own_name",
        "_words",
        "channel",
        "column",
        "metric",
        "own",
        "unit",
    )

    def __init__(self, key: str, column: Column, channel: str = "", unit: str = "", guess: str = "") -> None:
        self.column = column
        self.channel = channel
        self.metric = column.metric or ("" if column.name else guess)
        self.own = column.name or (f"{key}_raw" if passes_for(key) else key)
        self.unit = column.unit or unit
        self._metric_name = f"{channel}.{self.metric}" if channel else self.metric
        self._own_name = f"{channel}.{self.own}" if channel else self.own
        self._names = self._name_by_type()
        self._words = {word: self._fitted(stands_for) for word, stands_for in column.words.items()}
        if self._words:  # a word that stands for "no reading" is not one of the others
            self._words |= dict.fromkeys(word for each in column.nothing if (word := as_text(each)) is not None)
        self._else = self._fitted(column.otherwise)

    def _name_by_type(self) -> dict[type, str]:
        """Under which name a value of each type goes that needs no look at its unit or words."""
        column = self.column
        if self.unit or column != Column(metric=column.metric, name=column.name, channel=column.channel):
            return {}
        own = dict.fromkeys((float, int, bool, str), self._own_name)
        if self.metric in UNIT_OF:
            return own | {float: self._metric_name, int: self._metric_name}
        if self.metric in SWITCHES:
            return {bool: self._metric_name, str: self._own_name}
        return {str: self._metric_name, bool: self._own_name} if self.metric in TEXTS else own

    def take(self, value: Any, told: Told) -> Taken | Refused | None:
        """The reading; None where the value is none (null, NaN, a sentinel)."""
        kind = type(value)
        if self._words:
            return self._word(value if kind is str else as_text(value), value)
        if told is NOTHING_TOLD and kind in self._names:
            if kind is bool:
                return self._names[kind], value
            if kind is str:
                return (self._names[kind], value) if value else None
            if -_WHOLE < value < _WHOLE:
                return self._names[kind], float(value)
        if self.column.nothing and kind is not bool and as_text(value) in map(as_text, self.column.nothing):
            return None
        is_number = isinstance(value, (int, float)) and kind is not bool
        return self._number(value, told) if is_number else self._fitted(value, told.unit)

    def _number(self, value: float, told: Told) -> Taken | Refused | None:
        if own_value(value) is None:
            return Refused("not_finite", f"is {show(value)}: send a number that a 64-bit float can hold")
        return self._fitted(as_text(value) if self.metric in TEXTS else self._scaled(value, told), told.unit)

    def _word(self, word: str | None, value: object) -> Taken | Refused | None:
        if word in self._words:
            return self._words[word]
        if word is None or self.column.otherwise is not None:
            return self._else if word is not None else None
        right = ", ".join(sorted(self._words)[:8])
        return Refused("unknown_word", f"is {value!r:.60}: expected one of {right}")

    def _fitted(self, value: object, unit: str = "") -> Taken | None:
        if self.column.invert and (isinstance(value, bool) or value in (0, 1)):
            value = not value
        found = fit(self.metric, value, unit or self.unit, name=self.own, channel=self.channel)
        return None if found is None else (found.name, found.value)

    def _scaled(self, value: float, told: Told) -> float | None:
        number = own_value(value)
        if not isinstance(number, float):
            return None
        if told.decimals:
            number /= 10**told.decimals
        return number * self.column.factor + self.column.offset

    def announced(self, unit: str) -> tuple[str, str]:
        """(name, metric) of its point, if its values come in that unit."""
        told, own = unit_of(unit or self.unit), unit_of(UNIT_OF.get(self.metric, ""))
        if told is not None and own is not None and told.dimension != own.dimension:
            return self._own_name, ""
        return (self._metric_name, self.metric) if self.metric else (self._own_name, "")

    @property
    def own_name(self) -> str:
        """The maker's name, with the part of the device."""
        return self._own_name


class Columns:
    """Which columns each key feeds. What it remembers are answers to pure questions, at most 2,048 keys."""

    def __init__(self, metrics: Metrics, suffixes: Mapping[str, str], guess: Guess) -> None:
        self._exact = {key: _listed(value) for key, value in metrics.items() if "{" not in key}
        patterns = [(_pattern(key), _listed(value)) for key, value in metrics.items() if "{" in key]
        self._patterns = [(pattern, columns) for pattern, columns in patterns if pattern is not None]
        self._suffixes = sorted(suffixes.items(), key=lambda item: -len(item[0]))
        self._guess = guess
        self.of = lru_cache(maxsize=_REMEMBERED_KEYS)(self._of)
        """Key -> its columns; none where the profile passes it over."""
        self.of_told = lru_cache(maxsize=_REMEMBERED_KEYS)(self._of_told)
        """The same, where the unit, or at least the scale, is told with the value or by the device's model."""
        self.knows = lru_cache(maxsize=_REMEMBERED_KEYS)(self._knows)
        """Whether the profile itself names the key, as a reading."""

    def _of(self, key: str, channel: str = "", told: Told = NOTHING_TOLD) -> tuple[Key, ...]:
        base, unit = self._without_suffix(key)
        columns, names = self._named(key, base)
        if "key" in names and columns:  # a pattern like {module}:{key} only tells the part of the device
            return self._of(names["key"], slug(filled(columns[0].channel, names)), told)
        guess = metric_for(base)
        if guess in UNIT_OF and not (told.unit or unit or self._is_sure(guess, told)):
            guess = ""
        if columns is None:
            return (Key(key, Column(), channel, unit, guess),)
        listed = [(column, slug(filled(column.channel, names)) if column.channel else channel) for column in columns]
        return tuple(Key(key, column, part, unit, guess) for column, part in listed if not column.skip)

    def _of_told(self, key: str, told: Told) -> tuple[Key, ...]:
        return self._of(key, "", told)

    def _knows(self, key: str) -> bool:
        columns, _ = self._named(key, self._without_suffix(key)[0])
        return columns is not None and not all(column.skip for column in columns)

    def _without_suffix(self, key: str) -> tuple[str, str]:
        """The key without the suffix that tells a unit, and that unit."""
        for suffix, unit in self._suffixes:
            if key.endswith(suffix) and len(key) > len(suffix):
                return key[: -len(suffix)], unit
        return key, ""

    def _is_sure(self, metric: str, told: Told) -> bool:
        """Whether a number under the metric's word is taken for it, although no unit is told."""
        scaled = self._guess == "sure" or told is not NOTHING_TOLD
        return self._guess == "all" or (scaled and metric in _ONE_UNIT)

    def _named(self, *keys: str) -> tuple[tuple[Column, ...] | None, Mapping[str, str]]:
        """What the profile says of the first of the keys that it names, and the parts of a pattern."""
        for key in keys:
            if key in self._exact:
                return self._exact[key], _NO_NAMES
            for pattern, columns in self._patterns:
                names = pattern.match(key)
                if names is not None:
                    return columns, names
        return None, _NO_NAMES


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


def number_in(text: str) -> float | bool | str | None:
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
