"""The figures of maintenance: what each is called, its formula, and how those of a period follow from the records.

No data gives no figure, never 0; each figure tells how many cases it rests on (``n``), so that hours can be put together:
counts add up, means are weighted by ``n``. What happened in a period counts in it; what lasts is told as of its end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from hub.domain.alarms import Alarm, Priority
from hub.domain.places import Facility, Name
from hub.domain.rollups import merged
from hub.domain.tickets import ENDED, Action, Ticket, TicketKind, TicketState

HOUR: Final = 3_600_000
SILENCE: Final = "no_data"
"""The failure mode of a sensor that says nothing: it says nothing about the facility either."""
SENSOR: Final = "sensor"
"""The kind of what is wrong with a sensor itself, not with a facility."""
STOPS_WORK: Final = frozenset({Priority.SAFETY, Priority.HIGH})
"""A facility with such a fault counts as down."""


class Measure(StrEnum):
    """What kind of number a figure is."""

    COUNT = "count"
    SECONDS = "seconds"
    SHARE = "share"
    HOURS = "hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """One figure."""

    id: str
    measure: Measure
    title: Name
    formula: Name


# fmt: off
_TABLE: Final[tuple[tuple[str, Measure, str, str, str, str], ...]] = (
    # id, measure, title in zh and en, formula in zh and en
    ("alarms_raised", Measure.COUNT, "新告警", "Alarms raised",
     "触发的告警次数，不含补传数据和调试期内触发的。", "Alarms that were raised, without those from late data or raised in commissioning."),
    ("alarms_active", Measure.COUNT, "活动告警", "Active alarms",
     "每小时末处于活动状态的告警数；调试期内触发的，正式启用后才算。",
     "Alarms active at the end of the hour; those raised in commissioning only once their place has gone live."),
    ("tickets_opened", Measure.COUNT, "新工单", "Tickets opened",
     "新建的工单数，不含补传数据。", "Tickets opened, without those from late data."),
    ("tickets_resolved", Measure.COUNT, "已解决工单", "Tickets resolved",
     "经数据或人员验收已解决的工单数；转出、不予受理、重复、取消不算。",
     "Tickets proven resolved; referred, rejected, duplicate and cancelled ones never count."),
    ("tickets_reopened", Measure.COUNT, "重开工单", "Tickets reopened",
     "已解决或已关闭后重开的次数。", "How often a resolved or closed ticket was reopened."),
    ("tickets_open", Measure.COUNT, "未结工单", "Open tickets",
     "每小时末未结束的工单数。", "Tickets that had not ended at the end of the hour."),
    ("tickets_overdue", Measure.COUNT, "超时工单", "Overdue tickets",
     "每小时末未解决且已过时限的工单数；没有时限的不算。",
     "Tickets past their deadline and not resolved at the end of the hour; those without one do not count."),
    ("time_to_acknowledge", Measure.SECONDS, "平均知悉时间 MTTA", "Mean time to acknowledge (MTTA)",
     "Σ（首次人工知悉 − 通知）÷ n；未知悉的不在内，另见活动告警。",
     "Σ (first human acknowledgement − annunciation) ÷ n; what nobody acknowledged is not in it."),
    ("time_to_accept", Measure.SECONDS, "平均接单时间", "Mean time to accept",
     "Σ（首次接单 − 上报或重开）÷ n，按接单的小时计。",
     "Σ (first accepted − reported or reopened) ÷ n, in the hour of acceptance."),
    ("time_to_restore", Measure.SECONDS, "平均恢复时间 MTTR", "Mean time to restore (MTTR)",
     "Σ（恢复正常 − 上报或重开）÷ n，含全部等待，按解决的小时计；没有传感器恢复时刻的用解决时刻。",
     "Σ (restored − reported or reopened) ÷ n, all waiting included; without a sensor's word the time of resolution."),
    ("false_completion", Measure.SHARE, "完工未修复率", "Completed but not fixed",
     "验收不通过的完工次数 ÷ 验收过的完工次数。", "Completions undone by verification ÷ completions verified."),
    ("failures", Measure.COUNT, "故障次数 N", "Failures N",
     "安全和高优先级的传感器故障工单数（含重开），不含数据中断。",
     "Tickets of faults of priority safety or high that sensors told, and their reopenings; silence excepted."),
    ("availability", Measure.SHARE, "可用率", "Availability",
     "1 − Σ停用时间 ÷ Σ需要时间；停用：有安全或高优先级故障未恢复；需要时间按全天计。",
     "1 − Σ down time ÷ Σ required time; down: a fault of priority safety or high not restored; required: all day."),
    ("operating_hours", Measure.HOURS, "运行时间 OT", "Operating time OT",
     "Σ（需要时间 − 停用时间），各设施。", "Σ (required time − down time) of all facilities."),
    ("mtbf", Measure.HOURS, "平均故障间隔 MTBF", "Mean operating time between failures (MTBF)",
     "OT ÷ N；没有故障时没有数字。", "OT ÷ N; without a failure there is no figure."),
)
# fmt: on

KPIS: Final[Mapping[str, Kpi]] = MappingProxyType(
    {
        id_: Kpi(id=id_, measure=measure, title=Name(zh=zh, en=en), formula=Name(zh=formula_zh, en=formula_en))
        for id_, measure, zh, en, formula_zh, formula_en in _TABLE
    }
)
"""Every figure by id. All but ``mtbf``, which is a quotient of two others, are kept hour by hour."""


class Done(NamedTuple):
    """A change of a ticket, as far as figures need it."""

    at: int
    action: Action
    from_state: str
    to_state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A ticket and its history up to the period's end, in order.

    The ticket's own stamps are those of its last cycle, or older: what happened when is told by the history alone.
    """

    ticket: Ticket
    changes: tuple[Done, ...]


