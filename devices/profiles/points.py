"""Readings: walks through a message to its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final, Literal

from devices.contract import Quality
from devices.formats.json_bytes import show
from devices.profiles.building import Builder
from devices.profiles.columns import NOTHING_TOLD, Columns, Key, Refused, Told, number_in, slug
from devices.profiles.gathering import Gather, code_of, key_of
from devices.profiles.paths import Here, Odd, as_text, first_key, steps
from devices.profiles.scope import Scope
from devices.profiles.shape import Grade, Points
from devices.profiles.times import clock
from devices.words import own_value

_MISSING: Final = object()
_DEEPEST: Final = 8
_REMEMBERED_KEYS: Final = 2_048
_SCALARS: Final = frozenset({int, float, bool})


class Reader:
    """One ``points`` table, made ready."""

    def __init__(self, build: Builder, spec: Points, columns: Columns, *, learns: bool) -> None:
        self._spec, self._columns, self._learns = spec, columns, learns
        self._walk, names = build.walk("at", spec.at)
        with build.at("", names, inside=True if build.away(spec.at) else None):
            self._choice = build.choice(spec)
            self._key = build.say("key", spec.key)
            self._channel = build.say("channel", spec.channel) if spec.channel else None
            self._value = build.get("value", spec.value) if spec.value else None
            self._unit = build.get("unit", spec.unit) if spec.unit else None
            self._time = build.moment("time", spec.time)
            self._grade = _grade(build, spec.quality) if spec.quality is not None else None
        self._value_key = first_key(spec.value)
        self._skip = frozenset(spec.skip)
        self._doubt = build.say("doubt", spec.doubt) if spec.doubt else None
        self._path = _everyday(spec)
        self._only = spec.only
        self._column = lru_cache(maxsize=_REMEMBERED_KEYS)(self._only_column)
        self._time_key = spec.time if isinstance(spec.time, str) else ""
        self._number_time = clock("auto") if isinstance(spec.time, str) else None

    def read(self, here: Here, scope: Scope) -> None:
        """Every value, into the batch of its moment and quality. Raises Full."""
        gather = scope.gather
        if self._learns:
            scope.model = gather.remembered(key_of("model", scope.device))
        if self._doubt is not None:
            scope.doubted = self._doubted(self._doubt(here), scope)
        try:
            if self._path is not None and scope.model is None and not scope.doubted:
                self._read_everyday(here, scope, self._path)
                return
            for there in self._walk(here):
                self._one(there, scope)
        except Odd as odd:
            gather.problem("bad_shape", f"{odd.where}: found {show(odd.found)}: send {odd.right}")

    # --- an object of values --------------------------------------------------------------------------------------

    def _read_everyday(self, here: Here, scope: Scope, path: tuple[str, ...]) -> None:
        """What the general way does, for an object of plain values; whatever is not everyday goes that way, one by one."""
        item = self._object_at(here.item, path)
        limits = scope.gather.limits
        channel = slug(self._channel(here) or "") if self._channel is not None else ""
        last: int | None = None
        values: dict[str, Any] | None = None
        for key, entry in item.items():
            column = self._column(key) if len(key) <= limits.name else None
            if column is False:
                continue
            value, time = self._plain_of(entry, scope) if column is not None else (_MISSING, None)
            taken = column.take(value, NOTHING_TOLD) if column is not None and value is not _MISSING else _MISSING
            if type(taken) is tuple and len(taken[0]) + len(channel) < limits.name:
                if values is None or time != last:
                    values, last = scope.values(time), time
                scope.gather.one_more()
                values[f"{channel}.{taken[0]}" if channel else taken[0]] = taken[1]
            elif taken is not None:
                names = {**here.names, "key": key}
                self._one(Here(here.root, entry, names, here.index, here.stop or here), scope)

    def _only_column(self, key: str) -> Key | Literal[False] | None:
        """The one column that the key feeds; None where a closer look is needed, False where the key is passed over."""
        if not key or not key.isprintable():
            return None
        if key in self._skip or (self._only and not self._columns.knows(key)):
            return False
        found = self._columns.of(key)
        return found[0] if len(found) == 1 else None

    def _object_at(self, item: Any, path: tuple[str, ...]) -> dict[str, Any]:
        """The object of values; an empty one where there is none. Raises Odd."""
        for word in path:
            if not isinstance(item, dict):
                raise Odd(self._spec.at, item, "an object")
            item = item.get(word)
            if item is None:
                return {}
        if not isinstance(item, dict):
            raise Odd(self._spec.at, item, "an object")
        return item

    def _plain_of(self, entry: Any, scope: Scope) -> tuple[Any, int | None]:
        """The value of an entry and its time, where both are everyday; else _MISSING."""
        time = scope.time
        if type(entry) is dict and self._value_key:
            if self._number_time is not None and self._time_key in entry:
                time = self._number_time(entry[self._time_key], None)
                if time is None:
                    return _MISSING, None
            entry = entry.get(self._value_key, _MISSING)
        elif self._value_key and not self._spec.plain:
            return _MISSING, None
        if type(entry) in _SCALARS:
            return entry, time
        if type(entry) is str and len(entry) <= 64 and "\0" not in entry and entry not in scope.gather.nothing:
            return entry, time
        return _MISSING, None

    # --- anything -------------------------------------------------------------------------------------------------

    def _one(self, there: Here, scope: Scope) -> None:
        """The value, or values, of one thing walked to."""
        if self._choice is not None and not self._choice(there):
            return
        gather = scope.gather
        key = self._key(there)
        if key is None or len(key) > gather.limits.name or not key.isprintable():
            right = f"use 1 to {gather.limits.name} printable characters"
            gather.problem("bad_name", f"value name {show(key)}: {right}")
            return
        if key in self._skip or (self._spec.only and not self._columns.knows(key)):
            gather.one_unwanted()
            return
        value = self._value_of(there, key, gather)
        if value is _MISSING or value is None:
            return
        time = self._time(there, gather) if self._time is not None else None
        quality: Quality = self._grade(there) if self._grade is not None else "good"
        values = scope.values(scope.time if time is None else time, "bad" if key in scope.doubted else quality)
        channel = slug(self._channel(there) or "") if self._channel is not None else ""
        unit = as_text(self._unit(there)) if self._unit is not None else None
        for name, part, plain in self._plain(key, channel, value, gather):
            for taken, worth in self._taken(name, plain, Told(unit) if unit else _told(scope.model, name), gather):
                whole = f"{part}.{taken}" if part else taken
                if len(whole) > gather.limits.name:
                    right = f"use at most {gather.limits.name} characters"
                    gather.problem("bad_name", f"value name {show(whole)}: {right}")
                    continue
                gather.one_more()
                values[whole] = worth

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

    def _taken(self, key: str, value: Any, told: Told, gather: Gather) -> Iterator[tuple[str, float | bool | str]]:
        """What the key's columns make of a plain value."""
        if isinstance(value, str):
            if self._spec.numbers_as_text:
                value = number_in(value)
            if isinstance(value, str) and (len(value) > gather.limits.text or "\0" in value):
                right = f"at most {gather.limits.text} are taken, none of them NUL"
                gather.problem("bad_text", f"value {show(key)} has {len(value)} characters: {right}")
                return
            if value in gather.nothing:
                return
        columns = self._columns.of(key) if told is NOTHING_TOLD else self._columns.of_told(key, told)
        for column in columns:
            taken = column.take(value, told)
            if isinstance(taken, Refused):
                gather.problem(taken.reason, f"{key} {taken.detail}")
                own = own_value(value)
                taken = None if own is None else (column.own_name, own)
            if taken is not None:
                yield taken

    def _doubted(self, memory: str | None, scope: Scope) -> frozenset[str]:
        """Keys of the points that a fault of the memory is about."""
        entries = scope.gather.state.get(key_of(code_of(memory), scope.device)) if memory is not None else None
        return frozenset(entry[0] for entry in entries.values()) if entries else frozenset()


