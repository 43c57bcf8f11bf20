"""InfluxDB line protocol over MQTT, as Telegraf's MQTT output sends it unless it is told otherwise."""

from __future__ import annotations

from typing import Final

import msgspec

from devices.contract import NO_STATE, Decoded, DeviceRef, Limits, Message, Problem, State
from devices.formats.json_bytes import show
from devices.formats.line_protocol import read_lines
from devices.formats.telegraf_points import CHANNEL_TAGS, MOST_VALUES, Points
from devices.formats.topic_filters import filters_of, matches, place_of

_UNITS_PER_MS: Final = {"ns": 1_000_000, "us": 1_000, "µs": 1_000, "ms": 1, "s": 0}


class Route(msgspec.Struct, frozen=True):
    """Where the lines came from."""

    place: DeviceRef
    """The device of lines whose tags name none: the topic."""


class InfluxLineFormat:
    """Implements ``devices.contract.Format``.

    ``topics``: the filters to subscribe to. ``precision``: the unit of timestamps (ns, us, ms, s). ``device_tag``: the tag that
    names the device; of several, the first that a line has. ``channel_tags``: the tags that tell its parts apart.
    """

    name = "influx_line"

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        topics: str = "telegraf/#",
        precision: str = "ns",
        device_tag: str = "host",
        channel_tags: str = CHANNEL_TAGS,
    ) -> None:
        self._limits = limits if limits is not None else Limits()
        self.filters: tuple[str, ...] = filters_of(topics)
        if precision not in _UNITS_PER_MS:
            raise ValueError(f"precision {precision!r}: one of {', '.join(_UNITS_PER_MS)} is expected")
        self._per_ms = _UNITS_PER_MS[precision]
        self._points = Points(device_tag, channel_tags, self._limits)

    def route(self, topic: str, community: str | None) -> Route | None:
        """Every topic of the connection's filters."""
        if not any(matches(each, topic) for each in self.filters):
            return None
        return Route(place_of(topic, community or ""))

    def decode(self, route: Route, message: Message, state: State = NO_STATE) -> Decoded:
        """Read the lines of one message. Never raises."""
        payload = message.payload
        if len(payload) > self._limits.payload:
            detail = f"payload of {len(payload)} bytes; at most {self._limits.payload} are taken: send smaller batches"
            return Decoded(problems=(Problem("too_large", detail),))
        try:
            text = payload.decode("utf-8")
        except UnicodeDecodeError as error:
            return Decoded(
                problems=(Problem("not_utf8", f"byte {error.start} is not UTF-8: encode the payload as UTF-8"),)
            )
        points, wrong = read_lines(text, MOST_VALUES)
        hearing = self._points.hear(len(payload))
        for point in points:
            series = hearing.series(route.place, point.measurement, point.tags.items())
            hearing.point(series, point.fields.items(), self._moment(point.time))
        for bad in wrong:
            hearing.problems.append(Problem("bad_line", f"line {bad.line}: {bad.text}", whole=False))
        if not points and not wrong:
            hearing.problems.append(Problem("bad_line", f"found {show(text[:20])}: at least one line is expected"))
        return hearing.answer(state)

    def _moment(self, time: int | None) -> int | None:
        if time is None:
            return None
        return time // self._per_ms if self._per_ms else time * 1000
