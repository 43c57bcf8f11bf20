"""Events: faults that begin, end or just happen, and faults that last for as long as messages go on to list them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from devices.contract import DeviceRef, Event
from devices.formats.json_bytes import show
from devices.profiles.building import Builder
from devices.profiles.gathering import MOST_FAULTS, Gather, code_of, key_of
from devices.profiles.paths import Here, Odd, as_text
from devices.profiles.shape import Active, Faults


class Named(NamedTuple):
    """A fault that a message lists, and the key of the point that it is about."""

    event: Event
    point: str


Memories = dict[str, dict[str, Named]]
"""Memory -> code -> what the message at hand lists."""


class Watcher:
    """One ``faults`` table, made ready."""

    def __init__(self, build: Builder, spec: Faults, codes: Mapping[str, str]) -> None:
        self._spec, self._codes = spec, codes
        self._ok = frozenset(spec.ok)
        self._memory = build.say("memory", spec.memory) if spec.memory else None
        self._told_by = build.get("told_by", spec.told_by) if spec.told_by else None
        self._walk, names = build.walk("at", spec.at)
        with build.at("", names, inside=None if not build.away(spec.at) else True):
            self._choice = build.choice(spec)
            self._code = build.say("code", spec.code)
            self._text = build.say("text", spec.text) if spec.text else None
            self._point = build.say("point", spec.point) if spec.point else None
            self._time = build.moment("time", spec.time)
            self._active = _active(build, spec.active) if isinstance(spec.active, Active) else None
        if spec.memory and spec.active is not None:
            build.wrong("memory", "a memory decides itself what is active: leave out `active` or `memory`")
        self._wants_object = "{." in str(spec.code) and "{.}" not in str(spec.code)

    def read(self, here: Here, gather: Gather, device: DeviceRef, time: int | None, memories: Memories) -> None:
        """Events into ``gather``, listed faults into their memory."""
        spec = self._spec
        if self._told_by is not None and self._told_by(here) is None:
            return
        memory = self._memory(here) if self._memory is not None else None
        listed = memories.setdefault(code_of(memory), {}) if memory is not None else None
        try:
            for there in self._words(here) if spec.split else self._walk(here):
                if there.item is None:
                    continue
                if self._wants_object and not isinstance(there.item, dict):
                    gather.problem("bad_event", f"{spec.at or 'event'} is {show(there.item)}: send an object")
                    continue
                if self._choice is not None and not self._choice(there):
                    continue
                self._one(there, gather, device, time, listed)
        except Odd as odd:
            gather.problem("bad_event", f"{odd.where}: found {show(odd.found)}: send {odd.right}")

    def _words(self, here: Here) -> Iterator[Here]:
        for there in self._walk(here):
            if isinstance(there.item, str):
                for word in there.item[: 64 * MOST_FAULTS].split():
                    yield Here(there.root, word, there.names, there.index, there.up)
            elif there.item is not None:
                raise Odd(self._spec.at, there.item, "words between blanks")

    def _one(
        self, there: Here, gather: Gather, device: DeviceRef, time: int | None, listed: dict[str, Named] | None
    ) -> None:
        said = self._code(there)
        if said is None:
            gather.problem(
                "no_code", f"{self._spec.at or 'event'} is {show(there.item)}: send what happened as {self._spec.code}"
            )
            return
        code = code_of(said)
        if not code or code in self._ok or as_text(there.item) in self._ok:
            return
        text = (self._text(there) if self._text is not None else None) or self._codes.get(code, "")
        text = text[: gather.limits.text].replace("\0", "")
        moment = self._time(there, gather) if self._time is not None else None
        event = Event(device, time if moment is None else moment, self._spec.type, code, None, text)
        if listed is not None:
            if len(listed) >= MOST_FAULTS and code not in listed:
                gather.problem("too_many_faults", f"more than {MOST_FAULTS} faults at once: {show(code)} is left out")
                return
            point = self._point(there) if self._point is not None else None
            event.active = True
            listed[code] = Named(event, point or "")
            return
        if self._active is not None:
            found = self._active(there, gather)
            if found is None:
                return
            event.active = found
        elif isinstance(self._spec.active, bool):
            event.active = self._spec.active
        gather.event(event)


def remember(memories: Memories, gather: Gather, device: DeviceRef, time: int | None) -> None:
    """Compare what is listed with what was: new faults begin, those no longer listed end."""
    for memory, listed in memories.items():
        key = key_of(memory, device)
        before: Mapping[str, Any] = gather.remembered(key) or {}
        for code, named in listed.items():
            if code not in before:
                gather.event(named.event)
        for code, entry in before.items():
            if code not in listed:
                gather.event(Event(device, time, entry[1], code, active=False))
        now = {code: [named.point, named.event.type] for code, named in listed.items()}
        if now != before:
            gather.remember(key, now or None)


def _active(build: Builder, spec: Active) -> Any:
    get = build.get("active.path", spec.path)
    on, off = frozenset(spec.on), frozenset(spec.off)

    def active(here: Here, gather: Gather) -> bool | None:
        word = as_text(get(here))
        if word in on or word in off:
            return word in on
        right = f"send {', '.join(sorted(on))} where it begins, {', '.join(sorted(off))} where it ends"
        gather.problem("bad_active", f"{spec.path} is {show(word)}: {right}")
        return None

    return active
