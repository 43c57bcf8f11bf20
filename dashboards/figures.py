"""The hourly figures of maintenance: what each is called, its formula, and panels that show it."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.model import Look, Panel, Query, Threshold
from dashboards.parts import COUNT, HOURS, SECONDS, SHARE
from hub.domain.kpi import KPIS, Measure
from hub.domain.places import Name

_UNITS = {Measure.COUNT: COUNT, Measure.SECONDS: SECONDS, Measure.SHARE: SHARE, Measure.HOURS: HOURS}


def unit_of_kpi(kpi: str) -> Name:
    """Grafana's unit of a figure."""
    return _UNITS[KPIS[kpi].measure]


def number(kpi: str, query: str, *, thresholds: Sequence[Threshold] = (), width: int = 6) -> Panel:
    """One figure."""
    figure = KPIS[kpi]
    return Panel(
        look=Look.NUMBER,
        title=figure.title,
        about=figure.formula,
        unit=unit_of_kpi(kpi),
        decimals=None if figure.measure is Measure.SECONDS else (3 if figure.measure is Measure.SHARE else 0),
        queries=(Query(text=query, alias=figure.id),),
        width=width,
        height=5,
        thresholds=tuple(thresholds),
    )


def course(kpi: str, query: str, *, look: Look = Look.COURSE, alias: str = "$tag_kind", width: int = 12) -> Panel:
    """A figure over time, by kind."""
    figure = KPIS[kpi]
    return Panel(
        look=look,
        title=figure.title,
        about=figure.formula,
        unit=unit_of_kpi(kpi),
        queries=(Query(text=query, alias=alias),),
        width=width,
        least_step="1h",
    )
