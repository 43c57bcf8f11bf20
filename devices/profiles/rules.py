"""One ``[[message]]`` of a profile, made ready: walks to what speaks, and asks each of its tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain
from typing import TypeVar

from devices.formats.json_bytes import show
from devices.profiles.building import Builder
from devices.profiles.columns import Columns
from devices.profiles.faults import Memories, Watcher, remember
from devices.profiles.gathering import Gather
from devices.profiles.paths import Here, Odd
from devices.profiles.points import Batches, Reader
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
        names = {name for pattern in self.patterns for name in pattern.names}
        with build.at("", names):
            self.required = [(path, build.get("required", path)) for path in spec.required]
            each = [spec.each] if isinstance(spec.each, str) else spec.each
            walks = [build.walk("each", walk) for walk in each]
            self._each = [walk for walk, _ in walks]
            walked = {name for _, found in walks for name in found}
            with build.at("", walked, inside=all(build.away(walk) for walk in each)):
                self._parts = None
                part_names: tuple[str, ...] = ()
                if spec.parts is not None:
                    pattern = _pattern(build, "parts.pattern", spec.parts.pattern)
                    part_names = pattern.names
                    self._parts = build.get("parts.path", spec.parts.path), spec.parts.path, pattern
                with build.at("", part_names):
                    self._tables(build, profile, spec, columns, learns=learns)

    def _tables(self, build: Builder, profile: Profile, spec: Message, columns: Columns, *, learns: bool) -> None:
        """Each table is the message's own, or that of the whole file."""
        self._choice = build.choice(spec)
        device = spec.device or profile.device
        if device is None:
            build.wrong("device", 'say who speaks: device = { scheme = "mac", id = "{device}" }')
        self._device = build.device("device", device) if device is not None else None
        self._time = build.moment("time", spec.time if spec.time is not None else profile.time)
        identity = spec.identity or profile.identity
        self._identity = build.say("identity", identity) if identity else None
        self._readers: list[Reader] = []
        for place, points in _listed(spec.points if spec.points is not None else profile.points):
            with build.at(f"points{place}"):
                self._readers.append(Reader(build, points, columns, learns=learns))
        self._heralds: list[Herald] = []
        for place, status in _listed(spec.status if spec.status is not None else profile.status):
            with build.at(f"status{place}"):
                self._heralds.append(Herald(build, status))
        self._watchers: list[Watcher] = []
        for place, faults in _listed(spec.faults if spec.faults is not None else profile.faults):
            with build.at(f"faults{place}"):
                self._watchers.append(Watcher(build, faults, profile.codes))
        announce = spec.announce if spec.announce is not None else profile.announce
        with build.at("announce"):
            self._crier = Crier(build, announce) if announce is not None else None
        learn = spec.learn if spec.learn is not None else profile.learn
        with build.at("learn"):
            self._learner = Learner(build, learn, columns) if learn is not None else None

    @property
    def makes_statements(self) -> bool:
        """Whether the message may say that a device can be reached."""
        return bool(self._heralds)

    def speaker(self, here: Here, gather: Gather) -> None:
        """The device that the topic alone tells, into ``gather``."""
        if self._device is not None:
            gather.device = self._device(here, Gather(gather.limits, gather.community, gather.state, gather.nothing))

    def read(self, whole: Here, gather: Gather) -> bool | None:
        """Everything the message says by this rule. True: it fits; False: it was refused; None: it does not occur."""
        fits: bool | None = None
        try:
            for here in chain.from_iterable(walk(whole) for walk in self._each):
                there = here if self._parts is None else self._apart(here, gather)
                if there is None:
                    fits = True
                elif self._choice is not None and not self._choice(there):
                    fits = fits or False
                else:
                    if not fits and self._lacking(whole, gather):
                        return True
                    fits = True
                    self._one(there, gather)
        except Odd as odd:
            gather.problem("bad_shape", f"{odd.where}: found {show(odd.found)}: send {odd.right}")
            return True
        return True if fits is None and self._lacking(whole, gather) else fits

    def _lacking(self, whole: Here, gather: Gather) -> bool:
        missing = [path for path, get in self.required if get(whole) is None]
        if missing:
            gather.problem(
                "missing_key", f"no {', '.join(missing)} in the message: send {', '.join(self.wants) or 'it'}"
            )
        return bool(missing)

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

    def _one(self, here: Here, gather: Gather) -> None:
        gather.device = None
        device = self._device(here, gather) if self._device is not None else None
        if device is None:
            return
        gather.device = device
        time = self._time(here, gather) if self._time is not None else None
        if self._readers:
            batches: Batches = {}
            try:
                for reader in self._readers:
                    reader.read(here, gather, device, time, batches)
            finally:
                identity = self._identity(here) if self._identity is not None else None
                for (moment, quality), values in batches.items():
                    if values:
                        gather.sample(device, moment, values, quality, identity[:64] if identity else None)
        for herald in self._heralds:
            herald.read(here, gather, device)
        if self._watchers:
            memories: Memories = {}
            for watcher in self._watchers:
                watcher.read(here, gather, device, time, memories)
            remember(memories, gather, device, time)
        if self._crier is not None:
            self._crier.read(here, gather, device)
        if self._learner is not None:
            self._learner.read(here, gather, device)


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
        instead.names = tuple(re.findall(r"\{(\w+)", text))  # one mistake is told once, not for every use of a name
        return instead


def _summary(spec: Message) -> tuple[str, ...]:
    """What the rule asks of a message, for a sentence."""
    conditions: Mapping[str, object] = spec.when
    return (*spec.required, *spec.has, *(f"{path} {wanted!r:.60}" for path, wanted in conditions.items()))
