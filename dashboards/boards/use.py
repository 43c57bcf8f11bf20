"""Utilisation: how much facilities are really used, each figure with its formula. Silent time is unknown, never empty."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards import influxql as q
from dashboards.marks import notes
from dashboards.model import BAD, GOOD, GREY, PLAIN, WARN, Board, Look, Panel, Query, Section, Threshold
from dashboards.parts import FACILITY_LINK, SHARE, UNIT, Plan, amounts, is_text, metric_panel, usual
from dashboards.units import unit_of
from hub.domain.metrics import Metric, MetricKind
from hub.domain.places import Name
from hub.domain.series_names import cells_of

BY = ("facility", "unit")
WHERE = (*q.CHOSEN, q.OF_UNIT)
_ALIAS = "$tag_facility $tag_unit"


def metrics_of_use(plan: Plan) -> Iterator[Metric]:
    """By which metrics the catalogue measures use, in the order of the table."""
    wanted = {name for kind in plan.catalogue.kinds.values() for name in kind.use}
    return (metric for metric in plan.metrics if metric.name in wanted and not is_text(metric))


def board(plan: Plan) -> Board:
    """What is used, when, and how much of that is known."""
    used = list(metrics_of_use(plan))
    gauges = [metric for metric in used if metric.kind is MetricKind.GAUGE]
    switches = [metric for metric in used if metric.kind is MetricKind.STATE]
    rising = [metric for metric in used if metric.kind in (MetricKind.TOTAL, MetricKind.DELTA)]
    return Board(
        name="use",
        title=Name(zh="利用率", en="Utilisation"),
        about=Name(
            zh="每个数字都写明公式。没有读数的时间是未知，不是空闲。",
            en="Every figure tells its formula. Time without readings is unknown, not idle.",
        ),
        variables=usual(plan, UNIT),
        notes=notes(),
        span="now-7d",
        refresh="5m",
        sections=(
            Section(
                title=Name(zh="时间利用率", en="Time utilisation"),
                panels=tuple(
                    panel for metric in switches for panel in (share_of_time(metric), course_of_share(metric))
                ),
            ),
            Section(
                title=Name(zh="平均与高峰", en="Mean and peak"),
                panels=tuple(panel for metric in gauges for panel in (mean_and_peak(metric), values(metric))),
            ),
            Section(
                title=Name(zh="次数与用量", en="Amounts"),
                panels=tuple(
                    amounts(metric, where=WHERE, by=("facility",), link=FACILITY_LINK)
                    if metric.kind is MetricKind.TOTAL
                    else metric_panel(metric, where=WHERE, by=("facility",), link=FACILITY_LINK)
                    for metric in rising
                ),
            ),
            Section(
                title=Name(zh="数据完整率", en="Coverage of the data"),
                panels=tuple(coverage(metric) for metric in (*switches, *gauges)),
                folded=True,
            ),
        ),
    )


def share_of_time(metric: Metric) -> Panel:
    """The share of the known time in which it was on, of each facility."""
    on = metric.on or metric.title
    return Panel(
        look=Look.RANKING,
        title=Name(zh=f"时间利用率：{metric.title.zh}", en=f"Time utilisation: {metric.title.en}"),
        about=Name(
            zh=f"「{on.zh}」的时间 ÷ 有数据的时间（Σ integral ÷ Σ known_ms，{cells_of(metric.name)}），不限开放时间。",
            en=f"Time “{on.en}” ÷ time known (Σ integral ÷ Σ known_ms, {cells_of(metric.name)}), open or not.",
        ),
        unit=SHARE,
        low=0,
        high=1,
        thresholds=(Threshold(at=None, colour=GREY), Threshold(at=0.05, colour=PLAIN), Threshold(at=0.8, colour=WARN)),
        queries=(Query(text=_mean(metric, by=BY), alias=_ALIAS),),
        link=FACILITY_LINK,
    )


def course_of_share(metric: Metric) -> Panel:
    """The same for each hour."""
    return Panel(
        look=Look.CHECKS,
        title=Name(zh=f"逐小时：{metric.title.zh}", en=f"By the hour: {metric.title.en}"),
        about=Name(
            zh="每小时中处于该状态的时间占有数据时间的比例；空白为未知。",
            en="Share of the known time of each hour in that state; blank is unknown.",
        ),
        unit=SHARE,
        low=0,
        high=1,
        thresholds=(
            Threshold(at=None, colour=GREY),
            Threshold(at=0.1, colour=PLAIN),
            Threshold(at=0.5, colour=GOOD),
            Threshold(at=0.8, colour=WARN),
        ),
        queries=(Query(text=_mean(metric, by=BY, step="1h"), alias=_ALIAS),),
        link=FACILITY_LINK,
        least_step="1h",
    )


def mean_and_peak(metric: Metric) -> Panel:
    """Time-weighted mean and highest reading in each hour."""
    highest = q.select('max("max")', q.name(cells_of(metric.name)), where=WHERE, by=("facility",), step="1h")
    return Panel(
        look=Look.COURSE,
        title=metric.title,
        about=Name(
            zh="每小时：按时间加权的平均（Σ integral ÷ Σ known_ms）和最高读数（max）。",
            en="In each hour: time-weighted mean (Σ integral ÷ Σ known_ms) and highest reading (max).",
        ),
        unit=unit_of(metric),
        decimals=metric.decimals,
        queries=(
            Query(text=_mean(metric, by=("facility",), step="1h"), alias="$tag_facility ⌀"),
            Query(text=highest, alias="$tag_facility ↑"),
        ),
        link=FACILITY_LINK,
        least_step="1h",
    )


def values(metric: Metric) -> Panel:
    """How often which value, over time."""
    return Panel(
        look=Look.HEAT,
        title=Name(zh=f"分布：{metric.title.zh}", en=f"Distribution: {metric.title.en}"),
        about=Name(
            zh="每 15 分钟平均值的分布：颜色越深，该值越常见。",
            en="Distribution of the means of 15 minutes: the darker, the more often.",
        ),
        unit=unit_of(metric),
        decimals=metric.decimals,
        queries=(Query(text=_mean(metric, by=BY, step="15m"), alias=_ALIAS),),
        least_step="15m",
    )


def coverage(metric: Metric) -> Panel:
    """How much of the chosen time is known."""
    known = q.select(
        '1.0 * sum("known_ms") / ($__to - $__from) AS "share"',
        q.name(cells_of(metric.name)),
        where=WHERE,
        by=("device", "point", "facility"),
    )
    return Panel(
        look=Look.RANKING,
        title=Name(zh=f"数据完整率：{metric.title.zh}", en=f"Coverage: {metric.title.en}"),
        about=Name(
            zh="有数据的时间 ÷ 所选时间，各测点平均（Σ known_ms ÷ 时长）。",
            en="Time known ÷ time chosen, mean over points (Σ known_ms ÷ length).",
        ),
        unit=SHARE,
        low=0,
        high=1,
        thresholds=(Threshold(at=None, colour=BAD), Threshold(at=0.8, colour=WARN), Threshold(at=0.95, colour=GOOD)),
        queries=(Query(text=q.select('mean("share")', q.inner(known), by=("facility",)), alias="$tag_facility"),),
    )


def _mean(metric: Metric, *, by: tuple[str, ...], step: str = "") -> str:
    return q.select('sum("integral") / sum("known_ms")', q.name(cells_of(metric.name)), where=WHERE, by=by, step=step)
