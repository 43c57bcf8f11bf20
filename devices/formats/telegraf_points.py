"""What Telegraf's points say to the hub: which device, which point, which metric. Shared by line protocol and JSON.

A point has a measurement, tags and fields. One tag names the device (``host`` unless the connection says otherwise); tags that
tell its parts apart (``cpu``, ``interface``, ``slave_id`` …) become the channel, and tags that say where it is become hints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from devices.contract import Announcement, Change, Decoded, DeviceRef, Limits, Problem, Sample, State
from devices.formats.json_bytes import show
from devices.formats.slugs import channel_slug, id_slug
from devices.problems import few
from devices.units import convert
from devices.words import METRICS, UNIT_OF, fit, metric_for, own_value, passes_for

MOST_VALUES: Final = 2_000
_MOST_DEVICES: Final = 5_000
_MOST_HINTS: Final = 8
_MOST_SERIES: Final = 1_024
_MOST_PLACES: Final = 64
_SHORT: Final = 2_048
"""Series that are remembered, fields of each, and bytes of a message that is short."""
_LARGE: Final = 1e15
_HOST: Final = "host"

# fmt: off
CHANNEL_TAGS: Final = (
    "bank bus channel chip circuit core cpu device disk feature ifDescr ifName index instance interface line meter mode name objectname "
    "outlet path phase pool port register sensor serial slave slave_id slot unit unit_id url volume zone_id"
)
"""Tags that tell the parts of a device apart, unless the connection names its own."""

_PLACE_TAGS: Final = "area building campus entrance facility floor location place rack region room site staircase street zone"
_PLACES: Final = frozenset(_PLACE_TAGS.split())
_SUFFIXES: Final[Mapping[str, str]] = MappingProxyType({
    "celsius": "Cel", "fahrenheit": "[degF]", "kelvin": "K", "percent": "%", "pct": "%", "watts": "W", "watt": "W", "kilowatts": "kW", "kw": "kW",
    "kwh": "kW.h", "wh": "W.h", "va": "VA", "kva": "kVA", "var": "var", "kvar": "kvar", "kvarh": "kvar.h", "joules": "J", "volts": "V", "volt": "V", "amperes": "A", "amps": "A", "hertz": "Hz", "lux": "lx",
    "ppm": "[ppm]", "ppb": "[ppb]", "pascals": "Pa", "kpa": "kPa", "mpa": "MPa", "bar": "bar", "dbm": "dB[mW]", "meters": "m", "metres": "m",
    "liters": "L", "litres": "L", "m3": "m3", "seconds": "s", "hours": "h",
})
"""The unit at the end of a field's name: ``power_watts``. Single letters are left out; they are too often something else."""
# fmt: on
_OTHERWISE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({"net": ("speed",)})
"""Fields of Telegraf's own inputs whose name is a metric of the hub and means something else."""


class Place(NamedTuple):
    """Where the numbers of a field go, in the unit that its name tells (both empty: as they come)."""

    point: str
    unit: str
    to: str


class Series:
    """A measurement with its tags: whose it is, and what its fields are called. Never changed but for what it remembers."""

    __slots__ = ("channel", "device", "hints", "key", "measurement", "places", "tags")

    def __init__(
        self, device: DeviceRef, channel: str, measurement: str, tags: Mapping[str, str], longest_name: int
    ) -> None:
        self.device, self.channel, self.measurement, self.tags = device, channel, measurement, tags
        self.key = f"{device.scheme}:{device.id}"
        """Where the state has what is known of the device."""
        self.hints = {tag: value[:100] for tag, value in tags.items() if tag in _PLACES}
        self.places = _Places(measurement, channel, longest_name)


class _Places(dict[str, Place | None]):
    """Field -> where its numbers go, None where a closer look is needed; remembered for the first fields of a series."""

    def __init__(self, measurement: str, channel: str, longest_name: int) -> None:
        super().__init__()
        self._measurement, self._channel, self._longest = measurement, channel, longest_name

    def __missing__(self, field: str) -> Place | None:
        place = self._place(field) if len(field) <= self._longest else None
        if len(self) < _MOST_PLACES and len(field) <= self._longest:
            self[field] = place
        return place

    def _place(self, field: str) -> Place | None:
        metric, unit, own_name = _meaning(self._measurement if self._measurement in _OTHERWISE else "", field)
        name = metric if metric in UNIT_OF else "" if metric else own_name
        point = f"{self._channel}.{name}" if self._channel else name
        to = UNIT_OF[metric] if unit else ""
        if not name or len(point) > self._longest or not point.isprintable() or (unit and convert(0, unit, to) is None):
            return None
        return Place(point, unit, to)


