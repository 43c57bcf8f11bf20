"""What the fields of Shelly's components mean, as tables, and how an object is read by one.

Source: the maker's device API, https://shelly-api-docs.shelly.cloud (Gen2+ "Components and Services", Gen1 "MQTT").
Power is in W, voltage in V, current in A, energy in Wh, temperature in degrees Celsius (``tC``; ``tF`` says it again).
``by_minute`` counts milliwatt-hours of past minutes: the total holds them already, so they are no readings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from devices.contract import DeviceRef, Limits, Problem
from devices.formats.json_bytes import show
from devices.words import fit, own_value

COMPONENT: Final = re.compile(r"[a-z][a-z0-9_]{1,30}(?::\d{1,6})?")
"""A component's name in topics and messages: ``switch:0``, ``sys``."""
MOST_VALUES: Final = 2_000
_LONGEST_NAME: Final = 40
_LARGE: Final = 1e15
_MOST_PROBLEMS: Final = 8


class Rule(NamedTuple):
    """What one field says."""

    metric: str = ""
    """Empty: kept under the maker's own name."""
    unit: str = ""
    """As the maker counts; empty where that is the metric's own."""
    name: str = ""
    """The point's name where no metric fits; empty: the field's key."""
    part: str = ""
    """The part of the component that is meant: a phase, the inside of the case."""
    nothing: tuple[float, ...] = ()
    """Numbers that stand for "no probe" or "not yet known"."""
    words: Mapping[str, bool] | None = None
    """For a switch that is said in words."""


DROP: Final = Rule(name="-")
"""Known, and nobody wants it stored: settings, timers, the same value in another unit."""
Rules: TypeAlias = Mapping[str, "Rule | Rules"]

# fmt: off
OPENING: Final[Mapping[str, bool]] = MappingProxyType({"opening": True, "closing": True, "open": False, "closed": False, "stopped": False})

_OWN: Final = Rule()
_TEMPERATURE: Final[Rules] = {"tC": Rule("temperature", nothing=(999.0,)), "tF": DROP}
_INSIDE: Final[Rules] = {"tC": Rule("temperature", part="internal"), "tF": DROP}
_BATTERY: Final[Rules] = {"percent": Rule("battery", nothing=(-1.0,)), "V": Rule("battery_voltage")}

_METERED: Final[Rules] = {
    "id": DROP, "source": DROP, "timer_started_at": DROP, "timer_duration": DROP, "transition": DROP,
    "calibration": DROP, "flags": DROP,
    "apower":      Rule("power"),
    "voltage":     Rule("voltage"),
    "current":     Rule("current"),
    "pf":          Rule("power_factor"),
    "freq":        Rule("frequency"),
    "aprt_power":  Rule("apparent_power"),
    "aenergy":     {"total": Rule("energy", "Wh"), "by_minute": DROP, "minute_ts": DROP},
    "ret_aenergy": {"total": Rule("energy_exported", "Wh"), "by_minute": DROP, "minute_ts": DROP},
    "temperature": _INSIDE,
    "counts":      {"on_time": _OWN},
}
_LIGHT: Final[Rules] = {**_METERED, "output": Rule("lit"), "brightness": _OWN, "ct": _OWN, "white": _OWN, "rgb": DROP, "mode": DROP}
_PHASE: Final[Mapping[str, Rule]] = {
    "act_power": Rule("power"), "aprt_power": Rule("apparent_power"), "voltage": Rule("voltage"), "current": Rule("current"),
    "pf": Rule("power_factor"), "freq": Rule("frequency"),
}
_PHASE_ENERGY: Final[Mapping[str, Rule]] = {"total_act_energy": Rule("energy", "Wh"), "total_act_ret_energy": Rule("energy_exported", "Wh")}


def _phases(phases: str, fields: Mapping[str, Rule]) -> dict[str, Rule]:
    """``a_act_power``: the same fields for every phase; ``n`` is the neutral conductor."""
    return {f"{phase}_{key}": rule._replace(part=phase, name=key) for phase in phases for key, rule in fields.items()}


_ALARMS: Final[Rules] = {"id": DROP, "mute": _OWN}
_VALUE: Final[Rules] = {"id": DROP, "value": _OWN, "last_updated_ts": DROP, "source": DROP}

