"""Roll-up cells: what is kept of a point for each quarter of an hour, and the steps that charts are made of.

A reading holds from its time until the next reading of its point, but at most for the point's *hold*: after that the
value is unknown, which is neither zero nor idle. A cell is computed from readings, including the one that was carried
in from before the cell; it is never added to. A cell belongs to the place that its readings spoke for: where a point
changed its place inside a quarter of an hour, the quarter has one cell for each place.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from hub.domain.places import Rhythm

CELL: Final = 15 * 60_000
"""Length of a cell, ms. Cells start at whole quarters of an hour UTC."""
DEFAULT_HOLD: Final = 15 * 60_000
"""How long a reading of a point counts where nobody has stated how often it is to come."""
SHORTEST_HOLD: Final = 60_000
LONGEST_HOLD: Final = 24 * 3_600_000
_STEPS: Final = {"15m": CELL, "1h": 3_600_000}


class Sample(NamedTuple):
    """One reading as the roll-ups see it."""

    time: int
    value: float
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A quarter of an hour of one point at one place.

    ``minimum`` … ``last_at`` are None where no reading fell into the cell, only a carried value.
    """

    start: int
    place: int
    count: int
    total: float
    minimum: float | None
    maximum: float | None
    first: float | None
    last: float | None
    last_at: int | None
    integral: float
    """Value x milliseconds over the known part of the cell."""
    known_ms: int


def spans_of(starts: Iterable[int]) -> list[tuple[int, int]]:
    """Cells by their starts, put together to (start, end) where they follow on each other."""
    return merged((start, start + CELL) for start in starts)


Times = tuple[int, int]
"""From an instant to before another, epoch ms."""


def merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """(start, end) in order; those that touch or overlap are one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def hold_of(rhythm: Rhythm) -> int:
    """How long a reading counts: as long as its device may be silent (1 min to 24 h); 15 minutes where nothing is stated.

    Only what is stated counts, never what was learned: a roll-up computed again next year must come out the same.
    """
    return min(max(rhythm.allowed, SHORTEST_HOLD), LONGEST_HOLD) if rhythm.allowed else DEFAULT_HOLD


def cell_start(instant: int) -> int:
    """The start of the cell an instant falls into."""
    return instant // CELL * CELL


def cells_of(samples: Iterable[Sample], *, hold: int) -> list[Cell]:
    """The cells of one point, from all its readings: the definition that every store has to match.

    Equal times: the later in the given order is the one that counts.
    """
    by_time = {sample.time: sample for sample in samples}
    ordered = [by_time[time] for time in sorted(by_time)]
    found: dict[tuple[int, int], list[tuple[Sample, int, bool]]] = {}
    for index, sample in enumerate(ordered):
        until = sample.time + hold
        if index + 1 < len(ordered):
            until = min(until, ordered[index + 1].time)
        own = cell_start(sample.time)
        for start in range(own, cell_start(until - 1) + 1, CELL):
            known = min(until, start + CELL) - max(sample.time, start)
            found.setdefault((start, sample.place), []).append((sample, known, start == own))
    return [_cell(start, place, parts) for (start, place), parts in sorted(found.items())]


def _cell(start: int, place: int, parts: Sequence[tuple[Sample, int, bool]]) -> Cell:
    own = [sample for sample, _, inside in parts if inside]
    values = [sample.value for sample in own]
    return Cell(
        start=start,
        place=place,
        count=len(own),
        total=math.fsum(values),
        minimum=min(values, default=None),
        maximum=max(values, default=None),
        first=values[0] if values else None,
        last=values[-1] if values else None,
        last_at=own[-1].time if own else None,
        integral=math.fsum(sample.value * known for sample, known, _ in parts),
        known_ms=sum(known for _, known, _ in parts),
    )


def step_edges(start: int, end: int, step: str, zone: str) -> list[int]:
    """Starts of the steps that cover ``start`` … ``end`` (exclusive), and the end of the last one.

    ``15m`` and ``1h`` are whole quarters and hours of the zone's clock; ``1d`` goes from midnight to midnight there,
    so that a day has 23 or 25 hours where the clocks change.
    """
    tz = ZoneInfo(zone)
    if step == "1d":
        return _midnights(start, end, tz)
    length = _STEPS.get(step)
    if length is None:
        raise ValueError(f"unknown step {step!r}: expected 15m, 1h or 1d")
    shift = offset_at(start, tz) % length
    first = (start + shift) // length * length - shift
    edges = list(range(first, end, length))
    return [*edges, edges[-1] + length] if edges else []


def offset_at(instant: int, tz: ZoneInfo) -> int:
    """The zone's distance from UTC, ms."""
    moment = datetime.fromtimestamp(instant / 1000, tz)
    offset = moment.utcoffset()
    return 0 if offset is None else round(offset / timedelta(milliseconds=1))


def offsets(start: int, end: int, zone: str) -> list[tuple[int, int]]:
    """(from, distance from UTC in ms) over a span: one entry, and one more for each change of the clocks in it."""
    tz = ZoneInfo(zone)
    found = [(start, offset_at(start, tz))]
    probe = cell_start(start)
    day = 96 * CELL
    while probe < end:
        if offset_at(probe + day, tz) != found[-1][1]:
            change = next(at for at in range(probe, probe + day + CELL, CELL) if offset_at(at, tz) != found[-1][1])
            if change < end:
                found.append((change, offset_at(change, tz)))
        probe += day
    return found


def _midnights(start: int, end: int, tz: ZoneInfo) -> list[int]:
    if end <= start:
        return []
    day = datetime.fromtimestamp(start / 1000, tz).date()
    edges: list[int] = []
    while not edges or edges[-1] < end:
        midnight = datetime(day.year, day.month, day.day, tzinfo=tz)
        edges.append(round(midnight.astimezone(UTC).timestamp() * 1000))
        day += timedelta(days=1)
    return edges
