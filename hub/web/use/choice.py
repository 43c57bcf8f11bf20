"""What a page of planning is about: one community, and those of its facilities that the filters leave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, NamedTuple, Protocol, TypeVar

from fastapi import Depends
from starlette.requests import Request

from hub.domain.places import Binding, Community, Facility, Place
from hub.errors import NotFound
from hub.flows.batch import PointKey
from hub.flows.registry import Registry
from hub.web.auth.access import Access
from hub.web.deps import WebDeps

MOST_POINTS: Final = 1000
"""In one question to the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the query of a page says; empty words filter nothing."""

    community: str = ""
    kind: str = ""
    building: str = ""
    grid: str = ""


Wanted = Annotated[Filters, Depends()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The facilities chosen, in order of their ids, and what else could have been chosen."""

    community: Community | None
    facilities: tuple[Facility, ...]
    communities: tuple[Community, ...]
    kinds: tuple[str, ...]
    buildings: tuple[Place, ...]
    grids: tuple[Place, ...]
    filters: Filters


class Spoken(NamedTuple):
    """A point that spoke for a facility at some time within a span, and what was said of it then."""

    key: PointKey
    binding: Binding

    def until(self, end: int) -> bool:
        """Whether it did until the end."""
        return self.binding.valid_to is None or end <= self.binding.valid_to


class Asking(Protocol):
    """Something that wants points of the store."""

    @property
    def points(self) -> Sequence[PointKey]: ...


A = TypeVar("A", bound=Asking)


def choose(request: Request, access: Access, wanted: Filters) -> Choice:
    """No community named: the caller's first. NotFound where it is outside the scope."""
    deps: WebDeps = request.app.state.deps
    registry = deps.registrar.current
    mine = [facility for place, facility in sorted(registry.facilities.items()) if access.scope.allows(*place)]
    ids = [one for one in sorted(registry.communities) if access.scope.touches(one)]
    if wanted.community and wanted.community not in ids:
        raise NotFound(f"no community {wanted.community[:63]!r}")
    chosen = wanted.community or next(iter(ids), "")
    here = [facility for facility in mine if facility.community == chosen]
    return Choice(
        community=registry.communities.get(chosen),
        facilities=tuple(
            facility
            for facility in here
            if wanted.kind in ("", facility.kind)
            and wanted.building in ("", facility.building)
            and wanted.grid in ("", facility.grid)
        ),
        communities=tuple(registry.communities[one] for one in ids),
        kinds=tuple(sorted({facility.kind for facility in here})),
        buildings=_places(registry, chosen, {facility.building for facility in here}),
        grids=_places(registry, chosen, {facility.grid for facility in here}),
        filters=replace(wanted, community=chosen),
    )


def spoken(registry: Registry, facilities: Iterable[Facility], *, start: int, end: int) -> dict[str, list[Spoken]]:
    """By facility of one community, every point that spoke for it in this time, also a sensor replaced since. Pure."""
    found: dict[tuple[str, str], list[Spoken]] = {(facility.community, facility.id): [] for facility in facilities}
    for (device, name), bindings in registry.bindings.items():
        for binding in bindings:
            of = found.get((binding.community, binding.facility))
            if of is not None and binding.valid_from < end and (binding.valid_to is None or start < binding.valid_to):
                of.append(Spoken(PointKey(binding.community, device, name), binding))
    return {facility: of for (_, facility), of in found.items()}


def fitting(wanted: Sequence[A], most: int = MOST_POINTS) -> list[A]:
    """Those that fit into one question, in their order; one that is too large leaves its turn to the next. Pure."""
    taken: list[A] = []
    left = most
    for one in wanted:
        if len(one.points) <= left:
            taken.append(one)
            left -= len(one.points)
    return taken


def _places(registry: Registry, community: str, wanted: set[str | None]) -> tuple[Place, ...]:
    keys = sorted((community, place) for place in wanted if place)
    return tuple(registry.places[key] for key in keys if key in registry.places)
