"""SenML (RFC 8428) in JSON and CBOR: measurements whose names hold their device.

It has no topics of its own: the option ``topics`` names them. Each new device, and each new point of one, is announced once;
what was announced is the state: an entry for each device, at most 5,000, with at most 200 points.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from devices.contract import (
    NO_STATE,
    Announcement,
    Change,
    Decoded,
    DeviceRef,
    Limits,
    Message,
    PointInfo,
    Problem,
    Sample,
    State,
)
from devices.formats.cbor_bytes import BadCbor, read
from devices.formats.json_bytes import read_json, show
from devices.formats.senml_names import Point, device_of, own_name, point_of, unit_word
from devices.formats.senml_pack import Pack, Record, resolve
from devices.formats.topic_filters import filters_of, matches, place_of
from devices.problems import few

MOST_VALUES: Final = 2_000
_MOST_DEVICES: Final = 5_000
_MOST_POINTS: Final = 200
_UPKEEP: Final = frozenset({"battery", "battery_voltage", "signal", "uptime"})
_JSON: Final = "application/senml+json"
_CBOR: Final = "application/senml+cbor"
_BEGIN_JSON: Final = b"[{"
_SELF_DESCRIBED: Final = 0xD9
"""The first byte of the tag that says "this is CBOR"."""


class Route(msgspec.Struct, frozen=True):
    """Where the pack came from."""

    place: DeviceRef
    """The device of names that hold none: the topic."""


class _Heard(msgspec.Struct):
    """What a pack said of one device."""

    samples: list[Sample]
    points: dict[str, tuple[str, str, str]]
    """Name -> metric, unit, the word in the pack."""
    updates: dict[str, float]


class SenmlFormat:
    """Implements ``devices.contract.Format``. ``topics``: the filters to subscribe to, separated by commas."""

    name = "senml"

    def __init__(self, limits: Limits | None = None, *, topics: str = "senml/#") -> None:
        self._limits = limits if limits is not None else Limits()
        self.filters: tuple[str, ...] = filters_of(topics)

    def route(self, topic: str, community: str | None) -> Route | None:
        """Every topic of the connection's filters."""
        if not any(matches(each, topic) for each in self.filters):
            return None
        return Route(place_of(topic, community or ""))

    def decode(self, route: Route, message: Message, state: State = NO_STATE) -> Decoded:
        """Read one pack. Never raises."""
        found = self._read(message)
        if isinstance(found, Problem):
            return Decoded(problems=(found,))
        return self._answer(route, resolve(found, message.received_at / 1000, MOST_VALUES), state)

    def _read(self, message: Message) -> Any:
        kind = message.content_type.partition(";")[0].strip().lower()
        payload = message.payload
        if kind not in {_JSON, _CBOR}:
            begin = payload[:32].lstrip()[:1]
            if begin and begin in _BEGIN_JSON:
                kind = _JSON
            elif begin and (begin[0] >> 5 == 4 or begin[0] == _SELF_DESCRIBED):
                kind = _CBOR
            else:
                detail = (
                    f"the payload begins with {show(payload[:8])}: a SenML pack, an array in JSON or CBOR, is expected"
                )
                return Problem("not_senml", detail)
        if kind == _JSON:
            return read_json(payload, self._limits, None)
        try:
            return read(payload, self._limits)
        except BadCbor as error:
            return Problem("not_cbor", f"{error}: send one SenML pack in CBOR")

    def _answer(self, route: Route, pack: Pack, state: State) -> Decoded:
        devices: dict[DeviceRef, _Heard] = {}
        problems, unknown = pack.problems, pack.unknown
        for record in pack.records:
            device, word = device_of(record.base, record.own, route.place.community, route.place)
            heard = devices.get(device)
            if heard is None:
                heard = devices[device] = _Heard([], {}, {})
            if record.data and "vd" not in unknown:
                unknown.append("vd")
            if isinstance(record.value, str) and (len(record.value) > self._limits.text or "\0" in record.value):
                right = f"at most {self._limits.text} characters, without NUL, are taken"
                problems.append(Problem("bad_text", f"{show(record.name)} is {show(record.value)}: {right}", device))
                continue
            _take(record, word, device, heard)
        samples = tuple(sample for heard in devices.values() for sample in heard.samples)
        announcements, changes = [], []
        for device, heard in devices.items():
            news = _news(device, heard, state)
            if news is not None:
                announcements.append(news[0])
                changes.append(news[1])
        return Decoded(
            samples=samples,
            problems=_problems(problems, whole=not samples),
            unknown=tuple(unknown),
            announcements=tuple(announcements),
            changes=tuple(changes),
        )


def _take(record: Record, word: str, device: DeviceRef, heard: _Heard) -> None:
    """The record's reading, beside those of the same moment."""
    found = point_of(word, record.unit, record.value)
    points = [] if found is None else [found]
    if record.sum is not None:
        points.append(Point(own_name(f"{word or unit_word(record.unit)}_sum"), record.sum, ""))
    time = None if record.time is None else round(record.time * 1000)
    for point in points:
        sample = heard.samples[-1] if heard.samples else None
        if sample is None or sample.time != time or point.name in sample.values:
            sample = Sample(device, time, {})
            heard.samples.append(sample)
        sample.values[point.name] = point.value
        if point.name not in heard.points:
            heard.points[point.name] = (point.metric, "" if point.name.endswith("_sum") else record.unit, word)
        if record.update is not None:
            heard.updates[point.name] = record.update


def _news(device: DeviceRef, heard: _Heard, state: State) -> tuple[Announcement, Change] | None:
    """What has not been announced yet: points, and the shortest of the silences that the points promise."""
    key = f"{device.scheme}:{device.id}"
    known: dict[str, Any] | None = state.get(key)
    before: list[str] = known["points"] if known is not None else []
    room = _MOST_POINTS - len(before)
    new = [name for name in heard.points if name not in before][:room]
    updates: dict[str, float] = known["updates"] if known is not None else {}
    changed = {
        name: each for name, each in heard.updates.items() if updates.get(name) != each and name in (*before, *new)
    }
    if known is None and len(state) >= _MOST_DEVICES:
        return None
    if not new and not changed:
        return None
    updates = {**updates, **changed}
    silence = max(1, round(min(updates.values()))) if updates else None
    announcement = Announcement(
        device=device, silence_s=silence, points=tuple(_info(name, *heard.points[name]) for name in new)
    )
    return announcement, Change(key, {"points": [*before, *new], "updates": updates})


def _info(name: str, metric: str, unit: str, word: str) -> PointInfo:
    return PointInfo(name, metric, unit, word[:100], upkeep=metric in _UPKEEP)


def _problems(found: list[Problem], *, whole: bool) -> tuple[Problem, ...]:
    """The first ones, and how many more there are."""
    for problem in found:
        problem.whole = whole
    return few(found, "records", None, whole=whole)
