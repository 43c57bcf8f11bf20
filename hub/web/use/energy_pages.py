"""/figures/energy"""

from __future__ import annotations

import math
from itertools import groupby
from typing import Final, Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.clock import DAY, HOUR
from hub.domain.rollups import merged
from hub.errors import HubError
from hub.web.auth.access import Read
from hub.web.deps import WebDeps
from hub.web.queries import Queries, store_away
from hub.web.rendering import Pages
from hub.web.use.amounts import consumption, meters_of
from hub.web.use.choice import Wanted, choose, fitting, spoken

router = APIRouter(include_in_schema=False)

Range = Literal["7d", "30d"]
DAYS: Final[dict[Range, int]] = {"7d": 7, "30d": 30}
MOST_METERS: Final = 500
"""In one question: 30 days of them are some 180,000 readings to go through."""
WIDTH: Final = 4 * HOUR
"""Of the stretches that the store is asked for, where the zone's midnight lies on one of their edges."""


@router.get("/figures/energy")
def energy_page(
    request: Request,
    *,
    access: Read,
    wanted: Wanted,
    range: Range = "7d",  # noqa: A002 - the parameter's public name
) -> Response:
    """Consumption by day, by facility and by kind; one question to the store for all meters."""
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    queries: Queries = request.app.state.queries
    choice = choose(request, access, wanted)
    say = pages.teller(request, choice.community)
    days, offset = DAYS[range], say.offset()
    first = (say.now + offset) // DAY * DAY - offset - (days - 1) * DAY
    told = spoken(deps.registrar.current, choice.facilities, start=first, end=say.now)
    meters = meters_of(choice.facilities, told, say.now)
    asked = fitting(meters, MOST_METERS)
    taken = {(of.facility.id, of.metric.name) for of in asked}
    keys = [key for of in asked for key in of.points]
    shown, trouble = [], None
    try:
        if keys:
            width = math.gcd(WIDTH, offset)
            found = queries.ask(lambda series: series.courses(keys, start=first - DAY, end=say.now, width=width))
            by_metric = [list(of) for _, of in groupby(asked, key=lambda of: of.metric.name)]
            shown = [consumption(of, found, first=first, days=days, offset_ms=offset) for of in by_metric]
    except HubError as error:
        trouble = error
    return pages.page(
        request,
        "use/energy.html",
        say=say,
        community=choice.community,
        choice=choice,
        catalogue=deps.catalogue,
        shown=shown,
        days=days,
        left_out=len({of.facility.id for of in meters if (of.facility.id, of.metric.name) not in taken}),
        not_recomputed=merged(span for one in shown for span in one.not_recomputed),
        trouble=trouble,
        store_away=store_away(deps, say.now) if trouble else None,
        range=range,
        ranges=tuple(DAYS),
    )
