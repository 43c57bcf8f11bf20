"""Charts as SVG made on the server: axes in the community's zone, gaps where nothing is known, limits as lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from operator import itemgetter
from statistics import median
from typing import Final, NamedTuple

from hub.clock import DAY, HOUR, MINUTE

WIDTH: Final = 720
HEIGHT: Final = 200
LEFT, RIGHT, TOP, BOTTOM = 72, 12, 12, 34
MOST_POINTS: Final = 600
Scale = Callable[[float], float]
_by_value: Final = itemgetter(1)


class Sample(NamedTuple):
    """A value at an instant (epoch ms)."""

    time: int
    value: float


class Tick(NamedTuple):
    """A mark on an axis."""

    at: float
    label: str


class Limit(NamedTuple):
    """A line that should not be crossed."""

    y: float
    label: str


class Bar(NamedTuple):
    """An amount."""

    x: float
    y: float
    width: float
    height: float


class Band(NamedTuple):
    """A stretch of one state."""

    x: float
    width: float
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What the template draws; coordinates in the view box."""

    paths: tuple[str, ...]
    gaps: tuple[tuple[float, float], ...]
    """(x, width) of spans in which nothing is known."""
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    limits: tuple[Limit, ...]
    bars: tuple[Bar, ...] = ()
    bands: tuple[Band, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def draw(
    samples: Sequence[Sample],
    *,
    start: int,
    end: int,
    stepped: bool,
    limits: Sequence[tuple[float, str]] = (),
    offset_ms: int = 0,
    break_after: int | None = None,
    bounds: tuple[float, float] | None = None,
) -> Chart | None:
    """A chart, or None where there is nothing to draw. ``offset_ms``: the zone's distance from UTC, for round ticks.

    ``break_after``: a longer silence than this is a gap; None: five usual distances, at least fifteen minutes.
    """
    shown = [sample for sample in samples if start <= sample.time < end and math.isfinite(sample.value)]
    if not shown:
        return None
    broken = break_after or usual_break(shown)
    parts = runs(shown, broken)
    low, high = bounds or _bounds([s.value for s in shown], [value for value, _ in limits])
    ticks = nice(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])

    wide = (WIDTH - LEFT - RIGHT) / (end - start)

    def x(time: float) -> float:
        return round(LEFT + (time - start) * wide, 1)

    def y(value: float) -> float:
        share = (value - low) / (high - low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    edges = [start, *(edge for run in parts for edge in (run[0].time, run[-1].time)), end]
    gaps = tuple((x(a), round(x(b) - x(a), 1)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > broken)
    return Chart(
        paths=tuple(_path(_thinned(run), x, y, stepped=stepped) for run in parts),
        gaps=gaps,
        x_ticks=tuple(Tick(x(at), label) for at, label in time_ticks(start, end, offset_ms)),
        y_ticks=tuple(Tick(y(value), f"{value:g}") for value in ticks),
        limits=tuple(Limit(y(value), label) for value, label in limits if low <= value <= high),
    )


def usual_break(samples: Sequence[Sample]) -> int:
    """After how long a silence (ms) nothing is known: five usual distances, at least fifteen minutes."""
    distances = [b.time - a.time for a, b in pairwise(samples)]
    return max(15 * MINUTE, round(5 * median(distances))) if distances else 15 * MINUTE


def runs(samples: Sequence[Sample], broken: int) -> list[list[Sample]]:
    """Stretches without a longer silence than ``broken``."""
    found = [[samples[0]]]
    for before, sample in pairwise(samples):
        if sample.time - before.time > broken:
            found.append([])
        found[-1].append(sample)
    return found


def _thinned(run: Sequence[Sample]) -> list[Sample]:
    """At most some 600 points: the lowest and the highest of each bucket stay, so that no peak is lost."""
    if len(run) <= MOST_POINTS:
        return list(run)
    size = math.ceil(len(run) / (MOST_POINTS / 2))
    kept: list[Sample] = []
    for first in range(0, len(run), size):
        bucket = run[first : first + size]
        pair = {min(bucket, key=_by_value), max(bucket, key=_by_value)}
        kept.extend(sorted(pair))
    return kept


def _path(run: Sequence[Sample], x: Scale, y: Scale, *, stepped: bool) -> str:
    first, *rest = run
    start = f"M{x(first.time)} {y(first.value)}"
    if not rest:
        return f"{start}h2"
    if stepped:
        return start + "".join([f"H{x(time)}V{y(value)}" for time, value in rest])
    return start + "".join([f"L{x(time)} {y(value)}" for time, value in rest])


def _bounds(values: Sequence[float], limits: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    reach = (high - low) or abs(high) * 0.1 or 1.0
    for limit in limits:
        if low - 1.5 * reach <= limit <= high + 1.5 * reach:
            low, high = min(low, limit), max(high, limit)
    margin = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
    return low - margin if low < 0 or low - margin > 0 else 0.0, high + margin


def nice(low: float, high: float, wanted: int = 4) -> list[float]:
    """Round figures that cover the span."""
    raw = (high - low) / wanted
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    ticks = [round(number * step, 10) for number in range(first, last + 1)]
    return ticks or [low, high]


def time_ticks(start: int, end: int, offset_ms: int) -> list[tuple[int, str]]:
    """(instant, label), round on the zone's clock."""
    span = end - start
    steps = ((2 * HOUR, 10 * MINUTE), (2 * DAY, 4 * HOUR), (10 * DAY, DAY))
    step = next((step for longest, step in steps if span <= longest), 5 * DAY)
    first = -(-(start + offset_ms) // step) * step - offset_ms
    label = _clock if step < DAY else _day
    return [(at, label(at + offset_ms)) for at in range(first, end, step)]


def _clock(local: int) -> str:
    minutes = local // MINUTE % (24 * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _day(local: int) -> str:
    day = datetime.fromtimestamp(local / 1000, UTC)
    return f"{day.month}/{day.day}"
