"""Readings: walks through a message to its values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from devices.contract import DeviceRef, Quality
from devices.formats.json_bytes import show
from devices.profiles.building import Builder
from devices.profiles.columns import NOTHING_TOLD, Columns, Refused, Told, number_in, slug
from devices.profiles.gathering import Gather, code_of, key_of
from devices.profiles.paths import Get, Here, Odd, as_text, steps
from devices.profiles.shape import Grade, Points
from devices.words import own_value

_MISSING: Final = object()
_DEEPEST: Final = 8

Batches = dict[tuple[int | None, Quality], dict[str, Any]]
"""Values of one device by moment and quality."""


class Reader:
    """One ``points`` table, made ready."""

    def __init__(self, build: Builder, spec: Points, columns: Columns, *, learns: bool) -> None:
        self._spec, self._columns, self._learns = spec, columns, learns
        self._walk, names = build.walk("at", spec.at)
        with build.at("", names, inside=None if not build.away(spec.at) else True):
            self._choice = build.choice(spec)
            self._key = build.say("key", spec.key)
            self._channel = build.say("channel", spec.channel) if spec.channel else None
            self._value = build.get("value", spec.value) if spec.value else None
            self._unit = build.get("unit", spec.unit) if spec.unit else None
            self._time = build.moment("time", spec.time)
            self._grade = _grade(build, spec.quality) if spec.quality is not None else None
        self._value_key = (
            next((step.word for step in steps(spec.value)[1] if step.kind == "key"), "") if spec.value else ""
        )
        self._skip = frozenset(spec.skip)
        self._doubt = build.say("doubt", spec.doubt) if spec.doubt else None

    def read(self, here: Here, gather: Gather, device: DeviceRef, time: int | None, batches: Batches) -> None:
        """Every value, into the batch of its moment and quality. Raises Full."""
        spec = self._spec
        model = gather.remembered(key_of("model", device)) if self._learns else None
        doubted = self._doubted(here, gather, device)
        try:
            for there in self._walk(here):
                if self._choice is not None and not self._choice(there):
                    continue
                key = self._key(there)
                if key is None or len(key) > gather.limits.name or not key.isprintable():
                    right = f"use 1 to {gather.limits.name} printable characters"
                    gather.problem("bad_name", f"value name {show(key)}: {right}")
                    continue
                if key in self._skip or (spec.only and not self._columns.knows(key)):
                    continue
                value = self._value_of(there, key, gather)
                if value is _MISSING or value is None:
                    continue
                moment = self._time(there, gather) if self._time is not None else None
                quality: Quality = self._grade(there) if self._grade is not None else "good"
                if key in doubted:
                    quality = "bad"
                when = time if moment is None else moment, quality
                values = batches.get(when)
                if values is None:
                    values = batches[when] = {}
                channel = slug(self._channel(there) or "") if self._channel is not None else ""
                unit = as_text(self._unit(there)) if self._unit is not None else None
                if not isinstance(value, (dict, list)):
                    self._put(key, channel, value, Told(unit) if unit else _told(model, key), gather, values)
                    continue
                for name, part, plain in self._plain(key, channel, value, gather):
                    self._put(name, part, plain, Told(unit) if unit else _told(model, name), gather, values)
        except Odd as odd:
            gather.problem("bad_shape", f"{odd.where}: found {show(odd.found)}: send {odd.right}")

    def _value_of(self, there: Here, key: str, gather: Gather) -> Any:
        """The value of the thing walked to; _MISSING where it is not as it should be."""
        item = there.item
        if self._value is None:
            return item
        if isinstance(item, dict):
            if self._value_key and self._value_key not in item:
                gather.problem("no_value", f"{key} is {show(item)}: send its value as {self._spec.value}")
                return _MISSING
            return self._value(there)
        if item is None or self._spec.plain:
            return item
        gather.problem("bad_shape", f'{key} is {show(item)}: send an object, {{"{self._spec.value}": …}}')
        return _MISSING

    def _plain(
        self, key: str, channel: str, value: Any, gather: Gather, depth: int = 0
    ) -> Iterator[tuple[str, str, Any]]:
        """(key, channel, value), one for each value that is not nested."""
        if isinstance(value, dict) and self._spec.nested == "flatten" and depth < _DEEPEST:
            for inner, part in value.items():
                if 0 < len(inner) <= gather.limits.name and inner.isprintable():
                    whole = f"{key}.{inner}"
                    if self._columns.knows(whole) and not isinstance(part, (dict, list)):
                        yield whole, channel, part
                    else:
                        outer = f"{channel}-{slug(key)}" if channel else slug(key)
                        yield from self._plain(inner, outer, part, gather, depth + 1)
        elif isinstance(value, (dict, list)):
            gather.problem("nested_value", f"value {show(key)} is {show(value)}: send a number, a word, true or false")
        else:
            yield key, channel, value

    def _put(self, key: str, channel: str, value: Any, told: Told, gather: Gather, values: dict[str, Any]) -> None:
        if isinstance(value, str):
            if self._spec.numbers_as_text:
                value = number_in(value)
            if isinstance(value, str):
                if value in gather.nothing:
                    return
                if len(value) > gather.limits.text or "\0" in value:
                    right = f"at most {gather.limits.text} are taken, none of them NUL"
                    gather.problem("bad_text", f"value {show(key)} has {len(value)} characters: {right}")
                    return
        for column in self._columns.of(key, told is not NOTHING_TOLD):
            taken = column.take(value, told)
            if taken is None:
                continue
            if isinstance(taken, Refused):
                gather.problem(taken.reason, f"{key} {taken.detail}")
                own = own_value(value)
                if own is None:
                    continue
                name, found = column.own, own
            else:
                name, found = taken
            if channel:
                name = f"{channel}.{name}"
            if len(name) > gather.limits.name:
                gather.problem("bad_name", f"value name {show(name)}: use at most {gather.limits.name} characters")
                continue
            gather.one_more()
            values[name] = found

    def _doubted(self, here: Here, gather: Gather, device: DeviceRef) -> frozenset[str]:
        """Keys of the points that a fault of the memory is about."""
        memory = self._doubt(here) if self._doubt is not None else None
        entries = gather.state.get(key_of(code_of(memory), device)) if memory is not None else None
        return frozenset(entry[0] for entry in entries.values()) if entries else frozenset()


def _grade(build: Builder, spec: Grade) -> Any:
    get: Get = build.get("quality.path", spec.path)
    words, otherwise = spec.words, spec.otherwise

    def grade(here: Here) -> Quality:
        word = as_text(get(here))
        return "good" if word is None else words.get(word, otherwise)

    return grade


def _told(model: dict[str, Any] | None, key: str) -> Told:
    """What the device's model says of the key; an entry means that its scale is known."""
    entry = model.get(key) if model else None
    return NOTHING_TOLD if entry is None else Told(entry[0], entry[1])
