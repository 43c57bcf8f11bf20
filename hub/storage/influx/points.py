"""Points beside readings (changes of alarms and tickets, hourly figures), as lines. Pure."""

from __future__ import annotations

from hub.domain.event_series import SeriesPoint
from hub.storage.influx.protocol import prefix, string, tag_text


def point_line(point: SeriesPoint) -> str:
    """As one line. Empty tags are left out."""
    tagged = {name: tag_text(value) for name, value in sorted(point.tags.items()) if value}
    fields = ",".join(f"{name}={_field(value)}" for name, value in point.fields.items())
    return f"{prefix(point.measurement, tagged)}{fields} {point.time}"


def _field(value: float | str) -> str:
    if isinstance(value, str):
        return string(value)
    return f"{int(value)}i" if isinstance(value, int) else repr(value)
