"""Makes functions of a profile's paths, templates and conditions once, and collects every mistake on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timezone
from typing import Final, TypeVar

from devices.contract import DeviceRef
from devices.profiles.gathering import Gather
from devices.profiles.paths import (
    BadPath,
    Get,
    Here,
    Say,
    Walk,
    as_text,
    first_of,
    getter,
    names_in_path,
    names_in_template,
    names_spelled,
    steps,
    walker,
)
from devices.profiles.shape import Choice, Condition, Range, Ref, Time
from devices.profiles.times import clock, zone_of
from devices.profiles.topics import BadPattern

Whether = Callable[[Here], bool]
When = Callable[[Here, Gather], int | None]
Who = Callable[[Here, Gather], DeviceRef | None]

HEXADECIMAL: Final = frozenset({"mac", "ieee", "eui64"})
"""Schemes whose ids are hexadecimal: kept in lower case, without separators or 0x."""
_NOT_HEX: Final = re.compile(r"^0x|[:\-.\s]")
_NOTHING: Final = (None, "")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_PIECE: Final = re.compile(r"\{([./^][^{}]*)\}")
_T = TypeVar("_T")


class Builder:
    """Where in the file we are, which names can be used there, and which keys of the whole message are looked at."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []
        self.names: frozenset[str] = frozenset()
        self.roots: set[str] | None = set()
        """Keys of the message that mean something; None: all of them are readings."""
        self._where: list[str] = []
        self._inside = False

    def wrong(self, key: str, what: str) -> None:
        """Remember a mistake."""
        self.mistakes.append(f"{'.'.join(filter(None, [*self._where, key]))}: {what}")

    @contextmanager
    def at(self, place: str, names: Iterable[str] = (), *, inside: bool | None = None) -> Iterator[None]:
        """Within a table of the file; ``inside``: its paths start at a part of the message, not at the whole."""
        before = self.names, self._inside
        self._where.append(place)
        self.names = self.names | frozenset(names)
        self._inside = self._inside if inside is None else inside
        yield
        self._where.pop()
        self.names, self._inside = before

    def _made(self, key: str, make: Callable[[], _T], instead: Callable[[], _T]) -> _T:
        try:
            return make()
        except (BadPath, BadPattern) as error:
            self.wrong(key, str(error))
            return instead()

    def _need(self, key: str, names: set[str]) -> None:
        for name in sorted(names - self.names):
            there = ", ".join(sorted(self.names)) or "none"
            self.wrong(key, f"{{{name}}} is no name of the topic or a walk; there is: {there}")

    def _look_at(self, path: str) -> None:
        """Remember which key of the whole message a path begins with."""
        start, found = steps(path)
        if self.roots is None or (self._inside and not start):
            return
        if found and found[0].kind == "key":
            self.roots.add(found[0].word)
        elif found and found[0].kind == "name":
            self.roots = None

    # --- paths, templates, walks ------------------------------------------------------------------------------

    def get(self, key: str, path: str) -> Get:
        """A path to one thing."""

        def make() -> Get:
            self._need(key, names_in_path(path))
            made = getter(path)
            self._look_at(path)
            return made

        return self._made(key, make, lambda: getter(""))

    def say(self, key: str, text: str | list[str]) -> Say:
        """A template, or the first complete one of several."""

        def make() -> Say:
            for each in [text] if isinstance(text, str) else text:
                self._need(key, names_in_template(each))
                for piece in _PIECE.findall(each):
                    self._look_at(piece.removeprefix("."))
            return first_of(text)

        return self._made(key, make, lambda: first_of(""))

    def walk(self, key: str, path: str) -> tuple[Walk, set[str]]:
        """A walk, and the names that it gives."""

        def make() -> tuple[Walk, set[str]]:
            made = walker(path)
            self._look_at(path)
            return made, names_in_path(path)

        return self._made(key, make, lambda: (walker(""), names_spelled(path)))

    def away(self, path: str) -> bool:
        """Whether a walk leads to a part of the message, so that paths from there are no longer paths of the whole.

        A list of whole messages is none: one of them may come without the list.
        """
        try:
            return any(step.kind != "item" for step in steps(path)[1])
        except BadPath:
            return True

    # --- conditions -------------------------------------------------------------------------------------------

    def choice(self, choice: Choice) -> Whether | None:
        """When a table applies; None: always."""
        tests = [self._condition(path, wanted) for path, wanted in choice.when.items()]
        tests += [_has(self.get("has", path)) for path in choice.has]
        tests += [_lacks(self.get("lacks", path)) for path in choice.lacks]
        tests += [_not(self._condition(path, unwanted)) for path, unwanted in choice.unless.items()]
        whether: Whether | None = None
        for test in reversed(tests):
            whether = test if whether is None else _both(test, whether)
        return whether

    def _condition(self, path: str, wanted: Condition) -> Whether:
        if path.startswith("{") and path.endswith("}") and path[1:-1].isidentifier():
            get: Get = self.say("when", path)
        else:
            get = self.get("when", path)
        if isinstance(wanted, Range):
            low = float("-inf") if wanted.min is None else wanted.min
            high = float("inf") if wanted.max is None else wanted.max
            return lambda here: _number(get(here)) and low <= get(here) <= high
        words = frozenset(as_text(word) for word in (wanted if isinstance(wanted, list) else [wanted]))

        def is_one(here: Here) -> bool:
            found = get(here)
            return found is not None and (found if type(found) is str else as_text(found)) in words

        return is_one

    # --- time and device --------------------------------------------------------------------------------------

    def moment(self, key: str, spec: str | Time | None) -> When | None:
        """Reads a time; what cannot be read is a problem and no time."""
        if spec is None:
            return None
        time = Time(path=spec) if isinstance(spec, str) else spec
        paths = [time.path] if isinstance(time.path, str) else time.path
        gets = [self.get(key, path) for path in paths]
        get_zone = self.get(f"{key}.zone_path", time.zone_path) if time.zone_path else None
        zone = self._zone(key, time.zone)
        if time.format == "local" and zone is None and get_zone is None:
            self.wrong(key, 'local times need a zone: set zone = "+08:00", or zone_path')
        read = clock(time.format, zone)

        def moment(here: Here, gather: Gather) -> int | None:
            for get in gets:
                value = get(here)
                if value is None or value == "":
                    continue
                told = get_zone(here) if get_zone is not None else None
                found = read(value, zone_of(told) if isinstance(told, str) else None)
                if found is None:
                    gather.bad_time(paths[0], value, time.format)
                return found
            return None

        return moment

    def _zone(self, key: str, text: str) -> timezone | None:
        zone = zone_of(text) if text else None
        if text and zone is None:
            self.wrong(f"{key}.zone", f'{text!r} is no offset: write "+08:00"')
        return zone

    def device(self, key: str, ref: Ref) -> Who:
        """Who is meant; an id that is missing or unusable is a problem."""
        if not _SCHEME.fullmatch(ref.scheme):
            self.wrong(f"{key}.scheme", f"{ref.scheme!r}: use a lower-case word like 'mac'")
        say = self.say(f"{key}.id", ref.id)
        scheme, hexadecimal = ref.scheme, ref.scheme in HEXADECIMAL
        where = ref.id if isinstance(ref.id, str) else " or ".join(ref.id)

        def device(here: Here, gather: Gather) -> DeviceRef | None:
            text = say(here)
            if text is None or text in gather.nothing:
                gather.problem("no_device", f"the device's id {where} is missing: send it in every message")
                return None
            text = _NOT_HEX.sub("", text.lower()) if hexadecimal else text.strip()
            if not 0 < len(text) <= gather.limits.name or not text.isprintable():
                right = f"use 1 to {gather.limits.name} printable characters"
                gather.problem("bad_identity", f"the device's id {where} is {text[:40]!r}: {right}")
                return None
            return DeviceRef(gather.community, scheme, text)

        return device


def _has(get: Get) -> Whether:
    return lambda here: get(here) not in _NOTHING


def _lacks(get: Get) -> Whether:
    return lambda here: get(here) in _NOTHING


def _not(test: Whether) -> Whether:
    return lambda here: not test(here)


def _both(one: Whether, other: Whether) -> Whether:
    return lambda here: one(here) and other(here)


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
