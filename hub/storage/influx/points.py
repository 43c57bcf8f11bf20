"""Points beside readings (changes of alarms and tickets, hourly figures), as lines. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from hub.storage.influx.protocol import prefix, string, tag_text


class Point(Protocol):
    """What is written: told apart by measurement, tags and time."""

    @property
    def measurement(self) -> str: ...
    @property
    def tags(self) -> Mapping[str, str]: ...
    @property
    def fields(self) -> Mapping[str, float | int | str]:
        """A float, an integer and a string are different types at the server: a field keeps its own."""
        ...

    @property
    def time(self) -> int: ...


def point_line(point: Point) -> str:
    """As one line. Empty tags are left out."""
    tagged = {name: tag_text(value) for name, value in sorted(point.tags.items()) if value}
    fields = ",".join(f"{name}={_field(value)}" for name, value in point.fields.items())
    return f"{prefix(point.measurement, tagged)}{fields} {point.time}"


def _field(value: float | str) -> str:
    if isinstance(value, str):
        return string(value)
    return f"{int(value)}i" if isinstance(value, int) else repr(value)
