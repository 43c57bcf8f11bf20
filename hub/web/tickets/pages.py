"""/tickets and /tickets/{id}"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.clock import HOUR
from hub.domain.alarms import Alarm, Priority
from hub.domain.own_parts import own_name
from hub.domain.ticket_actions import HOLD_REASONS, Details, Evidence
from hub.domain.tickets import ENDED, Action, Ticket, TicketState
from hub.errors import HubError, IllegalTransition, InvalidInput, NotFound, Stale
from hub.flows.batch import PointKey
from hub.flows.lists import AlarmFilter, TicketFilter
from hub.flows.notices import looked_at
from hub.flows.watch import failure_mode
from hub.web.auth.access import EVERYONE, WORKERS, Access, Need, NeedForm, Read
from hub.web.deps import Report, WebDeps
from hub.web.problems import problem_of
from hub.web.rendering import Pages
from hub.web.tickets import desk

router = APIRouter(include_in_schema=False)

ReadWork = Annotated[Access, Depends(Need(WORKERS))]
FormWork = Annotated[Access, Depends(NeedForm(WORKERS))]
FormAnyone = Annotated[Access, Depends(NeedForm(EVERYONE))]
Line = Annotated[str, Form(max_length=200)]
Text = Annotated[str, Form(max_length=4000)]


class Tab(NamedTuple):
    """A list of tickets under the crew's own word."""

    name: str
    states: frozenset[TicketState]


TABS: Final = (
    Tab("open", frozenset(TicketState) - ENDED),
    Tab("to_dispatch", frozenset({TicketState.REPORTED, TicketState.TRIAGED})),
    Tab("to_accept", frozenset({TicketState.ASSIGNED})),
    Tab("in_hand", frozenset({TicketState.ACCEPTED, TicketState.IN_PROGRESS})),
    Tab("on_hold", frozenset({TicketState.ON_HOLD})),
    Tab("to_verify", frozenset({TicketState.COMPLETED, TicketState.VERIFYING})),
    Tab("resolved", frozenset({TicketState.RESOLVED})),
    Tab("ended", ENDED),
)
IRREVERSIBLE: Final = frozenset({Action.DUPLICATE, Action.REFER, Action.REJECT, Action.CANCEL, Action.OVERRIDE})
"""On a page these want a tick beside the button."""
BARE: Final = frozenset({Action.ACCEPT, Action.START, Action.RESUME, Action.VERIFY})
"""Nothing has to be filled in: on a phone the button stands under the thumb."""
FIRST: Final = (
    Action.ACCEPT,
    Action.START,
    Action.RESUME,
    Action.COMPLETE,
    Action.VERIFY,
    Action.ASSIGN,
    Action.TRIAGE,
)
"""Offered as the big button where it is possible: what the crew most likely came for."""


@router.get("/tickets")
def tickets_page(
    request: Request,
    *,
    access: Read,
    tab: str = "open",
    q: Annotated[str, Query(max_length=40)] = "",
    priority: str = "",
    crew: str = "",
    facility: str = "",
    late: bool = False,
    cursor: str | None = None,
) -> Response:
    """One list under eight words."""
    deps: WebDeps = request.app.state.deps
    chosen = next((t for t in TABS if t.name == tab), TABS[0])
    common: dict[str, Any] = {
        "facility": facility or None,
        "crew": crew or None,
        "priority": Priority(priority) if priority in {p.value for p in Priority} else None,
        "late": late,
    }
    what = TicketFilter(states=chosen.states, **common)
    page, counts, numbered = deps.records.read(
        lambda books: (
            books.tickets.page(what, access.scope, limit=50, cursor=cursor),
            books.tickets.counts(TicketFilter(**common), access.scope),
            books.tickets.by_number(q.strip().upper()) if q.strip() else None,
        )
    )
    if numbered is not None and access.scope.allows(numbered.key.community, numbered.key.facility):
        return RedirectResponse(f"/tickets/{numbered.id}", status_code=303)
    pages: Pages = request.app.state.pages
    registry = deps.registrar.current
    return pages.page(
        request,
        "tickets/list.html",
        page=page,
        tabs=[(t.name, sum(counts.get(state, 0) for state in t.states)) for t in TABS],
        tab=chosen.name,
        filters={"priority": priority, "crew": crew, "facility": facility, "late": late, "q": q},
        crews=sorted({c.id: c for c in registry.crews.values()}.values(), key=lambda c: c.id),
        priorities=list(Priority),
        registry=registry,
        catalogue=deps.catalogue,
    )


