"""Panels of alarms and tickets, and the dashboard that is about them."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards import influxql as q
from dashboards.boards.columns import COLUMNS, TICKET_STATES, TITLES
from dashboards.counts import counted, standing
from dashboards.figures import course, number
from dashboards.marks import notes
from dashboards.model import BAD, GOOD, GREY, WARN, Board, Look, Override, Panel, Query, Section, Threshold, Word
from dashboards.parts import COUNT, PRIORITY_NAMES, WORDS, Plan, usual
from hub.domain.places import Name
from hub.domain.series_names import ALARM_EVENT, TICKET_EVENT

RAISED = "\"state\" = 'raised'"
ALL_OF_THEM = Name(
    zh="含补传数据和调试期内触发的。", en="Those from late data and those raised in commissioning are counted too."
)
"""What such counts have beyond the figures of maintenance."""
ROWS = 100
"""Of a table: the newest."""


def alarms_by_priority(where: Sequence[str] = q.CHOSEN) -> Panel:
    """How many alarms were raised when."""
    return Panel(
        look=Look.BARS,
        title=Name(zh="新告警", en="Alarms raised"),
        about=Name(
            zh=f"每小时新触发的告警次数，按优先级（alarm_event，state = raised）。{ALL_OF_THEM.zh}",
            en=f"Alarms raised in each hour, by priority (alarm_event, state = raised). {ALL_OF_THEM.en}",
        ),
        unit=COUNT,
        decimals=0,
        queries=(
            Query(
                text=q.select('count("n")', q.name(ALARM_EVENT), where=(RAISED, *where), by=("priority",), step="1h"),
                alias="$tag_priority",
            ),
        ),
        overrides=PRIORITY_NAMES,
        least_step="1h",
    )


def open_tickets() -> Panel:
    """How many tickets were open when."""
    return course(
        "tickets_open",
        counted("tickets_open", by=("kind",), step="1h"),
        look=Look.BARS,
    )


def alarm_table(where: Sequence[str] = q.CHOSEN) -> Panel:
    """What happened to alarms, the newest first."""
    return Panel(
        look=Look.TABLE,
        title=Name(zh="最近的告警", en="Latest alarms"),
        about=Name(
            zh="最近触发的告警；点设施进入平台页面。",
            en="Alarms raised lately; a facility leads to its page in the hub.",
        ),
        unit=WORDS,
        queries=(
            _rows('"facility", "unit", "priority", "{title}" AS "title", "community"', ALARM_EVENT, RAISED, where),
        ),
        overrides=COLUMNS,
    )


def ticket_table(where: Sequence[str] = q.CHOSEN) -> Panel:
    """What happened to tickets, the newest first."""
    return Panel(
        look=Look.TABLE,
        title=Name(zh="最近的工单变化", en="Latest changes of tickets"),
        about=Name(
            zh="工单的每一次状态变化；点工单号进入平台页面。",
            en="Every change of a ticket's state; a number leads to the ticket in the hub.",
        ),
        unit=WORDS,
        queries=(
            _rows(
                '"number", "facility", "priority", "state", "{title}" AS "title", "ticket", "community"',
                TICKET_EVENT,
                "",
                where,
            ),
        ),
        overrides=COLUMNS,
    )


def _rows(columns: str, events: str, condition: str, where: Sequence[str]) -> Query:
    conditions = tuple(each for each in (condition, *where) if each)
    text = q.select(columns, q.name(events), where=conditions, rest=f"ORDER BY time DESC LIMIT {ROWS}")
    return Query(text=text, table=True)


def alarm_states(where: Sequence[str] = q.CHOSEN) -> Panel:
    """Which alarm was active when."""
    return Panel(
        look=Look.STATES,
        title=Name(zh="告警持续时间", en="When alarms were active"),
        about=Name(
            zh="每个设施、每种故障模式的告警何时处于活动状态（alarm_event.active）。",
            en="When the alarm of each facility and failure mode was active (alarm_event.active).",
        ),
        unit=COUNT,
        words=(
            Word(value="0", says=Name(zh="正常", en="normal"), colour=GOOD),
            Word(value="1", says=Name(zh="告警", en="alarm"), colour=BAD),
        ),
        queries=(
            Query(
                text=q.select(
                    'last("active")',
                    q.name(ALARM_EVENT),
                    where=where,
                    by=("facility", "unit", "failure_mode"),
                    step=q.STEP,
                    fill="previous",
                ),
                alias="$tag_facility $tag_unit $tag_failure_mode",
            ),
        ),
        width=24,
        height=10,
    )


def board(plan: Plan) -> Board:
    """Alarms and tickets."""
    return Board(
        name="alarms-tickets",
        title=Name(zh="告警与工单", en="Alarms and tickets"),
        about=Name(
            zh="告警负荷、最常见的故障、工单的去向。知悉不等于修复；已解决须有数据或人员验收。",
            en="Load of alarms, the most frequent faults, the way of tickets. Acknowledged is not repaired.",
        ),
        variables=usual(plan),
        notes=notes(),
        span="now-7d",
        sections=(
            Section(
                title=Name(zh="告警", en="Alarms"),
                panels=(
                    number(
                        "alarms_active",
                        standing("alarms_active"),
                        thresholds=(Threshold(at=None, colour=GOOD), Threshold(at=1, colour=WARN)),
                    ),
                    number("alarms_raised", counted("alarms_raised")),
                    number("tickets_opened", counted("tickets_opened")),
                    number("tickets_reopened", counted("tickets_reopened")),
                    alarms_by_priority(),
                    _load(),
                    _most_frequent(),
                    _by_kind(),
                    alarm_states(),
                ),
            ),
            Section(
                title=Name(zh="工单", en="Tickets"),
                panels=(open_tickets(), _changes(), ticket_table(), alarm_table()),
            ),
        ),
    )


def _load() -> Panel:
    return Panel(
        look=Look.CHECKS,
        title=Name(zh="每 10 分钟的告警", en="Alarms in 10 minutes"),
        about=Name(
            zh=f"每 10 分钟新触发的告警次数，含 0；超过 10 次为告警泛滥。{ALL_OF_THEM.zh}",
            en=f"Alarms raised in each 10 minutes, empty ones included; more than 10 are a flood. {ALL_OF_THEM.en}",
        ),
        unit=COUNT,
        decimals=0,
        thresholds=(
            Threshold(at=None, colour=GREY),
            Threshold(at=1, colour=GOOD),
            Threshold(at=3, colour=WARN),
            Threshold(at=11, colour=BAD),
        ),
        queries=(
            Query(
                text=q.select(
                    'count("n")',
                    q.name(ALARM_EVENT),
                    where=(RAISED, *q.CHOSEN),
                    by=("community",),
                    step="10m",
                    fill="0",
                ),
                alias="$tag_community",
            ),
        ),
        least_step="10m",
    )


def _most_frequent() -> Panel:
    return Panel(
        look=Look.TABLE,
        title=Name(zh="最常见的故障", en="Most frequent faults"),
        about=Name(
            zh=f"所选时间内每种故障模式触发的次数，按类型。{ALL_OF_THEM.zh}",
            en=f"How often each failure mode of a kind was raised in the chosen time. {ALL_OF_THEM.en}",
        ),
        unit=COUNT,
        decimals=0,
        queries=(
            Query(
                text=q.select(
                    'count("n"), last("{title}")',
                    q.name(ALARM_EVENT),
                    where=(RAISED, *q.CHOSEN),
                    by=("kind", "failure_mode"),
                ),
                table=True,
            ),
        ),
        overrides=(Override(pattern="^Time$|^time$", hidden=True), *TITLES),
    )


def _by_kind() -> Panel:
    return Panel(
        look=Look.RANKING,
        title=Name(zh="各类设施的告警", en="Alarms by kind"),
        about=Name(
            zh=f"所选时间内各类设施触发的告警次数。{ALL_OF_THEM.zh}",
            en=f"Alarms raised in the chosen time, by kind of facility. {ALL_OF_THEM.en}",
        ),
        unit=COUNT,
        decimals=0,
        queries=(
            Query(
                text=q.select('count("n")', q.name(ALARM_EVENT), where=(RAISED, *q.CHOSEN), by=("kind",)),
                alias="$tag_kind",
            ),
        ),
    )


def _changes() -> Panel:
    return Panel(
        look=Look.BARS,
        title=Name(zh="工单状态变化", en="Changes of tickets"),
        about=Name(
            zh="每小时有多少工单进入各状态（ticket_event）。",
            en="How many tickets came into each state in each hour (ticket_event).",
        ),
        unit=COUNT,
        decimals=0,
        queries=(
            Query(
                text=q.select('count("n")', q.name(TICKET_EVENT), where=q.CHOSEN, by=("state",), step="1h"),
                alias="$tag_state",
            ),
        ),
        overrides=tuple(Override(pattern=f"^{word.value}$", title=word.says) for word in TICKET_STATES),
        least_step="1h",
    )
