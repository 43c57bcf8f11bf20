"""Hub health: how the hub itself stands, what arrives, from whom, how good it is. The hub's own /health says the rest."""

from __future__ import annotations

from dashboards import influxql as q
from dashboards.marks import notes
from dashboards.model import BAD, GOOD, GREY, WARN, Board, Look, Override, Panel, Query, Section, Threshold, Word
from dashboards.parts import COUNT, HOURS, SECONDS, WORDS, Plan, limits, switch_words, usual
from dashboards.units import unit_of
from hub.domain.metrics import METRICS, Metric
from hub.domain.places import Name
from hub.domain.series_names import HUB_HEALTH

BY = ("device",)
OF_PART = ("hub", "name")


def board(plan: Plan) -> Board:
    """What arrives."""
    return Board(
        name="health",
        title=Name(zh="平台与终端", en="Hub and sensors"),
        about=Name(
            zh="平台自身如何，读数是否到达、来自谁、质量如何。原因和办法见平台的「运行状况」页面和 /metrics。",
            en="How the hub itself stands; whether readings arrive, from whom, and how good they are. For reasons and what to do see"
            " the hub's health page and /metrics.",
        ),
        variables=usual(plan),
        notes=notes(),
        sections=(
            Section(
                title=Name(zh="平台（不受上方选择影响）", en="Hub (whatever is chosen above)"),
                panels=(_rate(), _lag(), _waiting(), _hours(), _room(), _brokers(), _stores()),
            ),
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


def _own(what: str) -> tuple[Query, ...]:
    """The hub's look at itself, each minute; it belongs to no community."""
    return (Query(text=q.select(what, q.name(HUB_HEALTH), by=OF_PART, step=q.STEP), alias="$tag_name"),)


def _rate() -> Panel:
    return Panel(
        look=Look.COURSE,
        title=Name(zh="每秒报文", en="Messages a second"),
        about=Name(
            zh="存入日志库的报文：一分钟内的条数 ÷ 60，取平均（messages_per_s）。空白：平台没有运行，或刚刚启动。",
            en="Messages taken into the journal: their number in a minute ÷ 60, averaged (messages_per_s). Blank: the hub was not running,"
            " or had just started.",
        ),
        unit=Name(zh="suffix: 条/s", en="suffix: /s"),
        decimals=1,
        low=0,
        queries=_own('mean("messages_per_s")'),
    )


def _lag() -> Panel:
    return Panel(
        look=Look.COURSE,
        title=Name(zh="通道落后时间", en="Lag of the lanes"),
        about=Name(
            zh="各通道落后于日志库的时间，取最大值（lag_s）。告警通道落后就是告警迟到；时序通道落后时读数在日志库里等着。",
            en="How far each lane is behind the journal, the longest (lag_s). Behind in the alarm lane means late alarms; behind in a series"
            " lane means that readings wait in the journal.",
        ),
        unit=SECONDS,
        decimals=0,
        low=0,
        thresholds=(Threshold(at=None, colour=GOOD), Threshold(at=30, colour=WARN), Threshold(at=900, colour=BAD)),
        queries=_own('max("lag_s")'),
    )


def _waiting() -> Panel:
    return Panel(
        look=Look.COURSE,
        title=Name(zh="等待的批次", en="Waiting batches"),
        about=Name(
            zh="各通道还没有取走的批次数，取最大值（waiting）。只升不降：它的存储写不进去，或机器太小。",
            en="Batches that each lane has not taken yet, the most (waiting). Rising and never falling: its store takes nothing, or the"
            " machine is too small.",
        ),
        unit=COUNT,
        decimals=0,
        low=0,
        queries=_own('max("waiting")'),
    )


def _hours() -> Panel:
    return Panel(
        look=Look.COURSE,
        title=Name(zh="日志库还能用多久", en="How long the journal's room lasts"),
        about=Name(
            zh="剩余空间 ÷ 最近十分钟的写入速率，取最小值（hours_left）。空白：没有报文进来。不再需要的批次会先让出空间。",
            en="Room left ÷ the rate of the last ten minutes, the least (hours_left). Blank: nothing comes in. Batches that nobody needs make"
            " room before it is used up.",
        ),
        unit=HOURS,
        decimals=1,
        low=0,
        thresholds=(Threshold(at=None, colour=BAD), Threshold(at=24, colour=WARN), Threshold(at=72, colour=GOOD)),
        queries=_own('min("hours_left")'),
    )


def _room() -> Panel:
    return Panel(
        look=Look.COURSE,
        title=Name(zh="日志库剩余空间", en="Room left for the journal"),
        about=Name(
            zh="日志库还可以写入的字节数，已减去硬盘的预留空间，取最小值（room_bytes）。0：不再接收任何报文。",
            en="Bytes that the journal may still take, the disk's reserve taken off, the least (room_bytes). 0: nothing more is taken in.",
        ),
        unit=Name(zh="decbytes", en="decbytes"),
        low=0,
        queries=_own('min("room_bytes")'),
    )


def _brokers() -> Panel:
    return Panel(
        look=Look.STATES,
        title=Name(zh="MQTT 连接", en="Connections to brokers"),
        about=Name(
            zh="每段时间里平台与各 MQTT 服务器的连接是否一直在（connected 的最小值）。空白：平台没有运行。",
            en="Whether the hub was connected to each broker throughout the step (least connected). Blank: the hub was not running.",
        ),
        unit=COUNT,
        words=(
            Word(value="0", says=Name(zh="未连接", en="not connected"), colour=BAD),
            Word(value="1", says=Name(zh="已连接", en="connected"), colour=GOOD),
        ),
        queries=_own('min("connected")'),
    )


def _stores() -> Panel:
    return Panel(
        look=Look.STATES,
        title=Name(zh="时序库", en="Series stores"),
        about=Name(
            zh="每段时间里各时序库是否一直收下读数（reachable 的最小值）。连不上时读数在日志库里等着，恢复后这里会补上。",
            en="Whether each series store took its readings throughout the step (least reachable). While it does not they wait in the"
            " journal; what is missing here comes when it is back.",
        ),
        unit=COUNT,
        words=(
            Word(value="0", says=Name(zh="写不进去", en="takes nothing"), colour=BAD),
            Word(value="1", says=Name(zh="正常", en="takes readings"), colour=GOOD),
        ),
        queries=_own('min("reachable")'),
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
