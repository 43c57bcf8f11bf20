"""Giving a device that waits in the inbox its place: what it seems to be, and the bindings of an adoption."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

from hub.domain.catalogue import Catalogue
from hub.domain.device_classes import Classed, device_class
from hub.domain.metrics import METRICS, metric_of
from hub.domain.places import Binding, Device, DeviceState, Facility, Name
from hub.domain.wording import Wording
from hub.errors import InvalidInput, NotFound
from hub.flows.registry import Registry


class InboxPoint(NamedTuple):
    """A point of a device that waits for adoption."""

    name: str
    sample: str
    """The first value seen, as text."""
    metric: str
    """What it measures, as it says itself or as its name suggests; empty where nothing fits."""
    unit: str = ""
    """The device's own spelling of the unit."""
    label: str = ""
    """What the device's maker calls it."""
    upkeep: bool = False
    """How the device is (battery, signal), not what it measures."""

    kind: str = ""
    """``gauge``, ``total`` or ``state``, where the device says it; of a known metric the table of metrics says it."""
    guessed: bool = False
    """Nobody has said the metric: it is proposed to people and never taken unasked."""

    @classmethod
    def of(cls, name: str, sample: str, *, said: str = "", guess: str = "") -> Self:
        """With the metric that the device ``said``, else the one whose name it bears, else a ``guess``."""
        own = METRICS.get(said) or metric_of(name)
        if own is not None:
            return cls(name, sample, own.name)
        return cls(name, sample, guess if guess in METRICS else "", guessed=guess in METRICS)

    @property
    def known(self) -> str:
        """The metric, unless it is a guess."""
        return "" if self.guessed else self.metric


class InboxDevice(NamedTuple):
    """A device that waits for adoption, and what it seems to be."""

    device: Device
    points: tuple[InboxPoint, ...]
    facility: str | None
    unit: str
    reason: str
    """Why there; a ``Wording``, unless no place is guessed."""
    kinds: tuple[str, ...] = ()
    """Facility kinds that it would suit, the likeliest first."""
    classed: Classed | None = None
    """What sort of device it seems to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """An inbox device gets its place. ``points``: point name -> metric, for those whose own name does not tell it.

    Only here a guess becomes a metric. Empty: none; the point is kept under its own name.
    """

    device: str
    facility: str
    unit: str = ""
    points: Mapping[str, str] = field(default_factory=dict)
    name: Name | None = None
    by: str = ""


Scales = Callable[[str, str], tuple[float, float] | None]
"""(unit as a sender writes it, UCUM code) -> factor and offset from one to the other; None: it measures something else."""


def as_sent(unit: str, ucum: str) -> tuple[float, float]:
    """For who knows no units: every value stays as it is."""
    return 1.0, 0.0


def suited(points: Iterable[InboxPoint], catalogue: Catalogue) -> tuple[str, ...]:
    """The facility kinds whose sensors say most of the same, the likeliest first; rare metrics count more than common ones.

    Of those that say as much, the one that says least besides stands first.
    """
    return _likeliest(_scores(points, catalogue), catalogue)


def _likeliest(scores: Mapping[str, float], catalogue: Catalogue) -> tuple[str, ...]:
    return tuple(sorted(scores, key=lambda kind: (-scores[kind], len(catalogue.kinds[kind].sensors), kind))[:3])


def _scores(points: Iterable[InboxPoint], catalogue: Catalogue) -> Mapping[str, float]:
    """Facility kind -> how much of what the points measure its sensors say; those that say nothing of it are left out."""
    metrics = {point.metric for point in points if point.metric}
    spread = {metric: sum(metric in kind.sensors for kind in catalogue.kinds.values()) for metric in metrics}
    scores = {
        kind.id: sum(1 / spread[metric] for metric in metrics if metric in kind.sensors)
        for kind in catalogue.kinds.values()
    }
    return {kind: score for kind, score in scores.items() if score > 0}


def suggest(device: Device, points: Sequence[InboxPoint], registry: Registry, catalogue: Catalogue) -> InboxDevice:
    """What the device seems to be, and where it seems to belong: by its own name first, then by what it measures."""
    scores = _scores(points, catalogue)
    kinds = _likeliest(scores, catalogue)
    measured = {point.metric for point in points if point.metric}
    classed = device_class(measured, device.model, device.maker, device.about.name)
    best = max(scores.values(), default=0)
    alike = {kind for kind, score in scores.items() if score == best}
    facility, unit, reason = _place(device, kinds, alike, registry)
    return InboxDevice(device, tuple(points), facility, unit, reason, kinds, classed)


def _place(
    device: Device, kinds: Sequence[str], likeliest: Collection[str], registry: Registry
) -> tuple[str | None, str, str]:
    """(facility, unit, why). ``likeliest``: the kinds that suit best, and equally well."""
    facilities = [f for f in registry.facilities.values() if f.community == device.community]
    for own in (device.scheme_id.lower(), device.about.name.lower()):
        named = [f for f in facilities if own == f.id or own.startswith(f"{f.id}-")]
        if named:
            facility = max(named, key=lambda f: len(f.id))
            unit = _unit_in_name(own.removeprefix(facility.id), facility)
            return facility.id, unit, Wording("its name begins with %(facility)s", facility=facility.id)
    hinted = [f for f in facilities if any(_means(word, f) for _, word in device.about.hints)]
    if len(hinted) == 1:
        return hinted[0].id, "", Wording("its gateway says that it is there")
    alike = [f for f in facilities if f.kind in likeliest]
    if len(alike) == 1:
        return alike[0].id, "", Wording("no other place here has what it measures")
    reason = f"seems to be a {' or a '.join(kinds)}" if kinds else "no point name tells what it measures"
    return None, "", reason


def _means(word: str, facility: Facility) -> bool:
    """Whether a device's word about where it is names the facility."""
    return word.strip().casefold() in {facility.id, facility.name.zh.casefold(), facility.name.en.casefold()}