COMPONENTS: Final[Mapping[str, Rules]] = {
    "switch": {**_METERED, "output": Rule("powered")},
    "pm1": _METERED,
    "light": _LIGHT, "cct": _LIGHT, "rgb": _LIGHT, "rgbw": _LIGHT, "rgbcct": _LIGHT,
    "cover": {
        **_METERED, "state": _OWN, "current_pos": _OWN, "target_pos": DROP, "last_direction": DROP, "pos_control": DROP,
        "move_timeout": DROP, "move_started_at": DROP, "slat_pos": _OWN,
    },
    "em": {
        "id": DROP, "user_calibrated_phase": DROP,
        "total_act_power": Rule("power"), "total_current": Rule("current"), "total_aprt_power": Rule("apparent_power"),
        **_phases("abcn", _PHASE),
    },
    "emdata": {
        "id": DROP, "total_act": Rule("energy", "Wh"), "total_act_ret": Rule("energy_exported", "Wh"),
        **_phases("abc", _PHASE_ENERGY),
    },
    "em1": {"id": DROP, "calibration": DROP, **_PHASE},
    "em1data": {"id": DROP, **_PHASE_ENERGY},
    "input": {
        "id": DROP, "state": _OWN, "percent": _OWN, "xpercent": _OWN, "freq": _OWN, "xfreq": _OWN,
        "counts": {"total": Rule("pulses"), "xtotal": _OWN, "by_minute": DROP, "xby_minute": DROP, "minute_ts": DROP},
    },
    "temperature": {"id": DROP, **_TEMPERATURE},
    "humidity": {"id": DROP, "rh": Rule("humidity", nothing=(999.0,))},
    "illuminance": {"id": DROP, "lux": Rule("illuminance", nothing=(-1.0,)), "illumination": _OWN},
    "voltmeter": {"id": DROP, "voltage": Rule("voltage"), "xvoltage": _OWN},
    "flood": {**_ALARMS, "alarm": Rule("leak")},
    "smoke": {**_ALARMS, "alarm": Rule("smoke")},
    "presence": {"id": DROP, "num_objects": Rule("occupancy"), "value": Rule("presence"), "state": Rule("presence")},
    "presencezone": {"id": DROP, "num_objects": Rule("occupancy"), "value": Rule("presence"), "state": Rule("presence")},
    "devicepower": {"id": DROP, "battery": _BATTERY, "external": {"present": _OWN}},
    "thermostat": {
        "id": DROP, "current_C": Rule("temperature"), "current_F": DROP, "target_C": _OWN, "target_F": DROP,
        "current_humidity": Rule("humidity"), "target_humidity": _OWN, "output": _OWN, "enable": _OWN, "pos": _OWN,
        "schedules": DROP, "steps": DROP, "follow_sensor": DROP, "flags": DROP, "boost": DROP, "override": DROP, "schedule_rev": DROP,
    },
    "blutrv": {
        "id": DROP, "current_C": Rule("temperature"), "target_C": _OWN, "pos": _OWN, "battery": Rule("battery"),
        "rssi": Rule("signal"), "connected": _OWN, "paired": DROP, "packet_id": DROP, "last_updated_ts": DROP,
        "rpc": DROP, "rsv": DROP, "fw_ver": DROP, "schedule_rev": DROP,
    },
    "bthomedevice": {"id": DROP, "rssi": Rule("signal"), "battery": Rule("battery"), "packet_id": DROP, "last_updated_ts": DROP, "paired": DROP, "rpc": DROP, "rsv": DROP},
    "bthomesensor": _VALUE, "number": _VALUE, "boolean": _VALUE, "text": _VALUE, "enum": _VALUE,
    "wifi": {"rssi": Rule("signal", nothing=(0.0,))},
    "sys": {"uptime": Rule("uptime")},
}
"""Kind of component -> its fields. A kind that is not here keeps its plain values under their own names."""

_SILENT: Final = (
    "ble bm bthome button camera cloud dali eth group ht_ui knx kvs matter media modbus mqtt object plugs_ui "
    "plugpm_ui powerstrip_ui pro_ui schedule script service template ui wd_ui webhook ws zigbee"
)
SILENT: Final = frozenset(_SILENT.split())
"""Components that measure nothing."""

