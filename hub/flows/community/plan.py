"""What an import would do: the wish set against what is stored, line by line. Nothing is deleted that has a past."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from hub.domain.commissioning import Span
from hub.domain.expected import Expected
from hub.domain.places import Binding, Device, DeviceState, Facility, PlaceKind
from hub.flows.community.picture import Picture, PointName, Wish


class Action(StrEnum):
    """What happens to one thing."""

    ADDED = "added"
    CHANGED = "changed"
    RETIRED = "retired"
    """Out of use, history kept."""
    REMOVED = "removed"
    """Something without a past of its own: a place, party, crew or rule change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of the plan."""

    action: Action
    table: str
    id: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.action} {self.table} {self.id}" + (f": {self.detail}" if self.detail else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """The changes, and the picture that holds once they are made."""

    now: int
    result: Picture
    changes: tuple[Change, ...]

    def counts(self) -> dict[str, int]:
        """How many of each action: ``{"added": 3, "changed": 1, …}``."""
        found = Counter(change.action.value for change in self.changes)
        return {action.value: found[action.value] for action in Action}

    def touched(self, table: str) -> frozenset[str]:
        """Ids of one table that change in any way."""
        return frozenset(change.id for change in self.changes if change.table == table)


def plan_import(stored: Picture | None, wish: Wish, *, now: int) -> ImportPlan:
    """Compare. A second import of the same file plans nothing.

    A point that changes without dates gets a new binding from ``now`` on; the old one ends there. Spans with dates in
    the file are taken as they stand, also where that rewrites the past.
    """
    wanted = wish.picture
    before = stored or Picture(community=wanted.community)
    facilities = _facilities(before.facilities, wanted.facilities, now)
    expected = _expected(before.expected, wanted.expected)
    arrived = {line.device for line in expected.values()}
    devices = _devices(before.devices, wanted.devices, arrived)
    bindings = {
        point: _end_of_use(spans, facilities, devices, now)
        for point, spans in _bindings(before, wish, arrived, now).items()
    }
    result = replace(
        wanted,
        **_still_named(before, wanted, facilities),
        facilities=facilities,
        devices=devices,
        bindings={point: spans for point, spans in bindings.items() if spans},
        expected=expected,
        commissioning=_commissioning(before.commissioning, wanted.commissioning),
        live=before.live,
    )
    return ImportPlan(now=now, result=result, changes=tuple(_changes(stored, before, result)))


def _still_named(before: Picture, wanted: Picture, facilities: Mapping[str, Facility]) -> dict[str, Any]:
    """Parties, crews and places that left the file but that a retired facility's history still names."""
    retired = [facility for facility in facilities.values() if facility.retired_at is not None]
    parties = {facility.party for facility in retired}
    crews = {facility.crew for facility in retired}
    kept_crews = {
        name: replace(crew, is_default=False)
        for name, crew in before.crews.items()
        if name in crews and name not in wanted.crews
    }
    parties |= {crew.party for crew in kept_crews.values()}
    places = {place for facility in retired for place in (facility.building, facility.grid)}
    for place in reversed(list(PlaceKind)):  # leaves first, so that every parent is reached
        places |= {p.parent for p in before.places.values() if p.kind is place and p.id in places}
    return {
        "parties": {**_named(before.parties, parties), **wanted.parties},
        "crews": {**kept_crews, **wanted.crews},
        "places": {**_named(before.places, places), **wanted.places},
    }


def _named(before: Mapping[str, Any], names: set[str | None]) -> dict[str, Any]:
    return {name: value for name, value in before.items() if name in names}


def _facilities(before: Mapping[str, Facility], wanted: Mapping[str, Facility], now: int) -> dict[str, Facility]:
    gone = {
        name: facility if facility.retired_at is not None else replace(facility, retired_at=now)
        for name, facility in before.items()
        if name not in wanted
    }
    return {**wanted, **gone}


def _expected(before: Mapping[str, Expected], wanted: Mapping[str, Expected]) -> dict[str, Expected]:
    """What has come for a line has come, whatever the file says of the line now."""
    return {
        name: replace(line, device=old.device, arrived_at=old.arrived_at, matched=old.matched)
        if (old := before.get(name)) is not None
        else line
        for name, line in wanted.items()
    }


def _commissioning(before: Mapping[str, Span], wanted: Mapping[str, Span]) -> dict[str, Span]:
    """A file begins times of commissioning and says their ends; what somebody has ended stays ended.

    What the file does not name stays: it was begun on the page, and an older file must not make the hub speak.
    """
    known = {
        name: old if (old := before.get(name)) is not None and old.ended_by else _dated(old, span)
        for name, span in wanted.items()
    }
    return {**before, **known}


def _dated(old: Span | None, span: Span) -> Span:
    return span if old is None else replace(span, by=old.by)


