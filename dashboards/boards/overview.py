"""Community overview: the whole community at a glance."""

from __future__ import annotations

from dashboards import influxql as q
from dashboards.boards.events import alarm_table, alarms_by_priority, open_tickets, ticket_table
from dashboards.counts import counted, standing
from dashboards.figures import number
from dashboards.marks import notes
from dashboards.model import BAD, GOOD, WARN, Board, Look, Panel, Query, Section, Threshold
from dashboards.parts import COUNT, FACILITY_LINK, Plan, amounts, metric_panel, usual
from hub.domain.metrics import METRICS
from hub.domain.places import Name


def board(plan: Plan) -> Board:
    """What is broken, what is late, what is used."""
    late = (Threshold(at=None, colour=GOOD), Threshold(at=1, colour=WARN), Threshold(at=5, colour=BAD))
    return Board(
        name="overview",
        title=Name(zh="小区总览", en="Community overview"),
        about=Name(
            zh="告警、工单、能耗和在用情况一览。火警与困人以消防主机和电梯五方对讲为准。",
            en="Alarms, tickets, energy and use at a glance. For fire and trapped people the panel and the intercom decide.",
        ),
        variables=usual(plan),
        notes=notes(),
        sections=(
            Section(
                title=Name(zh="现在", en="Now"),
                panels=(
                    number("alarms_active", standing("alarms_active"), thresholds=late),
                    number("tickets_open", standing("tickets_open"), thresholds=late),
                    number("tickets_overdue", standing("tickets_overdue"), thresholds=late),
                    number("tickets_opened", counted("tickets_opened")),
                ),
            ),
            Section(
                title=Name(zh="告警与工单", en="Alarms and tickets"),
                panels=(alarms_by_priority(), open_tickets(), alarm_table(), ticket_table()),
            ),
            Section(
                title=Name(zh="能耗与在用", en="Energy and use"),
                panels=(
                    amounts(METRICS["energy"], by=("kind",)),
                    amounts(METRICS["volume"], by=("kind",)),
                    metric_panel(METRICS["occupancy"], by=("facility",), link=FACILITY_LINK),
                    _heard(plan),
                ),
            ),
        ),
    )


def _heard(plan: Plan) -> Panel:
    return Panel(
        look=Look.BARS,
        title=Name(zh="收到的读数", en="Readings received"),
        about=Name(
            zh="每小时收到的读数条数，按指标。没有柱子：没有收到，不等于没有发生。",
            en="Readings in each hour, by metric. No bar: nothing was heard, which is not the same as nothing happened.",
        ),
        unit=COUNT,
        queries=(
            Query(
                text=q.select('count("value")', q.measurements(plan.measured()), where=q.CHOSEN, step="1h"),
                alias="$m",
            ),
        ),
        least_step="1h",
    )
