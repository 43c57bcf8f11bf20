"""The charts of a facility: which points, over which time, drawn how; one question to the series store for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

import numpy as np

from hub.clock import DAY, HOUR, MINUTE, SECOND
from hub.domain.catalogue import FacilityKind
from hub.domain.metrics import MetricKind
from hub.domain.places import Facility
from hub.domain.rollups import Times
from hub.domain.rules import RuleKind
from hub.flows.series import Window
from hub.web.charts import Chart, Sample, draw, hatched
from hub.web.picture import BoundPoint
from hub.web.telling import Teller
from hub.web.timeline import draw_rises, draw_stretches, rises, stretches

Range = Literal["1h", "24h", "7d", "30d"]
MOST_LINES: Final = 6
MOST_BANDS: Final = 8
TABLE_ROWS: Final = 48


class Span(NamedTuple):
    """How long, how fine the curve, how long a counter's step.

    Some 170 stretches with their lowest and highest are as fine as a chart of 636 units shows; a server pays for each.
    """

    length: int
    width: int
    step: int


SPANS: Final[Mapping[Range, Span]] = {
    "1h": Span(HOUR, 15 * SECOND, 10 * MINUTE),
    "24h": Span(DAY, 5 * MINUTE, HOUR),
    "7d": Span(7 * DAY, HOUR, 6 * HOUR),
    "30d": Span(30 * DAY, 4 * HOUR, DAY),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One chart with what stands around it."""

    title: str
    unit: str
    manner: Literal["line", "bars", "band"]
    chart: Chart | None
    words: tuple[str, str] | None
    """For a band: what on and off are called."""
    hint: str
    rows: tuple[tuple[int, str], ...]
    """The newest last."""
    not_recomputed: tuple[Times, ...] = ()
    """Hatched in the chart: see hub.flows.series.Window."""


def chosen(points: Sequence[BoundPoint], kind: FacilityKind | None) -> list[BoundPoint]:
    """The most telling, as the catalogue orders the metrics of the kind: curves and counters, then states. Pure."""
    metrics = dict.fromkeys((*kind.sensors, *kind.use)) if kind else {}
    order = {metric: rank for rank, metric in enumerate(metrics)}
    told = sorted(points, key=lambda p: (order.get(p.binding.metric_name(), 99), p.key))
    numbers = [p for p in told if p.metric is None or p.metric.kind is not MetricKind.STATE]
    states = [p for p in told if p.metric is not None and p.metric.off is not None]
    return [*numbers[:MOST_LINES], *states[:MOST_BANDS]]


def course(point: BoundPoint, window: Window | None, facility: Facility, span: Span, say: Teller) -> Drawn:
    """One chart."""
    drawn = _course(point, window, facility, span, say)
    old = tuple(window.not_recomputed) if window is not None else ()
    if not old:
        return drawn
    chart = drawn.chart and hatched(drawn.chart, old, start=say.now - span.length, end=say.now)
    return replace(drawn, chart=chart, not_recomputed=old)


def _course(point: BoundPoint, window: Window | None, facility: Facility, span: Span, say: Teller) -> Drawn:
    metric = point.metric
    if metric is not None and (metric.off is not None or metric.kind is MetricKind.TOTAL):
        told = zip(window.time.tolist(), window.value.tolist(), strict=True) if window is not None else ()
        samples = [Sample(time, value) for time, value in told]
        of_its_kind = _band if metric.off is not None else _bars
        return of_its_kind(point, samples, facility, span, say)
    return _line(point, window, facility, span, say)


def _line(point: BoundPoint, window: Window | None, facility: Facility, span: Span, say: Teller) -> Drawn:
    limits = {
        (rule.setpoint, say.gettext("limit %s") % say.measured(point.metric, rule.setpoint))
        for rule in point.rules
        if rule.kind is RuleKind.LIMIT
    }
    chart, rows, hint = None, [], ""
    if window is not None and len(window.time):
        start, offset = say.now - span.length, say.offset()
        times, values = window.time, window.value
        chart = draw(times, values, start=start, end=say.now, limits=sorted(limits), offset_ms=offset)
        steps = (times + offset) // span.step * span.step - offset
        firsts = np.flatnonzero(np.diff(steps, prepend=steps[0] - 1))
        lows, highs = np.minimum.reduceat(values, firsts), np.maximum.reduceat(values, firsts)
        extremes = zip(steps[firsts].tolist(), lows.tolist(), highs.tolist(), strict=True)
        rows = [
            (at, f"{say.value(point.metric, low)} – {say.value(point.metric, high)}")
            for at, low, high in list(extremes)[-TABLE_ROWS:]
        ]
        words = {
            "low": say.value(point.metric, float(lows.min())),
            "high": say.value(point.metric, float(highs.max())),
        }
        hint = say.gettext("lowest %(low)s, highest %(high)s") % words
    return Drawn(
        title=_title(point, facility, say), unit=say.unit(point.metric), manner="line", chart=chart, words=None,
        hint=hint, rows=tuple(rows),
    )  # fmt: skip


def _bars(point: BoundPoint, samples: list[Sample], facility: Facility, span: Span, say: Teller) -> Drawn:
    found = rises(samples, span.step, say.offset())
    chart = draw_rises(found, span.step, start=say.now - span.length, end=say.now, offset_ms=say.offset())
    total = say.measured(point.metric, sum(rise.amount for rise in found)) if found else ""
    per = say.gettext("per %(span)s") % {"span": say.span(span.step)}
    unit = say.unit(point.metric)
    return Drawn(
        title=_title(point, facility, say), unit=f"{unit} {per}".strip(), manner="bars", chart=chart, words=None,
        hint=say.gettext("together %(total)s") % {"total": total} if total else "",
        rows=tuple((rise.time, say.value(point.metric, rise.amount)) for rise in found[-TABLE_ROWS:]),
    )  # fmt: skip


def _band(point: BoundPoint, samples: list[Sample], facility: Facility, span: Span, say: Teller) -> Drawn:
    found = stretches(samples, say.now)
    chart = draw_stretches(found, start=say.now - span.length, end=say.now, offset_ms=say.offset())
    metric = point.metric
    on, off = (say.name(metric.on), say.name(metric.off)) if metric else ("1", "0")
    lasted = sum(stretch.end - stretch.start for stretch in found if stretch.value)
    return Drawn(
        title=_title(point, facility, say), unit="", manner="band", chart=chart, words=(on, off),
        hint=f"{on}: {say.span(lasted)}" if found else "",
        rows=tuple((s.start, on if s.value else off) for s in found[-TABLE_ROWS:]),
    )  # fmt: skip


def _title(point: BoundPoint, facility: Facility, say: Teller) -> str:
    unit = next((unit for unit in facility.units if unit.id == point.binding.unit), None)
    title = say.metric(point.metric, point.key.name)
    return f"{say.name(unit.name)} · {title}" if unit else title
