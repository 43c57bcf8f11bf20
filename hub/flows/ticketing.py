"""What changes of alarms, and time alone, do to tickets and notices. Decisions are the domain's; here they are carried out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from hub.domain.alarms import Alarm, Change, Event
from hub.domain.notices import NoticeKind
from hub.domain.own_parts import OWN_MODES
from hub.domain.rules import Rule
from hub.domain.ticket_actions import close, reopened, resolve, resume
from hub.domain.ticket_plan import FaultOccurred, Plan, ReturnedToNormal, Why, plan
from hub.domain.tickets import Action, Ticket, TicketKey, TicketKind, TicketState
from hub.domain.verification import Finding, Source, prove
from hub.flows.notice_text import titles
from hub.flows.notices import community_of, mode_of, ticket_notices
from hub.flows.ports import TicketEvent
from hub.flows.watch import NO_DATA, UPLINK_LOST, Watch, failure_mode
from hub.flows.worksheet import Worksheet

HUB: Final = "hub"
"""Who did what nobody did by hand."""
SourceOf = Callable[[Alarm, Rule | None, int], Source]


class _About(NamedTuple):
    alarm: Alarm
    rule: Rule | None


class Ticketing:
    """``source_of`` tells how fresh the data behind an alarm are; ``public_url`` begins every link (may be empty)."""

    def __init__(self, watch: Watch, source_of: SourceOf, *, public_url: str) -> None:
        self._watch = watch
        self._source_of = source_of
        self._public_url = public_url.rstrip("/")

    # --- alarms -------------------------------------------------------------------------------------------------

    def alarm_changed(self, sheet: Worksheet, alarm: Alarm, rule: Rule | None, events: tuple[Event, ...]) -> None:
        """Carry the consequences of what ``step`` said has happened."""
        kinds = {event.kind for event in events}
        if Change.ACKNOWLEDGED in kinds:
            sheet.withdraw(alarm=alarm.id)
        if rule is None or not rule.raises_ticket:
            return
        if Change.RAISED in kinds and self._watch.commissioned(alarm, sheet.now):
            pass  # a record: no ticket, so no clock either
        elif Change.RAISED in kinds:
            told = Change.ANNUNCIATED in kinds or alarm.late
            fault = FaultOccurred(priority=alarm.priority, late=alarm.late, annunciated=told)
            self._plan(sheet, alarm, rule, fault)
        elif Change.ANNUNCIATED in kinds:
            self._told_again(sheet, alarm, rule, events)
        returned = next((e for e in events if e.kind in {Change.RETURNED, Change.RESET}), None)
        if returned is not None and returned.reason != "momentary":
            self._returned(sheet, alarm, rule, returned.at)

    def _plan(self, sheet: Worksheet, alarm: Alarm, rule: Rule, fault: FaultOccurred) -> None:
        key = ticket_key(alarm)
        open_ = sheet.open_ticket(key, late=alarm.late)
        ended = None if open_ is not None else sheet.ended_ticket(key, late=alarm.late)
        self._carry_out(sheet, _About(alarm, rule), plan(fault, open_, ended, self._time(sheet, alarm)))

    def _told_again(self, sheet: Worksheet, alarm: Alarm, rule: Rule, events: tuple[Event, ...]) -> None:
        """An overlay has ended over an active alarm, or its re-alarm time has passed."""
        open_ = sheet.open_ticket(ticket_key(alarm), late=alarm.late)
        if open_ is None or open_.state is TicketState.RESOLVED:
            self._plan(sheet, alarm, rule, FaultOccurred(priority=alarm.priority))
        elif any(event.reason == "realarm" for event in events):
            self._tell(sheet, open_, NoticeKind.RECURRED, _About(alarm, rule), f"again{alarm.repeats}")

    def _returned(self, sheet: Worksheet, alarm: Alarm, rule: Rule, at: int) -> None:
        ticket = sheet.open_ticket(ticket_key(alarm), late=alarm.late)
        if ticket is None or any(other.active for other in sheet.alarms_of(ticket) if other.id != alarm.id):
            return
        result = plan(ReturnedToNormal(at=at), ticket, None, self._time(sheet, alarm))
        self._carry_out(sheet, _About(alarm, rule), result)

    def _carry_out(self, sheet: Worksheet, about: _About, result: Plan) -> None:
        if result.action is None:
            return
        if result.action is Action.OPEN:
            ticket = self._open(sheet, about, result)
        elif result.ticket is not None:
            ticket = self._change(sheet, about, result.action, result.why, result.ticket)
        else:
            return
        sheet.link(about.alarm, ticket)
        self._announce(sheet, ticket, result, about)

    def _open(self, sheet: Worksheet, about: _About, result: Plan) -> Ticket:
        alarm, registry = about.alarm, self._watch.registry
        at = self._time(sheet, alarm)
        community = community_of(registry, alarm.community)
        year = datetime.fromtimestamp(sheet.now / 1000, ZoneInfo(community.timezone)).year
        key = ticket_key(alarm)
        crew = registry.crew_for(alarm.community, alarm.facility)
        facility = registry.facilities.get((alarm.community, alarm.facility))
        mode = failure_mode(registry, facility.kind if facility is not None else "", alarm.failure_mode)
        title = titles(registry, mode, (key.community, key.facility, key.unit))
        ticket = Ticket(
            id=sheet.ids.make(sheet.now),
            number=sheet.books.tickets.next_number(alarm.community, community.prefix, year),
            key=key,
            kind=TicketKind.FAULT,
            state=TicketState.ASSIGNED,
            priority=alarm.priority,
            title_zh=title.zh,
            title_en=title.en,
            crew=crew.id if crew is not None else "",
            party=(facility.party if facility is not None else None) or (crew.party if crew is not None else None),
            late=alarm.late,
            reported_at=at,
            triaged_at=at,
            assigned_at=at,
            previous=result.previous.id if result.previous is not None else None,
        )
        row = TicketEvent(ticket.id, at, Action.OPEN, "", ticket.state, HUB, reason=result.why, alarm=alarm.id)
        return sheet.put_ticket(ticket, row, new=True)

    def _change(self, sheet: Worksheet, about: _About, action: Action, why: Why, after: Ticket) -> Ticket:
        before = sheet.tickets.get(after.id) or sheet.books.tickets.get(after.id) or after
        at = self._time(sheet, about.alarm)
        row = TicketEvent(after.id, at, action, before.state, after.state, HUB, reason=why, alarm=about.alarm.id)
        return sheet.put_ticket(after, row)

    def _announce(self, sheet: Worksheet, ticket: Ticket, result: Plan, about: _About) -> None:
        """Who is told of a plan. A fault that keeps clearing itself is told at its 1st, 2nd, 4th, 8th … return."""
        match result.action, result.why:
            case Action.OPEN, _:
                self._tell(sheet, ticket, NoticeKind.OPENED, about)
            case ((Action.REOPEN | Action.FAIL), _) if ticket.accepted_at is not None:
                self._tell(sheet, ticket, NoticeKind.REOPENED, about)
            case ((Action.REOPEN | Action.FAIL), _) if ticket.reopened & (ticket.reopened - 1) == 0:
                self._tell(sheet, ticket, NoticeKind.RECURRED, about)
            case Action.ATTACH, Why.PRIORITY_RAISED:
                self._tell(sheet, ticket, NoticeKind.PRIORITY_RAISED, about)
            case _:
                pass

    # --- time ---------------------------------------------------------------------------------------------------

    def review(self, sheet: Worksheet, ticket: Ticket) -> None:
        """A ticket whose ``recheck_at`` has passed."""
        match ticket.state:
            case TicketState.VERIFYING:
                self._verify(sheet, ticket)
            case TicketState.ON_HOLD:
                after = self._move(sheet, ticket, resume(ticket), Action.RESUME, "hold_expired")
                self._tell(sheet, after, NoticeKind.HOLD_EXPIRED, self._behind(sheet, after))
            case TicketState.RESOLVED:
                self._move(sheet, ticket, close(ticket, sheet.now), Action.CLOSE, "rating_window_over")
            case _:
                sheet.put_ticket(replace(ticket, recheck_at=None))

    def _verify(self, sheet: Worksheet, ticket: Ticket) -> None:
        alarms = sheet.alarms_of(ticket)
        sources = [self._source_of(a, self._watch.rule(a.community, a.rule), sheet.now) for a in alarms]
        since = ticket.verifying_since if ticket.verifying_since is not None else sheet.now
        about = self._behind(sheet, ticket)
        mode = mode_of(self._watch.registry, ticket, None if about is None else about.alarm)
        proof = prove(sources, preset_ms=mode.verify_ms, verifying_since=since, now=sheet.now)
        match proof.finding:
            case Finding.PROVEN:
                after = self._move(sheet, ticket, resolve(ticket, "sensor", sheet.now), Action.VERIFY, "proven")
                self._tell(sheet, after, NoticeKind.RESTORED, about)
            case Finding.NOT_FIXED:
                after = self._move(sheet, ticket, reopened(ticket), Action.FAIL, proof.finding)
                self._tell(sheet, after, NoticeKind.REOPENED, about)
            case Finding.LIMIT_PASSED if not sources and not ticket.sensor_born:
                self._move(sheet, ticket, resolve(ticket, "not_verified", sheet.now), Action.VERIFY, "not_verified")
            case Finding.NOT_YET:
                sheet.put_ticket(replace(ticket, recheck_at=proof.recheck_at))
            case _:
                self._wait(sheet, ticket, proof.finding, proof.recheck_at, about)

    def _wait(
        self, sheet: Worksheet, ticket: Ticket, finding: Finding, recheck_at: int | None, about: _About | None
    ) -> None:
        """No proof by itself: shown, and told once for each kind of waiting."""
        waiting = "data" if finding is Finding.DATA_MISSING else "inspection"
        later = recheck_at if recheck_at is not None and recheck_at > sheet.now else sheet.now + 3_600_000
        after = replace(ticket, waiting=waiting, recheck_at=later)
        if ticket.waiting == waiting:
            sheet.put_ticket(after)
            return
        after = self._move(sheet, ticket, after, Action.WAIT, finding)
        if ticket.sensor_born:
            self._tell(sheet, after, NoticeKind.WAITING_FOR_DATA, about, waiting)

    def _move(self, sheet: Worksheet, before: Ticket, after: Ticket, action: Action, reason: str) -> Ticket:
        row = TicketEvent(after.id, sheet.now, action, before.state, after.state, HUB, reason=reason)
        return sheet.put_ticket(after, row)

    # --- telling ------------------------------------------------------------------------------------------------

    def _tell(self, sheet: Worksheet, ticket: Ticket, kind: NoticeKind, about: _About | None, more: str = "") -> None:
        if self._watch.commissioned_ticket(ticket.key, sheet.now) or (
            about is not None and self._watch.commissioned(about.alarm, sheet.now)
        ):
            return
        sheet.notices += ticket_notices(
            self._watch.registry,
            ticket,
            kind,
            ids=sheet.ids,
            now=sheet.now,
            public_url=self._public_url,
            alarm=None if about is None else about.alarm,
            rule=None if about is None else about.rule,
            more=more,
        )

    # --- looking up ---------------------------------------------------------------------------------------------

    def _behind(self, sheet: Worksheet, ticket: Ticket) -> _About | None:
        """The alarm that spoke last of those behind a ticket."""
        latest = max(sheet.alarms_of(ticket), key=lambda alarm: alarm.raised_at or 0, default=None)
        return None if latest is None else _About(latest, self._watch.rule(latest.community, latest.rule))

    @staticmethod
    def _time(sheet: Worksheet, alarm: Alarm) -> int:
        """A record made from late data has its alarm's time, everything else the lane's."""
        if not alarm.late:
            return sheet.now
        ended = alarm.cleared_at if not alarm.active else None
        return ended or alarm.raised_at or sheet.now


def ticket_key(alarm: Alarm) -> TicketKey:
    """One fault. Of the sensor itself, or of a device that speaks for no one facility: the device's. Of a place or part: its."""
    if alarm.failure_mode == UPLINK_LOST or alarm.failure_mode in OWN_MODES:
        return TicketKey(community=alarm.community, facility="", unit=alarm.unit, failure_mode=alarm.failure_mode)
    if alarm.failure_mode == NO_DATA or not alarm.facility:
        return TicketKey(community=alarm.community, facility="", unit=alarm.device, failure_mode=alarm.failure_mode)
    return TicketKey(
        community=alarm.community, facility=alarm.facility, unit=alarm.unit, failure_mode=alarm.failure_mode
    )
