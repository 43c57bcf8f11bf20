"""Giving a device that waits in the inbox its place: a guess from its point names, and the bindings of an adoption."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Self

from hub.domain.catalogue import Catalogue
from hub.domain.metrics import METRICS, MetricKind
from hub.domain.places import Binding, Device, DeviceState, Facility, Name
from hub.errors import InvalidInput, NotFound
from hub.flows.registry import Registry

_ALIASES: Final = {
    "temp": "temperature",
    "air_temperature": "temperature",
    "hum": "humidity",
    "rh": "humidity",
    "relative_humidity": "humidity",
    "carbon_dioxide": "co2",
    "eco2": "co2",
    "pm2_5": "pm25",
    "lux": "illuminance",
    "light": "illuminance",
    "batt": "battery",
    "bat": "battery",
    "battery_level": "battery",
    "low_battery": "battery_low",
    "rssi": "signal",
    "linkquality": "signal",
    "water_leak": "leak",
    "contact": "door_open",
    "door": "door_open",
    "door_status": "door_open",
    "motion": "presence",
    "occupied": "presence",
    "people": "occupancy",
    "count": "occupancy",
    "people_count": "occupancy",
    "active_power": "power",
    "apower": "power",
    "watt": "power",
    "aprt_power": "apparent_power",
    "power_apparent": "apparent_power",
    "power_reactive": "reactive_power",
    "total_energy": "energy",
    "produced_energy": "energy_exported",
    "kwh": "energy",
    "amp": "current",
    "volt": "voltage",
    "press": "pressure",
    "water_level": "level",
    "run": "running",
    "run_status": "running",
    "trip": "tripped",
    "leakage_current": "residual_current",
}
"""Other words for a metric, as vendors use them."""


class InboxPoint(NamedTuple):
    """A point of a device that waits for adoption."""

    name: str
    sample: str
    """The first value seen, as text."""
    metric: str
    """What it seems to measure; empty where nothing fits."""
    unit: str = ""
    """The device's own spelling of the unit."""
    label: str = ""
    """What the device's maker calls it."""
    upkeep: bool = False
    """How the device is (battery, signal), not what it measures."""

    @classmethod
    def of(cls, name: str, sample: str, said: str = "") -> Self:
        """With the metric that the device itself ``said``, else that its name and first value suggest."""
        return cls(name, sample, said if said in METRICS else guess_metric(name, sample))


