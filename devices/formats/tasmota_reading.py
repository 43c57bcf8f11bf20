"""The values in Tasmota's messages: SENSOR and STATUS10, STATE and STATUS11, RESULT and POWER."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from devices.contract import DeviceRef, Limits, PointInfo, Problem
from devices.formats.json_bytes import show
from devices.formats.points import Scale, clean, join, own_name, scale, slug
from devices.formats.tasmota_words import (
    BRIDGED,
    CARDS,
    CHIPS,
    MAIN,
    NO_READINGS,
    QUANTITIES,
    STATES,
    TARIFFS,
    TOP_UNITS,
    Quantity,
)
from devices.words import UNIT_OF, own_value, plain

_POWER: Final = re.compile(r"POWER(\d{0,2})")
_SWITCH: Final = re.compile(r"Switch\d{1,2}")
_PROBE: Final = re.compile(r"(DS18\w*)-\d+")
"""Several thermometers on one wire: their numbers follow the addresses, and move when one is added."""
_MAC: Final = re.compile(r"[0-9A-Fa-f]{12}")
_SAYS_WHO: Final = re.compile(r"(?:.*(?:[a-z_](?:Id|ID)|_id|Time|time))|id")
_DEEPEST: Final = 3
_MOST_VALUES: Final = 500
_LONGEST_KEY: Final = 64
_MOST_REMEMBERED: Final = 256
_INFINITE: Final = math.inf
_LONGEST_UNIT: Final = 16
_UNSAID: Final = tuple(TOP_UNITS.values())
_MOST_UNKNOWN: Final = 16
_MOST_PROBLEMS: Final = 8

RELAY, LIGHT, SHUTTER = 1, 2, 3


class Words(NamedTuple):
    """What a device has said of itself, as far as its messages need it."""

    off: str = "OFF"
    on: str = "ON"
    relays: tuple[int, ...] = ()
    """Of each relay ``RELAY``, ``LIGHT`` or ``SHUTTER``; empty: unknown."""
    channels: Mapping[str, str] = MappingProxyType({})
    """Sensor -> channel, as announced."""


class Reading(msgspec.Struct, gc=False):
    """One message being read. ``announcing``: its points are wanted as well."""

    device: DeviceRef
    _words: Words
    _limits: Limits
    announcing: bool = False
    values: dict[str, float | bool | str] = {}
    others: dict[str, dict[str, float | bool | str]] = {}
    """Values of other devices that this one hears by radio, by their network address."""
    points: list[PointInfo] = []
    problems: list[Problem] = []
    unknown: list[str] = []
    _left: int = _MOST_VALUES
    """Values that are still looked at; -1: there were more, and it was said."""

    # --- sensors ----------------------------------------------------------------------------------------------

    def sensors(self, found: dict[str, Any]) -> None:
        """An object of sensors: ``{"Time": …, "AM2301": {…}, "Switch1": "ON", "TempUnit": "C"}``."""
        units = _UNSAID
        if not found.keys().isdisjoint(TOP_UNITS):
            units = tuple([str(found.get(key, unit))[:_LONGEST_UNIT] for key, unit in TOP_UNITS.items()])
        for name, sensor in found.items():
            if len(name) > self._limits.name or name in BRIDGED:
                self._pass_over(name)
            elif type(sensor) is dict:
                if name in CARDS:
                    continue
                mac = sensor.get("mac")
                if isinstance(mac, str) and _MAC.fullmatch(mac):
                    self._sensor(sensor, "", units, self.others.setdefault(mac.lower(), {}))
                else:
                    self._sensor(sensor, self.channel(name, sensor), units, self.values)
            elif name not in NO_READINGS:
                if _SWITCH.fullmatch(name):
                    self._switch(name.lower(), "", sensor)
                else:
                    self._sensor({name: sensor}, "", units, self.values)

    def channel(self, name: str, sensor: dict[str, Any]) -> str:
        """The channel of a sensor: as announced, else its own name; a thermometer on a wire goes by its address."""
        known = self._words.channels.get(name)
        return channel_of(name, sensor.get("Id")) if known is None else known

    def _sensor(self, sensor: dict[str, Any], channel: str, units: tuple[str, ...], values: dict[str, Any]) -> None:
        """The values of one sensor. The most frequent way, so a number takes no call but the one that is remembered."""
        places = _places(channel, units)
        for key, value in sensor.items():
            if type(value) is float or type(value) is int:
                if self._left <= 0:
                    self._too_many()
                    return
                self._left -= 1
                place = places[key]
                if place is None or place[0] in values:
                    continue
                name, _, factor, offset = place
                try:
                    number = value * factor + offset
                except OverflowError:
                    number = _INFINITE
                if -_INFINITE < number < _INFINITE:
                    values[name] = number
                    if self.announcing and values is self.values:
                        self.points.append(_info(place, key, channel, units))
                else:
                    self._wrong("not_finite", key, value, "a number that a 64-bit float can hold is right")
            elif value is not None and key not in NO_READINGS:
                self._other(key, value, channel, units, values, depth=1)

    def _other(
        self, key: str, value: Any, channel: str, units: tuple[str, ...], values: dict[str, Any], *, depth: int
    ) -> None:
        """What is no number, and the numbers in a list (by phase, outlet or tariff) or in an object."""
        if self._left <= 0:
            self._too_many()
            return
        self._left -= 1
        if isinstance(value, bool):
            self._keep(join(channel, _own(key)), value, values, "switch")
        elif isinstance(value, str):
            self._text(key, value, channel, values)
        elif depth >= _DEEPEST or len(key) > _LONGEST_KEY:
            self._pass_over(key)
        else:
            what = "tariff" if key in TARIFFS else ""
            parts = value.items() if isinstance(value, dict) else enumerate(value, 1)
            for part, each in islice(parts, _MOST_VALUES):
                below = _part(channel, f"{what}{part}" if isinstance(part, int) else slug(part) or "x")
                if each is not None and type(each) is not float and type(each) is not int:
                    self._other(key, each, below, units, values, depth=depth + 1)
                else:
                    self._sensor({key: each}, below, units, values)

    def _text(self, key: str, value: str, channel: str, values: dict[str, Any]) -> None:
        """Words are kept; what says who, which or when is none."""
        if not value or _SAYS_WHO.fullmatch(key):
            return
        if value in {self._words.on, self._words.off}:
            self._keep(join(channel, _own(key)), value == self._words.on, values, "switch")
        elif len(value) > self._limits.text or "\0" in value:
            self._wrong("bad_text", key, value, f"at most {self._limits.text} characters without NUL are right")
        elif key in QUANTITIES:  # "nan", "--"
            return
        else:
            self._keep(join(channel, _own(key)), value, values, "text")

    def _keep(self, name: str, value: bool | str, values: dict[str, Any], kind: Any) -> None:  # noqa: FBT001 - a value
        name = own_name(name, kind)
        if name and name not in values:
            values[name] = value
            if self.announcing and values is self.values:
                self.points.append(PointInfo(name))

    def _too_many(self) -> None:
        if self._left == 0:
            self._left = -1
            detail = f"more than {_MOST_VALUES} values in one message: send fewer"
            self.problems.append(Problem("too_many_values", detail, self.device, whole=False))

    # --- relays and state -------------------------------------------------------------------------------------

    def state(self, found: dict[str, Any]) -> None:
        """STATE: relays, and a little of how the device is; the rest is of no use to anybody later."""
        self.relays(found)
        wifi = found.get("Wifi")
        for key, place in _STATE_PLACES:
            value = wifi.get(key) if key == "Signal" and isinstance(wifi, dict) else found.get(key)
            if value is not None and isinstance(number := own_value(value), float):
                self.values[place.name] = number * place.factor + place.offset

    def result(self, found: dict[str, Any]) -> None:
        """RESULT: relays, switches and buttons; what else a command answers is no reading."""
        self.relays(found)
        for key, value in found.items():
            action = value.get("Action") if isinstance(value, dict) else None
            if isinstance(action, str) and key[:6] in {"Switch", "Button"} and len(key) <= 8:
                if key.startswith("Switch"):
                    self._switch(key.lower(), "", action)
                else:
                    self._text(key, action, "", self.values)

    def relays(self, found: dict[str, Any]) -> None:
        """``POWER`` or ``POWER1``, ``POWER2`` …; with one relay alone the first two are the same."""
        for key, value in found.items():
            if key[:5] == "POWER" and (number := _POWER.fullmatch(key)) is not None:
                self.relay(number[1], value)

    def relay(self, number: str, value: object) -> None:
        """One relay's word. ``number`` is what stands behind ``POWER``."""
        point = relay_point(int(number or "1") - 1, self._words.relays, numbered=bool(number))
        if point:
            self._switch(*point, value)

    def _switch(self, name: str, channel: str, value: object) -> None:
        name = join(channel, name)
        if value == self._words.on or value is True:
            self.values[name] = True
        elif value == self._words.off or value is False:
            self.values[name] = False
        elif isinstance(value, str) and value.upper() in {"ON", "OFF"}:
            self.values[name] = value.upper() == "ON"
        elif value is not None:
            self._wrong("odd_value", name, value, f"{show(self._words.on)} or {show(self._words.off)} is right")
            return
        if self.announcing and name in self.values:
            self.points.append(PointInfo(name))

    def _pass_over(self, key: str) -> None:
        if len(self.unknown) < _MOST_UNKNOWN:
            self.unknown.append(clean(key, _LONGEST_KEY))

    def _wrong(self, reason: str, key: str, value: object, right: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            detail = f"{show(key)} is {show(value)}: {right}"
            self.problems.append(Problem(reason, detail, self.device, whole=False))


def relay_point(index: int, relays: tuple[int, ...], *, numbered: bool) -> tuple[str, str] | None:
    """(metric, channel) of a relay; None for one that only drives a shutter."""
    there = sum(1 for relay in relays if relay)
    kind = relays[index] if 0 <= index < len(relays) else RELAY
    if kind == SHUTTER:
        return None
    single = there == 1 if relays else not numbered
    return ("lit" if kind == LIGHT else "powered"), "" if single else str(index + 1)


def channel_of(name: str, address: object) -> str:
    """A sensor's own name as a channel; the meter has none."""
    if name == MAIN:
        return ""
    probe = _PROBE.fullmatch(name) if isinstance(address, str) else None
    if probe is not None and (short := slug(str(address))[-6:]):
        return f"{slug(probe[1])}-{short}"
    return _slug(name) or "sensor"


def channels_of(found: dict[str, Any], known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(sensor, channel) as a device announces its sensors: one alone needs no channel, and each keeps the one it had."""
    measured = {
        name: {key for key in sensor if key not in NO_READINGS}
        for name, sensor in found.items()
        if isinstance(sensor, dict) and name not in CARDS and "mac" not in sensor
    }
    plainly: set[str] = set()
    for name in sorted(measured, key=lambda each: each != MAIN):
        keys = measured[name]
        shared = any(keys & other for each, other in measured.items() if each != name and each not in CHIPS)
        alone = name not in CHIPS and not shared and keys <= QUANTITIES.keys()
        own = channel_of(name, found[name].get("Id"))
        channel = known.get(name, "" if alone else own)
        if channel == "":
            channel = own if keys & plainly else ""
            plainly |= keys
        yield name, channel


def moment(time: object, zone: ZoneInfo | None) -> int | None:
    """Epoch ms of ``Time``. It is local time; without an offset (SetOption52) it counts only if the zone is known."""
    if not isinstance(time, str):
        return None
    try:
        parsed = datetime.fromisoformat(time)
        if parsed.tzinfo is None:
            if zone is None:
                return None
            parsed = parsed.replace(tzinfo=zone)
        return round(parsed.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _part(channel: str, part: str) -> str:
    return f"{channel}_{part}" if channel else part


def _own(key: str) -> str:
    known = QUANTITIES.get(key)
    return known.own if known is not None else slug(plain(key)) or clean(key).lower().replace(".", "_")


@lru_cache(maxsize=1_024)
def _slug(name: str) -> str:
    return slug(name)


class _Places(dict[str, Scale | None]):
    """Where the numbers of each key of a channel go; remembered for the first 256 keys."""

    def __init__(self, channel: str, units: tuple[str, ...]) -> None:
        super().__init__()
        self._channel = channel
        self._units = units

    def __missing__(self, key: str) -> Scale | None:
        place = _place(key, self._channel, self._units)
        if len(self) < _MOST_REMEMBERED and len(key) <= _LONGEST_KEY:
            self[key] = place
        return place


@lru_cache(maxsize=512)
def _places(channel: str, units: tuple[str, ...]) -> _Places:
    return _Places(channel, units)


def _place(key: str, channel: str, units: tuple[str, ...]) -> Scale | None:
    """None for a key that is no reading, or has no name."""
    if key in NO_READINGS or len(key) > _LONGEST_KEY:
        return None
    quantity = QUANTITIES.get(key) or Quantity("", "", _own(key))
    found = scale(quantity.metric, _unit(quantity, units), quantity.own, channel)
    return found if len(quantity.own) > 0 and len(found.name) <= Limits().name else None


def _unit(quantity: Quantity, units: tuple[str, ...]) -> str:
    return dict(zip(TOP_UNITS, units, strict=True)).get(quantity.unit, quantity.unit)


def _info(place: Scale, key: str, channel: str, units: tuple[str, ...]) -> PointInfo:
    quantity = QUANTITIES.get(key)
    unit = _unit(quantity, units) if quantity is not None else ""
    if place.name.endswith("air_pressure"):
        unit = UNIT_OF["air_pressure"]
    upkeep = place.metric in {"battery", "signal"} or channel in _CHIP_CHANNELS
    return PointInfo(place.name, place.metric, clean(unit, 32), upkeep=upkeep)


_STATE_PLACES: Final = tuple((key, scale(each.metric, each.unit, each.own)) for key, each in STATES.items())
_CHIP_CHANNELS: Final = frozenset(slug(name) for name in CHIPS)
