"""/figures/use"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.clock import DAY, HOUR
from hub.domain.places import Facility
from hub.domain.rollups import Times
from hub.errors import HubError
from hub.web.auth.access import Read
from hub.web.deps import WebDeps
from hub.web.queries import Queries, store_away
from hub.web.rendering import Pages
from hub.web.use.choice import Wanted, choose, fitting, spoken
from hub.web.use.heat import draw_hours
from hub.web.use.shares import Source, Use, source_of, together, uses

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
    sources = sources_of(deps, choice.facilities, start, end)
    asked = fitting(sources)
    used, trouble = Used(), None
    try:
        used = ask_uses(queries, asked, start, end, say.zone)
    except HubError as error:
        trouble = error
    known = [use.share for use in used.uses if use.share is not None]
    return pages.page(
        request,
        "use/use.html",
        say=say,
        community=choice.community,
        choice=choice,
        catalogue=deps.catalogue,
        used=sorted(used.uses, key=_rank),
        not_recomputed=used.not_recomputed,
        heat=draw_hours(together(used.uses)) if known else None,
        mean=sum(known) / len(known) if known else None,
        unknown=sum(use.unknown for use in used.uses) / len(used.uses) if used.uses else None,
        unmeasured=len(choice.facilities) - len(sources),
        left_out=len(sources) - len(asked),
        trouble=trouble,
        store_away=store_away(deps, say.now) if trouble else None,
        range=range,
        ranges=tuple(SPANS),
        start=start,
        end=end,
    )


class Used(NamedTuple):
    """Of what was asked about; ``not_recomputed``: where the figures are from before late readings came."""

    uses: Sequence[Use] = ()
    not_recomputed: Sequence[Times] = ()


def sources_of(deps: WebDeps, facilities: Sequence[Facility], start: int, end: int) -> list[Source]:
    """What tells the use of these facilities; of some nothing does."""
    told = spoken(deps.registrar.current, facilities, start=start, end=end)
    found = (source_of(f, deps.catalogue.kinds.get(f.kind), told[f.id], end) for f in facilities)
    return [source for source in found if source is not None]


def ask_uses(queries: Queries, asked: Sequence[Source], start: int, end: int, zone: str) -> Used:
    """One question to the store. HubError where it does not answer."""
    keys = [key for source in asked for key in source.points]
    if not keys:
        return Used()
    table = queries.ask(lambda series: series.week_hours(keys, start=start, end=end, zone=zone))
    return Used(uses(table, asked, end - start), table.not_recomputed)


def _rank(use: Use) -> tuple[bool, float, str]:
    """The most used first; those of which nothing is known last."""
    return use.share is None, -(use.share or 0.0), use.source.facility.id
