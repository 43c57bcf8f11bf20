"""One ``[[message]]`` of a profile, made ready: walks to what speaks, and asks each of its tables."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TypeVar

from devices.contract import DeviceRef
from devices.formats.json_bytes import show
from devices.profiles.building import Builder
from devices.profiles.columns import Columns
from devices.profiles.faults import Watcher, remember
from devices.profiles.gathering import MOST_THINGS, Gather
from devices.profiles.paths import Here, Odd, as_text, names_spelled
from devices.profiles.points import Reader
from devices.profiles.scope import Scope, Table
from devices.profiles.shape import Message, Profile
from devices.profiles.telling import Crier, Herald, Learner
from devices.profiles.topics import BadPattern, Pattern

_T = TypeVar("_T")


class Rule:
    """Reads the messages of one shape."""

    def __init__(self, build: Builder, profile: Profile, spec: Message, columns: Columns, *, learns: bool) -> None:
        self.instead = spec.instead
        self.bare = spec.payload == "value"
        self.wants = _summary(spec)
        self.patterns = _patterns(build, spec.topic)
        with build.at("", {name for pattern in self.patterns for name in pattern.names}):
            self._required = [(path, build.get("required", path)) for path in spec.required]
            each = [spec.each] if isinstance(spec.each, str) else spec.each
            walks = [build.walk("each", walk) for walk in each]
            self._each, self._each_spelled = [walk for walk, _ in walks], tuple(each)
            walked = {name for _, found in walks for name in found}
            with build.at("", walked, inside=all(build.away(walk) for walk in each)):
                self._parts = None
                part_names: tuple[str, ...] = ()
                if spec.parts is not None:
                    pattern = _pattern(build, "parts.pattern", spec.parts.pattern)
                    part_names = pattern.names
                    self._parts = build.get("parts.path", spec.parts.path), spec.parts.path, pattern
                with build.at("", part_names):
                    self._speaks(build, profile, spec)
                    self._tables = _tables(build, profile, spec, columns, learns=learns)
        self._is_whole = each == [""] and self._parts is None
        self._remembers = any(isinstance(table, Watcher) for table in self._tables)
        self.makes_statements = any(isinstance(table, Herald) for table in self._tables)

    def _speaks(self, build: Builder, profile: Profile, spec: Message) -> None:
        """Who, when, and when at all."""
        self._choice = build.choice(spec)
        device = spec.device or profile.device
        if device is None:
            build.wrong("device", 'say who speaks: device = { scheme = "mac", id = "{device}" }')
        self._device = build.device("device", device) if device is not None else None
        ids = [] if device is None else [device.id] if isinstance(device.id, str) else device.id
        self._topic_tells = not any("{." in text or "{/" in text or "{^" in text for text in ids)
        self._time = build.moment("time", spec.time if spec.time is not None else profile.time)
        identity = spec.identity or profile.identity
        self._identity = build.say("identity", identity) if identity else None

    def speaker(self, names: Mapping[str, str], gather: Gather) -> DeviceRef | None:
        """The device, where the topic alone tells it."""
        if self._device is None or not self._topic_tells:
            return None
        return self._device(Here(None, None, names), gather)

    def read(self, whole: Here, gather: Gather, speaker: DeviceRef | None) -> bool | None:
        """Everything the message says by this rule. True: it fits; False: it was refused; None: it does not occur."""
        gather.device = speaker
        if self._is_whole:
            if self._choice is not None and not self._choice(whole):
                return False
            if not self._lacking(whole, gather):
                self._one(whole, gather, speaker)
            return True
        fits: bool | None = None
        for number, here in enumerate(self._walked(whole, gather)):
            if number == MOST_THINGS:
                gather.full(f"{MOST_THINGS} things of a list")
            if isinstance(here, Odd):
                gather.problem("bad_shape", f"{here.where}: found {show(here.found)}: send {here.right}")
                return True
            there = here if self._parts is None else self._apart(here, gather)
            if there is None:
                fits = True
            elif self._choice is not None and not self._choice(there):
                fits = fits or False
            elif not fits and self._lacking(whole, gather):
                return True
            else:
                fits = True
                self._one(there, gather, speaker)
        return True if fits is None and self._lacking(whole, gather) else fits

    def _walked(self, whole: Here, gather: Gather) -> list[Here | Odd]:
        """What the walks come by, as far as it is read, and what stopped one; the same list for all rules that walk alike."""
        alike = (self._each_spelled, id(whole.names))
        found = gather.walked.get(alike)
        if found is None:
            found = gather.walked[alike] = []
            try:
                for walk in self._each:
                    found += islice(walk(whole), MOST_THINGS + 1 - len(found))
            except Odd as odd:
                found.append(odd)
        return found

    def _lacking(self, whole: Here, gather: Gather) -> bool:
        for path, get in self._required:
            if get(whole) is None:
                right = f"send {', '.join(self.wants)}"
                gather.problem("missing_key", f"no {path} in the message: {right}")
                return True
        return False

    def _apart(self, here: Here, gather: Gather) -> Here | None:
        """The same with the names of the parts of a text."""
        if self._parts is None:
            return here
        get, path, pattern = self._parts
        text = get(here)
        names = pattern.match(text) if isinstance(text, str) and len(text) <= gather.limits.text else None
        if names is None:
            gather.problem("bad_name", f"{path} is {show(text)}: expected a text like {pattern.text}")
            return None
        return Here(here.root, here.item, {**here.names, **names}, here.index, here.up)

    def _one(self, here: Here, gather: Gather, speaker: DeviceRef | None) -> None:
        device = speaker
        if device is None and self._device is not None:
            gather.device = None
            gather.device = device = self._device(here, gather)
        if device is None:
            return
        scope = Scope(gather, device, self._time(here, gather) if self._time is not None else None)
        try:
            for table in self._tables:
                table.read(here, scope)
            if self._remembers:
                remember(scope)
        finally:
            identity = self._identity(here) if self._identity is not None else None
            scope.close(identity[:64] if identity else None)


def _tables(build: Builder, profile: Profile, spec: Message, columns: Columns, *, learns: bool) -> tuple[Table, ...]:
    """Each table is the message's own, or that of the whole file."""
    found: list[Table] = []
    for place, points in _listed(spec.points if spec.points is not None else profile.points):
        with build.at(f"points{place}"):
            found.append(Reader(build, points, columns, learns=learns))
    for place, status in _listed(spec.status if spec.status is not None else profile.status):
        with build.at(f"status{place}"):
            found.append(Herald(build, status))
    for place, faults in _listed(spec.faults if spec.faults is not None else profile.faults):
        with build.at(f"faults{place}"):
            found.append(Watcher(build, faults, profile.codes))
    for _, announce in _listed(spec.announce if spec.announce is not None else profile.announce):
        with build.at("announce"):
            found.append(Crier(build, announce))
    for _, learn in _listed(spec.learn if spec.learn is not None else profile.learn):
        with build.at("learn"):
            found.append(Learner(build, learn, columns))
    return tuple(found)


