"""What a device that waits said last: enough of it for a person to recognise the thing, and never more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from hub.flows.batch import PointKey
from hub.flows.community.adoption import InboxDevice, InboxPoint
from hub.flows.live import LiveReading
from hub.web.deps import Live

MOST_SHOWN: Final = 8
"""On the card of a device; the list of its points has the others."""
MOST_TEXT: Final = 80
"""Characters of one value."""


class Said(NamedTuple):
    """The last word of a point; of one that the hub's memory does not hold, the first one it ever said."""

    point: InboxPoint
    value: float | None
    text: str
    at: int | None
    """Event time, epoch ms; None: the first word, whose time nobody keeps."""


def said(items: Iterable[InboxDevice], live: Live) -> dict[str, tuple[Said, ...]]:
    """Device -> its points with their last words, in the inbox's order."""
    items = tuple(items)
    keys = {key_of(item, point) for item in items for point in item.points}
    readings = live.readings(keys)
    return {item.device.id: tuple(_last(item, point, readings) for point in item.points) for item in items}


def shown(points: Iterable[Said]) -> list[Said]:
    """Those that tell most: a known metric before a name that says nothing. Pure."""
    return sorted(points, key=lambda one: not one.point.metric)[:MOST_SHOWN]


def last_said(points: Iterable[Said]) -> int | None:
    """When the device measured last, as far as that is known. Pure."""
    return max((one.at for one in points if one.at is not None), default=None)


def key_of(item: InboxDevice, point: InboxPoint) -> PointKey:
    """The point as the lanes know it."""
    return PointKey(item.device.community, item.device.id, point.name)


def _last(item: InboxDevice, point: InboxPoint, readings: Mapping[PointKey, LiveReading]) -> Said:
    reading = readings.get(key_of(item, point))
    if reading is not None:
        return Said(point, reading.value, short(reading.text), reading.time)
    try:
        return Said(point, float(point.sample), "", None)
    except ValueError:
        return Said(point, None, short(point.sample), None)


def short(text: str) -> str:
    """A device may send as long a text as it likes. Pure."""
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"
