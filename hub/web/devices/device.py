"""/devices/{id}: one device, and what a manager can decide about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.domain.places import DeviceState, Name
from hub.errors import HubError, IllegalTransition, InvalidInput, Stale
from hub.flows.community.desk import Amendment, DeviceFile
from hub.flows.community.exchange import Exchange, in_its_place, is_alike, match, running
from hub.flows.lists import AlarmFilter, QuarantineFilter
from hub.web.auth.access import MANAGERS, OPERATORS, Access, Need, NeedForm, Read
from hub.web.deps import WebDeps
from hub.web.devices.api import waiting
from hub.web.devices.changes import check_seen
from hub.web.devices.picture import found, speaks_for, stand_ins, tag_of, view_of
from hub.web.devices.schemas import DATES, NameIn
from hub.web.overview import covers
from hub.web.picture import OPEN
from hub.web.problems import problem_of
from hub.web.rendering import Pages

router = APIRouter(include_in_schema=False)
FormManagers = Annotated[Access, Depends(NeedForm(MANAGERS))]
ReadManagers = Annotated[Access, Depends(Need(MANAGERS))]
MOST_PROBLEMS = 5
_REFUSALS = (InvalidInput, IllegalTransition, Stale)


@router.get("/devices/{device_id}")
def device_page(request: Request, *, access: Read, device_id: str, done: str = "") -> Response:
    """What it is, what it says, what it has spoken for, and what is wrong with it."""
    deps: WebDeps = request.app.state.deps
    return _page(request, access, found(deps, access, device_id), done=done)


@router.post("/devices/{device_id}/amend")
async def amend(request: Request, access: FormManagers, device_id: str) -> Response:
    """Another name, other days of upkeep."""
    fields = await _fields(request)

    def act(deps: WebDeps, file: DeviceFile) -> str:
        seen = check_seen(file.device, fields.get("tag", ""))
        deps.devices.amend(file.device.id, _amendment(fields), by=access.caller.login, seen=seen)
        return f"{file.device.id}?done=amended"

    return await run_in_threadpool(_do, request, access, device_id, act)


@router.post("/devices/{device_id}/retire")
async def retire(request: Request, access: FormManagers, device_id: str) -> Response:
    """停用: out of use, history kept."""
    fields = await _fields(request)

    def act(deps: WebDeps, file: DeviceFile) -> str:
        seen = check_seen(file.device, fields.get("tag", ""))
        if not fields.get("confirmed"):
            raise InvalidInput("it was not confirmed", pointer="/confirmed", expected="the tick beside it")
        deps.devices.retire(file.device.id, by=access.caller.login, seen=seen)
        return f"{file.device.id}?done=retired"

    return await run_in_threadpool(_do, request, access, device_id, act)


@router.get("/devices/{device_id}/replace")
def replace_page(request: Request, *, access: ReadManagers, device_id: str, by: str = "") -> Response:
    """Which point goes on with which, before anything is done."""
    deps: WebDeps = request.app.state.deps
    return _exchange_page(request, found(deps, access, device_id), found(deps, access, by))


@router.post("/devices/{device_id}/replace")
async def replace(request: Request, access: FormManagers, device_id: str) -> Response:
    """更换: another device stands there now."""
    fields = await _fields(request)
    return await run_in_threadpool(_replace, request, access, device_id, fields)


def _replace(request: Request, access: Access, device_id: str, fields: dict[str, str]) -> Response:
    deps: WebDeps = request.app.state.deps
    old, new = found(deps, access, device_id), found(deps, access, fields.get("by", ""))
    try:
        seen = check_seen(old.device, fields.get("tag", ""))
        asked = Exchange(
            device=old.device.id,
            by=new.device.id,
            points={point: fields.get(f"point:{point}", "") for point in running(old.bindings)},
            at=_moment(request, deps, old, fields.get("at", "")),
            keep_calibration=bool(fields.get("keep")),
            who=access.caller.login,
        )
        deps.devices.exchange(asked, seen=seen)
    except _REFUSALS as error:
        return _exchange_page(request, old, new, error=error, chosen=fields)
    return RedirectResponse(f"/devices/{new.device.id}?done=replaced", status_code=303)


def _do(request: Request, access: Access, device_id: str, act: Callable[[WebDeps, DeviceFile], str]) -> Response:
    deps: WebDeps = request.app.state.deps
    file = found(deps, access, device_id)
    try:
        target = act(deps, file)
    except _REFUSALS as error:
        return _page(request, access, found(deps, access, device_id), error=error)
    return RedirectResponse(f"/devices/{target}", status_code=303)


async def _fields(request: Request) -> dict[str, str]:
    form = await request.form()
    return {name: value.strip() for name, value in form.multi_items() if isinstance(value, str)}


def _amendment(fields: dict[str, str]) -> Amendment:
    try:
        name = NameIn(zh=fields.get("name_zh", ""), en=fields.get("name_en", ""))
    except ValidationError as error:
        raise InvalidInput(
            "the name cannot be used", pointer="/name", expected="one line in Chinese, in English, or in both"
        ) from error
    dates: dict[str, date | None] = {}
    for key in DATES:
        try:
            dates[key] = date.fromisoformat(fields[key]) if fields.get(key) else None
        except ValueError as error:
            raise InvalidInput(
                f"{fields[key][:40]!r} is no day", pointer=f"/{key}", expected="a day such as 2027-03-31, or nothing"
            ) from error
    return Amendment(name=Name(zh=name.zh, en=name.en), dates=dates)


def _moment(request: Request, deps: WebDeps, file: DeviceFile, text: str) -> int | None:
    """``2026-11-23T09:30`` of the form, in the community's own zone; nothing: now."""
    if not text:
        return None
    pages: Pages = request.app.state.pages
    home = deps.registrar.current.communities.get(file.device.community)
    try:
        return pages.teller(request, home).instant(text)
    except ValueError as error:
        raise InvalidInput(
            f"{text[:40]!r} is no time", pointer="/at", expected="a time such as 2026-11-23T09:30, or nothing: now"
        ) from error


