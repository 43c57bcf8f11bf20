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

from hub.domain.alarms import Alarm, Change, Priority
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
     "Σ（接单 − 上报）÷ n，按接单的小时计。", "Σ (accepted − reported) ÷ n, in the hour of acceptance."),
    ("time_to_restore", Measure.SECONDS, "平均恢复时间 MTTR", "Mean time to restore (MTTR)",
     "Σ（恢复正常 − 上报）÷ n，含全部等待；没有传感器恢复时刻的用解决时刻。",
     "Σ (restored − reported) ÷ n, all waiting included; without a sensor's word the time of resolution."),
    ("false_completion", Measure.SHARE, "完工未修复率", "Completed but not fixed",
     "验收不通过的完工次数 ÷ 验收过的完工次数。", "Completions undone by verification ÷ completions verified."),
    ("failures", Measure.COUNT, "故障次数 N", "Failures N",
     "安全和高优先级的传感器故障工单数，不含数据中断。",
     "Tickets of faults of priority safety or high that sensors told, silence excepted."),
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

    ticket: str
    at: int
    action: Action
    from_state: str
    to_state: str


class Raised(NamedTuple):
    """A change of an alarm, as far as figures need it."""

    alarm: str
    at: int
    kind: Change
    by: str = ""


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
    tickets: Mapping[str, Ticket]
    """Those that changed in the hour, and all that were open in it."""
    ticket_changes: Collection[Done]
    alarms: Mapping[str, Alarm]
    """Those that changed in the hour, and all that are active."""
    alarm_changes: Collection[Raised]

    @property
    def end(self) -> int:
        """Exclusive."""
        return self.start + HOUR


def figures(hour: Hour) -> list[Figure]:
    """Every figure of every kind of facility that the community has; a figure without a case is left out."""
    kind_of = {"": SENSOR, **{facility.id: facility.kind for facility in hour.facilities}}
    found: list[Figure] = []
    for kind in sorted({*kind_of.values()}):
        of_kind = _of_kind(hour, kind, kind_of)
        found += (Figure(hour.community, kind, name, value, n) for name, value, n in _figures(of_kind))
    return found


def _of_kind(hour: Hour, kind: str, kind_of: Mapping[str, str]) -> Hour:
    tickets = {
        id_: ticket
        for id_, ticket in hour.tickets.items()
        if kind_of.get(ticket.key.facility) == kind and not ticket.late
    }
    alarms = {
        id_: alarm for id_, alarm in hour.alarms.items() if kind_of.get(alarm.facility) == kind and not alarm.late
    }
    return Hour(
        community=hour.community,
        start=hour.start,
        facilities=[facility for facility in hour.facilities if facility.kind == kind],
        tickets=tickets,
        ticket_changes=[done for done in hour.ticket_changes if done.ticket in tickets],
        alarms=alarms,
        alarm_changes=[change for change in hour.alarm_changes if change.alarm in alarms],
    )


def _figures(hour: Hour) -> Iterator[tuple[str, float, int]]:
    yield from _counts(hour)
    yield from _times(hour)
    yield from _availability(hour)


def _counts(hour: Hour) -> Iterator[tuple[str, float, int]]:
    actions = [done.action for done in hour.ticket_changes]
    raised = sum(change.kind is Change.RAISED for change in hour.alarm_changes)
    active = sum(_active_at(alarm, hour.end) for alarm in hour.alarms.values())
    standing = [ticket for ticket in hour.tickets.values() if _open_at(ticket, hour.end)]
    due = [ticket for ticket in standing if ticket.due_at is not None and not _resolved_at(ticket, hour.end)]
    overdue = sum(ticket.due_at is not None and ticket.due_at < hour.end for ticket in due)
    for name, count in (
        ("alarms_raised", raised),
        ("alarms_active", active),
        ("tickets_opened", actions.count(Action.OPEN)),
        ("tickets_resolved", sum(done.to_state == TicketState.RESOLVED for done in hour.ticket_changes)),
        ("tickets_reopened", actions.count(Action.REOPEN)),
        ("tickets_open", len(standing)),
        ("tickets_overdue", overdue),
        ("failures", sum(_is_failure(hour.tickets[d.ticket]) for d in hour.ticket_changes if d.action is Action.OPEN)),
    ):
        yield name, float(count), count


