"""How a point can be said in a profile's format: under which key, in which message, and as what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from devices.profiles.columns import Key
from devices.profiles.shape import Points
from devices.simulator.model import SimPoint
from devices.simulator.signals import Value
from devices.simulator.speaking.backwards import Word, pieces_for, raw_of, spelled, typed, words_for
from devices.simulator.speaking.moulds import Ask, Form, Mould, Who, moulds
from devices.simulator.speaking.sheets import Place
from devices.words import SWITCHES, UNIT_OF


class Way(NamedTuple):
    """One way to say a point of one device."""

    word: Word
    mould: Mould
    points: Points
    keys: Sequence[Key]
    """What the key feeds."""
    fixed: Mapping[Place, Any]
    value: Place

    @property
    def rank(self) -> int:
        """Its place among the metrics that the key tells at once."""
        return next((place for place, key in enumerate(self.keys) if key.metric == self.word.metric), 0)

    def wishes(self, value: Value, clock: int | None, others: Mapping[str, Value]) -> dict[Place, Any]:
        """What a message needs to say the value; nothing where it cannot. ``others``: metric -> value beside it."""
        raw = raw_of(self.keys, self.word.metric, value, others)
        return {} if raw is None else {**self.fixed, **self.mould.moment(clock, self.points.time), self.value: raw}

    def probes(self) -> Sequence[Value]:
        """Values that show whether the way is good."""
        if self.word.metric in UNIT_OF:
            return (12.5,)
        if self.word.metric in SWITCHES:
            return (True, False)
        meanings = [word for key in self.keys if key.metric == self.word.metric for word in key.column.words.values()]
        return [word for word in meanings if isinstance(word, str)] or ("E21",)


def ways(who: Who, point: SimPoint, forms: Sequence[Form]) -> list[Way]:
    """Every way to say the point, the best first: what the profile names before what it guesses, in the order of ``forms``."""
    part, _, metric = point.name.rpartition(".")
    found = [
        way
        for form in forms
        for word in words_for(form.profile, form.message, metric, part)
        for points in form.points
        for way in _ways(form, who, points, word, part)
    ]
    whole = [way for way in found if not way.points.channel]
    # A part is made up for what has none only where the format tells everything in parts.
    return sorted(found if part or not whole else whole, key=lambda way: not way.word.named)


def _ways(form: Form, who: Who, points: Points, word: Word, part: str) -> Iterator[Way]:
    if word.key in points.skip or (part and not points.channel and not word.parted):
        return
    asks = [Ask(points.key, word.key)]
    if points.channel and not word.parted:
        asks.append(Ask(points.channel, _channel(points.channel, part, who.device.kind), numbers=True))
    for mould in moulds(form, who, at=points.at, asks=asks, choice=points):
        value, fixed = mould.place(points.value), dict(mould.fixed)
        if points.quality is not None and (grade := mould.place(points.quality.path)) is not None:
            fixed[grade] = next(typed(each) for each, quality in points.quality.words.items() if quality == "good")
        if value is not None:
            yield Way(word, mould, points, form.columns.of(word.key), fixed, value)


def _channel(template: str, part: str, kind: str) -> str:
    """What the template of a channel shall say for a part of the device."""
    if part and pieces_for(template, part) is not None:
        return part
    whole = template.startswith("{") and template.endswith("}")
    return spelled(template, part or ((kind or "basic") if whole else "1"))
