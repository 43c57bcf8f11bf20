"""All that can be said of one device at this moment: the registry's word, its own, and what it sends."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from hub.domain.leaving import leaves_at
from hub.domain.metrics import METRICS, Metric
from hub.domain.places import UNTOLD, Binding, Device, DeviceState
from hub.errors import NotFound
from hub.flows.batch import PointKey
from hub.flows.community.adoption import InboxPoint
from hub.flows.community.desk import DeviceFile
from hub.flows.community.exchange import in_its_place, is_alike, running
from hub.flows.departures import guards_life
from hub.flows.live import ClockFault, LiveReading
from hub.flows.registry import Registry
from hub.web.auth.access import Access
from hub.web.deps import WebDeps

_STAND_INS: Final = 100
LEVELS: Final = ("battery", "battery_voltage", "battery_low", "signal")
"""Metrics that say how a device itself is, shown among its facts."""


class PointRow(NamedTuple):
    """One point with what it measures, what it said last and what it has spoken for."""

    name: str
    label: str
    metric: Metric | None
    kind: str
    """``gauge``, ``total`` …: of its metric, else as the device itself says; empty: nothing tells."""
    reading: LiveReading | None
    interval: int | None
    """How often it reports, as set or learned, ms."""
    spans: tuple[Binding, ...]
    """All its bindings, the newest first."""

    @property
    def bound(self) -> Binding | None:
        """What it speaks for until further notice."""
        return self.spans[0] if self.spans and self.spans[0].valid_to is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceView:
    """One device's page."""

    device: Device
    points: tuple[PointRow, ...]
    heard_at: int | None
    online: bool | None
    clock_fault: ClockFault | None
    """What is wrong with its own clock, as its newest readings show."""
    gateway: Device | None
    children: tuple[Device, ...]
    """Those in use that speak through it."""
    successors: tuple[str, ...]
    """Devices that took over its points, by id."""
    leaves_at: int | None = None
    """When it will be retired by itself, its gateway having withdrawn it; None: it will not."""

    @property
    def levels(self) -> list[PointRow]:
        """Battery and signal."""
        return [row for row in self.points if row.metric is not None and row.metric.name in LEVELS]

    @property
    def interval(self) -> int | None:
        """How often it reports at its most frequent point, as learned."""
        return min((row.interval for row in self.points if row.interval is not None), default=None)

    @property
    def bound(self) -> bool:
        """Whether any point speaks for a facility."""
        return any(row.bound is not None for row in self.points)


def found(deps: WebDeps, access: Access, device_id: str) -> DeviceFile:
    """NotFound also where it is outside the scope. One that waits is its managers' alone."""
    file = deps.devices.device(device_id)
    facilities = {span.facility for spans in file.bindings.values() for span in spans if span.valid_to is None}
    if not (
        access.scope.allows(file.device.community)
        or any(access.scope.allows(file.device.community, facility) for facility in facilities)
    ):
        raise NotFound(f"no device {device_id[:80]!r}")
    return file


def view_of(deps: WebDeps, file: DeviceFile) -> DeviceView:
    """With one look at the live readings."""
    device, registry = file.device, deps.registrar.current
    readings = {reading.key.name: reading for reading in deps.live.of_device(device.id)}
    said = {point.name: point for point in file.points}
    names = sorted({*said, *file.bindings, *readings})
    return DeviceView(
        device=device,
        points=tuple(
            _row(name, file, said.get(name), readings.get(name), deps.live.interval(_key(device, name)))
            for name in names
        ),
        heard_at=deps.live.heard_at(device.id),
        online=deps.live.online(device.id),
        clock_fault=deps.live.clock_fault(device.id),
        gateway=registry.devices.get(device.its_gateway or ""),
        children=tuple(
            sorted(
                (d for d in registry.devices.values() if d.its_gateway == device.id and d.state is DeviceState.ADOPTED),
                key=lambda d: d.id,
            )
        ),
        successors=tuple(_successors(registry, file)),
        leaves_at=None if guards_life(registry, device) else leaves_at(device, deps.live.heard_at(device.id)),
    )


def _key(device: Device, point: str) -> PointKey:
    return PointKey(device.community, device.id, point)


def _row(
    name: str, file: DeviceFile, said: InboxPoint | None, reading: LiveReading | None, interval: int | None
) -> PointRow:
    metric = METRICS.get(_metric_of(name, file, said.known if said is not None else ""))
    told = said.kind if said is not None else ""
    return PointRow(
        name=name,
        label=said.label if said is not None else "",
        metric=metric,
        kind=metric.kind.value if metric is not None else told,
        reading=reading,
        interval=interval,
        spans=tuple(reversed(file.bindings.get(name, ()))),
    )


def _metric_of(name: str, file: DeviceFile, said: str) -> str:
    spans = file.bindings.get(name, ())
    return spans[-1].metric_name() if spans else said or name.rpartition(".")[2]


def _successors(registry: Registry, file: DeviceFile) -> Iterable[str]:
    """Whose bindings begin where those of a retired device end, for the same thing."""
    if file.device.state is not DeviceState.RETIRED:
        return []
    return sorted({device for device, _ in registry.continued(file.device.id)})


def stand_ins(registry: Registry, waiting: Iterable[Device], device: Device) -> list[Device]:
    """Which devices could take its place, at most a hundred: those that wait, and those in use that speak for nothing.

    What measures the same comes first, then what was heard first of late.
    """
    bound = {owner for (owner, _), spans in registry.bindings.items() if spans and spans[-1].valid_to is None}
    spare = [d for d in registry.devices.values() if d.state is DeviceState.ADOPTED and d.id not in bound]
    found = [d for d in (*waiting, *spare) if d.community == device.community and d.id != device.id]
    alike = {d.id: is_alike(d, device) for d in found}
    return sorted(found, key=lambda d: (not alike[d.id], -(d.first_seen or 0), d.id))[:_STAND_INS]


def tag_of(device: Device) -> str:
    """Of what people decided about it; what it says of itself, and when, leaves the tag as it is."""
    return hashlib.sha256(repr(replace(device, about=UNTOLD)).encode()).hexdigest()[:20]


def speaks_for(file: DeviceFile) -> bool:
    """Whether it has a place that another one could take over."""
    return bool(running(in_its_place(file.device, file.bindings)[1]))
