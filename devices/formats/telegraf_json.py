"""Telegraf's JSON over MQTT: one metric, or a batch.

    {"name": "modbus", "tags": {"host": "gw-1"}, "fields": {"temperature": 21.5}, "timestamp": 1763800000}
    {"metrics": [{…}, {…}]}

The timestamp's unit is set in Telegraf (``json_timestamp_units``), and the message does not say it: it is told by its size.
Source: https://docs.influxdata.com/telegraf/v1/data_formats/output/json/.
"""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec

from devices.contract import NO_STATE, Decoded, DeviceRef, Limits, Message, Problem, State
from devices.formats.json_bytes import read_json, show
from devices.formats.telegraf_points import CHANNEL_TAGS, Hearing, Points
from devices.formats.topic_filters import filters_of, matches, place_of

_SECONDS: Final = 1e11
_SIZES: Final = ((_SECONDS, 1e3), (1e14, 1.0), (1e17, 1e-3), (1e20, 1e-6))
"""A time smaller than the first is in the unit of which the second is the ms: s, ms, us, ns."""


class Route(msgspec.Struct, frozen=True):
    """Where the metrics came from."""

    place: DeviceRef
    """The device of metrics whose tags name none: the topic."""


class TelegrafJsonFormat:
    """Implements ``devices.contract.Format``. The options are those of ``influx_line``, except for ``precision``."""

    name = "telegraf_json"

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        topics: str = "telegraf/#",
        device_tag: str = "host",
        channel_tags: str = CHANNEL_TAGS,
    ) -> None:
        self._limits = limits if limits is not None else Limits()
        self.filters: tuple[str, ...] = filters_of(topics)
        self._points = Points(device_tag, channel_tags, self._limits)

    def route(self, topic: str, community: str | None) -> Route | None:
        """Every topic of the connection's filters."""
        if not any(matches(each, topic) for each in self.filters):
            return None
        return Route(place_of(topic, community or ""))

    def decode(self, route: Route, message: Message, state: State = NO_STATE) -> Decoded:
        """Read one metric or a batch. Never raises."""
        found = read_json(message.payload, self._limits, None)
        if isinstance(found, Problem):
            return Decoded(problems=(found,))
        listed = found.get("metrics") if isinstance(found, dict) and "fields" not in found else found
        hearing = self._points.hear(len(message.payload))
        for place, metric in enumerate(listed if isinstance(listed, list) else (listed,)):
            self._metric(metric, place, hearing, route)
        return hearing.answer(state)

    def _metric(self, metric: Any, place: int, hearing: Hearing, route: Route) -> None:
        name = metric.get("name") if isinstance(metric, dict) else None
        fields = metric.get("fields") if isinstance(metric, dict) else None
        if not isinstance(name, str) or not isinstance(fields, dict):
            right = 'send {"name": "modbus", "tags": {"host": "gw-1"}, "fields": {"temperature": 21.5}, "timestamp": 1763800000}'
            detail = f"metric {place} is {show(metric)}: {right}"
            hearing.problems.append(Problem("no_metric", detail, whole=False))
            return
        tags = metric.get("tags")
        words = [each for each in tags.items() if type(each[1]) is str] if isinstance(tags, dict) else []
        sent = metric.get("timestamp")
        time = moment(sent)
        if time is None and sent is not None:
            detail = (
                f"timestamp is {show(sent)}: seconds, milliseconds, microseconds or nanoseconds since 1970 are expected"
            )
            hearing.problems.append(Problem("bad_time", detail, whole=False))
        hearing.point(hearing.series(route.place, name, words), fields.items(), time)


def moment(time: object) -> int | None:
    """Epoch ms of a time in s, ms, us or ns, by its size; None where it is none."""
    if isinstance(time, bool) or not isinstance(time, (int, float)):
        return None
    if isinstance(time, float) and not math.isfinite(time):
        return None
    for largest, factor in _SIZES:
        if 0 <= time < largest:
            return round(time * factor) if factor >= 1 else int(time // round(1 / factor))
    return None