class Points:
    """Names devices and points as one connection has them set up."""

    def __init__(self, device_tag: str, channel_tags: str, limits: Limits) -> None:
        self._device_tags = tuple(tag.strip() for tag in device_tag.split(",") if tag.strip()) or (_HOST,)
        self._channel_tags = frozenset(channel_tags.replace(",", " ").split()) - set(self._device_tags)
        self._limits = limits
        self._remembered = lru_cache(maxsize=_MOST_SERIES)(self._series)

    def hear(self, size: int) -> Hearing:
        """Begin a message of so many bytes.

        What short ones say is remembered, for they say the same again and again; within a long one it is too.
        """
        find = self._remembered if size <= _SHORT else lru_cache(maxsize=_MOST_SERIES)(self._series)
        return Hearing(find, self._limits)

    def _series(self, place: DeviceRef, measurement: str, *tagged: tuple[str, str]) -> Series:
        tags = dict(tagged)
        return Series(self._device(place, tags), self._channel(measurement, tags), measurement, tags, self._limits.name)

    def _device(self, place: DeviceRef, tags: Mapping[str, str]) -> DeviceRef:
        for tag in self._device_tags:
            value = tags.get(tag)
            if value:
                return DeviceRef(place.community, channel_slug(tag) or "tag", id_slug(value))
        return place

    def _channel(self, measurement: str, tags: Mapping[str, str]) -> str:
        """The measurement, and what the tags that tell parts apart say."""
        if self._channel_tags.isdisjoint(tags):
            return channel_slug(measurement)
        parts = [measurement, *(tags[tag] for tag in sorted(tags) if tag in self._channel_tags)]
        return channel_slug("-".join(part for part in (channel_slug(each) for each in parts) if part))


class _Moment(NamedTuple):
    """What a device said of one moment, and the series that each of its values came from."""

    sample: Sample
    series: dict[str, Series]