class Cycle(NamedTuple):
    """From a report or a reopening to the end that it came to; ``end`` None: not ended in the history."""

    start: int
    end: int | None
    resolved: bool
    """Proven, not ended otherwise."""
    accepted: int | None


class Acknowledged(NamedTuple):
    """The first time that a person acknowledged an occurrence of an alarm, and when people were first told of it."""

    alarm: Alarm
    told_at: int
    at: int


class Figure(NamedTuple):
    """One figure of one kind in one period."""

    community: str
    kind: str
    kpi: str
    value: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What the figures of a period follow from: an hour where they are kept as series. Everything of one community."""

    community: str
    start: int
    end: int
    """Exclusive."""
    facilities: Collection[Facility]
    """Retired ones too: their old tickets still have a kind."""
    lives: Collection[Life]
    """Tickets that changed in the period, or had not ended when it began."""
    raised: Collection[Alarm]
    """An alarm for each time one was raised in the period, but in commissioning."""
    active: Collection[Alarm]
    """Those active at the period's end, without those raised in commissioning that have not gone live."""
    acknowledged: Collection[Acknowledged]
    """In the period."""

    def holds(self, at: int) -> bool:
        """Whether an instant is in the period."""
        return self.start <= at < self.end

    def part(self, belongs: Callable[[str], bool]) -> Period:
        """What is of some facilities, told by id (empty: of no facility)."""
        return replace(
            self,
            facilities=[facility for facility in self.facilities if belongs(facility.id)],
            lives=[life for life in self.lives if belongs(life.ticket.key.facility)],
            raised=[alarm for alarm in self.raised if belongs(alarm.facility)],
            active=[alarm for alarm in self.active if belongs(alarm.facility)],
            acknowledged=[each for each in self.acknowledged if belongs(each.alarm.facility)],
        )


def figures(period: Period) -> list[Figure]:
    """Every figure of every kind of facility that the community has; a figure without a case is left out."""
    return [
        Figure(period.community, kind, name, value, n)
        for kind, of_kind in by_kind(period).items()
        for name, value, n in told(of_kind)
    ]


def by_kind(period: Period) -> dict[str, Period]:
    """The period of each kind of facility, and of sensors, in order of their ids."""
    kind_of = {"": SENSOR, **{facility.id: facility.kind for facility in period.facilities}}

    def of(kind: str) -> Period:
        return period.part(lambda facility: kind_of.get(facility) == kind)

    return {kind: of(kind) for kind in sorted({*kind_of.values()})}


def told(period: Period) -> Iterator[tuple[str, float, int]]:
    """Every figure of the period as a whole, by id, with its ``n``. What late data told counts nowhere."""
    on_time = replace(
        period,
        lives=[life for life in period.lives if not life.ticket.late],
        raised=[alarm for alarm in period.raised if not alarm.late],
        active=[alarm for alarm in period.active if not alarm.late],
        acknowledged=[each for each in period.acknowledged if not each.alarm.late],
    )
    yield from _counts(on_time)
    yield from _times(on_time)
    yield from _completions(on_time)
    yield from _availability(on_time)


def cycles(life: Life) -> list[Cycle]:
    """The ticket's cycles, the oldest first."""
    found: list[Cycle] = []
    for change in life.changes:
        if change.action is Action.OPEN or change.action is Action.REOPEN:
            start = life.ticket.reported_at if change.action is Action.OPEN else change.at
            found.append(Cycle(start, None, resolved=False, accepted=None))
        if not found or found[-1].end is not None:
            continue
        if change.action is Action.ACCEPT and found[-1].accepted is None:
            found[-1] = found[-1]._replace(accepted=change.at)
        if change.to_state == TicketState.RESOLVED or change.to_state in ENDED:
            found[-1] = found[-1]._replace(end=change.at, resolved=change.to_state == TicketState.RESOLVED)
    return found


