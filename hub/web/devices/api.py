"""/api/v1/devices, /api/v1/points"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from hub.domain.metrics import METRICS
from hub.domain.places import Device, DeviceState
from hub.errors import InvalidInput, NotFound
from hub.flows.community.adoption import InboxDevice
from hub.flows.registry import Registry
from hub.web.auth.access import MANAGERS, Access, Need, Read
from hub.web.deps import WebDeps
from hub.web.devices.picture import found as found_device
from hub.web.devices.picture import tag_of, view_of
from hub.web.devices.said import said
from hub.web.devices.schemas import Adopted, AdoptIn, AdoptMany, AdoptOne, DeviceFull, DeviceOut, InboxOut, PointOut
from hub.web.idempotency import once
from hub.web.paging import page_of
from hub.web.schemas import Cursor, Limit, Listing

router = APIRouter(prefix="/api/v1", tags=["registry"])

Managers = Annotated[Access, Depends(Need(MANAGERS))]


@router.get("/devices", response_model=Listing[DeviceOut])
def list_devices(
    request: Request,
    *,
    access: Read,
    community: str | None = None,
    facility: str | None = None,
    state: DeviceState | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Listing[DeviceOut]:
    """By id."""
    deps: WebDeps = request.app.state.deps
    places = places_of(deps.registrar.current, deps.clock.now())
    found = (
        ((device.id,), device)
        for device in known(deps).values()
        if community in (None, device.community)
        and state in (None, device.state)
        and (facility is None or facility in places.get(device.id, ()))
        and visible(access, device, places)
    )
    items, after = page_of(found, limit, cursor)
    return Listing(items=[_out(deps, device) for device in items], next=after)


@router.get("/devices/inbox", response_model=Listing[InboxOut])
def list_inbox(
    request: Request, *, access: Managers, community: str | None = None, limit: Limit = 100, cursor: Cursor = None
) -> Listing[InboxOut]:
    """Devices that wait, with what they said last and what they seem to be."""
    deps: WebDeps = request.app.state.deps
    found = (((item.device.id,), item) for item in waiting(deps, access) if community in (None, item.device.community))
    items, after = page_of(found, limit, cursor)
    told = said(items, deps.live)
    return Listing(
        items=[InboxOut.of(item, _out(deps, item.device), told[item.device.id]) for item in items], next=after
    )


@router.post("/devices/adopt", response_model=Adopted)
def adopt_many(request: Request, *, access: Managers, body: AdoptMany) -> Response:
    """Many at once: all or none."""
    deps: WebDeps = request.app.state.deps
    for number, item in enumerate(body.items):
        _check(deps, access, item.device, item, f"/items/{number}")

    def work() -> tuple[int, Adopted]:
        adopted = deps.inbox.adopt([item.adoption(item.device, access.caller.login) for item in body.items])
        return 200, Adopted(items=[_out(deps, device) for device in adopted])

    return once(request, deps, access.caller.login, body, work)


@router.get("/devices/{device_id}", response_model=DeviceFull)
def get_device(request: Request, *, response: Response, access: Read, device_id: str) -> DeviceFull:
    """One, with its points, their last words and bindings, and the devices that speak through it."""
    deps: WebDeps = request.app.state.deps
    file = found_device(deps, access, device_id)
    response.headers["ETag"] = f'"{tag_of(file.device)}"'
    return DeviceFull.whole(view_of(deps, file))


@router.post("/devices/{device_id}/adopt", response_model=DeviceOut)
def adopt(request: Request, *, access: Managers, device_id: str, body: AdoptIn) -> Response:
    """Give a device that waits its place. Its readings have been kept from the first message on."""
    deps: WebDeps = request.app.state.deps
    _check(deps, access, device_id, body, "")
    asked = AdoptOne(device=device_id, **body.model_dump())

    def work() -> tuple[int, DeviceOut]:
        (device,) = deps.inbox.adopt([asked.adoption(device_id, access.caller.login)])
        return 200, _out(deps, device)

    return once(request, deps, access.caller.login, asked, work)


@router.get("/points", response_model=Listing[PointOut])
def list_points(
    request: Request,
    *,
    access: Read,
    community: str | None = None,
    facility: str | None = None,
    device: str | None = None,
    metric: str | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Listing[PointOut]:
    """Points with the binding that holds now."""
    deps: WebDeps = request.app.state.deps
    registry, now = deps.registrar.current, deps.clock.now()
    bound = ((key, registry.binding(*key, now)) for key in registry.bindings)
    found = (
        (key, (key, binding))
        for key, binding in bound
        if binding is not None
        and community in (None, binding.community)
        and facility in (None, binding.facility)
        and device in (None, key[0])
        and metric in (None, binding.metric_name())
        and access.scope.allows(binding.community, binding.facility)
    )
    items, after = page_of(found, limit, cursor)
    return Listing(
        items=[
            PointOut(
                device=key[0],
                point=key[1],
                community=binding.community,
                facility=binding.facility,
                unit=binding.unit,
                metric=binding.metric_name(),
                ucum=METRICS[binding.metric_name()].unit if binding.metric_name() in METRICS else "",
            )
            for key, binding in items
        ],
        next=after,
    )


def known(deps: WebDeps) -> dict[str, Device]:
    """Every device: of the registry, and those that wait."""
    return {**{item.device.id: item.device for item in deps.inbox.waiting()}, **deps.registrar.current.devices}


def waiting(deps: WebDeps, access: Access) -> list[InboxDevice]:
    """The inbox, as far as the caller manages."""
    return [item for item in deps.inbox.waiting() if access.scope.allows(item.device.community)]


def places_of(registry: Registry, now: int) -> dict[str, set[str]]:
    """Device -> facilities that its points speak for now."""
    found: dict[str, set[str]] = {}
    for device, point in registry.bindings:
        binding = registry.binding(device, point, now)
        if binding is not None:
            found.setdefault(device, set()).add(binding.facility)
    return found


def visible(access: Access, device: Device, places: dict[str, set[str]]) -> bool:
    """In a community of the caller's, or speaking for one of the caller's facilities."""
    return access.scope.allows(device.community) or any(
        access.scope.allows(device.community, facility) for facility in places.get(device.id, ())
    )


def _check(deps: WebDeps, access: Access, device_id: str, asked: AdoptIn, at: str) -> None:
    item = next((item for item in waiting(deps, access) if item.device.id == device_id), None)
    if item is None:
        raise NotFound(f"no device {device_id[:80]!r} waits for adoption")
    registry = deps.registrar.current
    facility = registry.facilities.get((item.device.community, asked.facility))
    if facility is None:
        raise InvalidInput(
            f"no facility {asked.facility!r} in {item.device.community}",
            pointer=f"{at}/facility",
            expected="the id of a facility of the device's community",
        )
    if asked.unit and asked.unit not in {unit.id for unit in facility.units}:
        raise InvalidInput(
            f"{facility.id} has no unit {asked.unit!r}",
            pointer=f"{at}/unit",
            expected=" or ".join(unit.id for unit in facility.units) or "no unit",
        )
    for point, metric in asked.points.items():
        if metric not in METRICS:
            raise InvalidInput(
                f"no metric {metric!r}", pointer=f"{at}/points/{point}", expected="a name of the metric table"
            )


def _out(deps: WebDeps, device: Device) -> DeviceOut:
    return DeviceOut.of(device, deps.live.heard_at(device.id), deps.live.online(device.id))
