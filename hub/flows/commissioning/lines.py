"""Every device that is to be there, on one line: where, whether it speaks, and which of its points have been tested. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from hub.domain.expected import Expected, recognise
from hub.domain.places import Binding, Device, Name
from hub.domain.walk import UNTESTED, Point, Standing
from hub.flows.batch import PointKey
from hub.flows.live import ClockFault, LiveReading
from hub.flows.registry import Registry


class Live(Protocol):
    """The alarm lane's memory of the present."""

    def readings(self, keys: Collection[PointKey]) -> Mapping[PointKey, LiveReading]:
        """Those that have been heard of."""
        ...

    def heard_at(self, device: str) -> int | None:
        """When a device was last heard, epoch ms."""
        ...

    def online(self, device: str) -> bool | None:
        """Its own statement, or its last will; None: it made none."""
        ...

    def clock_fault(self, device: str) -> ClockFault | None:
        """What is wrong with the device's own clock; None: nothing that can be told."""
        ...


UPKEEP: Final = frozenset({"battery", "battery_voltage", "battery_low", "signal", "uptime"})
"""Metrics of the device itself: nobody triggers them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointLine:
    """A point to be tested, or one that tells how the device is."""

    device: str
    point: str
    metric: str
    facility: str
    unit: str
    reading: LiveReading | None
    standing: Standing
    to_test: bool

    @property
    def key(self) -> Point:
        """As tests name it."""
        return self.device, self.point


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLine:
    """A device that is to be there."""

    id: str
    """Of the line of the list, or the device's own name."""
    name: Name
    listed: bool
    """On the list of expected devices; else the community file names it as a device."""
    device: str
    """Hub id; empty: nothing has come."""
    serial: str
    gateway: str
    """The device or line through which it speaks, without the community."""
    is_gateway: bool
    facility: str
    unit: str
    place: str
    seen_at: int | None
    """When it was last heard; None: never, or only that it is online."""
    seen: bool
    silent: bool
    """It has been heard, and says nothing now."""
    battery: float | None
    signal: float | None
    points: tuple[PointLine, ...]

    @property
    def to_test(self) -> tuple[PointLine, ...]:
        """Points that somebody has to trigger."""
        return tuple(point for point in self.points if point.to_test)

    @property
    def tested(self) -> bool:
        """Every point of it that can be triggered has been."""
        wanted = self.to_test
        return bool(wanted) and all(point.standing.passed is not None for point in wanted)


class Facts(NamedTuple):
    """What every line is looked up in."""

    registry: Registry
    live: Live
    now: int
    standing: Mapping[Point, Standing]
    bound: Mapping[str, list[tuple[str, Binding]]]
    """Device -> its points with their present bindings."""
    readings: Mapping[PointKey, LiveReading]
    speakers: frozenset[str]
    """Own names of lines and devices through which others speak."""


def bound_points(registry: Registry, community: str, now: int) -> dict[str, list[tuple[str, Binding]]]:
    """Device -> its points with their present bindings, by name."""
    found: dict[str, list[tuple[str, Binding]]] = {}
    for device, point in sorted(registry.bindings):
        binding = registry.binding(device, point, now)
        if binding is not None and binding.community == community:
            found.setdefault(device, []).append((point, binding))
    return found


def of_expected(line: Expected, device: Device | None, facts: Facts) -> DeviceLine:
    """The line of the list, with the device that has come for it."""
    is_gateway = line.id in facts.speakers or not line.facility
    if device is None:
        points = tuple(
            _unheard(name, metric or name.rpartition(".")[2], line.facility, line.unit)
            for name, metric in line.points.items()
        )
        return _line(line, None, points, facts, is_gateway=is_gateway)
    return _line(line, device, _points(device, facts), facts, is_gateway=is_gateway)


def of_device(device: Device, facts: Facts) -> DeviceLine:
    """A device that the community file names by itself."""
    own = device.id.partition("~")[2]
    points = _points(device, facts)
    is_gateway = own in facts.speakers or not points
    return _line(None, device, points, facts, is_gateway=is_gateway)


def _line(
    line: Expected | None,
    device: Device | None,
    points: tuple[PointLine, ...],
    facts: Facts,
    *,
    is_gateway: bool,
) -> DeviceLine:
    facility = next((point.facility for point in points), line.facility if line else "")
    community = device.community if device else line.community if line else ""
    place = facts.registry.facilities.get((community, facility))
    hub_id = device.id if device else ""
    own = line.id if line else hub_id.partition("~")[2]
    name = line.name if line else device.name if device else Name(zh=own, en=own)
    heard = facts.live.heard_at(hub_id) if hub_id else None
    online = facts.live.online(hub_id) if hub_id else None
    spoken = [point.reading for point in points if point.reading is not None]
    return DeviceLine(
        id=own,
        name=name,
        listed=line is not None,
        device=hub_id,
        serial=_serial(line, device),
        gateway=device.its_gateway.partition("~")[2] if device and device.its_gateway else line.gateway if line else "",
        is_gateway=is_gateway,
        facility=facility,
        unit=next((point.unit for point in points), line.unit if line else ""),
        place=(line.place if line else "") or (place.building or "" if place else ""),
        seen_at=heard,
        seen=device is not None and (heard is not None or online is not None or line is not None),
        silent=online is False or (bool(spoken) and all(reading.silent for reading in spoken)),
        battery=_value(points, "battery"),
        signal=_value(points, "signal"),
        points=points,
    )


def _serial(line: Expected | None, device: Device | None) -> str:
    """As listed; that of the device itself where somebody took another one for it, or has replaced it."""
    if line is not None and (device is None or recognise(line, device)):
        return line.serial or line.scheme_id
    return (device.about.serial or device.scheme_id) if device is not None else ""


def _value(points: Iterable[PointLine], metric: str) -> float | None:
    found = (p.reading.value for p in points if p.metric == metric and p.reading is not None and not p.reading.silent)
    return next(found, None)


def _unheard(point: str, metric: str, facility: str, unit: str) -> PointLine:
    return PointLine(
        device="",
        point=point,
        metric=metric,
        facility=facility,
        unit=unit,
        reading=None,
        standing=UNTESTED,
        to_test=metric not in UPKEEP,
    )


def _points(device: Device, facts: Facts) -> tuple[PointLine, ...]:
    return tuple(_point(device, point, binding, facts) for point, binding in facts.bound.get(device.id, []))


def _point(device: Device, point: str, binding: Binding, facts: Facts) -> PointLine:
    metric = binding.metric_name()
    return PointLine(
        device=device.id,
        point=point,
        metric=metric,
        facility=binding.facility,
        unit=binding.unit,
        reading=facts.readings.get(PointKey(device.community, device.id, point)),
        standing=facts.standing.get((device.id, point), UNTESTED),
        to_test=metric not in UPKEEP,
    )
