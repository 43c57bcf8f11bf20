"""Figures of maintenance day by day, as charts with their tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from hub.clock import DAY, HOUR, MINUTE, SECOND
from hub.domain.kpi import KPIS, Kpi, Measure
from hub.domain.kpi_parts import Value, Values
from hub.web.facilities.courses import Drawn
from hub.web.telling import Teller
from hub.web.timeline import Rise, draw_rises

Day = tuple[int, Values]
"""When it began (epoch ms), and its figures."""
FEWEST: Final = 4.0
"""So far up a count's axis goes at least: its marks are whole numbers."""
WHOLE: Final = 100.0
CHARTED: Final = tuple(
    KPIS[name]
    for name in (
        "tickets_opened",
        "tickets_resolved",
        "tickets_open",
        "tickets_overdue",
        "time_to_acknowledge",
        "time_to_accept",
        "time_to_restore",
        "availability",
        "failures",
        "false_completion",
    )
)
"""Those that say something by the day."""


def said(kpi: Kpi, value: Value | None, say: Teller) -> str:
    """With its unit; empty where nothing can be said."""
    if value is None:
        return ""
    if kpi.measure is Measure.SECONDS:
        return say.span(round(value.value * SECOND))
    if kpi.measure is Measure.SHARE:
        return f"{say.number(value.value * WHOLE, 2)} %"
    if kpi.measure is Measure.HOURS:
        return say.gettext("%(hours)s h") % {"hours": say.number(value.value, 1)}
    return say.number(value.value)


def course(kpi: Kpi, days: Sequence[Day], whole: Value | None, say: Teller, *, start: int, end: int) -> Drawn:
    """A bar for each day, the whole beside the title; a day of which nothing can be said is marked, and in no table."""
    told = [(at, found[kpi.id]) for at, found in days if kpi.id in found]
    factor, unit, least = _scale(kpi, (value.value for _, value in told), say)
    chart = draw_rises(
        [Rise(at, value.value * factor) for at, value in told],
        DAY,
        start=start,
        end=end,
        offset_ms=say.offset(),
        least=least,
    )
    return Drawn(
        title=say.name(kpi.title),
        unit=unit,
        manner="bars",
        chart=chart,
        words=None,
        hint=said(kpi, whole, say),
        rows=tuple((at, said(kpi, value, say)) for at, value in told),
    )


def _scale(kpi: Kpi, told: Iterable[float], say: Teller) -> tuple[float, str, float]:
    """By what a value is multiplied for its axis, the axis' unit, and how far the axis goes at least."""
    if kpi.measure is Measure.SECONDS:
        long = max(told, default=0.0) * SECOND >= 2 * HOUR
        return SECOND / (HOUR if long else MINUTE), say.gettext("h") if long else say.gettext("min"), 0.0
    if kpi.measure is Measure.SHARE:
        return WHOLE, "%", WHOLE
    return 1.0, "", FEWEST
