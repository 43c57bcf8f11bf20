"""A community as Brick 1.4, in Turtle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from hub.domain.metrics import METRICS
from hub.domain.places import Binding, Facility, Name, Place, Tree
from hub.flows.community.interop import in_force
from hub.flows.community.interop.vocabulary import (
    BRICK_OF_KIND,
    BRICK_OF_PLACE,
    BRICK_OF_UNIT,
    LOCATIONS,
    QUDT_OF,
)
from hub.flows.community.picture import Picture

_PREFIXES: Final = """@prefix brick: <https://brickschema.org/schema/Brick#> .
@prefix ref: <https://brickschema.org/schema/Brick/ref#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix qudt: <http://qudt.org/schema/qudt/> .
@prefix unit: <http://qudt.org/vocab/unit/> .
"""


def write_brick(picture: Picture, *, now: int) -> str:
    """Places, facilities, units and the points that speak for them at ``now`` (epoch ms). Retired ones are left out."""
    return _PREFIXES + "\n" + "\n".join(_statements(picture, now))


def _statements(picture: Picture, now: int) -> Iterator[str]:
    base = f"urn:community-hub:{picture.community.id}:"
    for unit in sorted(
        set(QUDT_OF.values())
    ):  # so that the file can be checked without QUDT's own, which Brick leaves out
        yield f"unit:{unit} a qudt:Unit ."
    yield _subject(f"{base}site", "Site", picture.community.name, ())
    for place in picture.places.values():
        if place.tree is Tree.MANAGEMENT:
            yield _place(base, place)
    for facility in picture.facilities.values():
        if facility.retired_at is None:
            yield from _facility(base, facility)
    for _, binding in in_force(picture, now):
        yield _point(base, binding)


def _place(base: str, place: Place) -> str:
    parent = f"{base}place:{place.parent}" if place.parent else f"{base}site"
    return _subject(
        f"{base}place:{place.id}", BRICK_OF_PLACE[place.kind], place.name, [f"brick:isPartOf {_iri(parent)}"]
    )


def _facility(base: str, facility: Facility) -> Iterator[str]:
    kind = BRICK_OF_KIND.get(facility.kind, "Equipment")
    where = _iri(f"{base}place:{facility.building}" if facility.building else f"{base}site")
    own = f"{base}facility:{facility.id}"
    is_location = kind in LOCATIONS
    yield _subject(own, kind, facility.name, [f"brick:{'isPartOf' if is_location else 'hasLocation'} {where}"])
    for unit in facility.units:
        belongs = f"brick:{'hasLocation' if is_location else 'isPartOf'} {_iri(own)}"
        yield _subject(f"{own}:{unit.id}", BRICK_OF_UNIT.get(facility.kind, "Equipment"), unit.name, [belongs])


def _point(base: str, binding: Binding) -> str:
    metric = METRICS.get(binding.metric_name())
    owner = f"{base}facility:{binding.facility}" + (f":{binding.unit}" if binding.unit else "")
    facts = [f"brick:isPointOf {_iri(owner)}"]
    if metric is not None and metric.unit in QUDT_OF:
        facts.append(f"brick:hasUnit unit:{QUDT_OF[metric.unit]}")
    series = _text(f"{binding.device}/{binding.point}")
    facts.append(f"ref:hasExternalReference [ a ref:TimeseriesReference ; ref:hasTimeseriesId {series} ]")
    name = metric.title if metric is not None else Name(zh=binding.point, en=binding.point)
    return _subject(
        f"{base}point:{binding.device}/{binding.point}", (metric.brick if metric else "") or "Point", name, facts
    )


def _subject(iri: str, kind: str, name: Name, facts: list[str] | tuple[str, ...]) -> str:
    labels = [f"{_text(text)}@{tag}" for text, tag in ((name.zh, "zh"), (name.en, "en")) if text]
    said = [f"a brick:{kind}", *([f"rdfs:label {', '.join(labels)}"] if labels else []), *facts]
    return f"{_iri(iri)} " + " ;\n    ".join(said) + " .\n"


def _iri(text: str) -> str:
    return f"<{quote(text, safe=':/~')}>"


def _text(text: str) -> str:
    """A Turtle literal (Turtle 1.1, 2.5.1)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
