"""Events: faults that begin, end or just happen, and faults that last for as long as messages go on to list them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from devices.contract import Event
from devices.formats.json_bytes import show
from devices.profiles.building import Builder
from devices.profiles.gathering import MOST_FAULTS, MOST_VALUES, Gather, code_of, key_of
from devices.profiles.paths import Here, Odd, as_text, first_key
from devices.profiles.scope import Named, Scope
from devices.profiles.shape import Active, Faults


class Watcher:
    """One ``faults`` table, made ready."""

    def __init__(self, build: Builder, spec: Faults, codes: Mapping[str, str]) -> None:
        self._spec, self._codes = spec, codes
        self._ok = frozenset(spec.ok)
        self._memory = build.say("memory", spec.memory) if spec.memory else None
        self._told_by = build.get("told_by", spec.told_by) if spec.told_by else None
        self._walk, names = build.walk("at", spec.at)
        with build.at("", names, inside=True if build.away(spec.at) else None):
            self._choice = build.choice(spec)
            self._code = build.say("code", spec.code)
            self._text = build.say("text", spec.text) if spec.text else None
            self._point = build.say("point", spec.point) if spec.point else None
            self._time = build.moment("time", spec.time)
            self._active = _active(build, spec.active) if isinstance(spec.active, Active) else None
        if spec.memory and spec.active is not None:
            build.wrong("memory", "a memory decides itself what is active: leave out `active` or `memory`")
        self._first = first_key(spec.at) if not spec.memory else ""
        self._wants_object = "{." in str(spec.code) and "{.}" not in str(spec.code)

    def read(self, here: Here, scope: Scope) -> None:
        """Events to the hub, listed faults into their memory."""
        spec, gather = self._spec, scope.gather
        if self._told_by is not None and self._told_by(here) is None:
            return
        if self._first and type(here.item) is dict and self._first not in here.item:
            return
        memory = self._memory(here) if self._memory is not None else None
        listed = scope.listed(code_of(memory)) if memory is not None else None
        try:
            for count, there in enumerate(self._words(here) if spec.split else self._walk(here)):
                if count == MOST_VALUES:
                    right = f"send at most {MOST_FAULTS}"
                    gather.problem("too_many_faults", f"{spec.at or 'event'} has more than {count} entries: {right}")
                    break
                if there.item is None:
                    continue
                if self._wants_object and not isinstance(there.item, dict):
                    gather.problem("bad_event", f"{spec.at or 'event'} is {show(there.item)}: send an object")
                elif self._choice is None or self._choice(there):
                    self._one(there, scope, listed)
        except Odd as odd:
            gather.problem("bad_event", f"{odd.where}: found {show(odd.found)}: send {odd.right}")

    def _words(self, here: Here) -> Iterator[Here]:
        for there in self._walk(here):
            if isinstance(there.item, str):
                for word in there.item[: 64 * MOST_FAULTS].split():
                    yield Here(there.root, word, there.names, there.index, there.up)
            elif there.item is not None:
                raise Odd(self._spec.at, there.item, "words between blanks")

    def _one(self, there: Here, scope: Scope, listed: dict[str, Named] | None) -> None:
        gather = scope.gather
        said = self._code(there)
        if said is None:
            right = f"send what happened as {self._spec.code}"
            gather.problem("no_code", f"{self._spec.at or 'event'} is {show(there.item)}: {right}")
            return
        code = code_of(said)
        if not code or code in self._ok or as_text(there.item) in self._ok:
            return
        text = (self._text(there) if self._text is not None else None) or self._codes.get(code, "")
        text = text[: gather.limits.text].replace("\0", "")
        time = self._time(there, gather) if self._time is not None else None
        event = Event(scope.device, scope.time if time is None else time, self._spec.type, code, None, text)
        if listed is not None:
            self._list(there, event, listed, gather)
        elif self._active is None:
            event.active = self._spec.active if isinstance(self._spec.active, bool) else None
            gather.event(event)
        else:
            event.active = self._active(there, gather)
            if event.active is not None:
                gather.event(event)

    def _list(self, there: Here, event: Event, listed: dict[str, Named], gather: Gather) -> None:
        """Into the memory: whether it begins, lasts or ends is seen when all are listed."""
        if len(listed) >= MOST_FAULTS and event.code not in listed:
            right = f"{show(event.code)} is left out"
            gather.problem("too_many_faults", f"more than {MOST_FAULTS} faults at once: {right}")
            return
        event.active = True
        listed[event.code] = Named(event, (self._point(there) if self._point is not None else None) or "")


def remember(scope: Scope) -> None:
    """Compare what is listed with what was: new faults begin, those no longer listed end. Raises Full."""
    gather = scope.gather
    for memory, listed in (scope.memories or {}).items():
        key = key_of(memory, scope.device)
        before: Mapping[str, Any] = gather.remembered(key) or {}
        if not listed and not before:
            continue
        for code, named in listed.items():
            if code not in before:
                gather.event(named.event)
        for code, entry in before.items():
            if code not in listed:
                gather.event(Event(scope.device, scope.time, entry[1], code, active=False))
        now = {code: [named.point, named.event.type] for code, named in listed.items()}
        if now != before:
            gather.remember(key, now or None)


def _active(build: Builder, spec: Active) -> Callable[[Here, Gather], bool | None]:
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
