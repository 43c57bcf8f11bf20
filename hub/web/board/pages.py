"""/ (today) and /board"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.clock import DAY
from hub.domain.facility_state import FacilityState
from hub.domain.tickets import ENDED, Ticket, TicketState
from hub.flows.lists import AlarmFilter, TicketFilter
from hub.flows.registry import Registry
from hub.web.auth.access import Read
from hub.web.deps import WebDeps
from hub.web.overview import counts, covers, of_its_own, overview, state_counts, tickets_by_place, weight
from hub.web.picture import FacilityView
from hub.web.rendering import Pages
from hub.web.telling import Teller

router = APIRouter(include_in_schema=False)
OPEN_TICKETS: Final = TicketFilter(states=frozenset(TicketState) - ENDED, late=False)
MOST_TICKETS: Final = 500
USUAL_TILES: Final = 40
"""Tiles of a group, while no more than these need looking at; the others are well, and one click away."""
MOST_LINES: Final = 30
"""Alarms beside the board; the page of alarms has all."""
MOST_TILES: Final = 200
"""Tiles of a group at the most, however bad it looks."""


@router.get("/")
def today(request: Request, *, access: Read) -> Response:
    """What is wrong now, who has it, what is late or waits, what nobody hears: one screen."""
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    shown = overview(request, access.scope)
    now = deps.clock.now()
    day = now - DAY
    tickets, raised, reported = deps.records.read(
        lambda books: (
            books.tickets.page(OPEN_TICKETS, access.scope, limit=MOST_TICKETS).items,
            books.alarms.counts(AlarmFilter(since=day, late=False, raised=True), access.scope),
            books.tickets.counts(TicketFilter(since=day, late=False), access.scope),
        )
    )
    registry = shown.registry
    active = [alarm for alarm in shown.alarms if alarm.active and of_its_own(alarm)]
    alarms = active[:8]
    return pages.page(
        request,
        "board/today.html",
        alarms=alarms,
        covers=covers(deps, alarms),
        more_alarms=len(active) - len(alarms),
        tickets=sorted(tickets, key=weight)[:8],
        open_tickets=len(tickets),
        overdue=sum(why is Hitch.OVERDUE for _, why in hitches(tickets, now)),
        hitches=hitches(tickets, now),
        raised=sum(raised.values()),
        reported=sum(reported.values()),
        ended=sum(number for state, number in reported.items() if state in ENDED),
        quiet=[
            (registry.devices.get(device), device, deps.live.heard_at(device)) for device in quiet_devices(shown.views)
        ],
        states=state_counts(shown.views),
        figures=counts(shown.alarms),
        health=deps.health(now),
        commissioned=[
            (community, span)
            for community, said in sorted(registry.commissioning.items())
            for span in said.holding(now)
            if access.scope.allows(community)
        ],
        registry=registry,
        catalogue=deps.catalogue,
    )


class Hitch(StrEnum):
    """Why a ticket does not go on as it should."""

    OVERDUE = "overdue"
    HOLD_OVER = "hold_over"
    DATA = "data"
    INSPECTION = "inspection"


def hitches(tickets: Iterable[Ticket], now: int) -> list[tuple[Ticket, Hitch]]:
    """Those that are late or wait for something, the weightiest first. Pure."""
    found = []
    for ticket in sorted(tickets, key=weight):
        if ticket.due_at is not None and ticket.due_at < now:
            found.append((ticket, Hitch.OVERDUE))
        elif ticket.hold_until is not None and ticket.state is TicketState.ON_HOLD and ticket.hold_until < now:
            found.append((ticket, Hitch.HOLD_OVER))
        elif ticket.state is TicketState.VERIFYING and ticket.waiting in (Hitch.DATA, Hitch.INSPECTION):
            found.append((ticket, Hitch(ticket.waiting)))
    return found


def quiet_devices(views: Iterable[FacilityView]) -> list[str]:
    """Devices of which no point is known now. Pure."""
    known: dict[str, bool] = {}
    for view in views:
        for point in view.points:
            device = point.point.key.device
            known[device] = known.get(device, False) or point.known
    return sorted(device for device, heard in known.items() if not heard)


@router.get("/board")
def board(
    request: Request, *, access: Read, by: Literal["building", "kind"] = "building", community: str | None = None
) -> Response:
    """Every facility on one screen; a small script applies the changes that come in."""
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    shown = overview(request, access.scope, community=community)
    say = pages.teller(request, shown.registry.communities.get(community or ""))
    tickets = deps.records.read(lambda books: books.tickets.page(OPEN_TICKETS, access.scope, limit=MOST_TICKETS)).items
    return pages.page(
        request,
        "board/board.html",
        say=say,
        community=shown.registry.communities.get(community) if community else None,
        by=by,
        groups=grouped(shown.views, _grouping(by, deps, shown.registry, say)),
        alarms=shown.alarms,
        covers=covers(deps, shown.alarms[:MOST_LINES]),
        most_lines=MOST_LINES,
        tickets=tickets_by_place(tickets),
        figures=counts(shown.alarms),
        states=state_counts(shown.views),
        last_event=deps.changes.last_id(),
        registry=shown.registry,
        catalogue=deps.catalogue,
    )


class Group(NamedTuple):
    """One section of the board."""

    title: str
    total: int
    tiles: tuple[FacilityView, ...]
    """Those that are shown: what is not well comes first."""


def grouped(views: tuple[FacilityView, ...], group_of: Callable[[FacilityView], tuple[Any, str]]) -> list[Group]:
    """In the order of the key. Pure."""
    rank = {state: number for number, state in enumerate(FacilityState)}
    groups: dict[tuple[Any, str], list[FacilityView]] = {}
    for view in views:
        groups.setdefault(group_of(view), []).append(view)
    found = []
    for (_, title), members in sorted(groups.items(), key=lambda item: item[0]):
        members.sort(key=lambda view: (rank[view.state], view.facility.id))
        unwell = sum(view.state is not FacilityState.NORMAL for view in members)
        shown = min(max(USUAL_TILES, unwell), MOST_TILES)
        found.append(Group(title, len(members), tuple(members[:shown])))
    return found


def _grouping(by: str, deps: WebDeps, registry: Registry, say: Teller) -> Callable[[FacilityView], tuple[Any, str]]:
    if by == "kind":
        order = {kind: rank for rank, kind in enumerate(deps.catalogue.kinds)}

        def kind_of(view: FacilityView) -> tuple[Any, str]:
            kind = deps.catalogue.kinds.get(view.facility.kind)
            return order.get(view.facility.kind, len(order)), say.name(kind.name) if kind else view.facility.kind

        return kind_of

    def building_of(view: FacilityView) -> tuple[Any, str]:
        place = registry.places.get((view.facility.community, view.facility.building or ""))
        if place is None:
            return ((1, ""), say.gettext("Grounds and shared"))
        return ((0, place.id.rjust(8, "0")), say.name(place.name))

    return building_of