def _unit_in_name(rest: str, facility: Facility) -> str:
    plain = rest.replace("-", "")
    return next((unit.id for unit in facility.units if plain == unit.id.replace("-", "")), "")


def adopt(
    adoption: Adoption,
    waiting: Mapping[str, tuple[Device, tuple[InboxPoint, ...]]],
    registry: Registry,
    scales: Scales = as_sent,
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
    told = {point.name: point for point in points}
    names = list(dict.fromkeys([*told, *adoption.points]))
    bindings = tuple(
        _bind(adoption, device, told.get(name) or InboxPoint.of(name, ""), units, scales) for name in names
    )
    return replace(device, state=DeviceState.ADOPTED, name=adoption.name or device.name), bindings


def _bind(adoption: Adoption, device: Device, point: InboxPoint, units: set[str], scales: Scales) -> Binding:
    metric = adoption.points.get(point.name, point.known)
    if metric and metric not in METRICS:
        raise InvalidInput(
            f"{device.id}: unknown metric {metric!r} for point {point.name!r}",
            pointer=f"/points/{point.name}",
            expected="a metric of the table, or empty where it is none of them",
        )
    factor, offset = _scaling(device, point, metric, scales)
    prefix = point.name.rpartition(".")[0]
    return Binding(
        community=device.community,
        device=device.id,
        point=point.name,
        facility=adoption.facility,
        unit=prefix if prefix in units else adoption.unit,
        metric="" if metric == point.name.rpartition(".")[2] else metric,
        factor=factor,
        offset=offset,
        valid_from=device.first_seen or 0,
    )


def _scaling(device: Device, point: InboxPoint, metric: str, scales: Scales) -> tuple[float, float]:
    """From the unit in which the values come: that of the metric they are known as, else the one that was announced."""
    comes_in = METRICS[point.known].unit if point.known else point.unit
    if not metric or metric == point.known or not comes_in:
        return 1.0, 0.0
    found = scales(comes_in, METRICS[metric].unit)
    if found is None:
        raise InvalidInput(
            f"{device.id}: {point.name!r} comes in {comes_in}, which is no unit of {metric} ({METRICS[metric].unit})",
            pointer=f"/points/{point.name}",
            expected=f"a metric that is measured in {comes_in} or what converts to it, or empty",
        )
    return found
