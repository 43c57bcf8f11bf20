"""Gathers what a board, a list or a facility page shows: one read of the open alarms, the rest from memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request

from hub.domain.alarms import Alarm, Overlay, Priority
from hub.domain.facility_state import FacilityState
from hub.domain.places import Facility
from hub.domain.tickets import Ticket
from hub.errors import NotFound
from hub.flows.lists import EVERYTHING, AlarmFilter, Scope
from hub.flows.ports import AlarmEvent
from hub.flows.registry import Registry
from hub.web.auth.access import Access
from hub.web.deps import WebDeps
from hub.web.picture import OPEN, BoundPoint, BoundPoints, FacilityView, Place, by_place, views_of

MOST_ALARMS: Final = 1000
_URGENCY: Final = {Priority.SAFETY: 0, Priority.HIGH: 1, Priority.MEDIUM: 2, Priority.LOW: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Every facility in scope, and every open alarm, the most urgent first."""

    registry: Registry
    views: tuple[FacilityView, ...]
    alarms: tuple[Alarm, ...]


def urgency(alarm: Alarm) -> tuple[int, int, int, int]:
    """Safety first; then active before gone, unacknowledged before acknowledged, new before old."""
    return (_URGENCY[alarm.priority], not alarm.active, alarm.acked, -(alarm.raised_at or 0))


def overview(request: Request, scope: Scope, *, community: str | None = None) -> Overview:
    """The whole scope, or one community of it."""
    deps: WebDeps = request.app.state.deps
    registry = deps.registrar.current
    alarms = open_alarms(deps, scope, community=community)
    mine = by_place(alarms)
    bound = bound_points(request)
    facilities = [
        facility
        for place, facility in sorted(registry.facilities.items())
        if scope.allows(*place) and community in (None, facility.community)
    ]
    views = views_of(facilities, bound, deps.live, mine)
    return Overview(registry=registry, views=tuple(views), alarms=alarms)


def open_alarms(
    deps: WebDeps, scope: Scope = EVERYTHING, *, community: str | None = None, facility: str | None = None
) -> tuple[Alarm, ...]:
    """Not plain normal, late records left out; the most urgent first."""
    what = AlarmFilter(community=community, facility=facility, states=OPEN, late=False, raised=True)
    page = deps.records.read(lambda books: books.alarms.page(what, scope, limit=MOST_ALARMS))
    return tuple(sorted(page.items, key=urgency))


def overlaid_alarms(deps: WebDeps, scope: Scope) -> tuple[Alarm, ...]:
    """Everything under an overlay, also what is normal beneath it: nothing stays silent unseen."""
    what = AlarmFilter(overlays=frozenset(Overlay) - {Overlay.NONE}, late=False)
    page = deps.records.read(lambda books: books.alarms.page(what, scope, limit=MOST_ALARMS))
    return tuple(sorted(page.items, key=urgency))


def covers(deps: WebDeps, alarms: Iterable[Alarm]) -> dict[str, AlarmEvent]:
    """By alarm, who put its overlay on, when and why."""
    covered = [alarm.id for alarm in alarms if alarm.overlay is not Overlay.NONE]
    return deps.records.read(lambda books: books.alarms.covers(covered)) if covered else {}


def bound_points(request: Request) -> dict[Place, tuple[BoundPoint, ...]]:
    """Which points speak for which facility now."""
    deps: WebDeps = request.app.state.deps
    bound: BoundPoints = request.app.state.bound
    return dict(bound.of(deps.registrar.current, deps.clock.now()))


def find_facility(request: Request, access: Access, facility_id: str, community: str | None) -> Facility:
    """By id; ``community`` tells two of the same id apart. NotFound also where it is outside the scope."""
    deps: WebDeps = request.app.state.deps
    found = [
        facility
        for place, facility in sorted(deps.registrar.current.facilities.items())
        if facility.id == facility_id and community in (None, "", facility.community) and access.scope.allows(*place)
    ]
    if not found:
        raise NotFound(f"no facility {facility_id[:63]!r}")
    return found[0]


def state_counts(views: Iterable[FacilityView]) -> dict[FacilityState, int]:
    """How many facilities are in each state; every state is there."""
    found = Counter(view.state for view in views)
    return {state: found[state] for state in FacilityState}


def tickets_by_place(tickets: Iterable[Ticket]) -> dict[Place, list[Ticket]]:
    """Open tickets by facility, the weightiest first, then the oldest."""
    found: dict[Place, list[Ticket]] = {}
    for ticket in sorted(tickets, key=weight):
        found.setdefault((ticket.key.community, ticket.key.facility), []).append(ticket)
    return found


def weight(ticket: Ticket) -> tuple[int, int]:
    """Safety first, then the oldest."""
    return _URGENCY[ticket.priority], ticket.reported_at


def of_its_own(alarm: Alarm) -> bool:
    """Whether the alarm is one for people: what another one explains is counted with that."""
    return alarm.overlay is not Overlay.SUPPRESSED


def counts(alarms: tuple[Alarm, ...]) -> dict[str, Any]:
    """The figures above a board."""
    return {
        "active": sum(alarm.active and of_its_own(alarm) for alarm in alarms),
        "unacknowledged": sum(not alarm.acked and alarm.overlay is Overlay.NONE for alarm in alarms),
        "safety": sum(
            alarm.active and alarm.priority is Priority.SAFETY and not alarm.commissioning for alarm in alarms
        ),
    }