def _page(
    request: Request, access: Access, file: DeviceFile, *, done: str = "", error: HubError | None = None
) -> Response:
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    registry = deps.registrar.current
    device = file.device
    view = view_of(deps, file)
    what = AlarmFilter(device=device.id, states=OPEN, late=False, raised=True)
    kept = QuarantineFilter(device=device.id)
    looks = access.caller.has(OPERATORS)
    alarms, problems, tickets = deps.records.read(
        lambda books: (
            (items := books.alarms.page(what, access.scope, limit=50).items),
            books.quarantine.page(kept, access.scope, limit=MOST_PROBLEMS).items if looks else (),
            {alarm.id: books.alarms.ticket_of(alarm.id) for alarm in items},
        )
    )
    decides = access.caller.has(MANAGERS) and access.scope.allows(device.community)
    replaceable = decides and in_its_place(device, file.bindings)[0].state is DeviceState.ADOPTED and speaks_for(file)
    inbox = [item.device for item in waiting(deps, access)] if replaceable else []
    return pages.page(
        request,
        "devices/device.html",
        status=problem_of(error).status if error else 200,
        community=registry.communities.get(device.community),
        view=view,
        device=device,
        tag=tag_of(device),
        alarms=alarms,
        tickets=tickets,
        covers=covers(deps, alarms),
        problems=problems,
        decides=decides,
        stand_ins=stand_ins(registry, inbox, device) if replaceable else [],
        replaceable=replaceable,
        done=done if done in ("amended", "retired", "replaced") else "",
        error=error,
        registry=registry,
        catalogue=deps.catalogue,
    )


def _exchange_page(
    request: Request,
    old: DeviceFile,
    new: DeviceFile,
    *,
    error: HubError | None = None,
    chosen: dict[str, str] | None = None,
) -> Response:
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    registry = deps.registrar.current
    ended = running(in_its_place(old.device, old.bindings)[1])
    best = match(ended, new.points)
    picked = chosen or {}
    before = {row.name: row for row in view_of(deps, old).points}
    after = {row.name: row for row in view_of(deps, new).points}
    alike = is_alike(old.device, new.device)
    return pages.page(
        request,
        "devices/replace.html",
        status=problem_of(error).status if error else 200,
        community=registry.communities.get(old.device.community),
        old=old.device,
        new=new.device,
        tag=picked.get("tag") or tag_of(old.device),
        rows=[(before[point], picked.get(f"point:{point}", best[point])) for point in ended],
        names=[after[point.name] for point in new.points if point.name in after],
        at=picked.get("at", ""),
        keep=bool(picked.get("keep")) if chosen else alike,
        corrected=any(b.factor != 1 or b.offset or b.inverted for b in ended.values()),
        error=error,
        registry=registry,
    )