_NO_RULES: Final[Rules] = {"id": DROP}
_ONLY: Final = frozenset({"wifi", "sys"})
"""Components of which nothing is wanted but what the table names."""

_MAIN_KINDS: Final = (
    "switch pm1 light cct rgb rgbw rgbcct cover em emdata temperature humidity illuminance voltmeter flood smoke presence "
    "devicepower wifi sys"
)
_MAIN: Final = frozenset(_MAIN_KINDS.split())
"""Kinds whose first instance speaks for the device as a whole: its points have no channel."""

_CHANNEL_OF: Final = {"emdata": "em", "em1data": "em1"}
"""Counters of a meter belong to the meter."""

# --- Gen1 objects ---------------------------------------------------------------------------------------------

GEN1_LIGHT: Final[Rules] = {
    "ison": Rule("lit"), "power": Rule("power"), "brightness": _OWN, "temp": Rule(name="ct"), "overpower": DROP,
    "gain": _OWN, "white": _OWN, "red": DROP, "green": DROP, "blue": DROP, "mode": DROP, "effect": DROP, "source": DROP,
    "transition": DROP, "has_timer": DROP, "timer_started": DROP, "timer_duration": DROP, "timer_remaining": DROP,
}
GEN1_MOTION: Final[Rules] = {
    "motion": Rule("presence"), "lux": Rule("illuminance", nothing=(-1.0,)), "bat": Rule("battery", nothing=(-1.0,)),
    "vibration": Rule(name="vibrating"), "active": _OWN, "timestamp": DROP,
    "tmp": {"value": Rule("temperature", nothing=(999.0,)), "units": DROP, "is_valid": DROP},
}
GEN1_INFO: Final[Rules] = {
    "uptime": Rule("uptime"),
    "wifi_sta": {"rssi": Rule("signal", nothing=(0.0,)), "connected": DROP, "ip": DROP, "ssid": DROP},
    "bat": {"value": Rule("battery", nothing=(-1.0,)), "voltage": Rule("battery_voltage")},
}
"""Of the whole status that ``info`` repeats: what no other topic says."""
GEN1_THERMOSTAT: Final[Rules] = {
    "pos": _OWN, "tmp": {"value": Rule("temperature", nothing=(999.0,)), "units": DROP, "is_valid": DROP},
    "target_t": {"value": _OWN, "enabled": DROP, "value_op": DROP, "units": DROP, "accelerated_heating": DROP},
    "schedule": DROP, "schedule_profile": DROP, "boost_minutes": DROP, "window_open": _OWN,
}
# fmt: on


class Component(NamedTuple):
    """What a component's name says."""

    name: str
    kind: str
    channel: str
    rules: Rules
    only: bool
    """Nothing is wanted of it but what the rules name."""
    numbers: Mapping[str, str]
    """Field -> the point of its numbers, where they are taken as they are."""


def component_of(name: str) -> Component | None:
    """The component of this name, ``switch:0`` or ``sys``; None where it is none."""
    return _component_of(name) if len(name) <= _LONGEST_NAME else None


@lru_cache(maxsize=1024)
def _component_of(name: str) -> Component | None:
    if not COMPONENT.fullmatch(name):
        return None
    kind, _, number = name.partition(":")
    rules, channel = COMPONENTS.get(kind, _NO_RULES), channel_of(kind, number)
    numbers = {}
    for key, rule in rules.items():
        if isinstance(rule, Rule) and rule is not DROP and not (rule.unit or rule.nothing or rule.words):
            part = "-".join(each for each in (channel, rule.part) if each)
            fitted = fit(rule.metric, 2.0, name=rule.name or key, channel=part)
            if fitted is not None and fitted.metric == rule.metric:
                numbers[key] = fitted.name
    return Component(name, kind, channel, rules, kind in _ONLY, numbers)


