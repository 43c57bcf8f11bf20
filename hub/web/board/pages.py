"""/ (today) and /board"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.domain.facility_state import FacilityState
from hub.domain.tickets import ENDED, TicketState
from hub.flows.lists import TicketFilter
from hub.flows.registry import Registry
from hub.web.auth.access import Read
from hub.web.deps import WebDeps
from hub.web.overview import counts, overview
from hub.web.picture import FacilityView
from hub.web.rendering import Pages
from hub.web.telling import Teller

router = APIRouter(include_in_schema=False)
NOT_ENDED = frozenset(TicketState) - ENDED


@router.get("/")
def today(request: Request, *, access: Read) -> Response:
    """What is broken, who has it, what is late: one screen."""
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    shown = overview(request, access.scope)
    tickets, states = deps.records.read(
        lambda books: (
            books.tickets.page(TicketFilter(states=NOT_ENDED, late=False), access.scope, limit=200).items,
            books.tickets.counts(TicketFilter(late=False), access.scope),
        )
    )
    now = deps.clock.now()
    ranks = {"safety": 0, "high": 1, "medium": 2, "low": 3}
    return pages.page(
        request,
        "board/today.html",
        alarms=[alarm for alarm in shown.alarms if alarm.active][:8],
        more_alarms=max(0, sum(alarm.active for alarm in shown.alarms) - 8),
        tickets=sorted(tickets, key=lambda t: (ranks[t.priority], t.reported_at))[:12],
        open_tickets=len(tickets),
        overdue=[t for t in tickets if t.due_at is not None and t.due_at < now],
        states=states,
        unknown=[view for view in shown.views if view.state is FacilityState.UNKNOWN],
        facilities=len(shown.views),
        figures=counts(shown.alarms),
        health=deps.health(now),
        registry=shown.registry,
        catalogue=deps.catalogue,
    )


@router.get("/board")
def board(
    request: Request, *, access: Read, by: Literal["building", "kind"] = "building", community: str | None = None
) -> Response:
    """Every facility on one screen; a small script applies the changes that come in."""
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    shown = overview(request, access.scope, community=community)
    say = pages.teller(request, shown.registry.communities.get(community or ""))
    return pages.page(
        request,
        "board/board.html",
        say=say,
        community=shown.registry.communities.get(community) if community else None,
        by=by,
        groups=grouped(shown.views, _grouping(by, deps, shown.registry, say)),
        alarms=shown.alarms,
        figures=counts(shown.alarms),
        unknown=sum(view.state is FacilityState.UNKNOWN for view in shown.views),
        facilities=len(shown.views),
        last_event=deps.changes.last_id(),
        registry=shown.registry,
        catalogue=deps.catalogue,
    )


def grouped(
    views: tuple[FacilityView, ...], group_of: Callable[[FacilityView], tuple[Any, str]]
) -> list[tuple[str, list[FacilityView]]]:
    """(title, its facilities) in the order of the key; what is in alarm comes first in its group. Pure."""
    rank = {state: number for number, state in enumerate(FacilityState)}
    groups: dict[tuple[Any, str], list[FacilityView]] = {}
    for view in views:
        groups.setdefault(group_of(view), []).append(view)
    return [
        (title, sorted(members, key=lambda v: (rank[v.state], v.facility.id)))
        for (_, title), members in sorted(groups.items(), key=lambda item: item[0])
    ]


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
