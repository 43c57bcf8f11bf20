"""From a decoded object to readings: known fields under their metric, the others under the maker's own key.

Objects come in every shape: flat values, values with their unit (``{"value": 22.5, "unit": "°C"}``), nested groups,
lists of values of earlier moments. Work is bounded by ``READINGS``; what is beyond is counted, not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from devices.contract import Limits
from devices.lorawan.fields import LONGEST_STRAIGHT, NO_STRAIGHT, NO_TABLE, Straights, Table, find, passed_over, snake
from devices.units import unit_of
from devices.words import fit, metric_for, own_name, own_value

READINGS: Final = 500
"""Readings of one message. An uplink has at most 242 bytes (LoRaWAN regional parameters), which say no more than 242 things."""
_LOOKS: Final = 3 * READINGS
"""Values of one message that are looked at, whatever becomes of them."""
_MOST_WORDS: Final = 8
"""Unknown keys and refused values that are named."""
_TEXT: Final = 64
"""Characters of a word; anything longer is no state of a device."""
_TIMES: Final = ("timestamp", "time", "ts")
_SHOWN: Final = frozenset({"value", "data", "unit", "units", "displayName", "name", "label", "alias", *_TIMES})
"""Keys of an object that is one value; ``value`` or ``data`` is it."""
_SUPERSCRIPTS: Final = str.maketrans({"⋅": "·", "⁻": "-", "¹": "1", "²": "2", "³": "3"})


Values = dict[str, float | bool | str]
"""As samples carry them."""


def plain_numbers(found: Mapping[str, Any], table: Table, limits: Limits) -> Values | None:
    """The values of an object that is nothing but numbers, each to be taken as it is; None: ``Reading`` has to look."""
    now: Values = {}
    if len(found) > READINGS or limits.name < LONGEST_STRAIGHT:
        return None
    return now if _go_straight(iter(found.items()), table.straight, now) is None else None


def _go_straight(rest: Iterator[tuple[str, Any]], straight: Straights, now: Values) -> tuple[str, Any] | None:
    """Put numbers where they go, up to the first value that needs a closer look: that one, or None."""
    for key, value in rest:
        kind = type(value)
        goes = straight[key] if kind is float or kind is int else None
        if goes is None or not goes.least <= value < goes.most or goes.point in now:
            return key, value
        now[goes.point] = float(value)
    return None


class _Place(msgspec.Struct, frozen=True, gc=False):
    """Where in an object a value stands, and where it goes."""

    path: str
    """The keys of the objects around it, joined by dots."""
    values: Values
    depth: int
    """How many levels more are read."""

    def inside(self, word: str) -> _Place:
        """One object further in."""
        return _Place(f"{self.path}.{word}" if self.path else word, self.values, self.depth - 1)


class Dated(NamedTuple):
    """Values of a moment of their own."""

    time: int
    values: Values
    told_again: bool
    """Of an earlier moment, beside values of now."""


class Reading(msgspec.Struct, gc=False):
    """Reads the objects of one message, one after the other, and gathers what they say beside their values."""

    _limits: Limits
    dated: list[Dated] = []
    about: dict[str, str | int] = {}
    """What the objects say of the device itself: fields of an announcement."""
    unknown: list[str] = []
    refused: list[str] = []
    """Names that cannot be shown or are too long."""
    endless: list[str] = []
    """Keys of numbers that no float holds."""
    left_out: int = 0
    """Values beyond what one message may have."""
    _room: int = READINGS
    _looks: int = _LOOKS
    _table: Table = NO_TABLE
    """Of the object at hand; the values and the moment that it gives, and whether the maker's own keys count."""
    _now: Values = {}
    _time: int | None = None
    _known_only: bool = False

    def take(self, found: Mapping[str, Any], table: Table, *, known_only: bool = False) -> tuple[Values, int | None]:
        """The values of an object, and the moment it gives for them if any. ``known_only``: without the maker's own."""
        self._table = table
        self._known_only = known_only
        now: Values = {}
        self._now, self._time = now, None
        place = _Place("", now, self._limits.depth)
        everyday = not known_only and self._limits.name >= LONGEST_STRAIGHT
        straight = table.straight if everyday else NO_STRAIGHT
        rest = iter(found.items())
        while (odd := self._straight_on(rest, straight if len(found) <= self._room else NO_STRAIGHT)) is not None:
            self._field(*odd, place)
        return now, self._time

    def _straight_on(self, rest: Iterator[tuple[str, Any]], straight: Straights) -> tuple[str, Any] | None:
        before = len(self._now)
        odd = _go_straight(rest, straight, self._now)
        self._room -= len(self._now) - before
        return odd

    def _object(self, found: Mapping[str, Any], place: _Place) -> None:
        for key, value in found.items():
            self._field(key, value, place)

    def _field(self, key: str, value: Any, place: _Place) -> None:
        if self._room <= 0 or self._looks <= 0:  # without a closer look: nothing of it would be kept
            self.left_out += value is not None
            return
        self._looks -= 1
        if isinstance(value, dict):
            self._inner(key, value, place)
        elif isinstance(value, list):
            self._list(key, value, place)
        elif value is not None:
            self._value(key, value, "", place)

    def _inner(self, key: str, found: dict[str, Any], place: _Place) -> None:
        single = _single(found)
        if single is not None:
            self._value(key, *single, place)
        elif place.depth <= 0:
            self._note(key)
        elif not passed_over(self._table, key):
            if found and all(each.isdigit() for each in found):  # channels: {"temperatureSensor": {"3": 27.2}}
                numbered = {f"{key}_{number}": value for number, value in found.items()}
                self._object(numbered, msgspec.structs.replace(place, depth=place.depth - 1))
            else:
                self._object(found, place.inside(snake(key[: self._limits.name])))

    def _list(self, key: str, found: list[Any], place: _Place) -> None:
        if place.depth <= 0:
            self._note(key)
            return
        if passed_over(self._table, key):
            return
        for number, each in enumerate(found, 1):
            if self._room <= 0 or self._looks <= 0:
                self.left_out += len(found) - number + 1
                return
            self._looks -= 1
            if isinstance(each, dict):
                self._entry(f"{key}_{number}", each, place)
            elif not isinstance(each, list) and each is not None:
                self._value(f"{key}_{number}", each, "", place)

    def _entry(self, key: str, found: dict[str, Any], place: _Place) -> None:
        """One object of a list: of an earlier moment if it has one, else one of several alike."""
        time = next((moment for word in _TIMES if (moment := moment_of(found.get(word))) is not None), None)
        if time is None:
            self._inner(key, found, place)
            return
        then = _Place("", {}, place.depth - 1)
        single, name = _single(found), found.get("name")
        if single is not None and isinstance(name, str):
            self._value(name, *single, then)
        else:
            self._object({word: value for word, value in found.items() if word not in _TIMES}, then)
        if then.values:
            self.dated.append(Dated(time, then.values, told_again=True))

    def _value(self, key: str, value: object, unit: str, place: _Place) -> None:
        found = find(self._table, place.path, key)
        if found is None:
            self._stranger(key, value, unit, place)
            return
        row = found.row
        if row.metric:
            fitted = row.fitted(value, unit)
            if fitted is not None:
                self._put(found.point, fitted, key, value, place)
            elif not row.absent(value):
                self._keep(key, value, place)
        elif row.name:
            self._keep(found.point, value, msgspec.structs.replace(place, path=""))
        elif row.about:
            self._about(row.about, value)
        elif row.moment and place.values is self._now:
            moment = moment_of(value)
            self._time = self._time if moment is None else moment

    def _stranger(self, key: str, value: object, unit: str, place: _Place) -> None:
        """A key that is not in the table; the unit beside its value may still say what it is."""
        metric = metric_for(key) if unit and not place.path else ""
        fitted = fit(metric, value, unit) if metric else None
        if fitted is not None and fitted.metric:
            self._put(fitted.name, fitted.value, key, value, place)
        else:
            self._keep(key, value, place)

    def _put(self, name: str, fitted: Any, key: str, value: object, place: _Place) -> None:
        """Under the metric; a second value of the same quantity keeps the maker's key, as it came."""
        if name in place.values:
            self._keep(key, value, place)
        elif len(name) > self._limits.name:
            self.refused.append(name)
        else:
            self._store(name, fitted, place.values)

    def _keep(self, key: str, value: object, place: _Place) -> None:
        """Under the maker's own key, unless nobody would look for it there."""
        kept = own_value(value)
        if kept is None and isinstance(value, int):
            self.endless.append(key[:_TEXT])
        if kept is None or self._known_only or passed_over(self._table, key):
            return
        if isinstance(kept, str) and not _word(kept):
            self._note(key)
            return
        name = own_name(f"{place.path}.{key}" if place.path else key)
        if len(name) > self._limits.name or not name.isprintable() or not name:
            self.refused.append(name)
        elif name not in place.values:
            self._store(name, kept, place.values)

    def _store(self, name: str, value: Any, values: Values) -> None:
        if self._room <= 0:
            self.left_out += 1
        else:
            self._room -= 1
            values[name] = value

    def _about(self, field: str, value: object) -> None:
        if field == "interval_s":
            if isinstance(value, (int, float)) and 0 < value < 10_000_000:
                self.about[field] = int(value)
        elif isinstance(value, (str, int)) and not isinstance(value, bool):
            self.about[field] = str(value)[: self._limits.name]
        elif isinstance(value, float) and value.is_integer():
            self.about[field] = str(int(value))

    def _note(self, key: str) -> None:
        if len(self.unknown) < _MOST_WORDS:
            self.unknown.append(key[:_TEXT])


