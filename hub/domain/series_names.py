"""What series are called in a store that other programs read: InfluxDB, and the dashboards on it.

The measurement is the metric (``power``), so that a query names what it wants; the tags say whose it is. Tags are those of
the binding in force at the reading's event time and never change afterwards. Times are epoch milliseconds.
"""

from __future__ import annotations

from typing import Final

TAGS: Final = ("community", "facility", "unit", "kind", "device", "point")
"""Of readings and roll-ups. An empty one (a facility without units) is left out."""

VALUE: Final = "value"
"""Float; booleans are 0 and 1."""
TEXT: Final = "text"
"""String; only of points that speak in words."""
QUALITY: Final = "quality"
"""Integer, see hub.domain.readings.Quality."""

UNKNOWN_METRIC: Final = "unknown"
"""Measurement of points whose metric is not in the table."""

CELL_SUFFIX: Final = "_15m"
"""``power_15m``: roll-up cells of 15 minutes, stamped with their start."""
CELL_FIELDS: Final = ("count", "total", "min", "max", "first", "last", "last_at", "integral", "known_ms")
"""See hub.domain.rollups.Cell. ``integral`` over ``known_ms`` is the time-weighted mean; both add up over cells."""

ALARM_EVENT: Final = "alarm_event"
TICKET_EVENT: Final = "ticket_event"
"""One point for each change of state: tags community, facility, unit, kind, grid, priority, state, failure_mode."""
WHOSE: Final = {ALARM_EVENT: "alarm", TICKET_EVENT: "ticket"}
"""The field that says what has changed. With the tag ``state`` and the time it tells changes apart: the other tags are those of
the moment at which a change is written, and a ticket's priority or a facility's grid may be another one by then."""
KPI_HOUR: Final = "kpi_1h"
"""Hourly figures of maintenance: tags community, kind, kpi; fields value, n."""
FACILITY_HOUR: Final = "facility_1h"
"""Hourly counts of a facility: tags community, facility, kind; a field for each figure that is a count."""
HUB_HEALTH: Final = "hub_health"
"""How the hub itself stands, every minute: tags hub, part, name; fields by part, see hub.domain.health_series."""


def cells_of(measurement: str) -> str:
    """The measurement that holds a metric's roll-ups."""
    return f"{measurement}{CELL_SUFFIX}"
