"""What Telegraf's points say to the hub: which device, which point, which metric. Shared by line protocol and JSON.

A point has a measurement, tags and fields. One tag names the device (``host`` unless the connection says otherwise); tags that
tell its parts apart (``cpu``, ``interface``, ``slave_id`` …) become the channel, and tags that say where it is become hints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from devices.contract import Announcement, Change, Decoded, DeviceRef, Limits, Problem, Sample, State
from devices.formats.json_bytes import show
from devices.formats.slugs import channel_slug, id_slug
from devices.words import METRICS, UNIT_OF, fit, metric_for, own_value

MOST_VALUES: Final = 2_000
_MOST_PROBLEMS: Final = 8
_MOST_DEVICES: Final = 5_000
_MOST_HINTS: Final = 8
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


class Points:
    """Names devices and points as one connection has them set up."""

    def __init__(self, device_tag: str, channel_tags: str, limits: Limits) -> None:
        self._device_tags = tuple(tag.strip() for tag in device_tag.split(",") if tag.strip()) or (_HOST,)
        self._channel_tags = frozenset(channel_tags.replace(",", " ").split()) - set(self._device_tags)
        self._limits = limits

    def hear(self, community: str, place: DeviceRef) -> Hearing:
        """Begin a message; ``place`` is the device where no tag names one."""
        return Hearing(self._device_tags, self._channel_tags, self._limits, community, place)


class Hearing:
    """What one message has said so far."""

    def __init__(
        self,
        device_tags: tuple[str, ...],
        channel_tags: frozenset[str],
        limits: Limits,
        community: str,
        place: DeviceRef,
    ) -> None:
        self._device_tags = device_tags
        self._channel_tags = channel_tags
        self._limits = limits
        self._community = community
        self._place = place
        self._samples: dict[tuple[DeviceRef, int | None], tuple[Sample, dict[str, tuple[str, Mapping[str, str]]]]] = {}
        """Device and moment -> the sample, and the series (measurement, tags) that each of its values came from."""
        self._hints: dict[DeviceRef, dict[str, str]] = {}
        self._count = 0
        self.problems: list[Problem] = []

    def point(
        self, measurement: str, tags: Mapping[str, str], fields: Iterable[tuple[str, Any]], time: int | None
    ) -> None:
        """One point, its time in epoch ms."""
        device = self._device(tags)
        channel = self._channel(measurement, tags)
        held = self._samples.get((device, time))
        if held is None:
            held = self._samples[device, time] = Sample(device, time, {}), {}
        values, series = held[0].values, held[1]
        for field, value in fields:
            if self._count >= MOST_VALUES:
                detail = f"more than {MOST_VALUES} fields in one message: send smaller batches"
                self.problems.append(Problem("too_many_values", detail, device, whole=False))
                return
            found = _reading(measurement, field, value, channel) if len(field) <= self._limits.name else None
            if found is None or found[1].__class__ is str or len(found[0]) > self._limits.name:
                problem = self._wrong_with(found, field, value, device)
                if problem is not None:
                    self.problems.append(problem)
                if found is None or problem is not None:
                    continue
            name, reading = found
            if name in values and series[name] != (measurement, tags):
                detail = f"{show(name)} is said twice for one moment, the second time with the tags {show(dict(tags))}"
                right = "name the tag that tells the parts apart in the option channel_tags"
                self.problems.append(Problem("same_point", f"{detail}: {right}", device, whole=False))
                continue
            self._count += 1
            values[name] = reading
            series[name] = measurement, tags
        hints = self._hints.setdefault(device, {})
        for tag in tags:
            if tag in _PLACES and len(hints) < _MOST_HINTS:
                hints[tag] = tags[tag][:100]

    def _device(self, tags: Mapping[str, str]) -> DeviceRef:
        for tag in self._device_tags:
            value = tags.get(tag)
            if value:
                return DeviceRef(self._community, channel_slug(tag) or "tag", id_slug(value))
        return self._place

    def _channel(self, measurement: str, tags: Mapping[str, str]) -> str:
        """The measurement, and what the tags that tell parts apart say."""
        if self._channel_tags.isdisjoint(tags):
            return channel_slug(measurement)
        parts = [measurement, *(tags[tag] for tag in sorted(tags) if tag in self._channel_tags)]
        return channel_slug("-".join(part for part in (channel_slug(each) for each in parts) if part))

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
        samples = tuple(sample for sample, _ in self._samples.values() if sample.values)
        announcements: list[Announcement] = []
        changes: list[Change] = []
        for device, hints in self._hints.items():
            key = f"{device.scheme}:{device.id}"
            known: dict[str, str] | None = state.get(key)
            now = {**(known or {}), **hints}
            if known == now or (known is None and len(state) >= _MOST_DEVICES):
                continue
            changes.append(Change(key, now))
            announcements.append(Announcement(device=device, hints=tuple(sorted(now.items()))))
        problems = self.problems
        if len(problems) > _MOST_PROBLEMS:
            detail = f"{len(problems) - _MOST_PROBLEMS} more lines or fields were refused"
            problems = [*problems[:_MOST_PROBLEMS], Problem("more_problems", detail, whole=False)]
        if not samples:
            for problem in problems:
                problem.whole = True
        return Decoded(samples, problems=tuple(problems), announcements=tuple(announcements), changes=tuple(changes))


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
    own = "" if not field.isprintable() else f"{field}.value" if field.rpartition(".")[2] in METRICS else field
    if field in METRICS and field not in _OTHERWISE.get(measurement, ()):
        return field, "", own
    stem, _, suffix = field.rpartition("_")
    unit = _SUFFIXES.get(suffix.lower(), "")
    metric = metric_for(stem) if unit else ""
    return (metric, unit, own) if metric in UNIT_OF else ("", "", own)
