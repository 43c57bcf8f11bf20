"""What makers call things: from a field's name and unit to the hub's metric, in its canonical unit.

A format first asks its own table of names; what is not there comes here. A word that means several things without its
unit or maker (``status``, ``count``, ``value``) is left out: unknown is kept and shown, never guessed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from devices.units import convert

# fmt: off
_METRICS: Final = {
    "Cel": "temperature water_temperature supply_temperature return_temperature coolant_temperature motor_temperature "
           "winding_temperature joint_temperature connector_temperature dew_point",
    "%": "humidity gas_lel load fill fuel lamps_failed battery soil_moisture",
    "[ppm]": "co2 co ammonia hydrogen_sulfide",
    "ug/m3": "pm1 pm25 pm10 tvoc",
    "mg/m3": "formaldehyde",
    "lx": "illuminance",
    "dB": "noise",
    "hPa": "air_pressure",
    "m/s": "wind_speed speed",
    "mm/h": "rain_rate",
    "W": "power",
    "VA": "apparent_power",
    "var": "reactive_power",
    "kW": "heat_power",
    "A": "current",
    "V": "voltage dc_voltage battery_voltage",
    "Hz": "frequency",
    "mA": "residual_current",
    "MPa": "pressure inlet_pressure outlet_pressure",
    "m": "level distance",
    "m3/h": "flow",
    "mg/L": "chlorine",
    "[pH]": "ph",
    "[NTU]": "turbidity",
    "uS/cm": "conductivity",
    "mm": "levelling_error rain",
    "mm/s": "vibration",
    "deg": "tilt wind_direction",
    "kg": "weight",
    "min": "charging_time",
    "dB[mW]": "signal",
    "kW.h": "energy energy_exported heat session_energy",
    "kvar.h": "reactive_energy",
    "m3": "volume gas_volume",
    "h": "run_hours",
    "s": "uptime",
    "{person}": "occupancy queue people_in people_out turned_away visits",
    "{vehicle}": "vehicles vehicles_in vehicles_out",
    "{bay}": "free_bays",
    "{box}": "free_boxes",
    "{point}": "shielded_points fault_points",
    "{trip}": "trips",
    "{cycle}": "door_cycles",
    "{start}": "starts",
    "{pulse}": "pulses",
    "{session}": "sessions",
    "{meal}": "meals",
    "{floor}": "floor",
    "/h": "starts_per_hour",
    "1": "power_factor",
}
_SWITCHES: Final = (
    "door_open barrier_open valve_open running moving lit charging powered auto_mode mains_present on_battery presence "
    "bay_occupied online fault tripped phase_lost transfer_failed leak smoke heat_alarm gas_alarm co_alarm fire_alarm "
    "supervisory high_level extra_high_level battery_low tamper forced trapped intercom_ok ebike_seen off_level emergency_stop cover_moved "
    "fire_lane_blocked booked"
)
_TEXTS: Final = "service_mode direction fault_code"
# fmt: on

UNIT_OF: Final[Mapping[str, str]] = MappingProxyType(
    {name: unit for unit, names in _METRICS.items() for name in names.split()}
)
"""Metric that is a number -> its canonical unit (UCUM). The same as in ``hub.domain.metrics``, which a test holds it to."""

SWITCHES: Final = frozenset(_SWITCHES.split())
"""Metrics that are yes or no."""

TEXTS: Final = frozenset(_TEXTS.split())
"""Metrics that are a word."""

METRICS: Final = UNIT_OF.keys() | SWITCHES | TEXTS

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "temp": "temperature",
        "barometric_pressure": "air_pressure",
        "atmospheric_pressure": "air_pressure",
        "air_temperature": "temperature",
        "hum": "humidity",
        "rh": "humidity",
        "relative_humidity": "humidity",
        "carbon_dioxide": "co2",
        "eco2": "co2",
        "carbon_monoxide": "co",
        "pm1_0": "pm1",
        "pm2_5": "pm25",
        "pm25": "pm25",
        "voc": "tvoc",
        "lux": "illuminance",
        "light": "illuminance",
        "illumination": "illuminance",
        "battery_level": "battery",
        "battery_percent": "battery",
        "low_battery": "battery_low",
        "rssi": "signal",
        "water_leak": "leak",
        "moisture_detected": "leak",
        "motion": "presence",
        "occupied": "presence",
        "people": "occupancy",
        "people_count": "occupancy",
        "active_power": "power",
        "power_apparent": "apparent_power",
        "power_reactive": "reactive_power",
        "exported_energy": "energy_exported",
        "produced_energy": "energy_exported",
        "wind_dir": "wind_direction",
        "dewpoint": "dew_point",
        "total_energy": "energy",
        "water_level": "level",
        "leakage_current": "residual_current",
        "sound_level": "noise",
        "frequency_hz": "frequency",
    }
)

_GUESSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bat": "battery",
        "batt": "battery",
        "door": "door_open",
        "door_status": "door_open",
        "watt": "power",
        "apower": "power",
        "aprt_power": "apparent_power",
        "kwh": "energy",
        "amp": "current",
        "volt": "voltage",
        "run": "running",
        "run_status": "running",
        "trip": "tripped",
    }
)
"""Words that likely mean a metric and may mean another thing: proposed to a person, never read so by a format.

