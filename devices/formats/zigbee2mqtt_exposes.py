"""What a Zigbee device exposes: the tree of features in a definition, as points and as a plan for reading its messages.

Source: Zigbee2MQTT's own page on *exposes*. ``property`` is the key in the message; ``access`` is a sum of 1 (published),
2 (can be set) and 4 (can be asked for). Only what is published makes a point. Units are free text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from devices.contract import Limits, PointInfo
from devices.formats.points import clean, join, own_name, scale, slug
from devices.words import SWITCHES, UNIT_OF, metric_for

# fmt: off
_NUMBERS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({
    # expose -> metric, and the unit that goes without saying
    "temperature":          ("temperature", "°C"),
    "local_temperature":    ("temperature", "°C"),
    "humidity":             ("humidity", "%"),
    "pressure":             ("air_pressure", ""),
    "illuminance":          ("illuminance", ""),
    "illuminance_lux":      ("illuminance", "lx"),
    "co2":                  ("co2", "ppm"),
    "co":                   ("co", "ppm"),
    "carbon_monoxide":      ("co", "ppm"),
    "pm25":                 ("pm25", "µg/m³"),
    "pm10":                 ("pm10", "µg/m³"),
    "voc":                  ("tvoc", ""),
    "formaldehyd":          ("formaldehyde", ""),
    "hcho":                 ("formaldehyde", ""),
    "noise":                ("noise", ""),
    "gas_value":            ("gas_lel", ""),
    "battery":              ("battery", "%"),
    "soil_moisture":        ("soil_moisture", "%"),
    "power":                ("power", "W"),
    "total_power":          ("power", "W"),
    "energy":               ("energy", "kWh"),
    "total_energy":         ("energy", "kWh"),
    "produced_energy":      ("energy_exported", "kWh"),
    "energy_produced":      ("energy_exported", "kWh"),
    "power_apparent":       ("apparent_power", "VA"),
    "power_reactive":       ("reactive_power", "VAR"),
    "current":              ("current", "A"),
    "mains_voltage":        ("voltage", "V"),
    "ac_frequency":         ("frequency", "Hz"),
    "power_factor":         ("power_factor", ""),
    "leakage_current":      ("residual_current", ""),
    "water_consumed":       ("volume", ""),
    "volume":               ("volume", ""),
    "flow":                 ("flow", ""),
    "people":               ("occupancy", "人"),
    "people_counting":      ("occupancy", "人"),
})

_SWITCHES: Final[Mapping[str, str]] = MappingProxyType({
    # expose -> metric that is true when the device says its ``value_on``
    "contact":              "door_open",
    "garage_door_contact":  "door_open",
    "occupancy":            "presence",
    "presence":             "presence",
    "motion":               "presence",
    "water_leak":           "leak",
    "gas":                  "gas_alarm",
    "carbon_monoxide":      "co_alarm",
    "fault":                "fault",
    "trouble":              "fault",
    "valve":                "valve_open",
    "valve_state":          "valve_open",
    "ac_connected":         "mains_present",
    "mains_power_connected": "mains_present",
})

_CONTACTS: Final = frozenset({"contact", "garage_door_contact"})
"""True and ``ON`` say that the two parts touch, in every definition; which of them is ``value_on`` differs."""

_STATES: Final[Mapping[str, str]] = MappingProxyType({"switch": "powered", "light": "lit"})
"""What ``state`` of a specific feature means; a lock's and a cover's is kept as it is."""
# fmt: on

_UPKEEP: Final = frozenset(
    {"battery", "battery_low", "battery_state", "linkquality", "device_temperature", "power_outage_count"}
)
_NUMBERED: Final = re.compile(r"(?P<base>[a-z][a-z0-9_]*?)(?:_alarm)?_(?P<channel>(?:phase_)?[abc]|l?\d{1,2})")
"""``power_phase_b``, ``voltage_l2``, ``water_leak_alarm_1``: channels that are no endpoints."""

_APART: Final[tuple[object, ...]] = (False, "OFF")
_OPEN: Final = frozenset({"OPEN", "OPENED"})
"""Words that are the state itself, whichever of two a definition calls ``value_on``."""

_DEEPEST: Final = 5
_MOST_POINTS: Final = 500
_MOST_FEATURES: Final = 2_000
_MOST_WORDS: Final = 64

NUMBER, SWITCH, WORD, INSIDE = "number", "switch", "word", "inside"
Plan = dict[str, Any]
"""Key of the message -> step, made of lists and plain values so that it can be kept as state:

