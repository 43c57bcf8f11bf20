"""The hourly figures of maintenance: what each is called, its formula, and how an hour's figures follow from the records.

No data gives no figure, never 0; each figure tells how many cases it rests on (``n``), so that hours can be put together:
counts add up, means are weighted by ``n``. What happened in an hour counts in it; what lasts is told as of its end.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from hub.domain.alarms import Alarm, Priority
from hub.domain.places import Facility, Name
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
     "触发的告警次数，不含补传数据。", "Alarms that were raised, without those from late data."),
    ("alarms_active", Measure.COUNT, "活动告警", "Active alarms",
     "每小时末处于活动状态的告警数。", "Alarms active at the end of the hour."),
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
    """A ticket and its history up to the hour's end, in order.

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
    """One figure of one kind in one hour."""

    community: str
    kind: str
    kpi: str
    value: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """What an hour's figures follow from. Everything of one community."""

    community: str
    start: int
    facilities: Collection[Facility]
    """Retired ones too: their old tickets still have a kind."""
    lives: Collection[Life]
    """Tickets that changed in the hour, or had not ended when it began."""
    raised: Collection[Alarm]
    """An alarm for each time one was raised in the hour."""
    active: Collection[Alarm]
    """Those active at the hour's end."""
    acknowledged: Collection[Acknowledged]
    """In the hour."""

    @property
    def end(self) -> int:
        """Exclusive."""
        return self.start + HOUR

    def holds(self, at: int) -> bool:
        """Whether an instant is in the hour."""
        return self.start <= at < self.end


def figures(hour: Hour) -> list[Figure]:
    """Every figure of every kind of facility that the community has; a figure without a case is left out."""
    kind_of = {"": SENSOR, **{facility.id: facility.kind for facility in hour.facilities}}
    found: list[Figure] = []
    for kind in sorted({*kind_of.values()}):
        of_kind = _of_kind(hour, kind, kind_of)
        found += (Figure(hour.community, kind, name, value, n) for name, value, n in _figures(of_kind))
    return found


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


def _of_kind(hour: Hour, kind: str, kind_of: Mapping[str, str]) -> Hour:
    def belongs(alarm: Alarm) -> bool:
        return kind_of.get(alarm.facility) == kind and not alarm.late

    return Hour(
        community=hour.community,
        start=hour.start,
        facilities=[facility for facility in hour.facilities if facility.kind == kind],
        lives=[life for life in hour.lives if kind_of.get(life.ticket.key.facility) == kind and not life.ticket.late],
        raised=[alarm for alarm in hour.raised if belongs(alarm)],
        active=[alarm for alarm in hour.active if belongs(alarm)],
        acknowledged=[each for each in hour.acknowledged if belongs(each.alarm)],
    )


def _figures(hour: Hour) -> Iterator[tuple[str, float, int]]:
    yield from _counts(hour)
    yield from _times(hour)
    yield from _completions(hour)
    yield from _availability(hour)


def _counts(hour: Hour) -> Iterator[tuple[str, float, int]]:
    changes = [change for life in hour.lives for change in life.changes if hour.holds(change.at)]
    actions = [change.action for change in changes]
    standing = [life for life in hour.lives if (state := _state(life)) and state not in ENDED]
    overdue = [
        life
        for life in standing
        if life.ticket.due_at is not None and life.ticket.due_at < hour.end and _state(life) != TicketState.RESOLVED
    ]
    failed = [
        cycle for life in hour.lives if _is_failure(life.ticket) for cycle in cycles(life) if hour.holds(cycle.start)
    ]
    for name, count in (
        ("alarms_raised", len(hour.raised)),
        ("alarms_active", len(hour.active)),
        ("tickets_opened", actions.count(Action.OPEN)),
        ("tickets_resolved", sum(change.to_state == TicketState.RESOLVED for change in changes)),
        ("tickets_reopened", actions.count(Action.REOPEN)),
        ("tickets_open", len(standing)),
        ("tickets_overdue", len(overdue)),
        ("failures", len(failed)),
    ):
        yield name, float(count), count


def _times(hour: Hour) -> Iterator[tuple[str, float, int]]:
    lived = [(life, cycle) for life in hour.lives for cycle in cycles(life)]
    for name, spans in (
        ("time_to_acknowledge", [each.at - each.told_at for each in hour.acknowledged]),
        (
            "time_to_accept",
            [cycle.accepted - cycle.start for _, cycle in lived if cycle.accepted and hour.holds(cycle.accepted)],
        ),
        (
            "time_to_restore",
            [
                _restored(life.ticket, cycle, cycle.end) - cycle.start
                for life, cycle in lived
                if cycle.end and cycle.resolved and hour.holds(cycle.end)
            ],
        ),
    ):
        if spans:
            yield name, math.fsum(spans) / len(spans) / 1000, len(spans)


def _completions(hour: Hour) -> Iterator[tuple[str, float, int]]:
    """Verdicts on what somebody had said was done; a fault that went by itself proves nothing about anybody's work."""
    undone = proven = 0
    for life in hour.lives:
        claimed = False
        for change in life.changes:
            if change.to_state == TicketState.VERIFYING and change.from_state != TicketState.VERIFYING:
                claimed = change.from_state == TicketState.COMPLETED
            if claimed and change.from_state == TicketState.VERIFYING and hour.holds(change.at):
                undone += change.action is Action.FAIL
                proven += change.to_state == TicketState.RESOLVED
    if undone + proven:
        yield "false_completion", undone / (undone + proven), undone + proven


def _availability(hour: Hour) -> Iterator[tuple[str, float, int]]:
    used = [each for each in hour.facilities if each.retired_at is None or each.retired_at >= hour.end]
    if not used:
        return
    required = HOUR * len(used)
    down = sum(total_length(_down(hour, facility.id)) for facility in used)
    yield "availability", 1 - down / required, len(used)
    yield "operating_hours", (required - down) / HOUR, len(used)


def _down(hour: Hour, facility: str) -> Iterator[tuple[int, int]]:
    for life in hour.lives:
        if life.ticket.key.facility == facility and _is_failure(life.ticket):
            for cycle in cycles(life):
                over = _restored(life.ticket, cycle, hour.end if cycle.end is None else cycle.end)
                yield max(cycle.start, hour.start), min(over, hour.end)


def total_length(spans: Iterable[tuple[int, int]]) -> int:
    """Length of half-open spans; where they overlap they count once."""
    total, reached = 0, -math.inf
    for begin, end in sorted(spans):
        if end > max(begin, reached):
            total += int(end - max(begin, reached))
            reached = end
    return total


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