def _everyday(spec: Points) -> tuple[str, ...] | None:
    """The keys that lead to an object of values, where that and at most a value and a time of each is all there is to read."""
    asks_more = spec.when or spec.has or spec.lacks or spec.unless or spec.unit or spec.quality
    if (
        asks_more
        or "{." in spec.channel
        or "{^" in spec.channel
        or "{key}" in spec.channel
        or spec.numbers_as_text
        or spec.key != "{key}"
    ):
        return None
    plain = all(len(path) == 1 and path[0].kind == "key" for path in (_inner(spec.value), _inner(spec.time)) if path)
    start, found = _safe(spec.at)
    if (
        not plain
        or start
        or not found
        or found[-1] != ("name", "key")
        or any(step.kind != "key" for step in found[:-1])
    ):
        return None
    return tuple(step.word for step in found[:-1])


def _safe(path: str) -> tuple[str, Any]:
    try:
        return steps(path)
    except ValueError:  # BadPath: the builder has named it
        return "^", ()


def _inner(path: object) -> Any:
    """Steps of a path from a value; something that is not everyday where it starts elsewhere or is a table."""
    if not path:
        return ()
    start, found = _safe(path) if isinstance(path, str) else ("^", ())
    return found if not start and found else (("other", ""), ("other", ""))


def _grade(build: Builder, spec: Grade) -> Callable[[Here], Quality]:
    get = build.get("quality.path", spec.path)
    words, otherwise = spec.words, spec.otherwise

    def grade(here: Here) -> Quality:
        word = as_text(get(here))
        return "good" if word is None else words.get(word, otherwise)

    return grade


def _told(model: dict[str, Any] | None, key: str) -> Told:
    """What the device's model says of the key; an entry means that its scale is known."""
    entry = model.get(key) if model else None
    return NOTHING_TOLD if entry is None else Told(entry[0], entry[1])
