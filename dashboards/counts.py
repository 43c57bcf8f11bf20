"""Questions for the hourly figures of maintenance: those of kinds, and the counts of facilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dashboards import influxql as q
from hub.domain.series_names import FACILITY_HOUR, KPI_HOUR

OF_KPI: Final = (q.IN_COMMUNITY, q.OF_KIND)
"""Hourly figures have no facility: they are those of a kind."""


def of_kpi(kpi: str) -> tuple[str, ...]:
    """One figure, within what the reader has chosen."""
    return (f'"kpi" = {q.text(kpi)}', *OF_KPI)


def standing(kpi: str, *, where: Sequence[str] = q.CHOSEN) -> str:
    """A count that stands at the end of each hour (open tickets): the newest one of each facility, added up."""
    latest = q.select(
        f'last({q.name(kpi)}) AS "newest"', q.name(FACILITY_HOUR), where=where, by=("community", "facility", "kind")
    )
    return q.select('sum("newest")', q.inner(latest))


def counted(kpi: str, *, by: Sequence[str] = (), step: str = "") -> str:
    """A count of each hour at the chosen facilities, added up."""
    return q.select(f"sum({q.name(kpi)})", q.name(FACILITY_HOUR), where=q.CHOSEN, by=by, step=step)


def summed(kpi: str, *, by: Sequence[str] = (), step: str = "") -> str:
    """A count of what happened in each hour to a kind, added up."""
    return q.select('sum("value")', q.name(KPI_HOUR), where=of_kpi(kpi), by=by, step=step)


def weighted(kpi: str, *, by: Sequence[str] = (), step: str = "") -> str:
    """A mean over what happened, each case counting once: the hours' means weighted by how many cases they had."""
    parts = q.select('"value" * "n" AS "product", "n" AS "cases"', q.name(KPI_HOUR), where=of_kpi(kpi))
    return q.select('sum("product") / sum("cases")', q.inner(parts), by=by, step=step)
