"""What a maker's point becomes before any value is seen: its name here, and how its numbers turn into our unit.

For formats that announce their points first (inventories, discovery): the work is done once per announcement, and a
message costs one look-up and one multiplication per value.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from devices.contract import Limits
from devices.units import UNITS, unit_of
from devices.words import METRICS, UNIT_OF, passes_for

Kind = Literal["number", "switch", "text"]

_NOT_A_SLUG: Final = re.compile(r"[^a-z0-9_-]+")
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_UNIT_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {"%": "percent", "Cel": "celsius", "[ppm]": "ppm", "deg": "deg"}
)
_SUFFIXES: Final[Mapping[Kind, str]] = MappingProxyType({"number": "raw", "switch": "state", "text": "text"})


def slug(text: str) -> str:
    """The word as a channel is written, ``[a-z0-9_-]+``; empty where nothing of it can be."""
    return _NOT_A_SLUG.sub("_", text.lower()).strip("_-")[:64]


def clean(text: object, most: int = Limits().name) -> str:
    """A foreign text as a name: printable, without blanks at its ends, at most ``most`` characters; empty for no text."""
    if not isinstance(text, str):
        return ""
    if not text.isprintable():
        text = "".join(each for each in text if each.isprintable())
    return text.strip()[:most].strip()


def plain_id(word: str) -> str:
    """A maker's word as an id; one that does not go into an address is cut, and told apart by its check sum."""
    return word if _PLAIN_ID.fullmatch(word) else f"{slug(word)[:40]}-{zlib.crc32(word.encode()):08x}".lstrip("-")


def join(channel: str, name: str) -> str:
    """``{channel}.{name}``, or the name alone."""
    return f"{channel}.{name}" if channel else name


def own_name(name: str, kind: Kind, unit: str = "") -> str:
    """The maker's own name of a point; where it would pass for a metric that it does not fit, with a word behind it.

    The hub reads a metric off a point's name: a ``humidity`` of unknown unit, a ``vibration`` that is yes or no must not
    be stored as percent or mm/s.
    """
    if not passes_for(name):
        return name[: Limits().name]
    known = unit_of(unit) if kind == "number" and unit else None
    suffix = _UNIT_WORDS.get(known.ucum, slug(known.ucum)) if known is not None else ""
    return f"{name}_{suffix or _SUFFIXES[kind]}"[: Limits().name]


def linear(unit: str, to: str) -> tuple[float, float] | None:
    """(factor, offset) from a sender's unit to a UCUM code; None where they do not measure the same.

    A power factor has no unit, and some makers give it in percent.
    """
    if to == "1":
        return {"": (1.0, 0.0), "1": (1.0, 0.0), "%": (0.01, 0.0)}.get(unit.strip())
    source, target = unit_of(unit), UNITS.get(to)
    if source is None or target is None or source.dimension != target.dimension:
        return None
    if source == target:
        return 1.0, 0.0
    return source.factor / target.factor, (source.offset - target.offset) / target.factor


def chosen(unit: str, to: str) -> tuple[float, float] | None:
    """As ``linear``, where a person says what a point measures; None where its unit surely measures something else.

    A spelling that nobody knows says nothing against the person's word, and what is counted may be called otherwise.
    """
    source = unit_of(unit)
    known = source is not None and not (to.startswith("{") and source.ucum.startswith("{"))
    return linear(unit, to) if known else (1.0, 0.0)


class Scale(NamedTuple):
    """Where a number goes: ``value * factor + offset`` under ``name``."""

    name: str
    metric: str
    """Empty: kept under a name of the maker's."""
    factor: float = 1.0
    offset: float = 0.0


def scale(metric: str, unit: str, own: str, channel: str = "") -> Scale:
    """Where the numbers of a point go that measures ``metric`` in ``unit``, or at least is called ``own``."""
    to = UNIT_OF.get(metric)
    found = linear(unit, to) if to is not None else None
    if found is None:
        return Scale(own_name(join(channel, own), "number", unit), "")
    return Scale(join(channel, metric), metric if metric in METRICS else "", *found)
