"""/facilities and /facilities/{id}"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from hub.domain.facility_state import FacilityState
from hub.domain.places import Facility, Name
from hub.domain.rollups import merged
from hub.domain.tickets import ENDED, TicketState
from hub.errors import HubError
from hub.flows.lists import TicketFilter
from hub.web.auth.access import Read
from hub.web.deps import WebDeps
from hub.web.facilities import courses
from hub.web.facilities.courses import SPANS, Drawn, Range
from hub.web.overview import bound_points, covers, find_facility, open_alarms, overview
from hub.web.picture import BoundPoint, PointView, view_of
from hub.web.queries import Queries, store_away
from hub.web.rendering import Pages
from hub.web.telling import Teller

router = APIRouter(include_in_schema=False)


@router.get("/facilities")
def facilities_page(
    request: Request,
    *,
    access: Read,
    q: Annotated[str, Query(max_length=60)] = "",
    kind: str = "",
    building: str = "",
    grid: str = "",
    state: str = "",
) -> Response:
    """The list, with a filter for each thing people ask by."""
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    shown = overview(request, access.scope)
    needle = q.strip().casefold()
    views = [
        view
        for view in shown.views
        if kind in ("", view.facility.kind)
        and building in ("", view.facility.building)
        and grid in ("", view.facility.grid)
        and state in ("", view.state)
        and (not needle or needle in f"{view.facility.id} {view.facility.name.zh} {view.facility.name.en}".casefold())
    ]
    kinds = sorted({view.facility.kind for view in shown.views})
    places = shown.registry.places
    return pages.page(
        request,
        "facilities/list.html",
        views=views,
        total=len(shown.views),
        kinds=kinds,
        buildings=_used(places, {(v.facility.community, v.facility.building) for v in shown.views}),
        grids=_used(places, {(v.facility.community, v.facility.grid) for v in shown.views}),
        states=list(FacilityState),
        filters={"q": q, "kind": kind, "building": building, "grid": grid, "state": state},
        registry=shown.registry,
        catalogue=deps.catalogue,
    )


@router.get("/facilities/{facility_id}")
def facility_page(
    request: Request,
    *,
    access: Read,
    facility_id: str,
    community: str | None = None,
    range: Range = "24h",  # noqa: A002 - the parameter's public name
) -> Response:
    """Everything about one facility."""
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    registry = deps.registrar.current
    facility = find_facility(request, access, facility_id, community)
    home = registry.communities.get(facility.community)
    say = pages.teller(request, home)
    alarms = open_alarms(deps, access.scope, community=facility.community, facility=facility.id)
    view = view_of(facility, bound_points(request), deps.live, alarms)
    what = TicketFilter(community=facility.community, facility=facility.id)
    tickets = deps.records.read(lambda books: books.tickets.page(what, access.scope, limit=40)).items
    drawn, trouble = _charts(request, facility, [p.point for p in view.points], range, say)
    devices = sorted({p.point.key.device for p in view.points})
    return pages.page(
        request,
        "facilities/facility.html",
        say=say,
        community=home,
        view=view,
        facility=facility,
        kind=deps.catalogue.kinds.get(facility.kind),
        alarms=alarms,
        covers=covers(deps, alarms),
        tickets=[t for t in tickets if t.state not in ENDED and not t.late],
        ended=[t for t in tickets if t.state in ENDED or t.late][:8],
        charts=drawn,
        chart_trouble=trouble,
        not_recomputed=merged(span for item in drawn for span in item.not_recomputed),
        store_away=store_away(deps, say.now) if trouble else None,
        range=range,
        ranges=tuple(SPANS),
        readings=_by_unit(facility, view.points),
        devices=[(registry.devices.get(d), d, deps.live.heard_at(d), deps.live.online(d)) for d in devices],
        place=registry.places.get((facility.community, facility.building or "")),
        grid=registry.places.get((facility.community, facility.grid or "")),
        party=registry.parties.get((facility.community, facility.party or "")),
        crew=registry.crew_for(facility.community, facility.id),
        registry=registry,
        catalogue=deps.catalogue,
        in_progress=TicketState.IN_PROGRESS,
    )


def _used(places: Any, wanted: set[tuple[str, str | None]]) -> list[Any]:
    return [places[key] for key in sorted((c, p) for c, p in wanted if p) if key in places]


def _charts(
    request: Request, facility: Facility, points: list[BoundPoint], name: Range, say: Teller
) -> tuple[list[Drawn], HubError | None]:
    """The most telling points; a store that cannot answer leaves the rest of the page as it is."""
    deps: WebDeps = request.app.state.deps
    queries: Queries = request.app.state.queries
    shown, span = courses.chosen(points, deps.catalogue.kinds.get(facility.kind)), SPANS[name]
    keys = [point.key for point in shown]
    try:
        found = queries.ask(
            lambda series: series.courses(keys, start=say.now - span.length, end=say.now, width=span.width)
        )
    except HubError as error:
        return [], error
    return [courses.course(point, found.get(point.key), facility, span, say) for point in shown], None


def _by_unit(facility: Facility, points: tuple[PointView, ...]) -> list[tuple[Name | None, list[PointView]]]:
    """What speaks for the facility as a whole first, then unit by unit. Pure."""
    groups: dict[str, list[PointView]] = {}
    for view in points:
        groups.setdefault(view.point.binding.unit, []).append(view)
    names = {unit.id: unit.name for unit in facility.units}
    order = ["", *names, *(unit for unit in groups if unit and unit not in names)]
    return [(names.get(unit), groups[unit]) for unit in order if unit in groups]