``[NUMBER, name, factor, offset]``, ``[SWITCH, name, on, off]``, ``[WORD, name]``, ``[INSIDE, plan]``;
None for a key that is exposed and yet no reading (a setting that only can be set, a list).
"""


class Points(NamedTuple):
    """What a definition exposes."""

    points: tuple[PointInfo, ...]
    plan: Plan


def points_of(exposes: object, *, battery: bool | None) -> Points:
    """The points and the reading plan of a definition's ``exposes``. Never raises; at most 500 points.

    ``battery``: whether the device lives on one, None where its inventory entry does not say. On a battery ``voltage`` is
    the battery's own.
    """
    reader = _Reader(battery=_has_battery(exposes) if battery is None else battery)
    reader.walk(exposes, reader.plan, kind="", channel="", depth=0)
    if "linkquality" not in reader.plan:
        reader.add(reader.plan, "linkquality", [NUMBER, "linkquality", 1.0, 0.0], PointInfo("linkquality", upkeep=True))
    return Points(tuple(reader.points.values()), reader.plan)


def _has_battery(exposes: object) -> bool:
    return isinstance(exposes, list) and any(
        isinstance(each, dict) and each.get("name") == "battery" for each in exposes
    )


class _Reader:
    """Walks one tree of features."""

    def __init__(self, *, battery: bool) -> None:
        self.battery = battery
        self.points: dict[str, PointInfo] = {}
        self.plan: Plan = {}
        self._features = 0

    def walk(self, features: object, plan: Plan, *, kind: str, channel: str, depth: int) -> None:
        if not isinstance(features, list) or depth > _DEEPEST:
            return
        for feature in features:
            self._features += 1
            if self._features > _MOST_FEATURES:
                return
            if isinstance(feature, dict):
                self._read(feature, plan, kind, channel, depth)

    def _read(self, feature: dict[str, Any], plan: Plan, kind: str, channel: str, depth: int) -> None:
        what, key = feature.get("type"), feature.get("property")
        if what == "composite":
            self._composite(feature, plan, channel, depth)
        elif isinstance(feature.get("features"), list):
            self.walk(feature["features"], plan, kind=str(what), channel=channel, depth=depth + 1)
        elif isinstance(key, str) and key:
            access = feature.get("access")
            published = isinstance(access, int) and access & 1
            step, point = self._point(feature, key, kind, channel) if published else (None, None)
            self.add(plan, key, step, point)

    def add(self, plan: Plan, key: str, step: list[Any] | None, point: PointInfo | None) -> None:
        """The first feature of a key, and of a point's name, is the one that counts."""
        if plan.get(key) is not None or (point is not None and point.name in self.points):
            return
        if point is not None and len(point.name) > Limits().name:
            step = point = None
        plan[key] = step
        if point is not None:
            self.points[point.name] = point

    def _composite(self, feature: dict[str, Any], plan: Plan, channel: str, depth: int) -> None:
        """One nested object; two composites may share it (a colour's two notations)."""
        key, access = feature.get("property"), feature.get("access")
        if not isinstance(key, str) or not key or not (isinstance(access, int) and access & 1):
            if isinstance(key, str) and key:
                plan.setdefault(key, None)
            return
        step = plan.get(key)
        if step is None:
            step = plan[key] = [INSIDE, {}]
        if step[0] == INSIDE:
            inner = slug(f"{channel}_{key}") or "inside"
            self.walk(feature.get("features"), step[1], kind="composite", channel=inner, depth=depth + 1)

    # --- one feature ------------------------------------------------------------------------------------------

    def _point(
        self, feature: dict[str, Any], key: str, kind: str, channel: str
    ) -> tuple[list[Any] | None, PointInfo | None]:
        what, own = str(feature.get("type")), clean(key)
        if what not in {"numeric", "binary", "enum", "text"} or not own or len(self.points) >= _MOST_POINTS:
            return None, None
        name, part = _name_and_channel(feature, own)
        channel = f"{channel}_{part}" if channel and part else channel or part
        if what == "numeric":
            return self._number(feature, name, own, channel)
        if what == "binary":
            return self._switch(feature, name, own, kind, channel)
        point = own_name(join(channel, name if part else own), "text")
        return [WORD, point], _info(point, "", feature, name, words=_words(feature.get("values")))

    def _number(self, feature: dict[str, Any], name: str, own: str, channel: str) -> tuple[list[Any], PointInfo]:
        unit = clean(feature.get("unit"), 32)
        metric, unspoken = _NUMBERS.get(name) or _guess(name)
        if name == "voltage":
            metric = "battery_voltage" if self.battery else "voltage"
        found = scale(metric, unit or unspoken, name, channel)
        if found.name in self.points:  # another expose measures the same: this one keeps its own name
            found = scale("", unit, own)
        written = "hPa" if found.name.endswith("air_pressure") else unit
        point = _info(found.name, found.metric, feature, name, unit=written, upkeep=metric == "battery_voltage")
        return [NUMBER, found.name, found.factor, found.offset], point

    def _switch(
        self, feature: dict[str, Any], name: str, own: str, kind: str, channel: str
    ) -> tuple[list[Any], PointInfo]:
        on, off = feature.get("value_on", True), feature.get("value_off", False)
        if not isinstance(on, (bool, str, int, float)) or not isinstance(off, (bool, str, int, float)) or on == off:
            on, off = True, False
        if off in _APART if name in _CONTACTS else str(off).upper() in _OPEN:
            on, off = off, on
        metric = _STATES.get(kind, "") if name == "state" else _SWITCHES.get(name) or _same(name)
        point = join(channel, metric) if metric else own_name(join(channel, name), "switch")
        if point in self.points:
            metric, point = "", own_name(own, "switch")
        words = () if metric else _words([off, on])
        return [SWITCH, point, on, off], _info(point, metric, feature, name, words=words)


