"""Weekday x hour as an SVG made on the server: the darker the more, hatched where nothing is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

from hub.flows.series import FloatArray
from hub.web.charts import LEFT, RIGHT, WIDTH, Tick

ROW: Final = 30
TOP, BOTTOM = 4, 30
PALEST: Final = 0.08
"""Of a cell that is known and not used at all: seen, and told from nothing known."""
_TOPS: Final = (0.05, 0.1, 0.2, 0.5, 1.0)


class HeatCell(NamedTuple):
    """One hour of the week; ``share`` and ``opacity`` None: nothing is known."""

    weekday: int
    hour: int
    x: float
    y: int
    share: float | None
    opacity: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """What the template draws; coordinates in the view box. ``top``: the share of the darkest."""

    cells: tuple[HeatCell, ...]
    top: float
    hours: tuple[Tick, ...]
    cell_width: float = (WIDTH - LEFT - RIGHT) / 24
    cell_height: int = ROW
    left: int = LEFT
    width: int = WIDTH
    height: int = TOP + 7 * ROW + BOTTOM

    @property
    def by_weekday(self) -> list[tuple[HeatCell, ...]]:
        """Seven rows of 24."""
        return [self.cells[at : at + 24] for at in range(0, len(self.cells), 24)]

    @property
    def by_hour(self) -> list[tuple[HeatCell, ...]]:
        """24 rows of seven, as a table that fits a phone has them."""
        return list(zip(*self.by_weekday, strict=True))


def draw_hours(hours: FloatArray) -> HeatMap:
    """``hours``: shape (7, 24), shares from 0 to 1 or beyond, NaN where nothing is known."""
    wide = (WIDTH - LEFT - RIGHT) / 24
    table = [[None if math.isnan(share) else share for share in row] for row in hours.tolist()]
    most = max((share for row in table for share in row if share is not None), default=0.0)
    top = next((one for one in _TOPS if most <= one), most)
    return HeatMap(
        cells=tuple(
            HeatCell(weekday, hour, round(LEFT + hour * wide, 1), TOP + weekday * ROW, share, _opacity(share, top))
            for weekday, row in enumerate(table)
            for hour, share in enumerate(row)
        ),
        top=top,
        hours=tuple(Tick(round(LEFT + hour * wide, 1), f"{hour:02d}:00") for hour in range(0, 24, 6)),
    )


def _opacity(share: float | None, top: float) -> float | None:
    return None if share is None else round(PALEST + (1 - PALEST) * min(max(share / top, 0.0), 1.0), 2)
