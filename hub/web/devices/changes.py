"""/api/v1/devices/{id}: rename and date, retire, replace by another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from hub.domain.places import Device
from hub.errors import Stale
from hub.flows.community.desk import DeviceFile
from hub.web.auth.access import MANAGERS, Access, Need
from hub.web.deps import WebDeps
from hub.web.devices.picture import found, tag_of, view_of
from hub.web.devices.schemas import AmendIn, DeviceFull, DeviceOut, ReplaceIn
from hub.web.idempotency import once
from hub.web.schemas import Schema, check_match, refused

router = APIRouter(prefix="/api/v1/devices", tags=["registry"])

Managers = Annotated[Access, Depends(Need(MANAGERS))]


class Nothing(Schema):
    """A body without a choice."""


@router.patch("/{device_id}", response_model=DeviceFull)
def amend(request: Request, *, response: Response, access: Managers, device_id: str, body: AmendIn) -> DeviceFull:
    """Another name, other days of upkeep; what is left out stays. Its id and its history stay in any case."""
    deps: WebDeps = request.app.state.deps
    seen = _seen(request, deps, access, device_id)
    if not body.model_fields_set:
        raise refused("", "nothing is to change", "name, sim_expires, calibrated_until or end_of_life")
    changed = deps.devices.amend(device_id, body.amendment(), by=access.caller.login, seen=seen)
    response.headers["ETag"] = f'"{tag_of(changed)}"'
    return full(deps, deps.devices.device(device_id))


@router.post("/{device_id}/retire", response_model=DeviceOut)
def retire(request: Request, *, access: Managers, device_id: str, body: Nothing | None = None) -> Response:
    """Out of use from now on: it speaks for nothing any more, and its history stays."""
    deps: WebDeps = request.app.state.deps
    seen = _seen(request, deps, access, device_id)
    return _once(
        request, access, body or Nothing(), lambda: deps.devices.retire(device_id, by=access.caller.login, seen=seen)
    )


@router.post("/{device_id}/replace", response_model=DeviceOut)
def replace(request: Request, *, access: Managers, device_id: str, body: ReplaceIn) -> Response:
    """Another device goes on with its points, from a moment on; it is retired. The answer is the new one."""
    deps: WebDeps = request.app.state.deps
    seen = _seen(request, deps, access, device_id)
    found(deps, access, body.by)
    asked = body.exchange(device_id, access.caller.login)
    return _once(request, access, body, lambda: deps.devices.exchange(asked, seen=seen))


def _seen(request: Request, deps: WebDeps, access: Access, device_id: str) -> Device | None:
    """The device as the caller saw it, where the caller says what that was."""
    device = found(deps, access, device_id).device
    check_match(request, f'"{tag_of(device)}"')
    return device if request.headers.get("if-match", "*").strip() not in ("", "*") else None


def _once(request: Request, access: Access, body: Schema, work: Callable[[], Device]) -> Response:
    deps: WebDeps = request.app.state.deps

    def answer() -> tuple[int, DeviceOut]:
        device = work()
        return 200, DeviceOut.of(device, deps.live.heard_at(device.id), deps.live.online(device.id))

    return once(request, deps, access.caller.login, body, answer)


def full(deps: WebDeps, file: DeviceFile) -> DeviceFull:
    """With points, bindings and what speaks through it."""
    return DeviceFull.whole(view_of(deps, file))


def check_seen(device: Device, tag: str) -> Device:
    """What a form was drawn from. Stale where it has changed since."""
    if tag != tag_of(device):
        raise Stale(f"device {device.id} has changed since the page was drawn: look at it again")
    return device