def _devices(
    before: Mapping[str, Device], wanted: Mapping[str, Device], arrived: AbstractSet[str]
) -> dict[str, Device]:
    """``arrived``: those that came for a line of the list of expected ones; the file need not name them again."""
    known = {
        name: replace(device, first_seen=before[name].first_seen, about=before[name].about)
        if name in before
        else device
        for name, device in wanted.items()
    }
    left = {name: device for name, device in before.items() if name not in wanted}
    gone = {
        name: device if name in arrived else replace(device, state=DeviceState.RETIRED) for name, device in left.items()
    }
    return {**known, **gone}


def _bindings(before: Picture, wish: Wish, arrived: AbstractSet[str], now: int) -> dict[PointName, tuple[Binding, ...]]:
    wanted = wish.picture.bindings
    kept = arrived - wish.picture.devices.keys()
    result = {
        point: spans if point[0] in kept else end(spans, now)
        for point, spans in before.bindings.items()
        if point not in wanted
    }
    for point, spans in wanted.items():
        past = before.bindings.get(point, ())
        result[point] = rebind(past, spans[0], now) if point in wish.undated and past else spans
    return result


def _end_of_use(
    spans: tuple[Binding, ...], facilities: Mapping[str, Facility], devices: Mapping[str, Device], now: int
) -> tuple[Binding, ...]:
    """A retired device, or one at a retired facility, speaks for nothing any more."""
    retired = any(
        devices[span.device].state is DeviceState.RETIRED or facilities[span.facility].retired_at is not None
        for span in spans
        if span.valid_to is None
    )
    return end(spans, now) if retired else spans


def end(spans: tuple[Binding, ...], now: int) -> tuple[Binding, ...]:
    """The spans with the running one ended at ``now``; one that would only begin later goes away."""
    return tuple(
        span if span.valid_to is not None else replace(span, valid_to=now)
        for span in spans
        if span.valid_to is not None or span.valid_from < now
    )


def rebind(past: tuple[Binding, ...], wanted: Binding, now: int) -> tuple[Binding, ...]:
    """``past`` where its running span already says so; else that span ends and ``wanted`` begins at ``now``."""
    running = past[-1] if past and past[-1].valid_to is None else None
    if running is not None and _same_but_dates(running, wanted):
        return past
    ended = end(past, now)
    start = max([now, *(span.valid_to for span in ended if span.valid_to is not None)])
    return (*ended, replace(wanted, valid_from=start, valid_to=None))


def _same_but_dates(one: Binding, other: Binding) -> bool:
    return replace(one, valid_from=0, valid_to=None) == replace(other, valid_from=0, valid_to=None)


def _changes(stored: Picture | None, before: Picture, after: Picture) -> Iterator[Change]:
    if stored is None:
        yield Change(action=Action.ADDED, table="community", id=after.community.id)
    elif stored.community != after.community:
        yield _changed("community", after.community.id, stored.community, after.community)
    for table in ("parties", "crews", "places", "facilities", "devices", "rules", "expected", "commissioning"):
        yield from _of_table(table, getattr(before, table), getattr(after, table))
    yield from _of_points(before.bindings, after.bindings)


def _of_table(table: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name, value in after.items():
        old = before.get(name)
        if old is None:
            yield Change(action=Action.ADDED, table=table, id=name)
        elif old != value:
            retired = _is_retired(value) and not _is_retired(old)
            yield Change(action=Action.RETIRED, table=table, id=name) if retired else _changed(table, name, old, value)
    for name in before:
        if name not in after:
            yield Change(action=Action.REMOVED, table=table, id=name)


def _is_retired(value: object) -> bool:
    if isinstance(value, Facility):
        return value.retired_at is not None
    return isinstance(value, Device) and value.state is DeviceState.RETIRED


def _of_points(
    before: Mapping[PointName, tuple[Binding, ...]], after: Mapping[PointName, tuple[Binding, ...]]
) -> Iterator[Change]:
    for point, spans in after.items():
        old = before.get(point, ())
        if old == spans:
            continue
        name = "/".join(point)
        if not old:
            yield Change(action=Action.ADDED, table="points", id=name)
        elif spans[-1].valid_to is not None and old[-1].valid_to is None:
            yield Change(action=Action.RETIRED, table="points", id=name)
        else:
            yield Change(action=Action.CHANGED, table="points", id=name, detail=_difference(old[-1], spans[-1]))
    for point in before:
        if point not in after:
            yield Change(action=Action.RETIRED, table="points", id="/".join(point))


def _changed(table: str, name: str, old: object, new: object) -> Change:
    return Change(action=Action.CHANGED, table=table, id=name, detail=_difference(old, new))


def _difference(old: Any, new: Any) -> str:
    """``capacity 12 -> 14``; addresses of contacts may be secrets and are not shown."""
    return ", ".join(
        key if key == "contacts" else f"{key} {_short(getattr(old, key))} -> {_short(getattr(new, key))}"
        for key in (field.name for field in fields(new))
        if getattr(old, key) != getattr(new, key)
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