def _info(
    point: str,
    metric: str,
    feature: dict[str, Any],
    name: str,
    *,
    unit: str = "",
    words: tuple[str, ...] = (),
    upkeep: bool = False,
) -> PointInfo:
    return PointInfo(
        point,
        metric,
        unit,
        clean(feature.get("label")),
        words,
        upkeep or name in _UPKEEP or clean(feature.get("category")) in {"diagnostic", "config"},
    )


def _name_and_channel(feature: dict[str, Any], own: str) -> tuple[str, str]:
    """What is measured, and at which endpoint: ``state_left`` with endpoint ``left`` is ``state`` of ``left``."""
    name, endpoint = feature.get("name"), feature.get("endpoint")
    name = clean(name) or own
    if isinstance(endpoint, (str, int)) and not isinstance(endpoint, bool) and own == f"{name}_{endpoint}":
        channel = slug(str(endpoint))
        return (name, channel) if channel else (own, "")
    numbered = _NUMBERED.fullmatch(own) if own not in _NUMBERS and own not in _SWITCHES else None
    if numbered is not None:
        base = numbered["base"]
        if base in _NUMBERS or base in _SWITCHES or base == "voltage":
            return base, numbered["channel"]
    return own, ""


def _guess(name: str) -> tuple[str, str]:
    """A name that is a metric's own, or a well-known word for one; its unit has to be said."""
    metric = metric_for(name)
    return (metric, "") if metric in UNIT_OF else ("", "")


def convention(key: str) -> tuple[str, str]:
    """(metric, unit) of a key that a bridge sends without exposing it; only what needs no unit said is certain."""
    return _NUMBERS.get(key, ("", ""))


def _same(name: str) -> str:
    return name if name in SWITCHES else ""


def _words(values: object) -> tuple[str, ...]:
    """The words of an enumeration, as the device writes them."""
    if not isinstance(values, list):
        return ()
    words = (str(each).lower() if isinstance(each, bool) else str(each) for each in values[:_MOST_WORDS])
    return tuple(word for word in (clean(each) for each in words) if word)
