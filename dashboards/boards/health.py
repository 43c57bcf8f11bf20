"""Hub health, as far as the readings tell it: what arrives, from whom, how good it is. The hub's own /health says the rest."""

from __future__ import annotations

from dashboards import influxql as q
from dashboards.marks import notes
from dashboards.model import BAD, GOOD, GREY, WARN, Board, Look, Override, Panel, Query, Section, Threshold
from dashboards.parts import COUNT, WORDS, Plan, limits, switch_words, usual
from dashboards.units import unit_of
from hub.domain.metrics import METRICS, Metric
from hub.domain.places import Name

BY = ("device",)


def board(plan: Plan) -> Board:
    """What arrives."""
    return Board(
        name="health",
        title=Name(zh="平台与终端", en="Hub and sensors"),
        about=Name(
            zh="读数是否到达、来自谁、质量如何。平台内部状态见平台的「运行状况」页面和 /metrics。",
            en="Whether readings arrive, from whom, and how good they are. For its inside see the hub's health page and /metrics.",
        ),
        variables=usual(plan),
        notes=notes(),
        sections=(
            Section(
                title=Name(zh="到达", en="Arrival"),
                panels=(_arrived(plan), _doubtful(plan), _points(plan), _silent(plan)),
            ),
            Section(
                title=Name(zh="终端", en="Sensors"),
                panels=(
                    _lowest(METRICS["battery"]),
                    _course(METRICS["battery"]),
                    _lowest(METRICS["signal"]),
                    _course(METRICS["signal"]),
                    _online(METRICS["online"]),
                    _course(METRICS["uptime"]),
                ),
            ),
        ),
    )


def _arrived(plan: Plan) -> Panel:
    return Panel(
        look=Look.BARS,
        title=Name(zh="收到的读数", en="Readings received"),
        about=Name(
            zh="每 10 分钟存入的读数条数，按指标（按发生时间计）。",
            en="Readings stored for each 10 minutes, by metric (at the time they were taken).",
        ),
        unit=COUNT,
        decimals=0,
        queries=(
            Query(
                text=q.select('count("value")', q.measurements(plan.measured()), where=q.CHOSEN, step="10m"),
                alias="$m",
            ),
        ),
        least_step="10m",
    )


def _doubtful(plan: Plan) -> Panel:
    return Panel(
        look=Look.RANKING,
        title=Name(zh="存疑的读数", en="Doubtful readings"),
        about=Name(
            zh="质量不是「良好」的读数条数（quality > 0）：超出可信范围，或终端时钟有误。",
            en="Readings whose quality is not good (quality > 0): beyond belief, or from a wrong clock.",
        ),
        unit=COUNT,
        decimals=0,
        thresholds=(Threshold(at=None, colour=GREY), Threshold(at=1, colour=WARN)),
        queries=(
            Query(
                text=q.select(
                    'count("quality")', q.measurements(plan.measured()), where=('"quality" > 0', *q.CHOSEN), by=BY
                ),
                alias="$tag_device $m",
            ),
        ),
    )


def _points(plan: Plan) -> Panel:
    newest = q.select(
        'last("value") AS "heard"', q.measurements(plan.measured()), where=q.CHOSEN, by=("device", "point", "kind")
    )
    return Panel(
        look=Look.RANKING,
        title=Name(zh="有数据的测点", en="Points heard"),
        about=Name(
            zh="所选时间内至少收到一条读数的测点数，按指标。",
            en="Points with at least one reading in the chosen time, by metric.",
        ),
        unit=COUNT,
        decimals=0,
        queries=(Query(text=q.select('count("heard")', q.inner(newest)), alias="$m"),),
    )


def _silent(plan: Plan) -> Panel:
    return Panel(
        look=Look.TABLE,
        title=Name(zh="最后一次收到", en="Last heard"),
        about=Name(
            zh="每个终端最近一条读数的时间，最久的在最前。",
            en="When each sensor's newest reading was taken, the longest ago first.",
        ),
        unit=WORDS,
        queries=(
            Query(text=q.select('last("value")', q.measurements(plan.measured()), where=q.CHOSEN, by=BY), table=True),
        ),
        overrides=(
            Override(pattern="^(Time|time)", title=Name(zh="最后一次", en="Last heard")),
            Override(pattern="^device$", title=Name(zh="终端", en="Sensor"), link="${hub}/devices?q=${__value.text}"),
        ),
        newest_by="device",
    )


def _lowest(metric: Metric) -> Panel:
    return Panel(
        look=Look.RANKING,
        title=Name(zh=f"最低{metric.title.zh}", en=f"Lowest {metric.title.en.lower()}"),
        about=Name(
            zh=f"每个终端在所选时间内的最低值（{metric.name}）。",
            en=f"The lowest reading of each sensor in the chosen time ({metric.name}).",
        ),
        unit=unit_of(metric),
        decimals=metric.decimals,
        thresholds=_battery() if metric.name == "battery" else limits(metric),
        queries=(
            Query(text=q.select('min("value")', q.name(metric.name), where=q.CHOSEN, by=BY), alias="$tag_device"),
        ),
    )


def _battery() -> tuple[Threshold, ...]:
    return (Threshold(at=None, colour=BAD), Threshold(at=10, colour=WARN), Threshold(at=25, colour=GOOD))


def _course(metric: Metric) -> Panel:
    return Panel(
        look=Look.COURSE,
        title=metric.title,
        about=Name(zh=f"每个终端的平均值（{metric.name}）。", en=f"Mean of each sensor's readings ({metric.name})."),
        unit=unit_of(metric),
        decimals=metric.decimals,
        queries=(
            Query(
                text=q.select('mean("value")', q.name(metric.name), where=q.CHOSEN, by=BY, step=q.STEP),
                alias="$tag_device",
            ),
        ),
    )


def _online(metric: Metric) -> Panel:
    return Panel(
        look=Look.STATES,
        title=metric.title,
        about=Name(
            zh="终端自己上报的通讯状态。空白：状态未知。",
            en="What sensors say of their own connection. Blank: unknown.",
        ),
        unit=COUNT,
        words=switch_words(metric, bad=0),
        queries=(
            Query(
                text=q.select('last("value")', q.name(metric.name), where=q.CHOSEN, by=BY, step=q.STEP),
                alias="$tag_device",
            ),
        ),
    )
