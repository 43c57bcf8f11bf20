"""A metric's unit (UCUM) as Grafana spells it, and as people read it in both languages."""

from __future__ import annotations

import re
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
_WORD: Final = re.compile(r"\{(\w+)\}")
_CHINESE: Final = re.compile("[\u4e00-\u9fff]")


def unit_of(metric: Metric) -> Name:
    """Grafana's unit of a metric in each language: they differ where people count in words (``人``, ``persons``)."""
    known = _GRAFANA.get(metric.unit)
    if known is not None and (
        metric.unit != "%" or metric.symbol == "%"
    ):  # a share of the explosive limit is told as such
        return Name(zh=known, en=known)
    if not metric.symbol:
        return Name(zh="none", en="none")
    return Name(zh=f"suffix: {metric.symbol}", en=f"suffix: {_english(metric)}")


def _english(metric: Metric) -> str:
    word = _WORD.fullmatch(metric.unit)
    if word is not None:
        return f"{word[1]}s"
    return metric.unit if _CHINESE.search(metric.symbol) else metric.symbol
