"""Roll-up cells: computed by the hub from the readings the server gives back, and written as series of their own."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from hub.clock import HOUR
from hub.domain.rollups import CELL
from hub.flows import cells as cells_of
from hub.flows.series import Cells, IdArray, IntArray
from hub.storage.duck.rollup import among
from hub.storage.influx.asking import Asking
from hub.storage.influx.catalogue import Catalogue
from hub.storage.influx.connection import QueryRefused
from hub.storage.influx.protocol import cell_lines, void_line
from hub.storage.influx.together import together

AT_ONCE: Final = 2_000
"""Cells of one question, at most."""
READINGS_AT_ONCE: Final = 100_000
"""Readings of one answer: some 20 MB in memory, and made long before a question takes too long."""
UNKNOWN_DENSITY: Final = 1_000.0
"""Readings of a cell, where none has been seen yet: more than one a second."""
SPAN: Final = 8 * HOUR
"""Cells of one question lie this close together, so that the server opens few of its files."""


class Rollup:
    """Computes cells for the lane and for questions."""

    def __init__(self, asking: Asking, catalogue: Catalogue) -> None:
        self._asking = asking
        self._catalogue = catalogue

    def compute(self, point: IdArray, start: IntArray) -> Cells:
        """These cells, from the readings."""
        if not len(point):
            return cells_of.empty()
        low, high = int(start.min()) - int(self._catalogue.hold[point].max()), int(start.max()) + CELL
        rows = self._asking.readings(np.unique(point).tolist(), low, high)
        made = cells_of.compute(rows.point, rows.place, rows.time, rows.value, self._catalogue.hold[rows.point])
        return cells_of.select(made, among(made, point, start))

    def computable(self, point: IdArray, start: IntArray) -> tuple[Cells, list[tuple[int, int, str]]]:
        """As ``compute``, and (point, start, reason) of cells whose readings the server does not give.

        It refuses by how old or how long a span is, so the cells (in order of their start) are parted by their starts.
        """
        try:
            return self.compute(point, start), []
        except QueryRefused as refused:
            if start[0] == start[-1]:
                return cells_of.empty(), [(of, int(start[0]), str(refused)) for of in point.tolist()]
        starts = np.unique(start)
        half = int(np.searchsorted(start, starts[len(starts) // 2]))
        left, refused_left = self.computable(point[:half], start[:half])
        right, refused_right = self.computable(point[half:], start[half:])
        return cells_of.join(left, right), [*refused_left, *refused_right]

    def lines(self, made: Cells, point: IdArray, start: IntArray) -> tuple[list[str], list[tuple[int, int]]]:
        """Cells as lines, and whose they are: (point, start).

        Where nothing is known any more of a cell that was to be computed, its line says so.
        """
        catalogue = self._catalogue
        numbers = catalogue.numbers(made.point, made.place)
        lines = cell_lines([catalogue.cell_prefixes[number] for number in numbers.tolist()], made)
        whose = list(zip(made.point.tolist(), made.start.tolist(), strict=True))
        there = set(zip(numbers.tolist(), made.start.tolist(), strict=True))
        for of, at in zip(point.tolist(), start.tolist(), strict=True):
            for number in catalogue.at_point.get(of, ()):
                reach = int(catalogue.hold[of]) + CELL
                if (number, at) not in there and catalogue.first[number] - CELL < at <= catalogue.last[number] + reach:
                    lines.append(void_line(catalogue.cell_prefixes[number], at))
                    whose.append((of, at))
        return lines, whose

    def stretches(
        self, points: list[int], waiting: tuple[IdArray, IntArray], span: tuple[int, int], width: int
    ) -> Cells:
        """For drawing: cells put together to stretches of ``width`` where none waits, as they are from there on."""
        start, end = span
        finished = int(waiting[1].min()) // width * width if len(waiting[1]) else end
        jobs = []
        if finished > start:
            jobs.append(partial(self._asking.extremes, points, start, min(finished, end), width))
        if finished < end:
            jobs.append(partial(self.read, points, waiting, max(finished, start), end))
        drawn = cells_of.empty()
        for part in together(jobs, len(jobs)):
            drawn = cells_of.join(drawn, part)
        return cells_of.select(drawn, np.lexsort((drawn.place, drawn.start, drawn.point)))

    def read(self, points: list[int], waiting: tuple[IdArray, IntArray], start: int, end: int) -> Cells:
        """Cells of these points in order of (point, start, place), those that wait computed on the way."""
        finished = self._asking.cells(points, start, end)
        point, at = waiting
        if len(point):
            finished = cells_of.select(finished, ~_is_among(finished, point, at))
            for part in parts(point, at):
                finished = cells_of.join(finished, self.compute(*part))
        order = np.lexsort((finished.place, finished.start, finished.point))
        return cells_of.select(finished, order)


def at_once(density: float) -> int:
    """Cells to compute by one question, where the last ones had so many readings each."""
    return max(1, min(AT_ONCE, int(READINGS_AT_ONCE / max(density, 1.0))))


def parts(point: IdArray, start: IntArray) -> list[tuple[IdArray, IntArray]]:
    """Cells in portions that are near each other and few enough to be computed at once."""
    order = np.lexsort((point, start))
    point, start = point[order], start[order]
    found = []
    at = 0
    while at < len(point):
        end = min(at + AT_ONCE, int(np.searchsorted(start, start[at] + SPAN)))
        found.append((point[at:end], start[at:end]))
        at = end
    return found


def _is_among(cells: Cells, point: IdArray, start: IntArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if not len(cells):
        return np.zeros(0, np.bool_)
    return among(cells, point, start)