def _counts(period: Period) -> Iterator[tuple[str, float, int]]:
    changes = [change for life in period.lives for change in life.changes if period.holds(change.at)]
    actions = [change.action for change in changes]
    standing = [life for life in period.lives if (state := _state(life)) and state not in ENDED]
    overdue = [
        life
        for life in standing
        if life.ticket.due_at is not None and life.ticket.due_at < period.end and _state(life) != TicketState.RESOLVED
    ]
    failed = [
        cycle
        for life in period.lives
        if _is_failure(life.ticket)
        for cycle in cycles(life)
        if period.holds(cycle.start)
    ]
    for name, count in (
        ("alarms_raised", len(period.raised)),
        ("alarms_active", len(period.active)),
        ("tickets_opened", actions.count(Action.OPEN)),
        ("tickets_resolved", sum(change.to_state == TicketState.RESOLVED for change in changes)),
        ("tickets_reopened", actions.count(Action.REOPEN)),
        ("tickets_open", len(standing)),
        ("tickets_overdue", len(overdue)),
        ("failures", len(failed)),
    ):
        yield name, float(count), count


def _times(period: Period) -> Iterator[tuple[str, float, int]]:
    lived = [(life, cycle) for life in period.lives for cycle in cycles(life)]
    for name, spans in (
        ("time_to_acknowledge", [each.at - each.told_at for each in period.acknowledged]),
        (
            "time_to_accept",
            [cycle.accepted - cycle.start for _, cycle in lived if cycle.accepted and period.holds(cycle.accepted)],
        ),
        (
            "time_to_restore",
            [
                _restored(life.ticket, cycle, cycle.end) - cycle.start
                for life, cycle in lived
                if cycle.end and cycle.resolved and period.holds(cycle.end)
            ],
        ),
    ):
        if spans:
            yield name, math.fsum(spans) / len(spans) / 1000, len(spans)


def _completions(period: Period) -> Iterator[tuple[str, float, int]]:
    """Verdicts on what somebody had said was done; a fault that went by itself proves nothing about anybody's work."""
    undone = proven = 0
    for life in period.lives:
        claimed = False
        for change in life.changes:
            if change.to_state == TicketState.VERIFYING and change.from_state != TicketState.VERIFYING:
                claimed = change.from_state == TicketState.COMPLETED
            if claimed and change.from_state == TicketState.VERIFYING and period.holds(change.at):
                undone += change.action is Action.FAIL
                proven += change.to_state == TicketState.RESOLVED
    if undone + proven:
        yield "false_completion", undone / (undone + proven), undone + proven


def _availability(period: Period) -> Iterator[tuple[str, float, int]]:
    """A facility that was retired within the period needed time until then."""
    until = {each.id: period.end if each.retired_at is None else each.retired_at for each in period.facilities}
    used = {id_: min(end, period.end) for id_, end in until.items() if end > period.start}
    if not used:
        return
    stopped: dict[str, list[tuple[int, int]]] = {}
    for life in period.lives:
        if life.ticket.key.facility in used and _is_failure(life.ticket):
            stopped.setdefault(life.ticket.key.facility, []).extend(_down(period, life, used[life.ticket.key.facility]))
    required = sum(end - period.start for end in used.values())
    down = sum(total_length(spans) for spans in stopped.values())
    yield "availability", 1 - down / required, len(used)
    yield "operating_hours", (required - down) / HOUR, len(used)


def _down(period: Period, life: Life, end: int) -> Iterator[tuple[int, int]]:
    """Spans in which the ticket's facility was down, from the period's start until ``end``."""
    for cycle in cycles(life):
        over = _restored(life.ticket, cycle, period.end if cycle.end is None else cycle.end)
        yield max(cycle.start, period.start), min(over, end)


def total_length(spans: Iterable[tuple[int, int]]) -> int:
    """Length of half-open spans; where they overlap they count once."""
    return sum(end - begin for begin, end in merged(span for span in spans if span[0] < span[1]))


def _restored(ticket: Ticket, cycle: Cycle, otherwise: int) -> int:
    """When the sensor saw the condition return to normal in this cycle; what else there is to go by where it did not."""
    seen = ticket.restored_at
    return seen if seen is not None and cycle.start <= seen <= otherwise else otherwise


def _is_failure(ticket: Ticket) -> bool:
    return (
        ticket.kind is TicketKind.FAULT
        and ticket.sensor_born
        and ticket.priority in STOPS_WORK
        and ticket.key.failure_mode != SILENCE
    )


def _state(life: Life) -> str:
    """The state at the end of the history; empty before it began."""
    return life.changes[-1].to_state if life.changes else ""