@router.get("/tickets/new")
def new_ticket_page(request: Request, *, access: ReadWork, facility: str = "", community: str = "") -> Response:
    """The desk writes down a report."""
    return _new(
        request, access, {"facility": f"{community}/{facility}" if facility else "", "title": "", "comment": ""}
    )


@router.post("/tickets/new")
def create(
    request: Request,
    *,
    access: FormWork,
    facility: Line = "",
    unit: Line = "",
    title: Line = "",
    priority: Line = "medium",
    comment: Text = "",
) -> Response:
    """From the form; the browser's own repeat protection is the redirect."""
    deps: WebDeps = request.app.state.deps
    community, _, place = facility.partition("/")
    given = {"facility": facility, "title": title, "comment": comment}
    try:
        _check_report(deps, access, community, place, title)
        ticket = deps.tickets.create(
            Report(
                community=community,
                facility=place,
                unit=unit,
                title=title.strip(),
                priority=priority if priority in {p.value for p in Priority} else "medium",
                by=access.caller.login,
                comment=comment,
            )
        )
    except InvalidInput as error:
        return _new(request, access, given, error=error, status=422)
    return RedirectResponse(f"/tickets/{ticket.id}", status_code=303)


@router.get("/tickets/{ticket_id}")
def ticket_page(request: Request, *, access: Read, ticket_id: str) -> Response:
    """One ticket, with everything that happened and exactly what may be done now."""
    deps: WebDeps = request.app.state.deps
    return _ticket(request, access, desk.find(deps, access, ticket_id))


@router.post("/tickets/{ticket_id}/{action}")
def act(
    request: Request,
    *,
    access: FormAnyone,
    ticket_id: str,
    action: Action,
    version: Annotated[int, Form()],
    on_behalf_of: Line = "",
    reason: Text = "",
    comment: Text = "",
    crew: Line = "",
    assignee: Line = "",
    party: Line = "",
    priority: Line = "",
    hold_hours: Annotated[float | None, Form(gt=0, le=24 * 365)] = None,
    cause: Text = "",
    remedy: Text = "",
    duplicate_of: Line = "",
    refer_to: Line = "",
    confirmed: Annotated[bool, Form()] = False,
) -> Response:
    """One transition, from a button or its small form."""
    deps: WebDeps = request.app.state.deps
    ticket = desk.find(deps, access, ticket_id)
    try:
        _check_sure(action, confirmed=confirmed)
        details = Details(
            reason=reason.strip(),
            comment=comment.strip(),
            crew=crew,
            assignee=assignee.strip(),
            party=party,
            priority=Priority(priority) if priority in {p.value for p in Priority} else None,
            hold_until=None if hold_hours is None else deps.clock.now() + round(hold_hours * HOUR),
            cause=cause.strip(),
            remedy=remedy.strip(),
            duplicate_of=_other(deps, access, duplicate_of),
            refer_to=refer_to.strip(),
        )
        desk.act(deps, access, ticket, action, details, on_behalf_of=on_behalf_of.strip(), expected=version)
    except (InvalidInput, IllegalTransition, Stale) as error:
        return _ticket(request, access, desk.find(deps, access, ticket_id), error=error, tried=action)
    return RedirectResponse(f"/tickets/{ticket.id}", status_code=303)


def _check_sure(action: Action, *, confirmed: bool) -> None:
    if action in IRREVERSIBLE and not confirmed:
        raise InvalidInput(
            f"{action} cannot be undone and was not confirmed", pointer="/confirmed", expected="the tick beside it"
        )


def _check_report(deps: WebDeps, access: Access, community: str, facility: str, title: str) -> None:
    if (community, facility) not in deps.registrar.current.facilities or not access.scope.allows(community, facility):
        raise InvalidInput("no such facility", pointer="/facility", expected="one of the list")
    if len(title.strip()) < 2:
        raise InvalidInput("the title is missing", pointer="/title", expected="a few words: what is wrong")


