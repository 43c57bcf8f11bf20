"""/figures/kinds and /figures/kinds/{kind}"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.clock import HOUR
from hub.domain.facility_state import FacilityState
from hub.domain.tickets import ENDED, TicketState
from hub.errors import HubError, NotFound
from hub.flows.lists import TicketFilter
from hub.web.auth.access import Access, Read
from hub.web.deps import WebDeps
from hub.web.figures.side_by_side import Cell, cell, columns
from hub.web.overview import overview, state_counts, tickets_by_place
from hub.web.picture import FacilityView
from hub.web.queries import Queries, store_away
from hub.web.rendering import Pages
from hub.web.use.choice import Choice, Wanted, choose, fitting
from hub.web.use.pages import SPANS, Range, Used, ask_uses, sources_of
from hub.web.use.shares import Use

router = APIRouter(include_in_schema=False)
MOST_TICKETS: Final = 1000
_RANK: Final = {state: number for number, state in enumerate(FacilityState)}


class KindLine(NamedTuple):
    """All facilities of a kind."""

    kind: str
    facilities: int
    states: Mapping[FacilityState, int]
    alarms: int
    tickets: int


class FacilityLine(NamedTuple):
    """One facility beside its likes. ``use`` None: nothing tells it."""

    view: FacilityView
    cells: Sequence[Cell]
    use: Use | None
    tickets: int


@router.get("/figures/kinds")
def kinds_page(
    request: Request,
    *,
    access: Read,
    wanted: Wanted,
    range: Range = "7d",  # noqa: A002 - the parameter's public name
) -> Response:
    """Every kind of facility in a line; a chosen kind has a page of its own."""
    if wanted.kind:
        query = urlencode({**asdict(wanted), "kind": "", "range": range})
        return RedirectResponse(f"/figures/kinds/{wanted.kind}?{query}", status_code=303)
    pages: Pages = request.app.state.pages
    choice = choose(request, access, wanted)
    views, tickets = _now(request, access, choice)
    of_kind: dict[str, list[FacilityView]] = {}
    for view in views:
        of_kind.setdefault(view.facility.kind, []).append(view)
    return _page(
        request,
        choice,
        "figures/kinds.html",
        say=pages.teller(request, choice.community),
        range=range,
        lines=[
            KindLine(
                kind,
                len(mine),
                state_counts(mine),
                sum(len(view.alarms) for view in mine),
                sum(tickets.get(view.facility.id, 0) for view in mine),
            )
            for kind, mine in of_kind.items()
        ],
    )


@router.get("/figures/kinds/{kind}")
def kind_page(
    request: Request,
    *,
    access: Read,
    kind: str,
    wanted: Wanted,
    range: Range = "7d",  # noqa: A002 - the parameter's public name
) -> Response:
    """All facilities of a kind side by side: how they are, what they measure, how much they are used, what is open.

    The path's kind is the filter's too. NotFound where neither the catalogue nor the caller's scope has it.
    """
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    queries: Queries = request.app.state.queries
    choice = choose(request, access, wanted)
    of_catalogue = deps.catalogue.kinds.get(kind)
    if of_catalogue is None and kind not in choice.kinds:
        raise NotFound(f"no kind of facility {kind[:63]!r}")
    say = pages.teller(request, choice.community)
    views, tickets = _now(request, access, choice)
    metrics = columns(of_catalogue, views)
    end = say.now // HOUR * HOUR
    start = end - SPANS[range]
    sources = sources_of(deps, choice.facilities, start, end)
    asked = fitting(sources)
    used, trouble = Used(), None
    try:
        used = ask_uses(queries, asked, start, end, say.zone)
    except HubError as error:
        trouble = error
    use_of = {use.source.facility.id: use for use in used.uses}
    return _page(
        request,
        choice,
        "figures/kind.html",
        say=say,
        range=range,
        kind=of_catalogue,
        states=state_counts(views),
        metrics=metrics,
        lines=[
            FacilityLine(
                view,
                [cell(metric, view, say) for metric in metrics],
                use_of.get(view.facility.id),
                tickets.get(view.facility.id, 0),
            )
            for view in views
        ],
        not_recomputed=used.not_recomputed,
        left_out=len(sources) - len(asked),
        trouble=trouble,
        store_away=store_away(deps, say.now) if trouble else None,
    )


def _now(request: Request, access: Access, choice: Choice) -> tuple[list[FacilityView], dict[str, int]]:
    """The facilities chosen as they are now, those that need looking at first; and how many open tickets each has."""
    deps: WebDeps = request.app.state.deps
    community = choice.filters.community
    chosen = {facility.id for facility in choice.facilities}
    views = [view for view in overview(request, access.scope, community=community).views if view.facility.id in chosen]
    what = TicketFilter(community=community, states=frozenset(TicketState) - ENDED, late=False)
    tickets = deps.records.read(lambda books: books.tickets.page(what, access.scope, limit=MOST_TICKETS)).items
    views.sort(key=lambda view: (_RANK[view.state], view.facility.id))
    return views, {facility: len(open_) for (_, facility), open_ in tickets_by_place(tickets).items()}


def _page(request: Request, choice: Choice, template: str, **context: Any) -> Response:
    pages: Pages = request.app.state.pages
    deps: WebDeps = request.app.state.deps
    return pages.page(
        request,
        template,
        community=choice.community,
        choice=choice,
        ranges=tuple(SPANS),
        catalogue=deps.catalogue,
        registry=deps.registrar.current,
        **context,
    )
