"""Questions to the server in InfluxQL, and its answers as columns with the hub's own ids."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from hub.domain.series_names import CELL_FIELDS, QUALITY, TEXT, VALUE
from hub.flows import cells as cells_of
from hub.flows.series import Cells, FloatArray, IdArray, IntArray
from hub.storage.influx.catalogue import TAGS, Catalogue
from hub.storage.influx.protocol import cells_measurement, tag_text
from hub.storage.influx.questions import Table, literal, named
from hub.storage.influx.server import Server
from hub.storage.influx.together import together

_NAMED: Final = 500
"""More points of a metric are not named one by one: all of it is asked for, and the others are left out."""
_TOGETHER: Final = 100
"""So many points are asked for by one question, whatever their metrics."""
_LIMIT: Final = 9_223_372_036_000
"""InfluxDB's time ends in 2262, in either direction."""
_BY_SERIES: Final = f"GROUP BY {named(TAGS)}"


class Raw(NamedTuple):
    """Readings in order of (point, time), each pair once."""

    point: IdArray
    place: IdArray
    time: IntArray
    value: FloatArray
    quality: IntArray


def span(start: int, end: int) -> str:
    """A condition: from ``start`` to before ``end``."""
    low, high = max(start, -_LIMIT), min(end, _LIMIT)
    return f"time >= {low}ms AND time < {high}ms"


def of_points(catalogue: Catalogue, points: Sequence[int]) -> str:
    """A condition that holds for these points; empty where they are too many to name."""
    if len(points) > _NAMED:
        return ""
    of_device: dict[tuple[str, str], list[str]] = {}
    for point in points:
        key = catalogue.points.keys[point]
        of_device.setdefault((key.community, key.device), []).append(f'"point" = {literal(tag_text(key.name))}')
    parts = [
        f'("community" = {literal(tag_text(community))} AND "device" = {literal(tag_text(device))} '
        f"AND ({' OR '.join(names)}))"
        for (community, device), names in of_device.items()
    ]
    return f" AND ({' OR '.join(parts)})"


