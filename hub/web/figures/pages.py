"""/figures"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal, NamedTuple

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from hub.clock import DAY
from hub.domain.kpi import KPIS, SENSOR, Period
from hub.domain.kpi_parts import OF_CREWS, stretches
from hub.errors import NotFound
from hub.flows.registry import Registry
from hub.web.auth.access import Access, Read
from hub.web.deps import WebDeps
from hub.web.figures.asked import Asked, By, communities, divided, figures_of, gather
from hub.web.figures.courses import CHARTED, Day, course, said
from hub.web.rendering import Pages
from hub.web.telling import Teller

router = APIRouter(include_in_schema=False)

Span = Literal["week", "30d", "90d"]
SPANS: Final[tuple[Span, ...]] = ("week", "30d", "90d")
PARTS: Final[tuple[By, ...]] = ("kind", "crew")
Slug = Annotated[str, Query(max_length=63)]


@router.get("/figures")
def maintenance_page(
    request: Request,
    *,
    access: Read,
    community: Slug = "",
    period: Span = "30d",
    by: Literal["kind", "crew"] = "kind",
    kind: Slug = "",
    grid: Slug = "",
    crew: Slug = "",
) -> Response:
    """Figures of maintenance of a community: in all, by kind or crew, and day by day."""
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    registry = deps.registrar.current
    mine = communities(registry, access)
    here = next((each for each in mine if community in ("", each.id)), None)
    if here is None:
        raise NotFound(f"no community {community[:63]!r} here")
    say = pages.teller(request, here)
    start = first_day(period, say)
    asked = Asked(community=here.id, start=start, end=say.now, kind=kind, grid=grid, crew=crew)
    found = gather(deps, access, asked)
    total = figures_of(found, crew) if found else {}
    days = _days(found, start, crew) if found else []
    shown = [kpi for kpi in KPIS.values() if not crew or kpi.id in OF_CREWS]
    return pages.page(
        request,
        "figures/maintenance.html",
        say=say,
        community=here,
        communities=mine,
        asked=asked,
        spans=SPANS,
        span=period,
        parts=PARTS,
        by=by,
        choices=_choices(registry, access, here.id),
        since=found.start if found and found.start > start else None,
        recorded=found is not None,
        figures=[(kpi, total.get(kpi.id)) for kpi in shown],
        charts=[course(kpi, days, total.get(kpi.id), say, start=start, end=say.now) for kpi in CHARTED if kpi in shown],
        columns=[kpi for kpi in shown if by == "kind" or kpi.id in OF_CREWS],
        rows=list(divided(found, by, crew).items()) if found else [],
        said=lambda kpi, value: said(kpi, value, say),
        sensor=SENSOR,
        registry=registry,
        catalogue=deps.catalogue,
    )


def first_day(span: Span, say: Teller) -> int:
    """When it begins: midnight on the community's clock, of Monday or of so many days with today's."""
    offset = say.offset()
    today = (say.now + offset) // DAY * DAY - offset
    back = {"week": say.moment(say.now).weekday(), "30d": 29, "90d": 89}[span]
    return today - back * DAY


def _days(period: Period, start: int, crew: str) -> list[Day]:
    """Those that records reach, by the midnight at which they began."""
    spans = [
        (at, max(at, period.start), min(at + DAY, period.end))
        for at in range(start, period.end, DAY)
        if at + DAY > period.start
    ]
    cut = stretches(period, ((begin, until) for _, begin, until in spans))
    return [(at, figures_of(part, crew)) for (at, _, _), part in zip(spans, cut, strict=True)]


class Choices(NamedTuple):
    """What the page can be narrowed to, by id."""

    kinds: list[str]
    grids: list[str]
    crews: list[str]


def _choices(registry: Registry, access: Access, community: str) -> Choices:
    mine = [f for key, f in sorted(registry.facilities.items()) if key[0] == community and access.scope.allows(*key)]
    return Choices(
        kinds=_used(facility.kind for facility in mine),
        grids=_used(facility.grid for facility in mine),
        crews=sorted(crew for place, crew in registry.crews if place == community),
    )


def _used(ids: Iterable[str | None]) -> list[str]:
    return sorted({id_ for id_ in ids if id_})
