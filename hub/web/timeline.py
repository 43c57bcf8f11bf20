"""Charts of what is no line: what a counter rose by in each step, and the stretches in which a state held."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from hub.web.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Band,
    Bar,
    Chart,
    Limit,
    Sample,
    Tick,
    nice,
    runs,
    time_ticks,
)
from hub.web.charts import usual_break as usual

BAND_HEIGHT: Final = 84


class Rise(NamedTuple):
    """How much a counter rose in a step that began at ``time``."""

    time: int
    amount: float


class Stretch(NamedTuple):
    """A state from one instant to another."""

    start: int
    end: int
    value: float


def rises(samples: Sequence[Sample], step: int, offset_ms: int = 0) -> list[Rise]:
    """By step on the zone's clock; steps without a reading are left out.

    A counter that was set back rises by what it shows within the step.
    """
    told: dict[int, list[float]] = {}
    for sample in samples:
        told.setdefault((sample.time + offset_ms) // step * step - offset_ms, []).append(sample.value)
    found: list[Rise] = []
    before: float | None = None
    for at, values in sorted(told.items()):
        whole = values[-1] - (values[0] if before is None else before)
        found.append(Rise(at, whole if whole >= 0 else max(values) - min(values)))
        before = values[-1]
    return found


def draw_rises(
    found: Sequence[Rise],
    step: int,
    *,
    start: int,
    end: int,
    offset_ms: int,
    least: float = 0.0,
    limits: Sequence[tuple[float, str]] = (),
) -> Chart | None:
    """A bar for each step; steps of which nothing is known are marked. The axis reaches at least to ``least``."""
    if not found:
        return None
    ticks = nice(0.0, max(least, *(rise.amount for rise in found)) or 1.0)
    top = max(ticks[-1], *(rise.amount for rise in found)) or 1.0
    first = (start + offset_ms) // step * step - offset_ms

    def x(time: float) -> float:
        share = (min(max(time, start), end) - start) / (end - start)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(amount: float) -> float:
        return round(HEIGHT - BOTTOM - amount / top * (HEIGHT - TOP - BOTTOM), 1)

    known = {rise.time for rise in found}
    empty = [at for at in range(first, end, step) if at not in known]
    return Chart(
        paths=(),
        gaps=tuple((x(at), round(x(at + step) - x(at), 1)) for at in empty),
        x_ticks=tuple(Tick(x(at), label) for at, label in time_ticks(start, end, offset_ms)),
        y_ticks=tuple(Tick(y(value), f"{value:g}") for value in ticks),
        limits=tuple(Limit(y(value), label) for value, label in limits if value <= top),
        bars=tuple(
            Bar(
                x(rise.time) + 1,
                y(rise.amount),
                max(1.0, round(x(rise.time + step) - x(rise.time) - 2, 1)),
                round(HEIGHT - BOTTOM - y(rise.amount), 1),
            )
            for rise in found
        ),
    )


def stretches(samples: Sequence[Sample], end: int) -> list[Stretch]:
    """Each state holds until the next reading, but over no silence; the last one until ``end`` where it is fresh."""
    if not samples:
        return []
    broken = usual(samples)
    found: list[Stretch] = []
    for run in runs(samples, broken):
        last = run[-1]
        held_until = end if end - last.time <= broken else last.time
        for here, after in pairwise([*run, Sample(held_until, last.value)]):
            if found and found[-1].value == here.value and found[-1].end == here.time:
                found[-1] = found[-1]._replace(end=after.time)
            else:
                found.append(Stretch(here.time, after.time, here.value))
    return found


def draw_stretches(found: Sequence[Stretch], *, start: int, end: int, offset_ms: int) -> Chart | None:
    """One band; on is filled, off is a thin line, and what nobody knows is hatched grey."""
    if not found:
        return None

    def x(time: float) -> float:
        share = (min(max(time, start), end) - start) / (end - start)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    edges = [start, *(edge for stretch in found for edge in (stretch.start, stretch.end)), end]
    silent = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]
    return Chart(
        paths=(),
        gaps=tuple((x(a), round(x(b) - x(a), 1)) for a, b in silent if x(b) - x(a) >= 1),
        x_ticks=tuple(Tick(x(at), label) for at, label in time_ticks(start, end, offset_ms)),
        y_ticks=(),
        limits=(),
        bands=tuple(Band(x(s.start), max(1.5, round(x(s.end) - x(s.start), 1)), bool(s.value)) for s in found),
        height=BAND_HEIGHT,
        bottom=BAND_HEIGHT - BOTTOM,
    )
