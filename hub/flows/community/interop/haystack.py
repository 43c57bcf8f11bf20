"""A community as a Project Haystack 4 grid, in its JSON encoding (Hayson)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hub.domain.metrics import METRICS, Metric, MetricKind
from hub.domain.places import Binding, Facility, PlaceKind, Tree
from hub.flows.community.interop import in_force
from hub.flows.community.interop.vocabulary import HAYSTACK_OF_KIND, HAYSTACK_OF_METRIC, HAYSTACK_UNIT_OF
from hub.flows.community.picture import Picture

Row = dict[str, Any]
_SPACES = {PlaceKind.BUILDING: "building space", PlaceKind.FLOOR: "floor space", PlaceKind.ROOM: "room space"}


def haystack_grid(picture: Picture, *, now: int) -> Row:
    """Site, spaces, equips and the points that speak for them at ``now`` (epoch ms), ready to be written as JSON."""
    rows = list(_rows(picture, now))
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return {"_kind": "grid", "meta": {"ver": "3.0"}, "cols": [{"name": name} for name in columns], "rows": rows}


def _rows(picture: Picture, now: int) -> Iterator[Row]:
    community = picture.community
    site = _ref(community.id)
    yield {"id": site, "dis": community.name.en or community.name.zh, "site": _MARKER, "tz": _city(community.timezone)}
    for place in picture.places.values():
        if place.tree is Tree.MANAGEMENT:
            row: Row = {"id": _ref(f"{community.id}.{place.id}"), "dis": place.name.en or place.name.zh}
            row |= _markers(_SPACES.get(place.kind, "space")) | {"siteRef": site}
            yield row | ({"spaceRef": _ref(f"{community.id}.{place.parent}")} if place.parent else {})
    for facility in picture.facilities.values():
        if facility.retired_at is None:
            yield from _equips(community.id, facility)
    for owner, binding in in_force(picture, now):
        yield _point(community.id, community.timezone, owner, binding)


def _equips(community: str, facility: Facility) -> Iterator[Row]:
    tags = _markers(HAYSTACK_OF_KIND.get(facility.kind, "equip"))
    own = f"{community}.{facility.id}"
    row: Row = {"id": _ref(own), "dis": facility.name.en or facility.name.zh, "siteRef": _ref(community)} | tags
    yield row | ({"spaceRef": _ref(f"{community}.{facility.building}")} if facility.building else {})
    for unit in facility.units:
        belongs = {"spaceRef" if "space" in tags else "equipRef": _ref(own)}
        name = unit.name.en or unit.name.zh
        yield {"id": _ref(f"{own}.{unit.id}"), "dis": name, "equip": _MARKER, "siteRef": _ref(community)} | belongs


def _point(community: str, timezone: str, owner: Facility, binding: Binding) -> Row:
    metric = METRICS.get(binding.metric_name())
    is_space = "space" in HAYSTACK_OF_KIND.get(owner.kind, "equip").split() and not binding.unit
    of = f"{community}.{binding.facility}" + (f".{binding.unit}" if binding.unit else "")
    row: Row = {
        "id": _ref(f"{binding.device}.{binding.point}"),
        "dis": metric.title.en if metric else binding.point,
        "siteRef": _ref(community),
        "spaceRef" if is_space else "equipRef": _ref(of),
        "tz": _city(timezone),
    } | _markers("point sensor " + HAYSTACK_OF_METRIC.get(binding.metric_name(), ""))
    if metric is None or (metric.kind is MetricKind.STATE and metric.off is None):
        return row | {"kind": "Str"}
    if metric.kind is MetricKind.STATE:
        return row | {"kind": "Bool"}
    return row | {"kind": "Number"} | ({"unit": _unit(metric)} if metric.symbol.en else {})


def _unit(metric: Metric) -> str:
    """A quantity that shares its UCUM code with another one (%LEL) has a symbol of its own."""
    known = HAYSTACK_UNIT_OF.get(metric.unit)
    return known if known and (metric.unit != "%" or metric.symbol.en == "%") else f"_{metric.symbol.en}"


_MARKER: Row = {"_kind": "marker"}


def _markers(words: str) -> Row:
    return dict.fromkeys(words.split(), _MARKER)


def _ref(text: str) -> Row:
    """Haystack ids take letters, digits and ``_:-.~``."""
    plain = "".join(c if (c.isascii() and c.isalnum()) or c in "_:-.~" else "_" for c in text)
    return {"_kind": "ref", "val": plain}


def _city(timezone: str) -> str:
    """Haystack calls a time zone by its city."""
    return timezone.rpartition("/")[2]
