"""How each facility is at this moment, from the registry, the open alarms and the alarm lane's live readings."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from hub.clock import MINUTE
from hub.domain.alarms import Alarm, AlarmState, Overlay
from hub.domain.catalogue import Catalogue
from hub.domain.facility_state import FacilityState, Voice, facility_state
from hub.domain.metrics import METRICS, Metric, MetricKind
from hub.domain.places import Binding, Facility
from hub.domain.rules import Rule, RuleKind
from hub.flows.batch import PointKey
from hub.flows.live import LiveReading
from hub.flows.registry import Registry
from hub.web.deps import Live

Place = tuple[str, str]
"""(community, facility)"""

OPEN: Final = frozenset({AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, AlarmState.RTN_UNACKNOWLEDGED})


class BoundPoint(NamedTuple):
    """A point that speaks for a facility now."""

    key: PointKey
    binding: Binding
    metric: Metric | None
    rules: tuple[Rule, ...]
    """Limit, state and no-data rules that watch it."""
    judging: tuple[Rule, ...]
    """Those of them that read its value."""


class PointView(NamedTuple):
    """A bound point with its latest reading; None: never heard since the hub started, and nothing remembered."""

    point: BoundPoint
    reading: LiveReading | None

    @property
    def known(self) -> bool:
        """Whether it says something that still holds."""
        return self.reading is not None and not self.reading.silent


@dataclass(frozen=True, slots=True, kw_only=True)
class FacilityView:
    """One tile."""

    facility: Facility
    state: FacilityState
    alarms: tuple[Alarm, ...]
    points: tuple[PointView, ...]

    @property
    def silent(self) -> int:
        """How many of its points say nothing."""
        return sum(not view.known for view in self.points)

    def headline(self, catalogue: Catalogue, count: int = 2) -> tuple[PointView, ...]:
        """The most telling readings, one for each metric, as the catalogue orders the metrics of its kind."""
        kind = catalogue.kinds.get(self.facility.kind)
        order = {metric: rank for rank, metric in enumerate(kind.sensors if kind else ())}
        told = sorted(self.points, key=lambda v: (order.get(v.point.binding.metric_name(), 99), v.point.key))
        first: dict[str, PointView] = {}
        counters = [v for v in told if v.point.metric is not None and v.point.metric.kind is MetricKind.TOTAL]
        for view in (*(v for v in told if v not in counters), *counters):  # how it is before what it ever did
            first.setdefault(view.point.binding.metric_name(), view)
        return tuple(first.values())[:count]


def state_of(alarms: Iterable[Alarm], points: Iterable[PointView], *, lost: bool = False) -> FacilityState:
    """Pure. See hub.domain.facility_state."""
    voices = (Voice(view.known, bool(view.point.judging), bool(view.point.rules)) for view in points)
    alarmed = any(alarm.active and alarm.overlay is not Overlay.SUPPRESSED for alarm in alarms)
    return facility_state(voices, alarmed=alarmed, lost=lost)


class BoundPoints:
    """Which points speak for which facility now; worked out anew when the registry changes, and once a minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[int, int] | None = None
        self._by_place: Mapping[Place, tuple[BoundPoint, ...]] = {}
        self._by_point: Mapping[PointKey, BoundPoint] = {}
        self._rules: dict[tuple[str, str, str, str], tuple[tuple[Rule, ...], tuple[Rule, ...]]] = {}
        """Those that watch, and of them those that judge; by community, facility, unit and metric, for the registry picture in ``_key``."""

    def of(self, registry: Registry, now: int) -> Mapping[Place, tuple[BoundPoint, ...]]:
        """By facility."""
        self._refresh(registry, now)
        return self._by_place

    def find(self, registry: Registry, key: PointKey, now: int) -> BoundPoint | None:
        """One point."""
        self._refresh(registry, now)
        return self._by_point.get(key)

    def _refresh(self, registry: Registry, now: int) -> None:
        key = (registry.version, now // MINUTE)
        with self._lock:
            if key == self._key:
                return
            if self._key is None or self._key[0] != registry.version:
                self._rules.clear()
            by_place: dict[Place, list[BoundPoint]] = {}
            by_point: dict[PointKey, BoundPoint] = {}
            for device, name in registry.bindings:
                binding = registry.binding(device, name, now)
                if binding is None:
                    continue
                point_key = PointKey(binding.community, device, name)
                metric = METRICS.get(binding.metric_name())
                point = BoundPoint(point_key, binding, metric, *self._rules_for(registry, binding))
                by_place.setdefault((binding.community, binding.facility), []).append(point)
                by_point[point.key] = point
            self._by_place = {place: tuple(points) for place, points in by_place.items()}
            self._by_point = by_point
            self._key = key

    def _rules_for(self, registry: Registry, binding: Binding) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
        spot = binding.community, binding.facility, binding.unit, binding.metric_name()
        if spot not in self._rules:
            watching = registry.rules_for_point(binding)
            judging = tuple(rule for rule in watching if rule.kind is not RuleKind.NO_DATA)
            self._rules[spot] = watching, judging
        return self._rules[spot]


def view_of(
    facility: Facility, bound: Mapping[Place, tuple[BoundPoint, ...]], live: Live, alarms: Iterable[Alarm]
) -> FacilityView:
    """One facility."""
    return views_of([facility], bound, live, {(facility.community, facility.id): alarms})[0]


def views_of(
    facilities: Sequence[Facility],
    bound: Mapping[Place, tuple[BoundPoint, ...]],
    live: Live,
    alarms: Mapping[Place, Iterable[Alarm]],
) -> list[FacilityView]:
    """Many facilities, in their order, with one look at the live readings."""
    places = [(facility.community, facility.id) for facility in facilities]
    readings = live.readings([point.key for place in places for point in bound.get(place, ())])
    lost = live.lost_facilities()
    return [
        _view(facility, bound.get(place, ()), readings, alarms.get(place, ()), lost=place in lost)
        for facility, place in zip(facilities, places, strict=True)
    ]


def _view(
    facility: Facility,
    points: tuple[BoundPoint, ...],
    readings: Mapping[PointKey, LiveReading],
    alarms: Iterable[Alarm],
    *,
    lost: bool,
) -> FacilityView:
    views = tuple(PointView(point, readings.get(point.key)) for point in points)
    mine = tuple(alarms)
    return FacilityView(facility=facility, state=state_of(mine, views, lost=lost), alarms=mine, points=views)


def by_place(alarms: Iterable[Alarm]) -> dict[Place, list[Alarm]]:
    """Open alarms by facility."""
    found: dict[Place, list[Alarm]] = {}
    for alarm in alarms:
        found.setdefault((alarm.community, alarm.facility), []).append(alarm)
    return found
