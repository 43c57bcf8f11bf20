"""The grids of a registry as they are today, for lists that people choose from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hub.domain.places import Name, PlaceKind
from hub.flows.registry import Registry


class GridToday(NamedTuple):
    """A grid and the facilities that stand in it."""

    id: str
    name: Name
    facilities: tuple[str, ...]


def grids_of(registry: Registry, *, several: bool) -> Iterator[GridToday]:
    """In the registry's order; with its community's name where there are several."""
    for (community, id_), place in registry.places.items():
        if place.kind is not PlaceKind.GRID:
            continue
        name = place.name
        if several:
            home = registry.communities[community].name
            name = Name(zh=f"{home.zh} {name.zh}", en=f"{home.en} {name.en}")
        standing = [f.id for f in registry.facilities.values() if (f.community, f.grid) == (community, id_)]
        yield GridToday(id_, name, tuple(sorted(standing)))