class Reading:
    """What one message has said so far."""

    __slots__ = ("_device", "_limits", "errors", "problems", "unknown", "values")

    def __init__(self, device: DeviceRef, limits: Limits) -> None:
        self._device = device
        self._limits = limits
        self.values: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self.unknown: list[str] = []
        self.errors: list[tuple[str, str, object]] = []
        """(component, field, what stands in it) of every field that lists errors."""

    def component(self, component: Component, found: dict[str, Any]) -> None:
        """One component of a Gen2+ device, ``switch:0`` or ``wifi``; fields that it leaves out have not changed."""
        if component.kind in SILENT:
            return
        values, numbers = self.values, component.numbers
        for key, value in found.items():
            kind = type(value)
            point = numbers.get(key) if kind is float or kind is int else None
            if point is not None and -_LARGE < value < _LARGE and len(values) < MOST_VALUES:
                values[point] = float(value)  # the everyday case: the unit is the metric's own
            elif key.endswith("errors"):
                self.errors.append((component.name, key, value))
            elif value is not None:
                self._field(key, value, component.rules, component.channel, "", only=component.only)
        if component.kind == "cover" and (moving := OPENING.get(str(found.get("state")))) is not None:
            values[f"{component.channel}.moving" if component.channel else "moving"] = moving

    def fields(self, found: dict[str, Any], rules: Rules, channel: str, *, only: bool = False) -> None:
        """The fields of an object by its rules. What has no rule is kept under its own name, unless ``only`` rules count."""
        self._inside(found, rules, channel, "", only=only)

    def _inside(self, found: dict[str, Any], rules: Rules, channel: str, inside: str, *, only: bool) -> None:
        for key, value in found.items():
            if value is not None:
                self._field(key, value, rules, channel, inside, only=only)

    def _field(self, key: str, value: Any, rules: Rules, channel: str, inside: str, *, only: bool) -> None:
        rule = rules.get(key)
        if rule is None:
            if not only and not key.endswith("errors"):
                self._own(key, value, channel, inside)
        elif isinstance(rule, Rule):
            if rule is not DROP:
                self.put(rule, f"{inside}{key}", value, channel)
        elif isinstance(value, dict):
            self._inside(value, rule, channel, f"{inside}{key}_", only=only)
        else:
            self.refuse(f"{inside}{key}", value, "an object")

    def put(self, rule: Rule, key: str, value: Any, channel: str) -> None:
        """One value by its rule."""
        if rule.nothing and value in rule.nothing:
            return
        if rule.part:
            channel = f"{channel}-{rule.part}" if channel else rule.part
        fitted = fit(rule.metric, value, rule.unit, name=rule.name or key, channel=channel)
        if fitted is None or (rule.metric and not fitted.metric):
            self.refuse(f"{channel}.{key}" if channel else key, value, "a number" if rule.unit else "a plain value")
        elif isinstance(fitted.value, str) and not self._fits(fitted.value):
            self.refuse(fitted.name, value, f"at most {self._limits.text} characters")
        elif len(self.values) < MOST_VALUES:
            self.values[fitted.name] = fitted.value

    def _own(self, key: str, value: Any, channel: str, inside: str) -> None:
        """A field that is in no table: kept if it is plain, counted if it is not."""
        own = own_value(value)
        name = f"{channel}.{inside}{key}" if channel else f"{inside}{key}"
        if own is None or not key or len(name) > self._limits.name or not name.isprintable():
            self.passed_over(name)
        elif isinstance(own, str) and not self._fits(own):
            self.refuse(name, value, f"at most {self._limits.text} characters")
        elif len(self.values) < MOST_VALUES:
            self.values[name] = own

    def _fits(self, text: str) -> bool:
        return len(text) <= self._limits.text and "\0" not in text

    def passed_over(self, name: str) -> None:
        """Something that means nothing to us."""
        if len(self.unknown) < _MOST_PROBLEMS:
            self.unknown.append(name[:64])

    def refuse(self, name: str, value: object, right: str) -> None:
        """Something that should mean something, and does not as it stands."""
        if len(self.problems) < _MOST_PROBLEMS:
            detail = f"{show(name)} is {show(value)}: {right} is expected"
            self.problems.append(Problem("bad_value", detail, self._device, whole=False))


def channel_of(kind: str, number: str) -> str:
    """The channel that a component's points stand under: none for the first of a main kind, ``switch1``, ``em1-0``."""
    if kind in _MAIN and number in {"", "0"}:
        return ""
    kind = _CHANNEL_OF.get(kind, kind)
    if kind in _MAIN and number in {"", "0"}:
        return ""
    return f"{kind}-{number}" if number and kind[-1:].isdigit() else f"{kind}{number}"