def _times(hour: Hour) -> Iterator[tuple[str, float, int]]:
    acknowledged = [
        change.at - alarm.annunciated_at
        for change in hour.alarm_changes
        if change.kind is Change.ACKNOWLEDGED
        and change.by
        and (alarm := hour.alarms[change.alarm]).annunciated_at is not None
        and alarm.annunciated_at <= change.at
    ]
    accepted = [
        done.at - hour.tickets[done.ticket].reported_at
        for done in hour.ticket_changes
        if done.to_state == TicketState.ACCEPTED and done.action is Action.ACCEPT
    ]
    resolved = [hour.tickets[done.ticket] for done in hour.ticket_changes if done.to_state == TicketState.RESOLVED]
    restored = [span for ticket in resolved if (span := _time_to_restore(ticket)) is not None]
    for name, spans in (
        ("time_to_acknowledge", acknowledged),
        ("time_to_accept", accepted),
        ("time_to_restore", restored),
    ):
        if spans:
            yield name, math.fsum(spans) / len(spans) / 1000, len(spans)
    verified = [
        done for done in hour.ticket_changes if done.from_state == TicketState.VERIFYING and _was_completed(hour, done)
    ]
    if verified:
        undone = sum(done.action is Action.FAIL for done in verified)
        yield "false_completion", undone / len(verified), len(verified)


def _availability(hour: Hour) -> Iterator[tuple[str, float, int]]:
    used = [each for each in hour.facilities if each.retired_at is None or each.retired_at >= hour.end]
    if not used:
        return
    required = HOUR * len(used)
    down = sum(total_length(_down(hour, facility.id)) for facility in used)
    yield "availability", 1 - down / required, len(used)
    yield "operating_hours", (required - down) / HOUR, len(used)


def _down(hour: Hour, facility: str) -> Iterator[tuple[int, int]]:
    for ticket in hour.tickets.values():
        if ticket.key.facility == facility and _is_failure(ticket):
            ends = [at for at in (ticket.restored_at, ticket.resolved_at, ticket.closed_at) if at is not None]
            yield max(ticket.reported_at, hour.start), min([*ends, hour.end])


def total_length(spans: Iterable[tuple[int, int]]) -> int:
    """Length of half-open spans; where they overlap they count once."""
    total, reached = 0, -math.inf
    for begin, end in sorted(spans):
        if end > max(begin, reached):
            total += int(end - max(begin, reached))
            reached = end
    return total


def _is_failure(ticket: Ticket) -> bool:
    return (
        ticket.kind is TicketKind.FAULT
        and ticket.sensor_born
        and ticket.priority in STOPS_WORK
        and ticket.key.failure_mode != SILENCE
    )


def _time_to_restore(ticket: Ticket) -> int | None:
    restored = ticket.restored_at if ticket.restored_at is not None else ticket.resolved_at
    return None if restored is None else max(0, restored - ticket.reported_at)


def _was_completed(hour: Hour, done: Done) -> bool:
    """Somebody had said that it was done; a fault that went by itself proves nothing about anybody's work.

    The ticket's own stamp may be that of a later completion, so a failed one is told by the state it went back to.
    """
    if done.action is Action.FAIL:
        return done.to_state == TicketState.IN_PROGRESS
    return done.action in (Action.VERIFY, Action.OVERRIDE) and hour.tickets[done.ticket].completed_at is not None


def _active_at(alarm: Alarm, at: int) -> bool:
    if alarm.raised_at is None or alarm.raised_at >= at:
        return False
    return alarm.active or (alarm.cleared_at is not None and alarm.cleared_at >= at)


def _open_at(ticket: Ticket, at: int) -> bool:
    if ticket.reported_at >= at:
        return False
    return ticket.state not in ENDED or (ticket.closed_at is not None and ticket.closed_at >= at)


def _resolved_at(ticket: Ticket, at: int) -> bool:
    return ticket.resolved_at is not None and ticket.resolved_at < at
