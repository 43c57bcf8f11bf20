"""Which points beside readings a server has not. A change that is told again may have other tags by now, and would be two."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

from hub.clock import DAY, MINUTE
from hub.domain.event_series import SeriesPoint
from hub.domain.series_names import WHOSE
from hub.storage.influx.connection import QueryRefused
from hub.storage.influx.questions import named
from hub.storage.influx.server import Server

_Change = tuple[str, str, str, int]
"""Measurement, state, what has changed, time."""
_STATE: Final = "state"


def missing(server: Server, points: Sequence[SeriesPoint], now: int) -> list[SeriesPoint]:
    """Points to be written. What is older than the server keeps is left out: it can be made again from where it came from.

    Hourly figures keep their tags: they are always written, over themselves.
    """
    oldest = None if server.kept_ms is None else now - server.kept_ms + MINUTE
    kept = [point for point in points if oldest is None or point.time >= oldest]
    days: dict[tuple[str, int], list[int]] = {}
    for point in kept:
        if point.measurement in WHOSE:
            days.setdefault((point.measurement, point.time // DAY), []).append(point.time)
    there: set[_Change] = set()
    for (measurement, _), times in days.items():
        there |= _there(server, measurement, min(times), max(times))
    return [point for point in kept if point.measurement not in WHOSE or _change(point) not in there]


def _change(point: SeriesPoint) -> _Change:
    return point.measurement, point.tags[_STATE], str(point.fields[WHOSE[point.measurement]]), point.time


def _there(server: Server, measurement: str, first: int, last: int) -> set[_Change]:
    """Changes of a day at most: InfluxDB 3 Core reads little more at once. Where it does not answer, nothing is known."""
    with contextlib.suppress(QueryRefused):
        found = server.query(
            f"SELECT {named([WHOSE[measurement]])} FROM {named([measurement])} "
            f"WHERE time >= {first}ms AND time <= {last}ms GROUP BY {named([_STATE])}"
        )
        return {(measurement, table.tags[_STATE], str(row[1]), int(row[0])) for table in found for row in table.values}
    return set()