class InboxDevice(NamedTuple):
    """A device that waits for adoption, and what it seems to be."""

    device: Device
    points: tuple[InboxPoint, ...]
    facility: str | None
    unit: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """An inbox device gets its place. ``points``: point name -> metric, for those whose own name does not tell it."""

    device: str
    facility: str
    unit: str = ""
    points: Mapping[str, str] = field(default_factory=dict)
    name: Name | None = None
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What a device seems to be."""

    kinds: tuple[str, ...]
    """Facility kinds, the likeliest first."""
    metrics: Mapping[str, str]
    """Point name -> metric; points that nothing fits are not there."""


def guess_metric(name: str, sample: str = "") -> str:
    """The metric that a point's name suggests: its own, its last part, or a vendor's word for it; else empty.

    A name that tells a number is not taken for a state and the other way round, where the sample shows it.
    """
    last = name.rpartition(".")[2]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last).lower().replace("-", "_").replace(" ", "_")
    for candidate in (last, words, _ALIASES.get(words, ""), words.rstrip("_0123456789")):
        metric = METRICS.get(candidate) or METRICS.get(_ALIASES.get(candidate, ""))
        if metric is not None and _fits(sample, is_state=metric.kind is MetricKind.STATE):
            return metric.name
    return ""


def _fits(sample: str, *, is_state: bool) -> bool:
    if not sample:
        return True
    try:
        value = float(sample)
    except ValueError:
        return is_state
    return not is_state or value in (0.0, 1.0)


def guess(points: Iterable[InboxPoint], catalogue: Catalogue) -> Guess:
    """The facility kinds whose sensors say most of the same, rare metrics counting more than common ones."""
    metrics = {point.name: point.metric for point in points if point.metric}
    spread = {metric: sum(metric in kind.sensors for kind in catalogue.kinds.values()) for metric in metrics.values()}
    scores = {
        kind.id: sum(1 / spread[metric] for metric in set(metrics.values()) if metric in kind.sensors)
        for kind in catalogue.kinds.values()
    }
    ranked = sorted((kind for kind in scores if scores[kind] > 0), key=lambda kind: (-scores[kind], kind))
    return Guess(kinds=tuple(ranked[:3]), metrics=metrics)


def suggest(device: Device, points: Sequence[InboxPoint], registry: Registry, catalogue: Catalogue) -> InboxDevice:
    """Which facility the device seems to belong to: by its own name first, then by what it measures."""
    own = device.scheme_id.lower()
    facilities = [f for f in registry.facilities.values() if f.community == device.community]
    named = [f for f in facilities if own == f.id or own.startswith(f"{f.id}-")]
    if named:
        facility = max(named, key=lambda f: len(f.id))
        unit = _unit_in_name(own.removeprefix(facility.id), facility)
        return InboxDevice(device, tuple(points), facility.id, unit, f"name begins with {facility.id}")
    hinted = [f for f in facilities if any(_means(word, f) for _, word in device.about.hints)]
    if len(hinted) == 1:
        return InboxDevice(device, tuple(points), hinted[0].id, "", "its gateway says that it is there")
    kinds = guess(points, catalogue).kinds
    alike = [f for f in facilities if kinds and f.kind == kinds[0]]
    if len(alike) == 1:
        return InboxDevice(device, tuple(points), alike[0].id, "", f"measures what a {kinds[0]} measures")
    reason = f"seems to be a {' or a '.join(kinds)}" if kinds else "no point name tells what it measures"
    return InboxDevice(device, tuple(points), None, "", reason)


def _means(word: str, facility: Facility) -> bool:
    """Whether a device's word about where it is names the facility."""
    return word.strip().casefold() in {facility.id, facility.name.zh.casefold(), facility.name.en.casefold()}


def _unit_in_name(rest: str, facility: Facility) -> str:
    plain = rest.replace("-", "")
    return next((unit.id for unit in facility.units if plain == unit.id.replace("-", "")), "")


def adopt(
    adoption: Adoption, waiting: Mapping[str, tuple[Device, tuple[InboxPoint, ...]]], registry: Registry
) -> tuple[Device, tuple[Binding, ...]]:
    """The device as adopted and its bindings, which hold from its first message on. InvalidInput names the field."""
    if adoption.device not in waiting:
        raise NotFound(f"no device {adoption.device[:80]!r} waits for adoption")
    device, points = waiting[adoption.device]
    facility = registry.facilities.get((device.community, adoption.facility))
    if facility is None:
        raise InvalidInput(
            f"{device.id}: no facility {adoption.facility!r} in {device.community}",
            pointer="/facility",
            expected="the id of a facility in use",
        )
    units = {unit.id for unit in facility.units}
    if adoption.unit and adoption.unit not in units:
        raise InvalidInput(
            f"{device.id}: {facility.id} has no unit {adoption.unit!r}",
            pointer="/unit",
            expected=", ".join(sorted(units)) or "no unit",
        )
    said = {point.name: point.metric for point in points}
    names = list(dict.fromkeys([*said, *adoption.points]))
    bindings = tuple(_bind(adoption, device, name, units, said.get(name, "")) for name in names)
    return replace(device, state=DeviceState.ADOPTED, name=adoption.name or device.name), bindings


def _bind(adoption: Adoption, device: Device, name: str, units: set[str], said: str) -> Binding:
    metric = adoption.points.get(name) or said or guess_metric(name)
    if name in adoption.points and metric not in METRICS:
        raise InvalidInput(
            f"{device.id}: unknown metric {metric!r} for point {name!r}",
            pointer=f"/points/{name}",
            expected="a metric of the table",
        )
    prefix = name.rpartition(".")[0]
    return Binding(
        community=device.community,
        device=device.id,
        point=name,
        facility=adoption.facility,
        unit=prefix if prefix in units else adoption.unit,
        metric="" if metric == name.rpartition(".")[2] else metric,
        valid_from=device.first_seen or 0,
    )
