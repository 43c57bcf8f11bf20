"""/api/v1/commissioning"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from hub.flows.commissioning.overview import rooms
from hub.web.auth.access import MANAGERS, WORKERS, Access, Need
from hub.web.commissioning.schemas import (
    HereIn,
    KindOut,
    LineOut,
    LiveOut,
    MatchIn,
    OverviewOut,
    PointIn,
    RoomOut,
    SpanIn,
    SpanOut,
    SwapIn,
    TestOut,
    UnsentOut,
    WalkerOut,
    WalkOut,
)
from hub.web.deps import WebDeps
from hub.web.idempotency import once
from hub.web.paging import page_of
from hub.web.schemas import Cursor, Limit, Listing

router = APIRouter(prefix="/api/v1/commissioning/{community}", tags=["commissioning"])
Managers = Annotated[Access, Depends(Need(MANAGERS))]
Walkers = Annotated[Access, Depends(Need(WORKERS))]


@router.get("", response_model=OverviewOut)
def get_commissioning(request: Request, *, access: Managers, community: str) -> OverviewOut:
    """Expected, seen, tested; and everything that does not add up."""
    return OverviewOut.of(_deps(request, access, community).commissioning.overview(community))


@router.get("/devices", response_model=Listing[LineOut])
def list_expected_devices(
    request: Request, *, access: Managers, community: str, limit: Limit = 100, cursor: Cursor = None
) -> Listing[LineOut]:
    """Every device that is to be there, by id: the acceptance sheet as data."""
    shown = _deps(request, access, community).commissioning.overview(community)
    items, after = page_of((((line.id,), line) for line in shown.lines), limit, cursor)
    return Listing(items=[LineOut.of(line) for line in items], next=after)


@router.get("/spans", response_model=Listing[SpanOut])
def list_commissioning_spans(
    request: Request, *, access: Managers, community: str, limit: Limit = 100, cursor: Cursor = None
) -> Listing[SpanOut]:
    """Times in which alarms are recorded and nobody is told, the past ones too."""
    deps = _deps(request, access, community)
    now = deps.clock.now()
    found = (((f"{span.since:015d}", span.id), span) for span in deps.commissioning.spans(community))
    items, after = page_of(found, limit, cursor)
    return Listing(items=[SpanOut.of_span(span, now) for span in items], next=after)


@router.post("/spans", response_model=SpanOut, status_code=201)
def begin_commissioning(request: Request, *, access: Managers, community: str, body: SpanIn) -> Response:
    """From now on alarms there are recorded and nobody is told."""
    deps = _deps(request, access, community)

    def work() -> tuple[int, SpanOut]:
        span = deps.commissioning.begin(
            community, body.part, body.of, by=access.caller.login, until=body.until, note=body.note.strip()
        )
        return 201, SpanOut.of_span(span, deps.clock.now())

    return once(request, deps, access.caller.login, body, work)


@router.post("/spans/{span_id}/end", response_model=SpanOut)
def end_commissioning(request: Request, *, access: Managers, community: str, span_id: str) -> SpanOut:
    """People are told again, at once of what is wrong at this moment."""
    deps = _deps(request, access, community)
    span = deps.commissioning.end(community, span_id, by=access.caller.login)
    return SpanOut.of_span(span, deps.clock.now())


@router.get("/kinds", response_model=Listing[KindOut])
def list_commissioning_kinds(request: Request, *, access: Managers, community: str) -> Listing[KindOut]:
    """Every kind of facility that the community has, with how far it is."""
    found = _deps(request, access, community).commissioning.kinds(community)
    return Listing(items=[KindOut.of(state) for state in found])


@router.post("/kinds/{kind}/go-live", response_model=LiveOut)
def go_live(request: Request, *, access: Managers, community: str, kind: str) -> LiveOut:
    """End commissioning for a kind."""
    deps = _deps(request, access, community)
    return LiveOut(facilities=deps.commissioning.go_live(community, kind, by=access.caller.login))


@router.get("/unsent", response_model=Listing[UnsentOut])
def list_unsent(request: Request, *, access: Managers, community: str, kind: str | None = None) -> Listing[UnsentOut]:
    """What the rules would have sent in the last seven days, by facility and rule."""
    found = _deps(request, access, community).commissioning.unsent(community, kind)
    return Listing(items=[UnsentOut.of(row) for row in found])


@router.post("/matches", status_code=204)
def match_device(request: Request, *, access: Managers, community: str, body: MatchIn) -> Response:
    """A waiting device is the one of a line of the list, whatever its serial says."""
    deps = _deps(request, access, community)
    deps.commissioning.take_place(community, body.line, body.device, by=access.caller.login)
    return Response(status_code=204)


@router.post("/swaps", status_code=204)
def swap_devices(request: Request, *, access: Walkers, community: str, body: SwapIn) -> Response:
    """Two devices hang in each other's place: from now on each speaks for where it is."""
    _deps(request, access, community).commissioning.swap(community, body.one, body.other, by=access.caller.login)
    return Response(status_code=204)


@router.get("/walk", response_model=WalkOut)
def get_walk(request: Request, *, access: Walkers, community: str) -> WalkOut:
    """Who walks where, and every room with what has been tested in it."""
    deps = _deps(request, access, community)
    shown = deps.commissioning.overview(community)
    return WalkOut(
        walkers=[WalkerOut.of(walker) for walker in deps.walk.walking(community)],
        rooms=[RoomOut.of(room) for room in rooms(shown, lambda place: place)],
    )


@router.post("/walk/here", response_model=WalkerOut)
def walk_here(request: Request, *, access: Walkers, community: str, body: HereIn) -> WalkerOut:
    """What is triggered in this room from now on is the caller's test. Say it again at least every 30 minutes."""
    deps = _deps(request, access, community)
    return WalkerOut.of(deps.walk.here(community, body.place, by=access.caller.login))


@router.post("/walk/expect", response_model=WalkerOut)
def walk_expect(request: Request, *, access: Walkers, community: str, body: PointIn) -> WalkerOut:
    """What is triggered next; what speaks instead of it may have been taken for it."""
    deps = _deps(request, access, community)
    return WalkerOut.of(deps.walk.expect(community, body.device, body.point, by=access.caller.login))


@router.post("/walk/confirm", response_model=TestOut)
def walk_confirm(request: Request, *, access: Walkers, community: str, body: PointIn) -> TestOut:
    """Somebody has compared the value with what they see, and it is right."""
    deps = _deps(request, access, community)
    return TestOut.of(deps.walk.confirm(community, body.device, body.point, by=access.caller.login))


def _deps(request: Request, access: Access, community: str) -> WebDeps:
    """NotFound where the community is outside the caller's scope."""
    access.check(community, "", "community")
    deps: WebDeps = request.app.state.deps
    return deps
