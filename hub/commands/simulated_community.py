"""A community file as the simulator's community: its devices, and those that are only expected."""

from __future__ import annotations

from collections.abc import Iterable

from devices.simulator.habits import signal_for
from devices.simulator.model import SimCommunity, SimDevice, SimPoint, point_key
from devices.simulator.noise import key_of
from hub.clock import MINUTE
from hub.domain.expected import Expected, plain_serial
from hub.domain.places import Facility
from hub.errors import HubError
from hub.flows.registry import Registry
from hub.storage.catalogue import load_catalogue
from hub.storage.community.registry import registry_of
from hub.storage.community_toml import find_picture


def read_community(name_or_path: str, seed: int) -> SimCommunity:
    """A community file, or a shipped community by its id: the devices that it has, and those of its list."""
    catalogue = load_catalogue()
    picture = find_picture(name_or_path, catalogue)
    return simulated(registry_of(picture, catalogue=catalogue), seed, picture.expected.values())


def simulated(registry: Registry, seed: int, expected: Iterable[Expected] = ()) -> SimCommunity:
    """The registry's devices and those that are to come, each point with the signal that its metric and facility call for."""
    if len(registry.communities) != 1:
        raise HubError("a community file holds exactly one community")
    community = next(iter(registry.communities.values()))
    points: dict[str, list[SimPoint]] = {}
    spots: dict[str, tuple[str, str]] = {}
    for (hub_id, name), bindings in registry.bindings.items():
        binding = bindings[-1]
        facility = registry.facilities[binding.community, binding.facility]
        spots.setdefault(hub_id, (facility.id, facility.kind))
        metric = binding.metric_name()
        points.setdefault(hub_id, []).append(_point(name, metric, facility, point_key(seed, _own_name(hub_id), name)))
    devices = {}
    for device in registry.devices.values():
        facility_id, kind = spots.get(device.id, ("", ""))
        building = registry.facilities[community.id, facility_id].building if facility_id else None
        name = _own_name(device.id)
        interval = device.expected_interval or MINUTE
        devices[name] = SimDevice(
            id=name,
            gateway=_own_name(device.its_gateway) if device.its_gateway else name,
            building=building or "",
            facility=facility_id,
            kind=kind,
            interval=interval,
            phase=key_of(seed, name, "phase") % interval,
            points=tuple(points.get(device.id, ())),
            scheme=device.scheme,
            own=device.scheme_id,
            name=device.name.en,
            maker=device.its_maker,
            model=device.its_model,
        )
    for line in expected:
        devices.setdefault(line.id, _to_come(line, registry, seed))
    return SimCommunity(id=community.id, zone=community.timezone, devices=devices)


def _point(name: str, metric: str, facility: Facility, key: int) -> SimPoint:
    return SimPoint(
        name=name,
        metric=metric,
        signal=signal_for(facility.kind, metric),
        key=key,
        capacity=facility.capacity or 0,
    )


def _to_come(line: Expected, registry: Registry, seed: int) -> SimDevice:
    """The device of a line: it says the line's serial, or has the identity by which it will be heard."""
    facility = registry.facilities.get((line.community, line.facility))
    interval = line.interval or MINUTE
    return SimDevice(
        id=line.id,
        gateway=line.gateway or line.id,
        building=facility.building or "" if facility else "",
        facility=line.facility,
        kind=facility.kind if facility else "",
        interval=interval,
        phase=key_of(seed, line.id, "phase") % interval,
        points=tuple(
            _point(name, metric or name.rpartition(".")[2], facility, point_key(seed, line.id, name))
            for name, metric in line.points.items()
            if facility is not None
        ),
        scheme=line.scheme or "native",
        own=line.scheme_id or plain_serial(line.serial),
        name=line.name.en,
        maker=line.maker,
        model=line.model,
    )


def _own_name(hub_id: str) -> str:
    """The device's name within its community."""
    return hub_id.partition("~")[2]
