"""Energy and water: amounts, present power, the quality of supply, and what runs at night."""

from __future__ import annotations

from dashboards import influxql as q
from dashboards.marks import notes
from dashboards.model import Board, Look, Panel, Query, Section
from dashboards.parts import FACILITY_LINK, Plan, amounts, metric_panel, usual
from dashboards.units import unit_of
from hub.domain.metrics import Metric, MetricKind
from hub.domain.places import Name

AMOUNTS = frozenset({"kW.h", "kvar.h", "m3"})
"""UCUM units in which counters count what is supplied."""
DRAWN = frozenset({"W", "VA", "var", "kW", "m3/h"})
"""Of gauges that add up to what is drawn at the same time."""
QUALITY = frozenset({"V", "A", "mA", "Hz", "MPa"})
"""Of gauges that tell how well it is supplied."""
QUALITY_TOO = ("power_factor", "load")
"""Their units are those of many other things."""
OF_SENSORS = "battery_voltage"
"""That of a sensor itself."""


def counted(plan: Plan) -> list[Metric]:
    """What is supplied and counted, exported and reactive energy among it."""
    return [metric for metric in plan.metrics if metric.kind is MetricKind.TOTAL and metric.unit in AMOUNTS]


def drawn(plan: Plan) -> list[Metric]:
    """What is drawn at present."""
    return [metric for metric in plan.metrics if metric.kind is MetricKind.GAUGE and metric.unit in DRAWN]


def quality(plan: Plan) -> list[Metric]:
    """Voltage, frequency, pressure and the like."""
    return [
        metric
        for metric in plan.metrics
        if metric.kind is MetricKind.GAUGE
        and (metric.unit in QUALITY or metric.name in QUALITY_TOO)
        and metric.name != OF_SENSORS
    ]


def board(plan: Plan) -> Board:
    """Amounts by day and hour, and the course of supply."""
    counters = counted(plan)
    return Board(
        name="energy",
        title=Name(zh="能耗与用水", en="Energy and water"),
        about=Name(
            zh="用量为计数器的增量；缺数据的时段归入下一个有数据的时段。",
            en="Amounts are rises of counters; what rose while nothing was heard counts in the next hour heard.",
        ),
        variables=usual(plan),
        notes=notes(),
        span="now-7d",
        sections=(
            Section(
                title=Name(zh="用量合计", en="Amounts in all"),
                panels=tuple(in_all(metric) for metric in counters),
            ),
            Section(
                title=Name(zh="每小时用量", en="Amounts by the hour"),
                panels=tuple(amounts(metric, by=("facility",), link=FACILITY_LINK) for metric in counters),
            ),
            Section(
                title=Name(zh="当前", en="At present"),
                panels=tuple(together(metric) for metric in drawn(plan)),
            ),
            Section(
                title=Name(zh="供电与供水质量", en="Quality of supply"),
                panels=tuple(metric_panel(metric, by=("facility",), link=FACILITY_LINK) for metric in quality(plan)),
            ),
        ),
    )


def in_all(metric: Metric) -> Panel:
    """How much a counter rose in the chosen time, of all facilities together."""
    query = amounts(metric, by=()).queries[0].text
    return Panel(
        look=Look.NUMBER,
        title=metric.title,
        about=Name(
            zh="所选时间内各计数器每小时增量之和。",
            en="Rises of all counters in the chosen time, hour by hour, added up.",
        ),
        unit=unit_of(metric),
        decimals=metric.decimals,
        queries=(Query(text=query, alias=metric.name),),
        width=6,
        height=5,
        least_step="1h",
    )


def together(metric: Metric) -> Panel:
    """The sum of all points' means in each quarter of an hour: what is drawn at the same time."""
    each = q.select(
        'mean("value") AS "drawn"', q.name(metric.name), where=q.CHOSEN, by=("device", "point", "kind"), step="15m"
    )
    return Panel(
        look=Look.BARS,
        title=Name(zh=f"{metric.title.zh}合计", en=f"{metric.title.en}, all together"),
        about=Name(
            zh="每 15 分钟各测点平均值之和，按类型：同时的用量。",
            en="Means of all points in 15 minutes added up, by kind: what is drawn at the same time.",
        ),
        unit=unit_of(metric),
        decimals=metric.decimals,
        queries=(Query(text=q.select('sum("drawn")', q.inner(each), by=("kind",), step="15m"), alias="$tag_kind"),),
        least_step="15m",
    )
