"""/facilities and /facilities/{id}"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NamedTuple

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from hub.clock import DAY
from hub.domain.facility_state import FacilityState
from hub.domain.metrics import MetricKind
from hub.domain.places import Facility
from hub.domain.rules import RuleKind
from hub.domain.tickets import ENDED, TicketState
from hub.errors import HubError
from hub.flows.lists import TicketFilter
from hub.flows.registry import Registry
from hub.flows.series import Aggregate, SeriesReader, Step
from hub.web.auth.access import Read
from hub.web.charts import Chart, Sample, draw
from hub.web.deps import WebDeps
from hub.web.overview import bound_points, find_facility, open_alarms, overview
from hub.web.picture import BoundPoint, view_of
from hub.web.queries import Queries
from hub.web.rendering import Pages
from hub.web.telling import Teller

router = APIRouter(include_in_schema=False)

Range = Literal["24h", "7d", "30d"]
RANGES: Final = {"24h": (DAY, Step.QUARTER), "7d": (7 * DAY, Step.HOUR), "30d": (30 * DAY, Step.DAY)}
FINE: Final = {"24h": Step.RAW, "7d": Step.QUARTER, "30d": Step.HOUR}
MOST_CHARTS: Final = 8
TABLE_ROWS: Final = 48


class Drawn(NamedTuple):
    """One chart with what stands around it."""

    point: BoundPoint
    title: str
    unit: str
    chart: Chart | None
    rows: tuple[tuple[int, float], ...]
    lowest: float | None
    highest: float | None


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
        tickets=[t for t in tickets if t.state not in ENDED and not t.late],
        ended=[t for t in tickets if t.state in ENDED or t.late][:8],
        charts=drawn,
        chart_trouble=trouble,
        range=range,
        ranges=tuple(RANGES),
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
    request: Request, facility: Facility, points: list[BoundPoint], name: str, say: Teller
) -> tuple[list[Drawn], HubError | None]:
    """The most telling points; a store that cannot answer leaves the rest of the page as it is."""
    deps: WebDeps = request.app.state.deps
    registry = deps.registrar.current
    queries: Queries = request.app.state.queries
    kind = deps.catalogue.kinds.get(facility.kind)
    order = {metric: rank for rank, metric in enumerate(kind.sensors if kind else ())}
    told = sorted(points, key=lambda p: (order.get(p.binding.metric_name(), 99), p.key))
    chosen = [p for p in told if p.metric is None or not p.metric.texts][:MOST_CHARTS]
    try:
        return queries.ask(lambda series: [_one(series, registry, point, name, say) for point in chosen]), None
    except HubError as error:
        return [], error


def _one(series: SeriesReader, registry: Registry, point: BoundPoint, name: str, say: Teller) -> Drawn:
    length, coarse = RANGES[name]
    start, end = say.now - length, say.now
    fine = _window(series, point, start, end, FINE[name])
    rows = _window(series, point, start, end, coarse)
    metric = point.metric
    switch = metric is not None and metric.off is not None
    limits = [
        (rule.setpoint, say.gettext("limit %s") % f"{rule.setpoint:g}")
        for rule in registry.rules_for_point(point.binding)
        if rule.kind is RuleKind.LIMIT
    ]
    chart = draw(
        fine,
        start=start,
        end=end,
        stepped=switch or (metric is not None and metric.kind is MetricKind.STATE),
        limits=sorted(set(limits)),
        offset_ms=round((say.moment(end).utcoffset() or say.moment(end) - say.moment(end)).total_seconds() * 1000),
        bounds=(-0.15, 1.15) if switch else None,
    )
    facility = registry.facilities.get((point.binding.community, point.binding.facility))
    unit = next((u for u in facility.units if u.id == point.binding.unit), None) if facility else None
    title = say.metric(metric, point.key.name)
    return Drawn(
        point=point,
        title=f"{say.name(unit.name)} · {title}" if unit else title,
        unit=metric.symbol if metric else "",
        chart=chart,
        rows=tuple((s.time, s.value) for s in rows[-TABLE_ROWS:]),
        lowest=min((s.value for s in fine), default=None),
        highest=max((s.value for s in fine), default=None),
    )


def _window(series: SeriesReader, point: BoundPoint, start: int, end: int, step: Step) -> list[Sample]:
    agg = Aggregate.LAST if point.metric is not None and point.metric.off is not None else Aggregate.MEAN
    found = series.window([point.key], start=start, end=end, step=step, agg=agg)
    return [Sample(time, value) for time, value in zip(found.time.tolist(), found.value.tolist(), strict=True)]
