"""What people do to tickets: look up, ask the domain, write with the version that was seen, tell who must know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from hub.clock import Clock
from hub.domain.alarms import Priority
from hub.domain.ids import IdMaker
from hub.domain.notices import NoticeKind
from hub.domain.places import Community, Name
from hub.domain.ticket_actions import Actor, Denied, Details, Evidence, Refusal, act, check, refusal
from hub.domain.tickets import ENDED, Action, Ticket, TicketKey, TicketKind, TicketState
from hub.errors import Forbidden, IllegalTransition, InvalidInput, NotFound, Stale
from hub.flows.live import ticket_data
from hub.flows.notices import ticket_notices
from hub.flows.ports import Books, Records, TicketEvent
from hub.flows.registry import Registrar, Registry

_TITLE_LIMIT: Final = 200
_CONFLICTS: Final = frozenset({Denied.NO_SUCH_ARROW, Denied.STILL_ACTIVE, Denied.SENSOR_DECIDES, Denied.WINDOW_OVER})
_WORDS: Final = {
    Denied.NO_SUCH_ARROW: "a ticket that is {state} cannot be given the action {action}",
    Denied.ROLE: "the role {role} may not {action} a ticket",
    Denied.MISSING: "{action} needs {pointer}",
    Denied.UNKNOWN_VALUE: "{pointer} is not one of the known values",
    Denied.TOO_LONG: "{pointer} is too long",
    Denied.END_NOT_AHEAD: "the end of the hold is not ahead",
    Denied.SAME_PERSON: "who completed the work may not verify it",
    Denied.SENSOR_DECIDES: "a sensor reported this fault, and its data are there: they decide whether it is repaired",
    Denied.STILL_ACTIVE: "the alarm behind this ticket is active: the fault is still there",
    Denied.WINDOW_OVER: "the time in which this ticket could be reopened is over",
    Denied.ITSELF: "a ticket cannot be the duplicate of itself",
}


class NewTicket(Protocol):
    """A ticket made by a person: what is wrong, and where."""

    @property
    def community(self) -> str: ...
    @property
    def facility(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def failure_mode(self) -> str:
        """Empty where nobody has said; then any number of open tickets can stand side by side."""
        ...

    @property
    def kind(self) -> TicketKind: ...
    @property
    def priority(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def by(self) -> str: ...
    @property
    def comment(self) -> str: ...


class TicketDesk:
    """Every way in which a person changes a ticket. Thread-safe: each call is one transaction.

    NotFound; Stale where ``expected`` is not the version any more; IllegalTransition where the ticket's state or its
    sensor does not allow it; Forbidden for the role; InvalidInput with a pointer for what was said with the action.
    """

    def __init__(
        self,
        records: Records[Books],
        registrar: Registrar,
        clock: Clock,
        *,
        public_url: str = "",
        publish: Callable[[str, dict[str, Any]], None] = lambda _kind, _data: None,
    ) -> None:
        self._records = records
        self._registrar = registrar
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self._publish = publish
        self._ids = IdMaker()

    def act(
        self, ticket_id: str, action: Action, actor: Actor, details: Details, *, expected: int | None = None
    ) -> Ticket:
        """Do it; the whole ticket afterwards. ``expected``: the version the caller saw; None: whatever it is now."""
        now = self._clock.now()
        ticket = self._records.write(
            lambda books: self.act_within(books, ticket_id, action, actor, details, now=now, expected=expected)
        )
        self._publish("ticket", ticket_data(ticket))
        return ticket

    def act_within(
        self,
        books: Books,
        ticket_id: str,
        action: Action,
        actor: Actor,
        details: Details,
        *,
        now: int,
        expected: int | None = None,
    ) -> Ticket:
        """The same inside a transaction of the caller."""
        before = books.tickets.get(ticket_id)
        if before is None:
            raise NotFound(f"there is no ticket {ticket_id}")
        if expected is not None and before.version != expected:
            raise Stale(f"ticket {before.number} is at version {before.version}, not {expected}: load it again")
        evidence = Evidence(alarm_active=any(alarm.active for alarm in books.alarms.of_ticket(ticket_id)))
        refused = refusal(before, action, actor, details, now, evidence=evidence)
        if refused is not None:
            raise _error(refused, before, action, actor)
        self._check_names(books, before, action, details)
        after = act(before, action, actor, details, now)
        rows = [_row(before, after, action, actor, details, now=now)]
        if action is Action.COMPLETE:
            completed, after = after, check(after, now)
            rows.append(TicketEvent(after.id, now, Action.CHECK, completed.state, after.state, "hub"))
        if after is not before:
            after = replace(after, version=before.version + 1)
            if not books.tickets.swap(after, expected=before.version, now=now):
                raise Stale(f"ticket {before.number} was changed at the same moment: load it again")
        books.tickets.log(rows)
        self._tell(books, after, action, now)
        return after

    def _check_names(self, books: Books, ticket: Ticket, action: Action, details: Details) -> None:
        registry, community = self._registrar.current, ticket.key.community
        if action is Action.ASSIGN and details.crew and (community, details.crew) not in registry.crews:
            known = ", ".join(sorted(crew for owner, crew in registry.crews if owner == community))
            raise InvalidInput(f"there is no crew {details.crew!r}", pointer="/crew", expected=known)
        if action is Action.DUPLICATE:
            other = books.tickets.get(details.duplicate_of)
            if other is None or other.key.community != community:
                raise InvalidInput(
                    f"there is no ticket {details.duplicate_of!r} here",
                    pointer="/duplicate_of",
                    expected="a ticket's id",
                )

    def _tell(self, books: Books, ticket: Ticket, action: Action, now: int) -> None:
        """Accepted or ended: what has not left yet need not leave. Handed over or failed: the crew is told."""
        if action in {Action.ACCEPT, Action.ASSIGN} or ticket.state in ENDED:
            books.notices.withdraw(ticket=ticket.id)
        kind = _TOLD.get(action)
        if kind is not None:
            books.notices.add(
                ticket_notices(
                    self._registrar.current, ticket, kind, ids=self._ids, now=now, public_url=self._public_url
                )
            )

    # --- new ones -----------------------------------------------------------------------------------------------

    def create(self, new: NewTicket) -> Ticket:
        """A ticket made by a person: REPORTED, to be triaged. AlreadyOpen where the same fault has an open ticket."""
        now = self._clock.now()
        registry = self._registrar.current
        _check_place(registry, new)
        ticket = self._records.write(lambda books: self._create(books, registry, new, now))
        self._publish("ticket", ticket_data(ticket))
        return ticket

    def _create(self, books: Books, registry: Registry, new: NewTicket, now: int) -> Ticket:
        community = registry.communities.get(new.community) or Community(
            id=new.community, name=Name(zh=new.community, en=new.community)
        )
        year = datetime.fromtimestamp(now / 1000, ZoneInfo(community.timezone)).year
        key = TicketKey(community=new.community, facility=new.facility, unit=new.unit, failure_mode=new.failure_mode)
        crew = registry.crew_for(new.community, new.facility)
        ended = books.tickets.last_ended_for(key, late=False) if new.failure_mode else None
        ticket = Ticket(
            id=self._ids.make(now),
            number=books.tickets.next_number(new.community, community.prefix, year),
            key=key,
            kind=new.kind,
            state=TicketState.REPORTED,
            priority=Priority(new.priority),
            title_zh=new.title.strip(),
            title_en=new.title.strip(),
            crew=crew.id if crew is not None else "",
            party=crew.party if crew is not None else None,
            sensor_born=False,
            reported_at=now,
            previous=ended.id if ended is not None else None,
        )
        books.tickets.add(ticket)
        books.tickets.log([TicketEvent(ticket.id, now, Action.OPEN, "", ticket.state, new.by, comment=new.comment)])
        books.notices.add(
            ticket_notices(registry, ticket, NoticeKind.OPENED, ids=self._ids, now=now, public_url=self._public_url)
        )
        return ticket


_TOLD: Final = {
    Action.ASSIGN: NoticeKind.OPENED,
    Action.FAIL: NoticeKind.REOPENED,
    Action.REOPEN: NoticeKind.REOPENED,
}


def _row(before: Ticket, after: Ticket, action: Action, actor: Actor, details: Details, *, now: int) -> TicketEvent:
    return TicketEvent(
        ticket=before.id,
        at=now,
        action=action,
        from_state=before.state,
        to_state=after.state,
        by=actor.login,
        on_behalf_of=actor.on_behalf_of,
        reason=details.reason[:63] if action is Action.HOLD else "",
        comment=_said(action, details),
    )


def _said(action: Action, details: Details) -> str:
    """In the person's own words; the reason of a hold is a code and stands apart."""
    said = (details.comment,) if action is Action.HOLD else (details.reason, details.comment)
    return "\n".join(text for text in said if text)


