"""/figures/use"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.clock import DAY, HOUR
from hub.errors import HubError
from hub.flows.series import Times
from hub.web.auth.access import Read
from hub.web.deps import WebDeps
from hub.web.queries import Queries, store_away
from hub.web.rendering import Pages
from hub.web.use.choice import Wanted, choose, fitting, spoken
from hub.web.use.heat import draw_hours
from hub.web.use.shares import Use, source_of, together, uses

router = APIRouter(include_in_schema=False)

Range = Literal["7d", "30d", "90d"]
SPANS: Final[dict[Range, int]] = {"7d": 7 * DAY, "30d": 30 * DAY, "90d": 90 * DAY}


@router.get("/figures/use")
def use_page(
    request: Request,
    *,
    access: Read,
    wanted: Wanted,
    range: Range = "30d",  # noqa: A002 - the parameter's public name
) -> Response:
    """How much facilities are used, by weekday and hour and one by one; one question to the store for all."""
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    queries: Queries = request.app.state.queries
    choice = choose(request, access, wanted)
    say = pages.teller(request, choice.community)
    end = say.now // HOUR * HOUR  # whole hours: the store has them ready
    start = end - SPANS[range]
    told = spoken(deps.registrar.current, choice.facilities, start=start, end=end)
    found = [source_of(f, deps.catalogue.kinds.get(f.kind), told[f.id], end) for f in choice.facilities]
    sources = [source for source in found if source is not None]
    asked = fitting(sources)
    keys = [key for source in asked for key in source.points]
    used, trouble = [], None
    old: Sequence[Times] = ()
    try:
        if keys:
            table = queries.ask(lambda series: series.week_hours(keys, start=start, end=end, zone=say.zone))
            used, old = uses(table, asked, end - start), table.not_recomputed
    except HubError as error:
        trouble = error
    known = [use.share for use in used if use.share is not None]
    return pages.page(
        request,
        "use/use.html",
        say=say,
        community=choice.community,
        choice=choice,
        catalogue=deps.catalogue,
        used=sorted(used, key=_rank),
        not_recomputed=old,
        heat=draw_hours(together(used)) if known else None,
        mean=sum(known) / len(known) if known else None,
        unknown=sum(use.unknown for use in used) / len(used) if used else None,
        unmeasured=len(choice.facilities) - len(sources),
        left_out=len(sources) - len(asked),
        trouble=trouble,
        store_away=store_away(deps, say.now) if trouble else None,
        range=range,
        ranges=tuple(SPANS),
        start=start,
        end=end,
    )


def _rank(use: Use) -> tuple[bool, float, str]:
    """The most used first; those of which nothing is known last."""
    return use.share is None, -(use.share or 0.0), use.source.facility.id