class Asking:
    """Reads what the hub has written. Any thread."""

    def __init__(self, server: Server, catalogue: Catalogue) -> None:
        self._server = server
        self._catalogue = catalogue

    def _sources(self, points: Iterable[int], *, cells: bool = False) -> list[tuple[str, str]]:
        """(what to read from, which points of it): all metrics in one question, or one each where the points are many."""
        of_metric: dict[str, dict[int, None]] = {}
        for number in self._catalogue.of_points(points):
            of_metric.setdefault(self._catalogue.measurements[number], {})[self._catalogue.point_of[number]] = None
        groups = [([metric], list(some)) for metric, some in of_metric.items()]
        told = list(dict.fromkeys(point for _, some in groups for point in some))
        if groups and len(told) <= _TOGETHER:
            groups = [(list(of_metric), told)]
        return [
            (
                named([cells_measurement(each) for each in metrics] if cells else metrics),
                of_points(self._catalogue, some),
            )
            for metrics, some in groups
        ]

    def _ours(self, question: str, wanted: Container[int]) -> Iterator[tuple[int, Table]]:
        """The series of the answer that are of wanted points, by their number; those of roll-ups likewise."""
        for table in self._server.query(question):
            number = self._catalogue.of_answer(table)
            if number is not None and self._catalogue.point_of[number] in wanted:
                yield number, table

    # --- readings -----------------------------------------------------------------------------------------------------

    def readings(self, points: Sequence[int], start: int, end: int) -> Raw:
        """Numbers of these points. Where one was told again under another place, the later binding's word counts."""
        parts: list[tuple[int, FloatArray]] = []
        wanted = set(points)
        for source, those in self._sources(points):
            question = f"SELECT {named((VALUE, QUALITY))} FROM {source} WHERE {span(start, end)}{those} {_BY_SERIES}"
            parts += [(number, np.array(table.values, np.float64)) for number, table in self._ours(question, wanted)]
        return self._ordered(parts)

    def _ordered(self, parts: list[tuple[int, FloatArray]]) -> Raw:
        if not parts:
            none = np.zeros(0, np.int64)
            return Raw(none.astype(np.int32), none.astype(np.int32), none, np.zeros(0), none)
        sizes = [len(values) for _, values in parts]
        all_rows = np.concatenate([values for _, values in parts])
        point = np.repeat([self._catalogue.point_of[number] for number, _ in parts], sizes).astype(np.int32)
        place = np.repeat([self._catalogue.place_of[number] for number, _ in parts], sizes).astype(np.int32)
        time = all_rows[:, 0].astype(np.int64)
        order = np.lexsort((place, time, point))
        order = order[~np.isnan(all_rows[order, 1])]  # a text at this instant, and no number
        last = np.ones(len(order), np.bool_)
        p, t = point[order], time[order]
        last[:-1] = (p[1:] != p[:-1]) | (t[1:] != t[:-1])
        order = order[last]
        quality = np.nan_to_num(all_rows[order, 2]).astype(np.int64)
        return Raw(point[order], place[order], time[order], all_rows[order, 1], quality)

    def texts(
        self, points: Sequence[int], start: int, end: int, limit: int | None = None
    ) -> list[tuple[int, int, int, str, int]]:
        """(point, place, time, text, quality) of the newest ``limit`` texts, in order of time; None: all of them."""
        found = []
        wanted = set(points)
        for source, those in self._sources(points):
            newest = "" if limit is None else f" ORDER BY time DESC LIMIT {limit}"
            question = (
                f"SELECT {named((TEXT, QUALITY))} FROM {source} WHERE {span(start, end)}{those} {_BY_SERIES}{newest}"
            )
            for number, table in self._ours(question, wanted):
                point, place = self._catalogue.point_of[number], self._catalogue.place_of[number]
                found += [(point, place, row[0], row[1], row[2] or 0) for row in table.values if row[1] is not None]
        once = {(point, time): row for row in sorted(found) for point, _, time, *_ in [row]}
        ordered = sorted(once.values(), key=lambda row: (row[2], row[0]))
        return ordered if limit is None else ordered[-limit:]

    def last_before(self, points: Sequence[int], edge: int) -> dict[int, float]:
        """The last value of each point before an instant: a reading, or what its roll-ups say where readings are gone."""
        newest: dict[int, tuple[int, float]] = {}
        wanted = set(points)
        for (source, those), (cells, _) in zip(self._sources(points), self._sources(points, cells=True), strict=True):
            condition = f"{span(-_LIMIT, edge)}{those}"
            question = (
                f'SELECT last("last"), "last_at" FROM {cells} WHERE {condition} AND "count" > 0 {_BY_SERIES}; '
                f"SELECT last({named([VALUE])}) FROM {source} WHERE {condition} {_BY_SERIES}"
            )
            for number, table in self._ours(question, wanted):
                time, value, *at = table.values[-1]
                said = (int(at[0]) if at else time, float(value))
                point = self._catalogue.point_of[number]
                if said[0] < edge and (point not in newest or newest[point][0] <= said[0]):
                    newest[point] = said
        return {point: value for point, (_, value) in newest.items()}

    # --- roll-ups -----------------------------------------------------------------------------------------------------

    def cells(self, points: Sequence[int], start: int, end: int) -> Cells:
        """Finished cells of these points that start in this time, in no order."""
        parts = [cells_of.empty()]
        wanted = set(points)
        for source, those in self._sources(points, cells=True):
            question = f"SELECT {named(CELL_FIELDS)} FROM {source} WHERE {span(start, end)}{those} {_BY_SERIES}"
            parts += [self._cells_of(number, table) for number, table in self._ours(question, wanted)]
        return _joined(parts)

    def _cells_of(self, number: int, table: Table) -> Cells:
        rows = np.array(table.values, np.float64)
        rows = rows[(rows[:, 1] > 0) | (rows[:, 9] > 0)]  # the others say that there is no such cell any more
        some = rows[:, 1] > 0
        return Cells(
            point=np.full(len(rows), self._catalogue.point_of[number], np.int32),
            place=np.full(len(rows), self._catalogue.place_of[number], np.int32),
            start=rows[:, 0].astype(np.int64),
            count=rows[:, 1].astype(np.int64),
            total=rows[:, 2],
            minimum=np.where(some, rows[:, 3], np.nan),
            maximum=np.where(some, rows[:, 4], np.nan),
            first=np.where(some, rows[:, 5], np.nan),
            last=np.where(some, rows[:, 6], np.nan),
            last_at=np.where(some, np.nan_to_num(rows[:, 7], nan=-1), -1).astype(np.int64),
            integral=rows[:, 8],
            known_ms=rows[:, 9].astype(np.int64),
        )

    def extremes(self, points: Sequence[int], start: int, end: int, width: int) -> Cells:
        """Finished cells put together to stretches of ``width`` by the server: the lowest and the highest of each.

        In two questions at once: it is the server that takes its time, and it has more than one core.
        """
        halves = [half for half in (points[::2], points[1::2]) if half]
        parts = together([partial(self._extremes, half, start, end, width) for half in halves], len(halves))
        return _joined([cells_of.empty(), *parts])

    def _extremes(self, points: Sequence[int], start: int, end: int, width: int) -> Cells:
        # where rows cannot be deleted, a cell that became empty still has its old extremes beside its count
        told = "" if self._server.deletes else ' AND "count" > 0'
        parts = [cells_of.empty()]
        wanted = set(points)
        for source, those in self._sources(points, cells=True):
            question = (
                f'SELECT min("min"), max("max") FROM {source} '
                f"WHERE {span(start, end)}{those}{told} "
                f"GROUP BY time({width}ms), {named(TAGS)} fill(none)"
            )
            for number, table in self._ours(question, wanted):
                rows = np.array(table.values, np.float64)
                rows = rows[~np.isnan(rows[:, 1])]
                none = np.zeros(len(rows))
                parts.append(
                    Cells(
                        point=np.full(len(rows), self._catalogue.point_of[number], np.int32),
                        place=np.full(len(rows), self._catalogue.place_of[number], np.int32),
                        start=rows[:, 0].astype(np.int64),
                        count=np.ones(len(rows), np.int64),
                        total=none,
                        minimum=rows[:, 1],
                        maximum=rows[:, 2],
                        first=none,
                        last=none,
                        last_at=none.astype(np.int64),
                        integral=none,
                        known_ms=none.astype(np.int64),
                    )
                )
        return _joined(parts)

    def sums(self, points: Sequence[int], start: int, end: int, step: str) -> list[tuple[int, int, float, int]]:
        """(place, start of the step, integral, known time) summed over these points; ``step`` is ``1h`` or ``15m``."""
        found = []
        wanted = set(points)
        for source, those in self._sources(points, cells=True):
            question = (
                f'SELECT sum("integral"), sum("known_ms") FROM {source} WHERE {span(start, end)}{those} '
                f"GROUP BY time({step}), {named(TAGS)} fill(none)"
            )
            for number, table in self._ours(question, wanted):
                place = self._catalogue.place_of[number]
                found += [(place, row[0], float(row[1]), int(row[2])) for row in table.values if row[2]]
        return found

    # --- counting -----------------------------------------------------------------------------------------------------

    def counts(self, points: Sequence[int], start: int, end: int) -> dict[int, int]:
        """Stored numbers of each point in a span."""
        found: dict[int, int] = {}
        wanted = set(points)
        for source, those in self._sources(points):
            question = f"SELECT count({named([VALUE])}) FROM {source} WHERE {span(start, end)}{those} {_BY_SERIES}"
            for number, table in self._ours(question, wanted):
                point = self._catalogue.point_of[number]
                found[point] = found.get(point, 0) + int(table.values[0][1])
        return found

    def doubtful(self, points: Sequence[int], start: int, end: int) -> dict[int, tuple[int, int, int]]:
        """(how many, instant and quality of the last) of the points' readings whose quality is not good."""
        counts: dict[int, int] = {}
        last: dict[int, tuple[int, int]] = {}
        wanted, quality = set(points), named([QUALITY])
        for source, those in self._sources(points):
            rest = f"FROM {source} WHERE {span(start, end)}{those} AND {quality} > 0 {_BY_SERIES}"
            question = f'SELECT count({quality}) AS "times" {rest}; SELECT last({quality}) {rest}'
            for number, table in self._ours(question, wanted):
                point, (time, told, *_) = self._catalogue.point_of[number], table.values[-1]
                if table.columns[1] == "times":
                    counts[point] = counts.get(point, 0) + int(told)
                else:
                    last[point] = max(last.get(point, (time, int(told))), (time, int(told)))
        return {point: (counts[point], *told) for point, told in last.items()}

    def spoke(self, points: Sequence[int], places: Sequence[int], start: int, end: int) -> set[int]:
        """Which of these points have anything at one of these places in a span."""
        found = set()
        wanted = {number for number in self._catalogue.of_points(points) if self._catalogue.place_of[number] in places}
        for source, those in self._sources(points):
            question = f"SELECT last({named([QUALITY])}) FROM {source} WHERE {span(start, end)}{those} {_BY_SERIES}"
            for table in self._server.query(question):
                number = self._catalogue.of_answer(table)
                if number in wanted:
                    found.add(self._catalogue.point_of[number])
        return found


def _joined(parts: list[Cells]) -> Cells:
    return Cells(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in Cells.__slots__})
