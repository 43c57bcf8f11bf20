"""Retention where the server deletes rows: whole months of a point, by InfluxQL, one measurement at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hub.domain.series_names import TEXT, VALUE
from hub.storage.influx.asking import of_points, span
from hub.storage.influx.catalogue import Catalogue
from hub.storage.influx.protocol import cells_measurement, tag_text
from hub.storage.influx.questions import literal, named
from hub.storage.influx.server import Server

_BEGIN: Final = -(2**62)


def delete_before(server: Server, catalogue: Catalogue, limits: dict[int, int], *, cells: bool) -> int:
    """Delete what is older than each point's limit; how many rows there were. Points without rows cost one question."""
    deleted = 0
    for measurement, until, points in _portions(catalogue, limits):
        name = named([cells_measurement(measurement) if cells else measurement])
        counted_of = ("count",) if cells else (VALUE, TEXT)
        counts = ", ".join(f"count({named([field])})" for field in counted_of)
        counted = server.query(
            f"SELECT {counts} FROM {name} WHERE {span(_BEGIN, until)}{of_points(catalogue, points)} "
            f"GROUP BY {named(('community', 'device', 'point'))}"
        )
        keys = {
            tag_text(catalogue.points.keys[point].device) + "\n" + tag_text(catalogue.points.keys[point].name)
            for point in points
        }
        ours = [table for table in counted if table.tags["device"] + "\n" + table.tags["point"] in keys]
        for table in ours:
            conditions = " AND ".join(f"{named([tag])} = {literal(value)}" for tag, value in table.tags.items())
            server.query(f"DELETE FROM {name} WHERE {conditions} AND {span(_BEGIN, until)}")
            deleted += int(table.values[0][1] or 0)
    return deleted


def _portions(catalogue: Catalogue, limits: dict[int, int]) -> Iterator[tuple[str, int, list[int]]]:
    """(measurement, limit, points) of series that reach back before the limit of their point."""
    found: dict[tuple[str, int], dict[int, None]] = {}
    for point, until in limits.items():
        for number in catalogue.at_point.get(point, ()):
            if catalogue.first[number] < until:
                found.setdefault((catalogue.measurements[number], until), {})[point] = None
    for (measurement, until), points in found.items():
        yield measurement, until, list(points)
