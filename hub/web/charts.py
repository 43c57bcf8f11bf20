"""Charts as SVG made on the server: axes in the community's zone, gaps where nothing is known, limits as lines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hub.clock import DAY, HOUR, MINUTE
from hub.flows.series import FloatArray, IntArray

WIDTH: Final = 720
HEIGHT: Final = 200
LEFT, RIGHT, TOP, BOTTOM = 72, 12, 12, 34
MOST_POINTS: Final = 600
NARROWEST: Final = 6.0
"""Of a hatched span, in units of the view box."""


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
    hatched: tuple[tuple[float, float], ...] = ()
    """(x, width) of spans of which more is known than is drawn."""
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def draw(
    times: IntArray,
    values: FloatArray,
    *,
    start: int,
    end: int,
    limits: Sequence[tuple[float, str]] = (),
    offset_ms: int = 0,
) -> Chart | None:
    """A chart of values in order of their times (epoch ms), or None where there is nothing to draw.

    ``offset_ms``: the zone's distance from UTC, for round ticks. A long silence is a gap: see ``usual_break``.
    """
    shown = (times >= start) & (times < end) & np.isfinite(values)
    times, values = times[shown], values[shown]
    if not len(times):
        return None
    distances = np.diff(times)
    broken = _break_of(distances.tolist())
    low, high = _bounds(float(values.min()), float(values.max()), [value for value, _ in limits])
    ticks = nice(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    wide = (WIDTH - LEFT - RIGHT) / (end - start)

    def x(time: float) -> float:
        return round(LEFT + (time - start) * wide, 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    firsts = [0, *(np.flatnonzero(distances > broken) + 1).tolist()]
    runs = [slice(first, after) for first, after in zip(firsts, [*firsts[1:], len(times)], strict=True)]
    edges = [start, *(int(times[at]) for run in runs for at in (run.start, run.stop - 1)), end]
    gaps = tuple((x(a), round(x(b) - x(a), 1)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > broken)
    xs = np.round(LEFT + (times - start) * wide, 1)
    ys = np.round(HEIGHT - BOTTOM - (values - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)
    kept = [run.start + _thinned(values[run]) for run in runs]
    return Chart(
        paths=tuple(_path(xs[some].tolist(), ys[some].tolist()) for some in kept),
        gaps=gaps,
        x_ticks=tuple(Tick(x(at), label) for at, label in time_ticks(start, end, offset_ms)),
        y_ticks=tuple(Tick(y(value), f"{value:g}") for value in ticks),
        limits=tuple(Limit(y(value), label) for value, label in limits if low <= value <= high),
    )


def hatched(chart: Chart, spans: Iterable[tuple[int, int]], *, start: int, end: int) -> Chart:
    """The same with these spans (epoch ms) marked, each wide enough to be seen."""
    wide = (WIDTH - LEFT - RIGHT) / (end - start)
    edges = [(LEFT + (max(a, start) - start) * wide, LEFT + (min(b, end) - start) * wide) for a, b in spans]
    marks = tuple((round(a, 1), round(max(b - a, NARROWEST), 1)) for a, b in edges if b > a)
    return replace(chart, hatched=marks)


def usual_break(samples: Sequence[Sample]) -> int:
    """After how long a silence (ms) nothing is known: five usual distances, at least fifteen minutes."""
    return _break_of([b.time - a.time for a, b in pairwise(samples)])


def _break_of(distances: Sequence[int]) -> int:
    return max(15 * MINUTE, round(5 * median(distances))) if distances else 15 * MINUTE


def runs(samples: Sequence[Sample], broken: int) -> list[list[Sample]]:
    """Stretches without a longer silence than ``broken``."""
    found = [[samples[0]]]
    for before, sample in pairwise(samples):
        if sample.time - before.time > broken:
            found.append([])
        found[-1].append(sample)
    return found


def _thinned(values: FloatArray) -> NDArray[np.intp]:
    """Which of a run to draw, at most some 600: the lowest and the highest of each bucket, so that no peak is lost."""
    count = len(values)
    if count <= MOST_POINTS:
        return np.arange(count)
    size = math.ceil(count / (MOST_POINTS / 2))
    whole = count // size * size
    buckets = values[:whole].reshape(-1, size)
    firsts = np.arange(0, whole, size)
    kept = [firsts + buckets.argmin(axis=1), firsts + buckets.argmax(axis=1)]
    if whole < count:
        kept.append(whole + np.array([values[whole:].argmin(), values[whole:].argmax()]))
    return np.unique(np.concatenate(kept))


def _path(xs: Sequence[float], ys: Sequence[float]) -> str:
    start = f"M{xs[0]} {ys[0]}"
    if len(xs) == 1:
        return f"{start}h2"
    return start + "".join([f"L{x} {y}" for x, y in zip(xs[1:], ys[1:], strict=True)])


def _bounds(low: float, high: float, limits: Sequence[float]) -> tuple[float, float]:
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
    steps = ((2 * HOUR, 10 * MINUTE), (2 * DAY, 4 * HOUR), (10 * DAY, DAY), (40 * DAY, 5 * DAY))
    step = next((step for longest, step in steps if span <= longest), 15 * DAY)
    first = -(-(start + offset_ms) // step) * step - offset_ms
    label = _clock if step < DAY else _day
    return [(at, label(at + offset_ms)) for at in range(first, end, step)]


def _clock(local: int) -> str:
    minutes = local // MINUTE % (24 * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _day(local: int) -> str:
    day = datetime.fromtimestamp(local / 1000, UTC)
    return f"{day.month}/{day.day}"