def _other(deps: WebDeps, access: Access, number: str) -> str:
    """The id of the ticket that a person named by its number."""
    if not number.strip():
        return ""
    try:
        return desk.find(deps, access, number.strip()).id
    except NotFound as error:
        raise InvalidInput(
            f"no ticket {number!r}", pointer="/duplicate_of", expected="the number of the ticket that carries the fault"
        ) from error


def _ticket(
    request: Request, access: Access, ticket: Ticket, *, error: HubError | None = None, tried: Action | None = None
) -> Response:
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    registry = deps.registrar.current
    behind = AlarmFilter(ticket=ticket.id)
    history, alarms, active, previous = deps.records.read(
        lambda books: (
            books.tickets.history(ticket.id),
            books.alarms.page(behind, access.scope, limit=100).items,
            books.alarms.active_behind([ticket.id]),
            books.tickets.get(ticket.previous) if ticket.previous else None,
        )
    )
    evidence = Evidence(alarm_active=bool(active))
    offered = desk.actions(access.caller, registry, ticket, evidence=evidence)
    first = next((action.value for action in FIRST if action.value in offered), None)
    facility = registry.facilities.get((ticket.key.community, ticket.key.facility))
    unit = next((u for u in facility.units if u.id == ticket.key.unit), None) if facility else None
    mode = failure_mode(registry, facility.kind if facility else "", ticket.key.failure_mode)
    look_at = looked_at(registry, ticket)
    attempts: dict[str, list[Any]] = {}
    for attempt in history.attempts:
        attempts.setdefault(attempt.notice, []).append(attempt)
    return pages.page(
        request,
        "tickets/ticket.html",
        status=problem_of(error).status if error else 200,
        community=registry.communities.get(ticket.key.community),
        ticket=ticket,
        history=history,
        alarms={alarm.id: alarm for alarm in alarms},
        data=_data(deps, ticket, alarms),
        bare=first in BARE,
        irreversible=IRREVERSIBLE,
        unit_known=registry.devices.get(ticket.key.unit)
        or registry.places.get((ticket.key.community, ticket.key.unit))
        or (registry.communities.get(ticket.key.community) if look_at else None),
        look_at=look_at,
        of_hub=own_name(ticket.key.unit) is not None,
        registry=registry,
        attempts=attempts,
        previous=previous,
        facility=facility,
        unit=unit,
        mode=mode if mode.id else None,
        crew=registry.crews.get((ticket.key.community, ticket.crew)),
        crews=[c for c in registry.crews.values() if c.community == ticket.key.community],
        parties=[
            (pid, name) for (community, pid), name in registry.parties.items() if community == ticket.key.community
        ],
        offered=[action for action in offered if action not in (first, "comment")],
        withheld=[action for action in desk.actions(access.caller, registry, ticket) if action not in offered],
        first=first,
        may_comment="comment" in offered,
        hold_reasons=HOLD_REASONS,
        error=error,
        tried=tried,
        catalogue=deps.catalogue,
    )


class Data(NamedTuple):
    """What verification lives on: whether the sensors behind the ticket are heard, and when last (epoch ms)."""

    fresh: bool
    last: int | None


def _data(deps: WebDeps, ticket: Ticket, alarms: Iterable[Alarm]) -> Data | None:
    """None where the ticket is not being verified, or no point is behind it."""
    keys = {PointKey(alarm.community, alarm.device, alarm.point) for alarm in alarms if alarm.point}
    if ticket.state is not TicketState.VERIFYING or not keys:
        return None
    found = deps.live.readings(keys)
    fresh = len(found) == len(keys) and not any(reading.silent for reading in found.values())
    return Data(fresh, max((reading.time for reading in found.values()), default=None))


def _new(
    request: Request, access: Access, given: dict[str, str], *, error: InvalidInput | None = None, status: int = 200
) -> Response:
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    return pages.page(
        request,
        "tickets/new.html",
        status=status,
        facilities=[f for key, f in sorted(deps.registrar.current.facilities.items()) if access.scope.allows(*key)],
        priorities=list(Priority),
        given=given,
        error=error,
    )
