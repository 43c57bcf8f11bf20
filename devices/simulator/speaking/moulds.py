"""One shape of message of a profile, made ready for one device: what stands in it whatever it reads, and where the rest goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple, TypeVar

from devices.profiles.columns import Columns
from devices.profiles.shape import Choice, Faults, Message, Points, Profile, Range, Ref, Status, Time
from devices.profiles.topics import Pattern
from devices.simulator.model import SimDevice
from devices.simulator.speaking.backwards import (
    WHOLE,
    Spot,
    filled,
    metrics_of,
    names_in,
    pieces_for,
    place_of,
    told,
    typed,
    walked,
)
from devices.simulator.speaking.sheets import Place, Sheet

_OF_THE_GATEWAY: Final = frozenset({"gateway", "app"})
"""Parts of topics that name who speaks for the device."""
_T = TypeVar("_T")


class Who(NamedTuple):
    """A device under the id that it has in the format."""

    device: SimDevice
    id: str


class Ask(NamedTuple):
    """A template, or several, of which one has to say the text; its paths start where the walk of the table ends."""

    template: str | list[str]
    text: str
    numbers: bool = False
    """Where a piece of it is digits, it is sent as a number."""


class Form:
    """One message of a profile, with what holds for it of the whole file."""

    def __init__(self, profile: Profile, message: Message) -> None:
        self.profile = profile
        self.message = message
        device = message.device or profile.device
        if device is None:  # the profile's reader has refused it
            raise ValueError(f"profile {profile.name} has a message of nobody")
        self.device: Ref = device
        self.time = message.time if message.time is not None else profile.time
        self.announce = message.announce if message.announce is not None else profile.announce
        self.points: Sequence[Points] = listed(message.points if message.points is not None else profile.points)
        self.faults: Sequence[Faults] = listed(message.faults if message.faults is not None else profile.faults)
        self.status: Sequence[Status] = listed(message.status if message.status is not None else profile.status)

    @cached_property
    def columns(self) -> Columns:
        """What its keys mean."""
        return Columns(metrics_of(self.profile, self.message), self.profile.suffixes, self.profile.guess)


@dataclass(frozen=True, slots=True)
class Mould:
    """A message of one device but for its values and its time."""

    form: Form
    topic: str
    fixed: Mapping[Place, Any]
    item: Spot
    """What speaks."""
    there: Spot
    """Where the walk of the table ends."""
    names: Mapping[str, str]

    def place(self, path: str) -> Place | None:
        """Where a path of the table leads."""
        return place_of(self.there, path, self.names)

    def moment(self, clock: int | None, own: str | Time | None = None) -> dict[Place, Any]:
        """The time, as the message has it, else as the table has its ``own``; nothing where there is none to tell."""
        time, spot = (self.form.time, self.item) if self.form.time is not None else (own, self.there)
        if time is None or clock is None:
            return {}
        found = told(Time(path=time) if isinstance(time, str) else time, clock)
        return {
            place: value for path, value in found.items() if (place := place_of(spot, path, self.names)) is not None
        }

    def finish(self, sheet: Sheet, device: SimDevice) -> bool:
        """What has to be there is there, if need be a word of no meaning; False: something is missing."""
        for path in self.form.message.has:
            place = place_of(self.item, path, self.names)
            if place is not None and None not in place and sheet.find(place) is None:
                sheet.put({place: device.model or "sim"})
        wanted = [place_of(WHOLE, path, self.names) for path in self.form.message.required]
        return all(place is not None and sheet.find(place) is not None for place in wanted)


def listed(value: _T | list[_T] | None) -> Sequence[_T]:
    """One, several or none."""
    return [] if value is None else value if isinstance(value, list) else [value]


def moulds(
    form: Form, who: Who, *, at: str = "", asks: Sequence[Ask] = (), choice: Choice | None = None
) -> Iterator[Mould]:
    """Every way to fill in the form for the device so that the asked templates say their texts.

    ``at``, ``choice``: the walk and the conditions of one of its tables.
    """
    for template in listed(form.device.id):
        for topic in listed(form.message.topic):
            filling = _Filling(form, who)
            if filling.bind([Ask(template, who.id)], inner=False) and filling.bind(asks, inner=True):
                mould = filling.mould(topic, at, choice)
                if mould is not None:
                    yield mould


class _Filling:
    """Names and paths of one mould, on the way."""

    def __init__(self, form: Form, who: Who) -> None:
        self._form, self._who = form, who
        self._names: dict[str, str] = {}
        self._paths: list[tuple[bool, str, Any]] = []
        """(whether it starts where the walk ends, path, value)"""

    def bind(self, asks: Iterable[Ask], *, inner: bool) -> bool:
        """Let templates say their texts; False where one cannot."""
        for ask in asks:
            every = [pieces_for(template, ask.text) for template in listed(ask.template)]
            pieces = next((found for found in every if found is not None), None)
            if pieces is None:
                return False
            for piece, text in pieces:
                if not piece.isidentifier():
                    self._paths.append((inner, piece.removeprefix("."), typed(text) if ask.numbers else text))
                elif self._names.setdefault(piece, text) != text:
                    return False
        return True

    def mould(self, topic: str, at: str, choice: Choice | None) -> Mould | None:
        """All of it in its place; None where it does not go together."""
        form, names = self._form, self._names
        for name in names_in(topic):
            names.setdefault(name, _default(form.profile, self._who, name))
        address = filled(topic, names)
        match = Pattern(topic).match(address)
        item = walked(WHOLE, listed(form.message.each)[0], names)
        there = None if item is None else walked(item, at, names)
        if item is None or there is None or match is None or any(names[name] != word for name, word in match.items()):
            return None
        if (parts := form.message.parts) is not None:
            if not names.keys() >= set(names_in(parts.pattern)):
                return None
            self._paths.append((False, parts.path, filled(parts.pattern, names)))
        self._paths += [(False, path, value) for path, value in _met(form.message)]
        self._paths += [(True, path, value) for path, value in (_met(choice) if choice is not None else ())]
        fixed: dict[Place, Any] = {}
        for inner, path, value in self._paths:
            place = place_of(there if inner else item, path, names)
            if place is None or fixed.setdefault(place, value) != value:
                return None
        return Mould(form, address, {**_told_of(form, self._who.device, item, names), **fixed}, item, there, names)


def _default(profile: Profile, who: Who, name: str) -> str:
    """A part of the topic that the device's id does not tell."""
    if name == "source":
        return profile.name
    if name in _OF_THE_GATEWAY:
        return who.device.gateway
    return who.device.id if "/" in who.id else who.id


def _met(choice: Choice) -> Iterator[tuple[str, Any]]:
    """(path, value) that meet the conditions of a table. What cannot be met this way shows when the message is tried."""
    for path, wanted in choice.when.items():
        if path.startswith("{"):
            continue
        value: Any = wanted[0] if isinstance(wanted, list) else wanted
        if isinstance(value, Range):
            value = value.min if value.min is not None else value.max
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        yield path, typed(value) if isinstance(value, str) else value


def _told_of(form: Form, device: SimDevice, item: Spot, names: Mapping[str, str]) -> dict[Place, Any]:
    """Who the device is, where the form has room for it."""
    spec = form.announce
    said = [] if spec is None else [(spec.name, device.name), (spec.maker, device.maker), (spec.model, device.model)]
    found: dict[Place, Any] = {}
    for templates, text in said:
        template = templates if isinstance(templates, str) else next(iter(templates), "")
        for piece, word in (pieces_for(template, text) if template and text else None) or ():
            place = None if piece.isidentifier() else place_of(item, piece.removeprefix("."), names)
            if place is not None:
                found.setdefault(place, word)
    return found
