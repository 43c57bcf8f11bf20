"""/commissioning/{community}/walk: the walk test, on the phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.domain.metrics import METRICS
from hub.errors import HubError, IllegalTransition, InvalidInput, NotFound
from hub.flows.commissioning.overview import rooms
from hub.web.auth.access import WORKERS, Access, Need, NeedForm
from hub.web.deps import WebDeps
from hub.web.problems import problem_of
from hub.web.rendering import Pages
from hub.web.telling import Teller

router = APIRouter(include_in_schema=False)
Lookers = Annotated[Access, Depends(Need(WORKERS))]
Walkers = Annotated[Access, Depends(NeedForm(WORKERS))]
Id = Annotated[str, Form(max_length=200)]
PlaceId = Annotated[str, Form(max_length=63)]
NOWHERE = "-"
"""In addresses and forms: sensors of which nobody has said where they are."""


@router.get("/commissioning/{community}/walk")
def walk_page(
    request: Request,
    *,
    access: Lookers,
    community: str,
    place: Annotated[str | None, Query(max_length=63)] = None,
) -> Response:
    """The rooms with what is still untested; one room with its sensors, each ticked as soon as it is heard."""
    return _page(request, access, community, place)


@router.post("/commissioning/{community}/walk/here")
def here(request: Request, *, access: Walkers, community: str, place: PlaceId) -> Response:
    """我在这里"""
    deps: WebDeps = request.app.state.deps
    return _done(
        request,
        access,
        community,
        place,
        lambda: deps.walk.here(community, _plain(place), by=access.caller.login),
    )


@router.post("/commissioning/{community}/walk/expect")
def expect(request: Request, *, access: Walkers, community: str, place: PlaceId, device: Id, point: Id) -> Response:
    """现在触发这个"""
    deps: WebDeps = request.app.state.deps
    return _done(
        request,
        access,
        community,
        place,
        lambda: deps.walk.expect(community, device, point, by=access.caller.login),
    )


@router.post("/commissioning/{community}/walk/confirm")
def confirm(request: Request, *, access: Walkers, community: str, place: PlaceId, device: Id, point: Id) -> Response:
    """读数正确"""
    deps: WebDeps = request.app.state.deps
    return _done(
        request,
        access,
        community,
        place,
        lambda: deps.walk.confirm(community, device, point, by=access.caller.login),
    )


@router.post("/commissioning/{community}/walk/swap")
def swap(request: Request, *, access: Walkers, community: str, device: Id, other: Id, place: PlaceId = "") -> Response:
    """对调: the two devices hang in each other's place."""
    deps: WebDeps = request.app.state.deps
    return _done(
        request,
        access,
        community,
        place,
        lambda: deps.commissioning.swap(community, device, other, by=access.caller.login),
    )


@router.post("/commissioning/{community}/walk/leave")
def leave(request: Request, *, access: Walkers, community: str) -> Response:
    """结束测试"""
    deps: WebDeps = request.app.state.deps
    return _done(request, access, community, "", lambda: deps.walk.leave(community, by=access.caller.login))


def _plain(place: str) -> str:
    return "" if place == NOWHERE else place


def _done(request: Request, access: Access, community: str, place: str, act: Callable[[], object]) -> Response:
    access.check(community, "", "community")
    try:
        act()
    except (IllegalTransition, InvalidInput, NotFound) as error:
        return _page(request, access, community, place or None, error=error)
    target = f"/commissioning/{quote(community)}/walk" + (f"?place={quote(place)}" if place else "")
    return RedirectResponse(target, status_code=303)


def _page(
    request: Request, access: Access, community: str, place: str | None, *, error: HubError | None = None
) -> Response:
    access.check(community, "", "community")
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    registry = deps.registrar.current
    shown = deps.commissioning.overview(community)
    home = registry.communities[community]
    say = pages.teller(request, home)

    def title(name: str) -> str:
        return _title(say, deps, community, name)

    found = rooms(shown, title)
    room = next((each for each in found if place is not None and each.place == _plain(place)), None)
    walker = deps.walk.walker(community, by=access.caller.login)
    return pages.page(
        request,
        "commissioning/walk.html",
        say=say,
        status=problem_of(error).status if error else 200,
        community=home,
        shown=shown,
        rooms=found,
        room=room,
        nowhere=NOWHERE,
        title=title,
        walker=walker,
        present=walker is not None and room is not None and walker.place == room.place,
        others=[each for each in deps.walk.walking(community) if each.by != access.caller.login],
        names={line.id: line for line in shown.lines} | {line.device: line for line in shown.lines if line.device},
        last_event=deps.changes.last_id(),
        metrics=METRICS,
        error=error,
        registry=registry,
        catalogue=deps.catalogue,
    )


def _title(say: Teller, deps: WebDeps, community: str, name: str) -> str:
    """The place with those above it up to its building: ``3栋 · 地下室``."""
    if not name:
        return say.gettext("Place not given")
    places, parts = deps.registrar.current.places, []
    place = places.get((community, name))
    while place is not None:
        parts.append(say.name(place.name))
        place = places.get((community, place.parent or "")) if place.kind != "building" else None
    return " · ".join(reversed(parts)) or name
