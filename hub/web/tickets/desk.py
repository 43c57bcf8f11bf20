"""What the ticket pages and the API do alike: find one, say what may be done with it, do it."""

from __future__ import annotations

from collections.abc import Sequence

from hub.domain.people import Grant, Role, ScopeKind
from hub.domain.ticket_actions import NO_EVIDENCE, Actor, Details, Evidence, allowed
from hub.domain.tickets import Action, Ticket
from hub.errors import Forbidden, NotFound
from hub.flows.registry import Registry
from hub.web.auth.access import Access, Caller
from hub.web.deps import WebDeps
from hub.web.tickets.schemas import TicketOut

_STRONGEST_FIRST = (Role.ADMIN, Role.MANAGER, Role.DESK, Role.CREW, Role.PLANNER, Role.VIEWER)


def find(deps: WebDeps, access: Access, ticket_id: str) -> Ticket:
    """By id or number; NotFound also where it is outside the caller's scope."""
    ticket: Ticket | None = deps.records.read(
        lambda books: books.tickets.get(ticket_id) or books.tickets.by_number(ticket_id)
    )
    if ticket is None or not access.scope.allows(ticket.key.community, ticket.key.facility):
        raise NotFound(f"no ticket {ticket_id[:40]!r}")
    return ticket


def role_at(caller: Caller, registry: Registry, community: str, facility: str) -> Role | None:
    """The strongest role the caller has over this facility; None: none."""
    held = {grant.role for grant in caller.grants if _reaches(grant, registry, community, facility)}
    return next((role for role in _STRONGEST_FIRST if role in held), None)


def actions(caller: Caller, registry: Registry, ticket: Ticket, *, evidence: Evidence = NO_EVIDENCE) -> tuple[str, ...]:
    """What to offer this caller; without evidence what the ticket's state alone would let through."""
    role = role_at(caller, registry, ticket.key.community, ticket.key.facility)
    return tuple(action.value for action in allowed(ticket, role.value, evidence=evidence)) if role else ()


def shown(deps: WebDeps, caller: Caller, tickets: Sequence[Ticket]) -> list[TicketOut]:
    """Tickets with what may be done now: one look at the alarms behind all of them."""
    active = deps.records.read(lambda books: books.alarms.active_behind([ticket.id for ticket in tickets]))
    registry = deps.registrar.current
    return [
        TicketOut.of(ticket, actions(caller, registry, ticket, evidence=Evidence(alarm_active=ticket.id in active)))
        for ticket in tickets
    ]


def act(
    deps: WebDeps,
    access: Access,
    ticket: Ticket,
    action: Action,
    details: Details,
    *,
    on_behalf_of: str = "",
    expected: int | None = None,
) -> Ticket:
    """Do it with the caller's own role at that place; ``on_behalf_of`` is for those who lead."""
    role = role_at(access.caller, deps.registrar.current, ticket.key.community, ticket.key.facility)
    if role is None:
        raise NotFound(f"no ticket {ticket.id!r}")
    if on_behalf_of and role not in (Role.ADMIN, Role.MANAGER, Role.DESK):
        raise Forbidden("acting on behalf of somebody is for the duty desk and managers")
    actor = Actor(login=access.caller.login, role=role.value, on_behalf_of=on_behalf_of)
    return deps.tickets.act(ticket.id, action, actor, details, expected=expected)


def _reaches(grant: Grant, registry: Registry, community: str, facility: str) -> bool:
    match grant.scope:
        case ScopeKind.COMPANY:
            return True
        case ScopeKind.COMMUNITY:
            return grant.scope_id == community
        case ScopeKind.GRID:
            found = registry.facilities.get((community, facility))
            return found is not None and f"{community}/{found.grid}" == grant.scope_id
