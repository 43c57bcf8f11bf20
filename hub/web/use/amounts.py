"""What facilities consumed day by day: rises of their counters, added up by facility and by kind. Pure.

What rose while nothing was heard counts in the next day heard, as in the charts of a facility and in the dashboards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from hub.clock import DAY
from hub.domain.metrics import METRICS, Metric
from hub.domain.places import Facility
from hub.domain.rollups import Times, merged
from hub.flows.batch import PointKey
from hub.flows.series import Window
from hub.web.charts import Chart, Sample, hatched
from hub.web.timeline import Rise, draw_rises, rises
from hub.web.use.choice import Spoken

COUNTED: Final = tuple(METRICS[name] for name in ("energy", "volume", "gas_volume", "heat"))
"""The counters that are paid for."""


class Meters(NamedTuple):
    """All counters of a facility that count the same."""

    facility: Facility
    metric: Metric
    told: tuple[Spoken, ...]
    sensors: int
    """How many speak at the same time: those that did at the end of the span, and at least one."""

    @property
    def points(self) -> tuple[PointKey, ...]:
        """Each once."""
        return tuple(dict.fromkeys(one.key for one in self.told))


class DayAmount(NamedTuple):
    """Of a day that began at ``start``; ``amount`` None: no meter was heard."""

    start: int
    amount: float | None
    heard: int
    """How many meters."""


class FacilityAmount(NamedTuple):
    """``amount`` None: no meter was heard. ``unknown_days``: those on which not all of its meters were."""

    facility: Facility
    amount: float | None
    unknown_days: int


class KindAmount(NamedTuple):
    """Of all facilities of a kind; ``known`` of ``facilities`` told something."""

    kind: str
    amount: float | None
    known: int
    facilities: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """Of one metric. ``facilities`` and ``kinds``: those that consumed most come first, the unknown last."""

    metric: Metric
    meters: int
    days: tuple[DayAmount, ...]
    facilities: tuple[FacilityAmount, ...]
    kinds: tuple[KindAmount, ...]
    chart: Chart | None
    """None: nothing was heard."""
    not_recomputed: tuple[Times, ...] = ()
    """Of any of the meters: see hub.flows.series.Window."""

    @property
    def total(self) -> float | None:
        """All days together; None: nothing was heard."""
        return _sum([day.amount for day in self.days])


def meters_of(facilities: Sequence[Facility], told: Mapping[str, Sequence[Spoken]], end: int) -> list[Meters]:
    """Metric by metric, and of each in the order of the facilities."""
    found = []
    for metric in COUNTED:
        for facility in facilities:
            of_it = tuple(one for one in told[facility.id] if one.binding.metric_name() == metric.name)
            if of_it:
                found.append(Meters(facility, metric, of_it, max(1, sum(one.until(end) for one in of_it))))
    return found


def consumption(
    meters: Sequence[Meters], found: Mapping[PointKey, Window], *, first: int, days: int, offset_ms: int
) -> Consumption:
    """Of meters of one metric. ``first``: midnight of the first day; ``found`` reaches back before it for its start."""
    starts = [first + number * DAY for number in range(days)]
    told = [_daily(of, found, first, offset_ms) for of in meters]
    by_day = [
        DayAmount(
            start,
            _sum([amounts[start].amount for amounts in told if start in amounts]),
            sum(amounts[start].heard for amounts in told if start in amounts),
        )
        for start in starts
    ]
    each = [
        FacilityAmount(
            of.facility,
            _sum([day.amount for day in amounts.values()]),
            days - sum(day.heard >= of.sensors for day in amounts.values()),
        )
        for of, amounts in zip(meters, told, strict=True)
    ]
    end = first + days * DAY
    bars = [Rise(day.start, day.amount) for day in by_day if day.amount is not None]
    chart = draw_rises(bars, DAY, start=first, end=end, offset_ms=offset_ms)
    old = _not_recomputed(meters, found, first, end)
    return Consumption(
        metric=meters[0].metric,
        meters=sum(of.sensors for of in meters),
        days=tuple(by_day),
        facilities=tuple(sorted(each, key=lambda one: _rank(one.amount))),
        kinds=tuple(sorted(_kinds(each), key=lambda one: _rank(one.amount))),
        chart=chart and hatched(chart, old, start=first, end=end),
        not_recomputed=old,
    )


def _daily(of: Meters, found: Mapping[PointKey, Window], first: int, offset_ms: int) -> dict[int, DayAmount]:
    """By the day's start, those on which a meter of the facility was heard."""
    amounts: dict[int, list[float]] = {}
    for key, binding in of.told:
        if (window := found.get(key)) is None:
            continue
        pairs = zip(window.time.tolist(), window.value.tolist(), strict=True)
        samples = [Sample(time, value) for time, value in pairs if binding.holds_at(time)]
        for rise in rises(samples, DAY, offset_ms):
            if rise.time >= first:
                amounts.setdefault(rise.time, []).append(rise.amount)
    return {day: DayAmount(day, sum(some), min(len(some), of.sensors)) for day, some in amounts.items()}


def _not_recomputed(
    meters: Sequence[Meters], found: Mapping[PointKey, Window], first: int, end: int
) -> tuple[Times, ...]:
    windows = [found[key] for of in meters for key in of.points if key in found]
    spans = (span for window in windows for span in window.not_recomputed)
    return tuple(merged(span for span in spans if first < span[1] and span[0] < end))


def _kinds(each: Sequence[FacilityAmount]) -> list[KindAmount]:
    facilities = Counter(one.facility.kind for one in each)
    found = []
    for kind, count in facilities.items():
        known = [one.amount for one in each if one.facility.kind == kind and one.amount is not None]
        found.append(KindAmount(kind, _sum(known), len(known), count))
    return found


def _sum(amounts: Sequence[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


def _rank(amount: float | None) -> tuple[bool, float]:
    return amount is None, -(amount or 0.0)
