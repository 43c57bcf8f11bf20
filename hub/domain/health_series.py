"""How the hub itself stands, as points of the series that dashboards read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from hub.domain.event_series import SeriesPoint
from hub.domain.series_names import HUB_HEALTH

_SECOND: Final = 1_000


class LaneLook(NamedTuple):
    """A lane on its way along the journal."""

    lag_ms: int
    waiting: int
    """Batches."""


class HubLook(NamedTuple):
    """One look at everything, by the machine's clock."""

    hub: str
    """The hub's id: several may write into one database."""
    at: int
    lanes: Mapping[str, LaneLook]
    brokers: Mapping[str, bool]
    """Connection -> connected."""
    stores: Mapping[str, bool]
    """Series store -> it takes what its lane brings."""
    room_bytes: int
    """Of the journal."""
    hours_left: float | None
    """Until it is used up at the present rate; None while nothing comes in."""
    messages: int
    """Ever taken into the journal."""


def health_points(look: HubLook, before: HubLook | None) -> list[SeriesPoint]:
    """A point for each part. The rate is that since the look before, where there is one and the clock went on."""
    journal: dict[str, float | int | str] = {"room_bytes": look.room_bytes}
    if look.hours_left is not None:
        journal["hours_left"] = float(look.hours_left)
    if before is not None and look.at > before.at:
        journal["messages_per_s"] = (look.messages - before.messages) * _SECOND / (look.at - before.at)
    return [
        *(
            _point(look, "lane", name, {"lag_s": lane.lag_ms / _SECOND, "waiting": lane.waiting})
            for name, lane in look.lanes.items()
        ),
        *(_point(look, "broker", name, {"connected": int(up)}) for name, up in look.brokers.items()),
        *(_point(look, "store", name, {"reachable": int(takes)}) for name, takes in look.stores.items()),
        _point(look, "journal", "journal", journal),
    ]


def _point(look: HubLook, part: str, name: str, fields: Mapping[str, float | int | str]) -> SeriesPoint:
    tags = {"hub": look.hub, "part": part, "name": name}
    return SeriesPoint(measurement=HUB_HEALTH, tags=tags, fields=fields, time=look.at)