class Hearing:
    """What one message has said so far."""

    __slots__ = ("_count", "_hints", "_limits", "_moments", "_series", "problems")

    def __init__(self, series: Callable[..., Series], limits: Limits) -> None:
        self._series, self._limits = series, limits
        self._moments: dict[tuple[DeviceRef, int | None], _Moment] = {}
        self._hints: dict[str, tuple[DeviceRef, dict[str, str]]] = {}
        """Where the state has a device -> the device, and what was said of its place."""
        self._count = 0
        self.problems: list[Problem] = []

    def series(self, place: DeviceRef, measurement: str, tags: Iterable[tuple[str, str]]) -> Series:
        """Whose values these are; ``place`` is the device where no tag names one."""
        return self._series(place, measurement, *tags)

    def point(self, series: Series, fields: Iterable[tuple[str, Any]], time: int | None) -> None:
        """One point, its time in epoch ms."""
        held = self._moments.get((series.device, time))
        if held is None:
            held = self._moments[series.device, time] = _Moment(Sample(series.device, time, {}), {})
        values, origins, places = held.sample.values, held.series, series.places
        for field, value in fields:
            if self._count >= MOST_VALUES:
                detail = f"more than {MOST_VALUES} fields in one message: send smaller batches"
                self.problems.append(Problem("too_many_values", detail, series.device, whole=False))
                return
            kind = type(value)
            place = places[field] if kind is float or kind is int else None
            if place is not None and place.point not in values and -_LARGE < value < _LARGE:
                name: str = place.point
                reading: Any = convert(value, place.unit, place.to) if place.unit else float(value)
            else:
                found = self._looked_at(series, field, value)
                if found is None:
                    continue
                name, reading = found
                if name in values and not _same(origins[name], series):
                    self._said_twice(name, series)
                    continue
            self._count += 1
            values[name] = reading
            origins[name] = series
        hints = self._hints.setdefault(series.key, (series.device, {}))[1]
        for tag, value in series.hints.items():
            if len(hints) < _MOST_HINTS:
                hints[tag] = value

    def _looked_at(self, series: Series, field: str, value: object) -> tuple[str, float | bool | str] | None:
        """(name, value) of a field that is not everyday; None, with the problem named, where it cannot be kept."""
        found = _reading(series.measurement, field, value, series.channel) if len(field) <= self._limits.name else None
        if found is None or found[1].__class__ is str or len(found[0]) > self._limits.name:
            problem = self._wrong_with(found, field, value, series.device)
            if problem is not None:
                self.problems.append(problem)
                return None
        return found

    def _said_twice(self, name: str, series: Series) -> None:
        detail = f"{show(name)} is said twice for one moment, the second time with the tags {show(dict(series.tags))}"
        right = "name the tag that tells the parts apart in the option channel_tags"
        self.problems.append(Problem("same_point", f"{detail}: {right}", series.device, whole=False))

    def _wrong_with(
        self, found: tuple[str, float | bool | str] | None, field: str, value: object, device: DeviceRef
    ) -> Problem | None:
        limits = self._limits
        name = found[0] if found is not None else field
        if len(name) > limits.name or not name.isprintable() or not name:
            right = f"1 to {limits.name} printable characters are taken"
            return Problem("bad_name", f"a field is called {show(name)}: {right}", device, whole=False)
        if found is None:  # null is no reading
            if value is None:
                return None
            right = "a number, a text or true is expected"
            return Problem("bad_value", f"{show(field)} is {show(value)}: {right}", device, whole=False)
        if isinstance(found[1], str) and (len(found[1]) > limits.text or "\0" in found[1]):
            right = f"at most {limits.text} characters, without NUL, are taken"
            return Problem("bad_text", f"{show(field)} is {show(found[1])}: {right}", device, whole=False)
        return None

    def answer(self, state: State) -> Decoded:
        """Everything that was said, and an announcement for each device that is new or says something new of its place."""
        samples = tuple([each.sample for each in self._moments.values() if each.sample.values])
        announcements: list[Announcement] = []
        changes: list[Change] = []
        for key, (device, hints) in self._hints.items():
            known: dict[str, str] | None = state.get(key)
            if (known is None and len(state) >= _MOST_DEVICES) or (
                known is not None and hints.items() <= known.items()
            ):
                continue
            now = {**(known or {}), **hints}
            changes.append(Change(key, now))
            announcements.append(Announcement(device=device, hints=tuple(sorted(now.items()))))
        problems = few(self.problems, "lines or fields", None)
        if not samples:
            for problem in problems:
                problem.whole = True
        return Decoded(samples, problems=problems, announcements=tuple(announcements), changes=tuple(changes))


def _same(one: Series, other: Series) -> bool:
    return one is other or (one.measurement == other.measurement and one.tags == other.tags)


def _reading(measurement: str, field: str, value: Any, channel: str) -> tuple[str, float | bool | str] | None:
    """A field as (name, value): as a metric where its name is one, or ends in a unit that leads to one."""
    metric, unit, own_name = _meaning(measurement if measurement in _OTHERWISE else "", field)
    if metric:
        known = fit(metric, value, unit, channel=channel)
        if known is not None and known.metric:
            return known.name, known.value
    own = own_value(value)
    if own is None or not own_name:
        return None
    return (f"{channel}.{own_name}" if channel else own_name), own


@lru_cache(maxsize=4096)
def _meaning(measurement: str, field: str) -> tuple[str, str, str]:
    """(metric, unit, the name where no metric fits; empty where it cannot be one). Remembered: fields repeat themselves."""
    own = "" if not field.isprintable() else f"{field}.value" if passes_for(field) else field
    if field in METRICS and field not in _OTHERWISE.get(measurement, ()):
        return field, "", own
    stem, _, suffix = field.rpartition("_")
    unit = _SUFFIXES.get(suffix.lower(), "")
    metric = metric_for(stem) if unit else ""
    return (metric, unit, own) if metric in UNIT_OF else ("", "", own)
