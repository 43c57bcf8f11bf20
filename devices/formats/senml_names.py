"""SenML names: which part is the device and which the point, and what a unit says about it.

Sources: RFC 8428 (names, units), RFC 9039 (device URNs), RFC 8798 (further units), the IANA registry of SenML units.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from devices.contract import DeviceRef
from devices.formats.slugs import channel_slug
from devices.units import convert
from devices.words import UNIT_OF, fit, metric_for, own_value, passes_for

_URN: Final = re.compile(r"urn:dev:([a-z0-9-]+):([A-Za-z0-9.\-]+)(.*)")
_MAC: Final = re.compile(r"[0-9a-f]{12}|[0-9a-f]{16}")
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_SEPARATORS: Final = "-:._/"

# fmt: off
_UNITS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({
    # SenML: (spelling in the hub's own table, metric where the unit alone tells it)
    "Cel": ("Cel", "temperature"), "K": ("K", "temperature"),
    "%RH": ("%", "humidity"), "%EL": ("%", "battery"), "lx": ("lx", "illuminance"),
    "V": ("V", "voltage"), "mV": ("mV", "voltage"), "A": ("A", "current"), "mA": ("mA", "current"),
    "W": ("W", "power"), "kW": ("kW", "power"), "J": ("J", "energy"), "Wh": ("W.h", "energy"), "kWh": ("kW.h", "energy"),
    "Hz": ("Hz", "frequency"), "pH": ("[pH]", "ph"), "NTU": ("[NTU]", "turbidity"), "dBm": ("dB[mW]", "signal"),
    "m3/s": ("m3/s", "flow"), "l/s": ("L/s", "flow"), "mm/h": ("mm/h", "rain_rate"),
    "m3": ("m3", ""), "l": ("L", ""), "Pa": ("Pa", ""), "hPa": ("hPa", ""),
    "m": ("m", ""), "mm": ("mm", ""), "cm": ("cm", ""), "km": ("km", ""),
    "kg": ("kg", ""), "g": ("g", ""), "s": ("s", ""), "ms": ("ms", ""), "min": ("min", ""), "h": ("h", ""),
    "m/s": ("m/s", ""), "km/h": ("km/h", ""), "deg": ("deg", ""), "dB": ("dB", ""), "1/min": ("/min", ""),
    "ppm": ("[ppm]", ""), "ug/m3": ("ug/m3", ""), "var": ("var", "reactive_power"), "kvar": ("kvar", "reactive_power"),
    "VA": ("VA", "apparent_power"), "kVA": ("kVA", "apparent_power"), "varh": ("var.h", "reactive_energy"), "kvarh": ("kvar.h", "reactive_energy"),
})
"""Only what means the same: SenML's C, F, S, T and H are coulomb, farad, siemens, tesla and henry."""
_FACTORS: Final[Mapping[str, tuple[float, str]]] = MappingProxyType({
    "/": (100.0, "%"), "%": (100.0, "%"), "/100": (1.0, "%"), "/1000": (0.1, "%"), "Bspl": (10.0, "dB"), "rad": (57.29577951308232, "deg"),
})
"""Units that have to be multiplied first. ``%`` is a ratio from 0 to 1, as ``/`` is (RFC 8428, note 2 of section 12.1)."""
# fmt: on
_COUNTED: Final = frozenset(name for name, unit in UNIT_OF.items() if unit == "1" or unit.startswith("{"))
"""Metrics that are mere numbers."""
_NO_UNIT: Final = frozenset({"", "count", "/"})


class Point(NamedTuple):
    """A value under the name it is stored by."""

    name: str
    value: float | bool | str
    metric: str


def device_of(base: str, own: str, community: str, place: DeviceRef) -> tuple[DeviceRef, str]:
    """(device, the name of the point in it): by a device URN, else what stands before the last ``/`` or ``:``.

    A name that is one word is the point of the device whose base name stands before it; without a base name it says
    nothing of the device, and the topic (``place``) has to.
    """
    scheme, ident, word = _parted(base, own)
    return (DeviceRef(community, scheme, ident) if scheme else place), word


