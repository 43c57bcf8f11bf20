"""/api/v1/facilities"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from hub.domain.facility_state import FacilityState
from hub.domain.tickets import ENDED, TicketState
from hub.flows.lists import TicketFilter
from hub.web.alarms.api import shown
from hub.web.auth.access import Read
from hub.web.deps import WebDeps
from hub.web.facilities.schemas import FacilityFull, FacilityOut
from hub.web.overview import bound_points, find_facility, open_alarms, overview
from hub.web.paging import page_of
from hub.web.picture import view_of
from hub.web.schemas import Cursor, Limit, Listing
from hub.web.tickets import desk

router = APIRouter(prefix="/api/v1/facilities", tags=["registry"])


@router.get("", response_model=Listing[FacilityOut])
def list_facilities(
    request: Request,
    *,
    access: Read,
    community: str | None = None,
    kind: str | None = None,
    building: str | None = None,
    grid: str | None = None,
    state: FacilityState | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Listing[FacilityOut]:
    """By community and id."""
    found = (
        ((view.facility.community, view.facility.id), view)
        for view in overview(request, access.scope, community=community).views
        if kind in (None, view.facility.kind)
        and building in (None, view.facility.building)
        and grid in (None, view.facility.grid)
        and state in (None, view.state)
    )
    items, after = page_of(found, limit, cursor)
    return Listing(items=[FacilityOut.of(view) for view in items], next=after)


@router.get("/{facility_id}", response_model=FacilityFull)
def get_facility(request: Request, *, access: Read, facility_id: str, community: str | None = None) -> FacilityFull:
    """With its live state, open alarms and tickets. ``community`` tells two of the same id apart."""
    deps: WebDeps = request.app.state.deps
    facility = find_facility(request, access, facility_id, community)
    alarms = open_alarms(deps, access.scope, community=facility.community, facility=facility.id)
    what = TicketFilter(
        community=facility.community, facility=facility.id, states=frozenset(TicketState) - ENDED, late=False
    )
    tickets = deps.records.read(lambda books: books.tickets.page(what, access.scope, limit=100)).items
    return FacilityFull.whole(
        view_of(facility, bound_points(request), deps.live, alarms),
        shown(deps, alarms),
        desk.shown(deps, access.caller, tickets),
        deps.clock.now(),
    )
