"""/devices: the inbox first, then every device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.domain.metrics import METRICS, named
from hub.domain.places import Device
from hub.errors import HubError, InvalidInput, NotFound
from hub.flows.community.adoption import Adoption, InboxDevice
from hub.web.auth.access import MANAGERS, Access, NeedForm, Read
from hub.web.deps import WebDeps
from hub.web.devices.api import known, places_of, visible, waiting
from hub.web.devices.said import last_said, said, shown
from hub.web.paging import page_of
from hub.web.problems import problem_of
from hub.web.rendering import Pages

router = APIRouter(include_in_schema=False)
MOST_WAITING: Final = 40
"""Cards of the inbox on one page: each has a list of every place, and a flood of new names must not be one of cards."""
Managers = Annotated[Access, Depends(NeedForm(MANAGERS))]


@dataclass(frozen=True, slots=True)
class _View:
    """Which devices are looked at."""

    q: str = ""
    waiting: str | None = None
    """The last card of the inbox that was shown before."""
    cursor: str | None = None

    def shows(self, device: Device) -> bool:
        words = f"{device.id} {device.name.zh} {device.name.en} {device.scheme_id} {device.its_model}"
        return self.q.strip().casefold() in words.casefold()


@router.get("/devices")
def devices_page(
    request: Request,
    *,
    access: Read,
    q: Annotated[str, Query(max_length=60)] = "",
    later: Annotated[str | None, Query(alias="waiting")] = None,
    cursor: str | None = None,
    adopted: int = 0,
) -> Response:
    """待接入 and the list; both are searched."""
    return _page(request, access, _View(q, later, cursor), adopted=adopted)


@router.post("/devices/adopt")
async def adopt(request: Request, access: Managers) -> Response:
    """One (its own button) or every ticked one; the choices stand in fields named after the device."""
    form = await request.form()
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    ticked = [value for name, value in form.multi_items() if name == "device" and isinstance(value, str)]
    wanted = [fields["one"]] if fields.get("one") else ticked
    return await run_in_threadpool(_adopt, request, access, wanted, fields)


def _adopt(request: Request, access: Access, wanted: list[str], fields: dict[str, str]) -> Response:
    deps: WebDeps = request.app.state.deps
    view = _View(fields.get("q", "")[:60], fields.get("waiting") or None)
    try:
        adoptions = _asked(deps, access, wanted, fields)
        deps.inbox.adopt(adoptions)
    except (InvalidInput, NotFound) as error:
        return _page(request, access, view, error=error)
    again = {"adopted": len(adoptions), "q": view.q, "waiting": view.waiting}
    return RedirectResponse(f"/devices?{urlencode({k: v for k, v in again.items() if v})}", status_code=303)


def _asked(deps: WebDeps, access: Access, wanted: list[str], fields: dict[str, str]) -> list[Adoption]:
    """What the form wants; InvalidInput and NotFound name the device."""
    mine = {item.device.id: item for item in waiting(deps, access)}
    if not wanted:
        raise InvalidInput("no device is ticked", pointer="/device", expected="at least one")
    adoptions = []
    for device in wanted:
        item = mine.get(device)
        if item is None:
            raise NotFound(f"no device {device[:80]!r} waits for adoption")
        facility, _, unit = fields.get(f"place:{device}", "").partition("/")
        if (item.device.community, facility) not in deps.registrar.current.facilities:
            raise InvalidInput(
                f"{device}: no place is chosen", pointer=f"/place:{device}", expected="a facility of the list"
            )
        points = _metrics(item, fields)
        adoptions.append(Adoption(device=device, facility=facility, unit=unit, points=points, by=access.caller.login))
    return adoptions


def _metrics(item: InboxDevice, fields: dict[str, str]) -> dict[str, str]:
    """Point -> metric, or empty for none, where the form says another thing than the device itself. InvalidInput."""
    chosen: dict[str, str] = {}
    for point in item.points:
        text = fields.get(f"metric:{item.device.id}:{point.name}")
        if text is None:
            continue
        metric = named(text) if text.strip() else ""
        if metric is None:
            raise InvalidInput(
                f"{item.device.id}: no metric is called {text[:60]!r}",
                pointer=f"/metric:{item.device.id}:{point.name}",
                expected=f"for {point.name} one of the list, or nothing",
            )
        if metric != point.known:
            chosen[point.name] = metric
    return chosen


def _page(
    request: Request,
    access: Access,
    view: _View,
    *,
    adopted: int = 0,
    error: HubError | None = None,
) -> Response:
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    registry, now = deps.registrar.current, deps.clock.now()
    places = places_of(registry, now)
    found = (
        ((device.id,), device)
        for device in known(deps).values()
        if device.state != "inbox" and visible(access, device, places) and view.shows(device)
    )
    items, after = page_of(found, 60, view.cursor)
    waits = waiting(deps, access) if access.caller.has(MANAGERS) else []
    cards = [((item.device.id,), item) for item in waits if view.shows(item.device)]
    inbox, later = page_of(cards, MOST_WAITING, view.waiting)
    told = said(inbox, deps.live)
    return pages.page(
        request,
        "devices/devices.html",
        status=problem_of(error).status if error else 200,
        inbox=inbox,
        waits=len(cards),
        later=later,
        said=told,
        last_said=last_said,
        shown={device: shown(points) for device, points in told.items()},
        facilities={
            community: [f for key, f in sorted(registry.facilities.items()) if key[0] == community]
            for community in {item.device.community for item in inbox}
        },
        devices=[(d, sorted(places.get(d.id, ())), deps.live.heard_at(d.id), deps.live.online(d.id)) for d in items],
        metrics=METRICS,
        next=after,
        q=view.q,
        waiting=view.waiting,
        adopted=adopted,
        error=error,
        registry=registry,
        catalogue=deps.catalogue,
    )