def _single(found: Mapping[str, Any]) -> tuple[object, str] | None:
    """(value, unit) of an object that is one value; None where it is a group."""
    value = found.get("value", found.get("data"))
    if value is None or isinstance(value, (dict, list)) or not found.keys() <= _SHOWN:
        return None
    unit = found.get("unit", found.get("units"))
    return value, _spelled(unit) if isinstance(unit, str) else ""


def _spelled(unit: str) -> str:
    """A unit written as a product of powers (``m⋅s⁻¹``) as a quotient (``m/s``); the others as they are."""
    if len(unit) > _TEXT or unit_of(unit) is not None:
        return unit
    over, under = [], []
    for part in unit.translate(_SUPERSCRIPTS).split("·"):
        base, minus, power = part.partition("-")
        if minus:
            under.append(base if power == "1" else base + power)
        else:
            over.append(part)
    return "·".join(over) + "".join(f"/{part}" for part in under) if under else unit


def _word(text: str) -> bool:
    return len(text) <= _TEXT and text.isprintable()


def moment_of(value: object) -> int | None:
    """Epoch ms of a time that is a number of seconds or milliseconds, or ISO 8601 with zone; None where it is none."""
    if isinstance(value, str):
        return iso_moment(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e14:
        return None
    # 1e11 seconds are the year 5138, 1e11 milliseconds the year 1973
    return int(value if value >= 1e11 else value * 1000)


def iso_moment(text: object) -> int | None:
    """Epoch ms of ISO 8601 with zone, nanoseconds cut; None where it is something else."""
    try:
        moment = datetime.fromisoformat(text)  # type: ignore[arg-type]  # asking first would cost every message
        return None if moment.tzinfo is None else round(moment.timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        return None