@lru_cache(maxsize=4096)
def _parted(base: str, own: str) -> tuple[str, str, str]:
    """(scheme, id, point); no scheme where the name says nothing of the device. Remembered: devices repeat themselves."""
    name = base + own
    urn = _URN.fullmatch(name)
    if urn is not None:
        return (*_of_urn(urn[1], urn[2]), urn[3].strip(_SEPARATORS))
    if "/" in name:
        head, _, tail = name.rpartition("/")
    elif ":" in name and not _ADDRESS.fullmatch(name):
        head, _, tail = name.rpartition(":")
    elif not base and ":" not in name:
        return "", "", name
    elif base and own and not base.endswith((":", ".")):
        head, tail = base, own
    else:
        head, tail = name, ""
    head = head.rstrip(_SEPARATORS) or name
    if head[:4].lower() == "urn:":
        return "urn", head[4:] or head, tail
    return "senml", head, tail


def _of_urn(kind: str, body: str) -> tuple[str, str]:
    """(scheme, id). ``mac`` holds an EUI-64; a MAC is written in it with ``fffe`` in the middle."""
    low = body.lower()
    if kind == "mac" and _MAC.fullmatch(low):
        if len(low) == 12:
            return "mac", low
        return ("mac", low[:6] + low[10:]) if low[6:10] == "fffe" else ("eui64", low)
    return "urn", f"dev:{kind}:{low if kind == 'ow' else body}"


class _Meaning(NamedTuple):
    """What a name and a unit make of a value."""

    name: str
    metric: str
    factor: float = 1.0
    spelling: str = ""
    """The unit that the value then has; empty: the metric's own, or none."""
    own: str = ""
    """The name that it keeps where that metric does not fit."""
    exact: bool = False
    """A number is the metric as it stands."""


def point_of(word: str, unit: str, value: object) -> Point | None:
    """One value as a reading; None where it is none.

    ``word`` is the name within the device. A metric's own name with a unit of its kind is that metric; else the unit alone
    may tell the metric, and the word is the channel; else all is kept as it came.
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    meaning = _meaning(word, unit, number)
    if meaning.exact and isinstance(value, float) and math.isfinite(value):
        return Point(meaning.name, value, meaning.metric)
    if meaning.metric:
        measured = value * meaning.factor if isinstance(value, (int, float)) and number else value
        known = fit(meaning.metric, measured, meaning.spelling)
        if known is not None and known.metric:
            return Point(meaning.name, known.value, meaning.metric)
    own = own_value(value)
    return None if own is None else Point(meaning.own, own, "")


@lru_cache(maxsize=4096)
def _meaning(word: str, unit: str, number: bool) -> _Meaning:  # noqa: FBT001 - a key of the memory, by position
    """Remembered: devices repeat themselves. Names and units are short (``senml_pack``), so that the memory is bounded."""
    factor, spelling = _FACTORS.get(unit, (1.0, _UNITS.get(unit, ("", ""))[0]))
    own = own_name(word or unit_word(unit))
    metric = metric_for(word.rpartition("/")[2].rpartition(":")[2])
    if metric in UNIT_OF and metric not in _COUNTED:
        if number and spelling and convert(1.0, spelling, UNIT_OF[metric]) is not None:
            return _Meaning(metric, metric, factor, spelling, own, exact=factor == 1 and spelling == UNIT_OF[metric])
    elif metric and unit in _NO_UNIT:
        return _Meaning(metric, metric, own=own)
    metric = _UNITS.get(unit, ("", ""))[1] if number else ""
    channel = channel_slug(word)
    name = f"{channel}.{metric}" if channel and metric else metric
    return _Meaning(name, metric, factor, spelling, own, exact=bool(metric) and spelling == UNIT_OF[metric])


def own_name(word: str) -> str:
    """A name under which a value is kept as it came; never one that the hub reads as a metric."""
    word = word.replace("/", ".").replace(":", ".")
    return f"{word}.value"[:128] if passes_for(word) else word[:128]


def unit_word(unit: str) -> str:
    """What a value without any name is called."""
    return channel_slug(unit) or "value"
