"""A metric's unit (UCUM) as Grafana spells it, and as people read it in both languages."""

from __future__ import annotations

from typing import Final

from hub.domain.metrics import Metric
from hub.domain.places import Name

_GRAFANA: Final = {
    "Cel": "celsius",
    "%": "percent",
    "[ppm]": "ppm",
    "ug/m3": "conμgm3",
    "mg/m3": "conmgm3",
    "lx": "lux",
    "dB": "dB",
    "m/s": "velocityms",
    "mm": "lengthmm",
    "m": "lengthm",
    "deg": "degree",
    "W": "watt",
    "A": "amp",
    "mA": "mamp",
    "V": "volt",
    "Hz": "hertz",
    "kg": "masskg",
    "min": "m",
    "s": "s",
    "h": "h",
    "dB[mW]": "dBm",
    "kW.h": "kwatth",
    "m3": "m3",
    "1": "none",
}
"""UCUM codes that Grafana has a unit for; every other one is written behind the number."""


def unit_of(metric: Metric) -> Name:
    """Grafana's unit of a metric in each language: they differ where people count in words (``人``, ``people``)."""
    known = _GRAFANA.get(metric.unit)
    share_of_something = metric.unit == "%" and metric.symbol.en != "%"  # of the explosive limit: told as such
    if known is not None and not share_of_something:
        return Name(zh=known, en=known)
    if not metric.symbol.en:
        return Name(zh="none", en="none")
    return Name(zh=f"suffix: {metric.symbol.zh}", en=f"suffix: {metric.symbol.en}")
