"""Any recorded series as messages of one device: with its own times, or as if it happened now."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from devices.simulator.play import Publication


class RecordedError(ValueError):
    """A file that is no series: names file, row, column, and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Which columns of which file become which point."""

    path: Path
    community: str
    device: str
    point: str
    time_column: str = "timestamp"
    value_column: str = "value"
    zone: str = "UTC"
    """For times that name no zone of their own."""


def rows(source: Recorded) -> Iterator[tuple[int, float]]:
    """(epoch ms, value) in the file's order, which need not be that of time. RecordedError names the first bad row."""
    try:
        file = source.path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise RecordedError(f"{source.path}: cannot be read ({error.strerror})") from error
    with file:
        reader = csv.DictReader(file)
        for column in (source.time_column, source.value_column):
            if column not in (reader.fieldnames or ()):
                found = ", ".join(reader.fieldnames or ()) or "nothing"
                raise RecordedError(f"{source.path}: no column {column!r}; the first line has {found}")
        for number, row in enumerate(reader, 2):
            try:
                yield _instant(row[source.time_column], source.zone), float(row[source.value_column])
            except (ValueError, TypeError) as error:
                raise RecordedError(f"{source.path}, line {number}: {error}; expected a time and a number") from error


def publications(source: Recorded, *, speed: float, start: int, as_live: bool) -> Iterator[Publication]:
    """The series as messages, leaving ``speed`` times faster than it was recorded, from ``start`` (epoch ms) on.

    Each message carries the row's own time; with ``as_live`` the moment at which it leaves.
    """
    topic = f"community/v1/{source.community}/{source.device}/telemetry"
    first: int | None = None
    leaves = start
    for at, value in rows(source):
        first = at if first is None else first
        leaves = max(leaves, start + round((at - first) / speed))
        body = {"ts": leaves if as_live else at, "values": {source.point: value}}
        yield Publication(leaves, source.device, topic, json.dumps(body, separators=(",", ":")).encode())


def _instant(text: str, zone: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return round(moment.timestamp() * 1000)
