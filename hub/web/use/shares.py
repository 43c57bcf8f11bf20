"""The share of use of a facility, from the store's table of weekday x hour. Time without readings is unknown, not idle.

A switch (somebody there, charging, running): time on ÷ time known, over all units, as in the dashboards. Heads, vehicles,
free bays or boxes of a facility whose capacity is stated: mean ÷ capacity, known where every unit is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hub.domain.catalogue import FacilityKind
from hub.domain.metrics import METRICS, Metric, MetricKind
from hub.domain.places import Facility
from hub.flows.batch import PointKey
from hub.flows.series import FloatArray, WeekHours
from hub.web.use.choice import Spoken

TAKEN: Final = frozenset({"{person}", "{vehicle}"})
"""Units of gauges that count what fills a capacity."""
FREE: Final = frozenset({"{bay}", "{box}"})
"""Units of gauges that count what is left of it."""

Rows = Mapping[tuple[str, str], Sequence[int]]
"""(facility, unit) -> where it stands in the table."""


class Source(NamedTuple):
    """What tells the use of a facility."""

    facility: Facility
    metric: Metric
    points: tuple[PointKey, ...]
    units: tuple[str, ...]
    sensors: int
    """How many speak at the same time: those that did at the end of the span."""

    @property
    def counts_free(self) -> bool:
        """Whether the metric tells what is left of the capacity."""
        return self.metric.unit in FREE


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Of one facility over a span. ``hours``: weekday x hour, shape (7, 24), NaN where nothing is known."""

    source: Source
    share: float | None
    """None: nothing is known."""
    unknown: float
    """Share of the time of which nothing is known."""
    hours: FloatArray

    @property
    def busiest(self) -> tuple[int, int] | None:
        """Weekday and hour; None where it was never used, or its units were never known in the same hour."""
        if not self.share or np.isnan(self.hours).all():
            return None
        weekday, hour = divmod(int(np.nanargmax(self.hours)), 24)
        return weekday, hour

    @property
    def parts(self) -> tuple[float, float]:
        """Of the whole time, in per cent: used, and known. What is left is unknown."""
        known = 100 * (1 - self.unknown)
        return round(known * min(max(self.share or 0.0, 0.0), 1.0), 1), round(known, 1)


def source_of(facility: Facility, kind: FacilityKind | None, told: Sequence[Spoken], end: int) -> Source | None:
    """By the first metric of its kind's use that gives a share and has a sensor; None: none has."""
    for name in kind.use if kind else ():
        metric = METRICS[name]
        of_it = [one for one in told if one.binding.metric_name() == name]
        if not of_it or not _gives_share(metric, facility):
            continue
        still = [one for one in of_it if one.until(end)] or of_it
        units = {one.binding.unit for one in still}
        if "" in units:  # what speaks for the whole is not added to what speaks for its parts
            units = {""}
        return Source(
            facility,
            metric,
            tuple(dict.fromkeys(one.key for one in of_it if one.binding.unit in units)),
            tuple(sorted(units)),
            sum(one.binding.unit in units for one in still),
        )
    return None


def uses(found: WeekHours, sources: Sequence[Source], span: int) -> list[Use]:
    """Of each source, in their order. ``span``: how long the table reaches, ms."""
    rows: dict[tuple[str, str], list[int]] = {}
    for number, place in enumerate(found.places):
        rows.setdefault((place.facility, place.unit), []).append(number)
    return [_use(source, found, rows, span) for source in sources]


def together(found: Sequence[Use]) -> FloatArray:
    """The mean of all facilities of which something is known in that hour, each counting the same; NaN: of none."""
    hours = np.array([use.hours for use in found]).reshape(-1, 7, 24)
    return _divide(np.nansum(hours, axis=0), (~np.isnan(hours)).sum(axis=0))


def _use(source: Source, found: WeekHours, rows: Rows, span: int) -> Use:
    at = [np.array(rows.get((source.facility.id, unit), ()), np.intp) for unit in source.units]
    known = np.array([found.known_ms[some].sum(axis=0) for some in at])
    integral = np.array([np.nansum(found.mean[some] * found.known_ms[some], axis=0) for some in at])
    if source.metric.kind is MetricKind.STATE:
        hours, share = _divide(integral.sum(axis=0), known.sum(axis=0)), _divide(integral.sum(), known.sum())
    else:
        hours = _filled(source, _divide(integral, known).sum(axis=0))
        share = _filled(source, _divide(integral.sum(axis=(1, 2)), known.sum(axis=(1, 2))).sum())
    return Use(
        source=source,
        share=None if np.isnan(share) else float(share),
        unknown=max(0.0, 1 - float(known.sum()) / (span * source.sensors)),
        hours=hours,
    )


def _filled(source: Source, count: FloatArray) -> FloatArray:
    share: FloatArray = count / (source.facility.capacity or 1)
    return 1 - share if source.counts_free else share


def _gives_share(metric: Metric, facility: Facility) -> bool:
    if metric.kind is MetricKind.STATE:
        return metric.off is not None
    return metric.kind is MetricKind.GAUGE and bool(facility.capacity) and metric.unit in TAKEN | FREE


def _divide(part: FloatArray, whole: NDArray[np.int64]) -> FloatArray:
    share: FloatArray = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) > 0)
    return share
