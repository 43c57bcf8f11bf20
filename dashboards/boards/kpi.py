"""Maintenance KPIs: how fast, how well, how available. Terms of EN 13306; every panel prints its own formula."""

from __future__ import annotations

from dashboards import influxql as q
from dashboards.counts import OF_KPI, of_kpi, standing, summed, weighted
from dashboards.figures import course, number
from dashboards.marks import notes
from dashboards.model import BAD, GOOD, WARN, Board, Look, Section, Threshold
from dashboards.parts import COMMUNITY, DATA_SOURCE, Plan, hub_address, kinds
from hub.domain.kpi import KPIS, Measure
from hub.domain.places import Name
from hub.domain.series_names import KPI_HOUR

_RATES = (Threshold(at=None, colour=GOOD), Threshold(at=0.05, colour=WARN), Threshold(at=0.15, colour=BAD))
_AVAILABLE = (Threshold(at=None, colour=BAD), Threshold(at=0.98, colour=WARN), Threshold(at=0.995, colour=GOOD))


def mean_time_between_failures(*, by: tuple[str, ...] = ()) -> str:
    """Operating hours divided by failures; no answer without a failure."""
    hours = q.select('"value" AS "hours"', q.name(KPI_HOUR), where=of_kpi("operating_hours"))
    failures = q.select('"value" AS "failures"', q.name(KPI_HOUR), where=(*of_kpi("failures"), '"value" > 0'))
    return q.select('sum("hours") / sum("failures")', f"({hours}), ({failures})", by=by)


def board(plan: Plan) -> Board:
    """Figures of maintenance, by kind of facility."""
    means = [kpi for kpi in KPIS.values() if kpi.measure is Measure.SECONDS]
    return Board(
        name="kpi",
        title=Name(zh="维修指标", en="Maintenance KPIs"),
        about=Name(
            zh="每个数字旁都有公式。没有数据就没有数字，不写 0。网格和单个设施不在此处：指标按设施类型逐小时计算。",
            en="Every figure has its formula beside it. No data gives no figure, never 0. Figures are hourly, by kind.",
        ),
        variables=(DATA_SOURCE, hub_address(plan), COMMUNITY, kinds(plan)),
        notes=notes(where=OF_KPI, shown=False),
        span="now-30d",
        refresh="5m",
        sections=(
            Section(
                title=Name(zh="总计", en="In all"),
                panels=(
                    *(number(kpi.id, weighted(kpi.id), width=4) for kpi in means),
                    number("availability", weighted("availability"), thresholds=_AVAILABLE, width=4),
                    number("false_completion", weighted("false_completion"), thresholds=_RATES, width=4),
                    number("failures", summed("failures"), width=4),
                    number("tickets_open", standing("tickets_open", where=OF_KPI), width=4),
                    number("mtbf", mean_time_between_failures(), width=4),
                ),
            ),
            Section(
                title=Name(zh="按设施类型", en="By kind of facility"),
                panels=(
                    *(course(kpi.id, weighted(kpi.id, by=("kind",), step="1d"), look=Look.BARS) for kpi in means),
                    course("availability", weighted("availability", by=("kind",), step="1d")),
                    course("failures", summed("failures", by=("kind",), step="1d"), look=Look.BARS),
                    course("tickets_opened", summed("tickets_opened", by=("kind",), step="1d"), look=Look.BARS),
                    course("tickets_resolved", summed("tickets_resolved", by=("kind",), step="1d"), look=Look.BARS),
                ),
            ),
        ),
    )
