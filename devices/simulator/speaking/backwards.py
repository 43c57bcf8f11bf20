"""A profile's small languages read backwards: from what shall be understood to what has to be sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from devices.profiles.columns import Key
from devices.profiles.paths import steps
from devices.profiles.shape import Column, Message, Metrics, Profile, Time
from devices.profiles.times import zone_of
from devices.simulator.signals import Value
from devices.simulator.speaking.sheets import ROOT, Place
from devices.simulator.speaking.speech import iso
from devices.units import convert, unit_of
from devices.words import UNIT_OF

_PIECE: Final = re.compile(r"\{([^{}]*)\}")
_PART: Final = re.compile(r"\{(\w+)[?#]?\}")
_DIGITS: Final = 12
"""Of a number whose unit was converted."""


class Spot(NamedTuple):
    """Somewhere in a message: its place, and those that the walk stopped at on the way, the nearest last."""

    place: Place
    stops: tuple[Place, ...]


WHOLE: Final = Spot(ROOT, (ROOT,))


def walked(spot: Spot, path: str, names: Mapping[str, str]) -> Spot | None:
    """Where a walk leads under these names; None where it does not say by itself where it goes."""
    start, found = steps(path)
    place, stops = WHOLE if start else spot
    for kind, word in found:
        if kind == "key":
            place = (*place, word)
            continue
        if (kind == "name" and word not in names) or (kind == "item" and word):
            return None
        place = (*place, names[word] if kind == "name" else None)
        stops = (*stops, place)
    return Spot(place, stops)


def place_of(spot: Spot, path: str, names: Mapping[str, str]) -> Place | None:
    """Where a path leads from a spot; None where it does not say."""
    start, _ = steps(path)
    if not start.startswith("^"):
        found = walked(spot, path, names)
    elif len(start) < len(spot.stops):
        above = Spot(spot.stops[-1 - len(start)], ())
        found = walked(above, path.lstrip("^").removeprefix("."), names)
    else:
        found = None
    return None if found is None else found.place


@lru_cache(maxsize=1024)
def pieces_for(template: str, text: str) -> tuple[tuple[str, str], ...] | None:
    """(piece, what stands for it) if the template says this text; None where it cannot."""
    split = _PIECE.split(template)
    expression = "".join("(.+?)" if number % 2 else re.escape(word) for number, word in enumerate(split))
    match = re.fullmatch(expression, text, re.DOTALL)
    return None if match is None else tuple(zip(split[1::2], match.groups(), strict=True))


def spelled(template: str, text: str, others: Mapping[str, str] = MappingProxyType({})) -> str:
    """What the template says with ``text`` for its last piece; for the others by their name, or ``sim``."""
    pieces = _PIECE.findall(template)
    words = iter([*(others.get(piece, "sim") for piece in pieces[:-1]), text])
    return _PIECE.sub(lambda _: next(words), template)


def names_in(pattern: str) -> tuple[str, ...]:
    """The named parts of a topic or key pattern that have to be something."""
    return tuple(name for name in _PART.findall(pattern) if f"{{{name}?}}" not in pattern)


def filled(pattern: str, names: Mapping[str, str]) -> str:
    """A topic or key pattern with its parts put in."""
    return _PART.sub(lambda match: names.get(match[1], ""), pattern)


def typed(word: str) -> Any:
    """A word of a profile as JSON would have it: a number, true or false, or the text."""
    if word in {"true", "false"}:
        return word == "true"
    return int(word) if word.isascii() and word.isdecimal() and str(int(word)) == word else word


def told(spec: Time, clock: int) -> dict[str, Any]:
    """Path -> what has to stand there for the moment (epoch ms) to be read."""
    path = spec.path if isinstance(spec.path, str) else spec.path[0]
    if spec.format == "iso":
        return {path: iso(clock)}
    if spec.format == "local":
        moment = datetime.fromtimestamp(clock / 1000, UTC).astimezone(zone_of(spec.zone) or UTC)
        return {path: f"{moment:%Y-%m-%d %H:%M:%S}", **({spec.zone_path: "UTC"} if spec.zone_path else {})}
    return {path: clock // 1000 if spec.format == "s" else clock * {"us": 1_000, "ns": 1_000_000}.get(spec.format, 1)}


# --- keys and values ----------------------------------------------------------------------------------------------


class Word(NamedTuple):
    """A key that may stand for a metric."""

    metric: str
    key: str
    named: bool
    """The profile itself says what it means."""
    parted: bool = False
    """The part of the device stands in the key."""


def metrics_of(profile: Profile, message: Message) -> Metrics:
    """What the keys of a message mean: its own, before those of the whole file."""
    return {**message.metrics, **{key: value for key, value in profile.metrics.items() if key not in message.metrics}}


def words_for(profile: Profile, message: Message, metric: str, part: str) -> Iterator[Word]:
    """The keys that may stand for a metric of a part of the device, the best ones first."""
    for key, value in metrics_of(profile, message).items():
        column = next((each for each in _columns(value) if each.metric == metric and not each.skip), None)
        if column is None:
            continue
        if "{" not in key:
            yield Word(metric, key, named=True)
        elif column.channel:
            found = pieces_for(column.channel, part) or [(name, part or "1") for name in _PART.findall(column.channel)]
            names = dict(found)
            if names.keys() >= set(names_in(key)):
                yield Word(metric, filled(key, names), named=True, parted=True)
    own = UNIT_OF.get(metric, "")
    ends = [(end, unit_of(unit)) for end, unit in profile.suffixes.items() if own]
    for end, unit in sorted(ends, key=lambda item: item[1] is None or item[1].ucum != own):
        if unit is not None and convert(1.0, unit.ucum, own) is not None:
            yield Word(metric, f"{metric}{end}", named=False)
    yield Word(metric, metric, named=False)


def _columns(value: str | Column | list[Column]) -> Sequence[Column]:
    if isinstance(value, str):
        return (Column(metric=value),)
    return value if isinstance(value, list) else (value,)


def raw_of(keys: Sequence[Key], metric: str, value: Value, others: Mapping[str, Value]) -> Any:
    """What has to be sent under a key that feeds these columns for its metric to be read as ``value``; None: nothing can.

    ``others``: metric -> what the device reads, for a word that says several things: one that says no more than it has to.
    """
    column = next((key.column for key in keys if key.metric == metric), None)
    if column is None:
        return value
    if column.words:
        said = {word: tuple(_stands_for(key.column, word) for key in keys) for key in keys for word in key.column.words}
        fits = [word for word in said if _stands_for(column, word) == value]
        expected = [others.get(key.metric, False) for key in keys]
        best = min(fits, key=lambda word: sum(map(_differ, said[word], expected)), default=None)
        return None if best is None else typed(best)
    if column.invert:
        return not value
    if isinstance(value, (bool, str)):
        return value
    unit = unit_of(next(key.unit for key in keys if key.metric == metric))
    number = float(value) if unit is None else convert(float(value), UNIT_OF[metric], unit.ucum)
    if number is None:
        return None
    number = (number - column.offset) / column.factor
    return value if number == value else float(f"{number:.{_DIGITS}g}")


def _stands_for(column: Column, word: str) -> Any:
    return column.words.get(word, column.otherwise)


def _differ(said: object, expected: object) -> bool:
    return said is not None and said != expected