Left out is what is more often wrong than right: ``contact`` (true is *closed* in Zigbee), ``linkquality`` (0 to 255, no
dBm), ``count`` (of anything), ``press`` (in any of seven units).
"""

_TOO_SHORT: Final = 2
"""``ph2`` is the second phase rather than a pH, and ``co_2`` is no carbon monoxide."""
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def plain(word: str) -> str:
    """The word in lower snake case: ``airTemperature``, ``Air-Temperature`` and ``air temperature`` are one."""
    if not word.islower():
        word = _CAMEL.sub("_", word).lower()
    return word.replace("-", "_").replace(" ", "_")


def metric_for(word: str) -> str:
    """The metric that a field's name tells; empty where it tells none."""
    low = plain(word)
    return low if low in METRICS else _WORDS.get(low, "")


def passes_for(name: str) -> str:
    """The metric that the hub takes a point of this name for, by what stands behind its last dot; empty where it is none."""
    tail = name.rpartition(".")[2]
    return tail if tail in METRICS else ""


def guess_for(name: str) -> str:
    """What the name of a point suggests that no format has said anything of, its number set aside (``temp_2``); else empty.

    Empty too where the name's last part is a metric's own: that is no guess, the hub reads every point so.
    """
    if passes_for(name):
        return ""
    word = plain(name.rpartition(".")[2])
    bare = word.rstrip("_0123456789")
    for each in (word, bare) if len(bare) > _TOO_SHORT else (word,):
        metric = metric_for(each) or _GUESSES.get(each, "")
        if metric:
            return metric
    return ""


class Fitted(NamedTuple):
    """A value under the name it is stored by."""

    name: str
    value: float | bool | str
    metric: str
    """Empty: kept under the maker's own name, because nothing fits."""


def fit(metric: str, value: object, unit: str = "", *, name: str = "", channel: str = "") -> Fitted | None:
    """One value as a reading: under its metric and in the canonical unit, or under the maker's ``name`` as it came.

    ``unit`` is the sender's spelling; empty means that the format promises the canonical unit. A value whose unit measures
    something else than the metric, or whose type does not fit, keeps its own name. None: no reading (null, NaN, nested).
    """
    known = _as_metric(metric, value, unit)
    if known is not None:
        return Fitted(f"{channel}.{metric}" if channel else metric, known, metric)
    own = own_value(value)
    word = own_name(name or metric)
    return None if own is None or not word else Fitted(f"{channel}.{word}" if channel else word, own, "")


def own_name(word: str) -> str:
    """A maker's own word for a value that is *not* the metric of that name (``level`` in percent): it must not pass for it."""
    return f"{word}_as_sent" if passes_for(word) else word


def _as_metric(metric: str, value: object, unit: str) -> float | bool | str | None:
    if metric in UNIT_OF:
        if isinstance(value, (bool, str)):
            return None
        number = own_value(value)
        if not isinstance(number, float):
            return None
        return number if not unit else convert(number, unit, UNIT_OF[metric])
    if metric in SWITCHES:
        return bool(value) if isinstance(value, bool) or value in (0, 1) else None
    return value if metric in TEXTS and isinstance(value, str) and value else None


_NO_TEXT: Final = frozenset({"", "nan", "NaN", "NAN"})


def own_value(value: object) -> float | bool | str | None:
    """The value as readings carry it: finite float, bool or text; None for null, NaN (the word too), infinities, empty or nested."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    return value if isinstance(value, str) and value not in _NO_TEXT else None
