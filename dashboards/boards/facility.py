"""One facility: its alarms and tickets, every gauge it has (a panel for each), its states, its counters and amounts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from dashboards import influxql as q
from dashboards.boards.events import alarm_states, alarm_table, alarms_by_priority, ticket_table
from dashboards.marks import notes
from dashboards.model import PLAIN, Board, Look, Override, Panel, Query, Section, Source, Variable
from dashboards.parts import COUNT, UNIT, WORDS, Plan, is_text, limits, switch_words, usual
from dashboards.units import unit_of
from hub.domain.metrics import Metric, MetricKind
from hub.domain.places import Name
from hub.domain.series_names import cells_of

WHERE = (*q.CHOSEN, q.OF_UNIT)
METRIC = "metric"
_ALIAS = "$m · $tag_facility $tag_unit"


def board(plan: Plan) -> Board:
    """Whatever its kind."""
    of = partial(_of, plan)
    gauges = of(MetricKind.GAUGE)
    states = of(MetricKind.STATE)
    switches = [metric for metric in states if not is_text(metric)]
    worded = [metric for metric in states if is_text(metric)]
    totals, parts = of(MetricKind.TOTAL), of(MetricKind.DELTA, MetricKind.EVENT)
    return Board(
        name="facility",
        title=Name(zh="设施", en="Facility"),
        about=Name(
            zh="一处设施的告警、工单和全部读数。平台页面有它的台账、责任单位和实时状态。",
            en="A facility's alarms, tickets and every reading. The hub's own page has its ledger, owner and live state.",
        ),
        variables=usual(plan, UNIT, _metrics(gauges)),
        notes=notes(),
        sections=(
            Section(
                title=Name(zh="告警与工单", en="Alarms and tickets"),
                panels=(replace(alarm_states(), height=6), alarms_by_priority(), ticket_table(), alarm_table()),
            ),
            Section(title=Name(zh="状态", en="States"), panels=(_switches(switches), _worded(worded))),
            Section(title=Name(zh="计数", en="Counters"), panels=(_counters(totals), _parts(parts))),
            Section(title=Name(zh="测量值", en="Readings"), panels=(_reading(gauges),)),
        ),
    )


def _of(plan: Plan, *kinds: MetricKind) -> list[Metric]:
    return [metric for metric in plan.metrics if metric.kind in kinds]


def _metrics(gauges: list[Metric]) -> Variable:
    """Which gauges the chosen facility has: a list that new metrics come into by themselves."""
    return Variable(
        name=METRIC,
        title=Name(zh="指标", en="Metric"),
        source=Source.QUERY,
        query="SHOW MEASUREMENTS WITH MEASUREMENT =~ "
        + q.measurements([metric.name for metric in gauges])
        + f" WHERE {q.IN_COMMUNITY} AND {q.OF_FACILITY}",
    )


def _reading(gauges: list[Metric]) -> Panel:
    return Panel(
        look=Look.COURSE,
        title=Name(zh=f"${METRIC}", en=f"${METRIC}"),
        about=Name(
            zh="该指标读数的平均值，每个测点一条线；单位按指标表。紫色为传感器不可信范围；规则的限值见该类设施的看板。",
            en="Mean of the metric's readings, a line for each point; units come from the table of metrics. Purple is beyond belief;"
            " the limits of the rules are on the dashboard of its kind.",
        ),
        unit=COUNT,
        repeat=METRIC,
        queries=(
            Query(
                text=q.select(
                    'mean("value")', f'"${{{METRIC}:raw}}"', where=WHERE, by=("facility", "unit", "point"), step=q.STEP
                ),
                alias=f"{_ALIAS} $tag_point",
            ),
        ),
        overrides=tuple(
            replace(
                _called(metric, "${__field.labels.facility} ${__field.labels.unit}"),
                thresholds=limits(metric, fine=PLAIN),
            )
            for metric in gauges
        ),
    )


def _called(metric: Metric, where: str = "${__field.labels.unit}", *, series: str = "") -> Override:
    """A series by its metric's name and unit. ``series``: what it is called in the store, where that differs."""
    return Override(
        pattern=f"^{series or metric.name} · ",
        title=Name(zh=f"{metric.title.zh} {where}", en=f"{metric.title.en} {where}"),
        unit=unit_of(metric),
        decimals=metric.decimals,
    )


def _switches(switches: list[Metric]) -> Panel:
    return _states(switches, "value", Name(zh="开关量", en="Switches"), COUNT)


def _worded(metrics: list[Metric]) -> Panel:
    return _states(metrics, "text", Name(zh="用文字上报的状态", en="States in words"), WORDS)


def _states(metrics: list[Metric], column: str, title: Name, unit: Name) -> Panel:
    return Panel(
        look=Look.STATES,
        title=title,
        about=Name(
            zh="每段时间里最后一次上报的状态。空白：状态未知。",
            en="The last state reported in each step. Blank: unknown.",
        ),
        unit=unit,
        queries=(
            Query(
                text=q.select(
                    f"last({q.name(column)})",
                    q.measurements([metric.name for metric in metrics]),
                    where=WHERE,
                    by=("facility", "unit", "point"),
                    step=q.STEP,
                ),
                alias=f"{_ALIAS} $tag_point",
            ),
        ),
        overrides=tuple(
            replace(_called(metric), unit=None, decimals=None, words=switch_words(metric)) for metric in metrics
        ),
        width=24,
        height=10,
    )


def _parts(metrics: list[Metric]) -> Panel:
    return Panel(
        look=Look.BARS,
        title=Name(zh="每小时之和", en="Sum in each hour"),
        about=Name(
            zh="按次上报的量（单次充电量、降雨量等）：每小时之和。",
            en="What is reported amount by amount (energy of a session, rain and so on): the sum in each hour.",
        ),
        unit=COUNT,
        queries=(
            Query(
                text=q.select(
                    'sum("value")',
                    q.measurements([metric.name for metric in metrics]),
                    where=WHERE,
                    by=("facility", "unit"),
                    step="1h",
                ),
                alias=_ALIAS,
            ),
        ),
        overrides=tuple(_called(metric) for metric in metrics),
        width=24,
        least_step="1h",
    )


def _counters(totals: list[Metric]) -> Panel:
    rise = q.select(
        'non_negative_difference(last("last")) AS "rise"',
        q.measurements([cells_of(metric.name) for metric in totals]),
        where=WHERE,
        by=("device", "point", "facility", "unit"),
        step="1h",
    )
    return Panel(
        look=Look.BARS,
        title=Name(zh="每小时增量", en="Rise in each hour"),
        about=Name(
            zh="计数器每小时的增量：最后读数减去上一小时最后读数。",
            en="How much counters rose in each hour: the last reading less the last one before.",
        ),
        unit=COUNT,
        queries=(
            Query(
                text=q.select('sum("rise")', q.inner(rise), by=("facility", "unit"), step="1h"),
                alias=_ALIAS,
            ),
        ),
        overrides=tuple(_called(metric, series=cells_of(metric.name)) for metric in totals),
        width=24,
        least_step="1h",
    )
