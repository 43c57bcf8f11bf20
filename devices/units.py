"""The one table of unit spellings: what devices write, the UCUM code it stands for, and how codes convert.

Closed on purpose. A general parser reads ``%RH`` as percent times ronnahenry and ``C`` as coulomb; a spelling that is not
here is *unknown*, and its value is kept as it came. Codes are those of UCUM (https://ucum.org), case-sensitive.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Unit(NamedTuple):
    """A UCUM code within its dimension: ``base value = value * factor + offset``."""

    ucum: str
    dimension: str
    factor: float
    offset: float = 0.0


# fmt: off
_UNITS: Final[tuple[tuple[Unit, str], ...]] = (
    # unit, other spellings, separated by blanks; those with a blank inside stand in _SPACED
    (Unit("Cel",      "temperature",   1.0),             "°C C ºC ℃ degC celsius Celsius deg_c"),
    (Unit("[degF]",   "temperature",   5 / 9, -160 / 9), "°F F ºF ℉ degF fahrenheit"),
    (Unit("K",        "temperature",   1.0, -273.15),    "kelvin"),
    (Unit("%",        "ratio",         1.0),             "%RH %EL %rh percent pct RH %LEL"),
    (Unit("[ppth]",   "ratio",         0.1),             "‰"),
    (Unit("m3/m3",    "ratio",         100.0),           "m³/m³"),
    (Unit("[ppm]",    "fraction",      1.0),             "ppm PPM"),
    (Unit("[ppb]",    "fraction",      1e-3),            "ppb PPB"),
    (Unit("ug/m3",    "concentration", 1.0),             "µg/m³ μg/m³ ug/m³ µg/m3 μg/m3"),
    (Unit("mg/m3",    "concentration", 1e3),             "mg/m³"),
    (Unit("mg/L",     "solution",      1.0),             "mg/l"),
    (Unit("lx",       "illuminance",   1.0),             "lux Lx Lux"),
    (Unit("dB",       "sound",         1.0),             "dBA dB(A) dBa db DB"),
    (Unit("dB[mW]",   "signal",        1.0),             "dBm"),
    (Unit("W",        "power",         1.0),             "w watt watts Watt"),
    (Unit("kW",       "power",         1e3),             "kw KW"),
    (Unit("mW",       "power",         1e-3),            "mWt"),
    (Unit("MW",       "power",         1e6),             ""),
    (Unit("VA",       "apparent",      1.0),             "va"),
    (Unit("kVA",      "apparent",      1e3),             "kva KVA"),
    (Unit("var",      "reactive",      1.0),             "VAR VAr Var"),
    (Unit("kvar",     "reactive",      1e3),             "kVAR kVAr"),
    (Unit("kW.h",     "energy",        1.0),             "kWh kwh KWH KWh kW·h 度"),
    (Unit("W.h",      "energy",        1e-3),            "Wh wh W·h"),
    (Unit("mW.h",     "energy",        1e-6),            "mWh"),
    (Unit("W.min",    "energy",        1 / 60e3),        "Wmin"),
    (Unit("MW.h",     "energy",        1e3),             "MWh"),
    (Unit("J",        "energy",        1 / 3.6e6),       ""),
    (Unit("MJ",       "energy",        1 / 3.6),         ""),
    (Unit("GJ",       "energy",        1 / 3.6e-3),      ""),
    (Unit("kvar.h",   "reactive_energy", 1.0),           "kVArh kvarh kVARh"),
    (Unit("var.h",    "reactive_energy", 1e-3),          "VArh varh VARh"),
    (Unit("V",        "voltage",       1.0),             "v volt volts Volt"),
    (Unit("mV",       "voltage",       1e-3),            "mv millivolt"),
    (Unit("kV",       "voltage",       1e3),             "kv"),
    (Unit("A",        "current",       1.0),             "a amp amps ampere"),
    (Unit("mA",       "current",       1e-3),            "ma"),
    (Unit("Hz",       "frequency",     1.0),             "hz"),
    (Unit("/min",     "frequency",     1 / 60),          "rpm RPM r/min"),
    (Unit("Pa",       "pressure",      1e-6),            ""),
    (Unit("hPa",      "pressure",      1e-4),            "mbar"),
    (Unit("kPa",      "pressure",      1e-3),            "kpa"),
    (Unit("MPa",      "pressure",      1.0),             "Mpa mpa"),
    (Unit("bar",      "pressure",      0.1),             "Bar"),
    (Unit("[psi]",    "pressure",      0.006894757293168),    "psi PSI"),
    (Unit("mm[Hg]",   "pressure",      0.0001333223684211),   "mmHg"),
    (Unit("[in_i'Hg]", "pressure",     0.003386388640341),    "inHg"),
    (Unit("m",        "length",        1.0),             "meters metre metres meter"),
    (Unit("cm",       "length",        1e-2),            ""),
    (Unit("mm",       "length",        1e-3),            ""),
    (Unit("um",       "length",        1e-6),            "µm μm"),
    (Unit("km",       "length",        1e3),             ""),
    (Unit("[in_i]",   "length",        0.0254),          "in inch"),
    (Unit("[ft_i]",   "length",        0.3048),          "ft"),
    (Unit("m3",       "volume",        1.0),             "m³ cbm 方 立方米"),
    (Unit("L",        "volume",        1e-3),            "l liter litre liters litres 升"),
    (Unit("mL",       "volume",        1e-6),            "ml"),
    (Unit("[gal_us]", "volume",        0.003785411784),  "gal"),
    (Unit("[cft_i]",  "volume",        0.028316846592),  "ft³ ft3"),
    (Unit("m3/h",     "flow",          1.0),             "m³/h m^3/h"),
    (Unit("L/h",      "flow",          1e-3),            "l/h"),
    (Unit("L/min",    "flow",          0.06),            "l/min lpm"),
    (Unit("L/s",      "flow",          3.6),             "l/s"),
    (Unit("[gal_us]/min", "flow",      0.2271247070400), "gal/min gpm"),
    (Unit("m3/s",     "flow",          3600.0),          "m³/s"),
    (Unit("m/s",      "speed",         1.0),             "mps"),
    (Unit("mm/s",     "speed",         1e-3),            ""),
    (Unit("km/h",     "speed",         1 / 3.6),         "kmh kph"),
    (Unit("[mi_i]/h", "speed",         0.44704),         "mph"),
    (Unit("mm/h",     "rain",          1.0),             ""),
    (Unit("s",        "time",          1.0),             "sec Sec sec. seconds Seconds second S"),
    (Unit("ms",       "time",          1e-3),            "milliseconds"),
    (Unit("min",      "time",          60.0),            "min. minute minutes mins"),
    (Unit("h",        "time",          3600.0),          "Hr hr hour hours Hours H"),
    (Unit("d",        "time",          86400.0),         "day days Day"),
    (Unit("mo",       "time",          2_629_800.0),     "month months"),
    (Unit("a",        "time",          31_557_600.0),    "year years"),
    (Unit("deg",      "angle",         1.0),             "° degree degrees"),
    (Unit("kg",       "mass",          1.0),             ""),
    (Unit("g",        "mass",          1e-3),            "gram grams"),
    (Unit("t",        "mass",          1e3),             "ton tonne"),
    (Unit("[pH]",     "acidity",       1.0),             "pH ph"),
    (Unit("[NTU]",    "turbidity",     1.0),             "NTU ntu FNU"),
    (Unit("uS/cm",    "conductivity",  1.0),             "µS/cm μS/cm"),
    (Unit("mS/cm",    "conductivity",  1e3),             ""),
    (Unit("uSv/h",    "radiation",     1.0),             "µSv/h μSv/h"),
    (Unit("m/s2",     "acceleration",  1.0),             "m/s²"),
    (Unit("[g]",      "acceleration",  9.80665),         ""),
    (Unit("mired",    "colour",        1.0),             ""),
    (Unit("{person}", "people",        1.0),             "person people persons 人 人次"),
    (Unit("{pulse}",  "count",         1.0),             "pulse pulses imp 脉冲"),
    (Unit("{count}",  "count",         1.0),             "count counts times 次 个"),
)
# fmt: on

_SPACED: Final = {"LEL %": "%", "% LEL": "%", "LEL": "%", "% RH": "%"}


def _build() -> Mapping[str, Unit]:
    table: dict[str, Unit] = {}
    for unit, _ in _UNITS:
        table[unit.ucum] = unit
    by_code = dict(table)
    for unit, spellings in _UNITS:
        for spelling in spellings.split():
            table.setdefault(spelling, unit)
    table.update({spelling: by_code[code] for spelling, code in _SPACED.items()})
    return MappingProxyType(table)


UNITS: Final[Mapping[str, Unit]] = _build()
"""Every spelling, and every UCUM code, to its unit."""


def unit_of(spelling: str) -> Unit | None:
    """The unit that a device's spelling stands for; None where it is unknown or says nothing."""
    return UNITS.get(spelling) or UNITS.get(spelling.strip())


def convert(value: float, spelling: str, to: str) -> float | None:
    """The value in the unit with UCUM code ``to``; None where the spelling is unknown or measures something else."""
    unit, target = unit_of(spelling), UNITS.get(to)
    if unit is None or target is None or unit.dimension != target.dimension:
        return None
    if unit == target:
        return value
    return (value * unit.factor + unit.offset - target.offset) / target.factor