def _error(refused: Refusal, ticket: Ticket, action: Action, actor: Actor) -> Exception:
    text = _WORDS[refused.why].format(
        state=ticket.state, action=action, role=actor.role, pointer=refused.pointer.removeprefix("/")
    )
    told = f"{text}; right would be: {refused.expected}" if refused.expected else text
    if refused.why in {Denied.ROLE, Denied.SAME_PERSON}:
        return Forbidden(told)
    if refused.why in _CONFLICTS:
        return IllegalTransition(told)
    return InvalidInput(text, pointer=refused.pointer, expected=refused.expected)


def _check_place(registry: Registry, new: NewTicket) -> None:
    facility = registry.facilities.get((new.community, new.facility))
    if facility is None:
        raise InvalidInput(
            f"there is no facility {new.facility!r} in {new.community!r}",
            pointer="/facility",
            expected="the id of a facility of this community",
        )
    units = [unit.id for unit in facility.units]
    if new.unit and new.unit not in units:
        raise InvalidInput(
            f"{new.facility} has no unit {new.unit!r}", pointer="/unit", expected=", ".join(units) or "no unit"
        )
    if new.failure_mode and (facility.kind, new.failure_mode) not in registry.failure_modes:
        known = sorted(mode for kind, mode in registry.failure_modes if kind == facility.kind)
        raise InvalidInput(
            f"{facility.kind} has no failure mode {new.failure_mode!r}",
            pointer="/failure_mode",
            expected=", ".join(known) or "none",
        )
    if not new.title.strip() or len(new.title) > _TITLE_LIMIT:
        raise InvalidInput("a ticket needs a short title", pointer="/title", expected=f"1 to {_TITLE_LIMIT} characters")
    if new.priority not in {priority.value for priority in Priority}:
        raise InvalidInput(
            f"unknown priority {new.priority!r}", pointer="/priority", expected=", ".join(p.value for p in Priority)
        )