def _listed(value: _T | list[_T] | None) -> list[tuple[str, _T]]:
    """(place in the file, table) of one table or several."""
    if value is None:
        return []
    if isinstance(value, list):
        return [(f"[{place}]", each) for place, each in enumerate(value)]
    return [("", value)]


def _patterns(build: Builder, topics: str | list[str]) -> list[Pattern]:
    listed = [topics] if isinstance(topics, str) else topics
    if not listed:
        build.wrong("topic", "name the topic, like home/{device}/state")
    return [_pattern(build, "topic", topic) for topic in listed]


def _pattern(build: Builder, key: str, text: str) -> Pattern:
    try:
        return Pattern(text)
    except BadPattern as error:
        build.wrong(key, str(error))
        instead = Pattern("none")
        instead.names = tuple(names_spelled(text))
        return instead


def _summary(spec: Message) -> tuple[str, ...]:
    """What the rule asks of a message, for a sentence."""
    conditions: Mapping[str, object] = spec.when
    return (*spec.required, *spec.has, *(f"{path} = {_spelled(wanted):.60}" for path, wanted in conditions.items()))


def _spelled(wanted: object) -> str:
    """As makers' documents write it."""
    if isinstance(wanted, list):
        return " | ".join(map(_spelled, wanted))
    return as_text(wanted) or repr(wanted)
