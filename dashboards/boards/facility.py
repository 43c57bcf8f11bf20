"""One facility: its alarms and tickets, every gauge it has (a panel for each), its switches and its counters."""

from __future__ import annotations

from dataclasses import replace

from dashboards import influxql as q
from dashboards.boards.events import alarm_states, alarm_table, alarms_by_priority, ticket_table
from dashboards.model import Board, Look, Override, Panel, Query, Section, Source, Variable
from dashboards.parts import COUNT, UNIT, Plan, notes, switch_words, usual
from dashboards.units import unit_of
from hub.domain.metrics import Metric, MetricKind
from hub.domain.places import Name
from hub.domain.series_names import CELL_SUFFIX

WHERE = (*q.CHOSEN, q.OF_UNIT)
METRIC = "metric"


def board(plan: Plan) -> Board:
    """Whatever its kind."""
    gauges = [metric for metric in plan.metrics if metric.kind is MetricKind.GAUGE]
    switches = [metric for metric in plan.metrics if metric.kind is MetricKind.STATE and metric.off is not None]
    totals = [metric for metric in plan.metrics if metric.kind is MetricKind.TOTAL]
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
            Section(title=Name(zh="状态", en="States"), panels=(_states(switches),)),
            Section(title=Name(zh="计数", en="Counters"), panels=(_counters(totals),)),
            Section(title=Name(zh="测量值", en="Readings"), panels=(_reading(gauges),)),
        ),
    )


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
            zh="该指标读数的平均值，每个测点一条线；单位按指标表。",
            en="Mean of the metric's readings, a line for each point; units come from the table of metrics.",
        ),
        unit=COUNT,
        repeat=METRIC,
        queries=(
            Query(
                text=q.select(
                    'mean("value")', f'"${{{METRIC}:raw}}"', where=WHERE, by=("facility", "unit", "point"), step=q.STEP
                ),
                alias="$m · $tag_facility $tag_unit $tag_point",
            ),
        ),
        overrides=tuple(
            Override(
                pattern=f"^{metric.name} · ",
                title=Name(
                    zh=metric.title.zh + " ${__field.labels.facility} ${__field.labels.unit}",
                    en=metric.title.en + " ${__field.labels.facility} ${__field.labels.unit}",
                ),
                unit=unit_of(metric),
                decimals=metric.decimals,
            )
            for metric in gauges
        ),
    )


def _states(switches: list[Metric]) -> Panel:
    return Panel(
        look=Look.STATES,
        title=Name(zh="开关量", en="Switches"),
        about=Name(
            zh="每段时间里最后一次上报的状态。空白：状态未知。",
            en="The last state reported in each step. Blank: unknown.",
        ),
        unit=COUNT,
        queries=(
            Query(
                text=q.select(
                    'last("value")',
                    q.measurements([metric.name for metric in switches]),
                    where=WHERE,
                    by=("facility", "unit", "point"),
                    step=q.STEP,
                ),
                alias="$m · $tag_facility $tag_unit $tag_point",
            ),
        ),
        overrides=tuple(
            Override(
                pattern=f"^{metric.name} · ",
                title=Name(
                    zh=metric.title.zh + " ${__field.labels.unit}", en=metric.title.en + " ${__field.labels.unit}"
                ),
                words=switch_words(metric),
            )
            for metric in switches
        ),
        width=24,
        height=10,
    )


def _counters(totals: list[Metric]) -> Panel:
    rise = q.select(
        'non_negative_difference(last("last")) AS "rise"',
        q.measurements([f"{metric.name}{CELL_SUFFIX}" for metric in totals]),
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
                alias="$m · $tag_facility $tag_unit",
            ),
        ),
        overrides=tuple(
            Override(
                pattern=f"^{metric.name}{CELL_SUFFIX} · ",
                title=Name(
                    zh=metric.title.zh + " ${__field.labels.unit}", en=metric.title.en + " ${__field.labels.unit}"
                ),
                unit=unit_of(metric),
                decimals=metric.decimals,
            )
            for metric in totals
        ),
        width=24,
        least_step="1h",
    )
