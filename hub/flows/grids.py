"""The grids of a registry as they are today, for lists that people choose from."""

from __future__ import annotations

from collections.abc import Iterator

from hub.domain.places import Grid, Name, PlaceKind
from hub.flows.registry import Registry


def grids_of(registry: Registry, *, several: bool) -> Iterator[Grid]:
    """In the registry's order; with its community's name where there are several."""
    for (community, id_), place in registry.places.items():
        if place.kind is not PlaceKind.GRID:
            continue
        name = place.name
        if several:
            home = registry.communities[community].name
            name = Name(zh=f"{home.zh} {name.zh}", en=f"{home.en} {name.en}")
        standing = [f.id for f in registry.facilities.values() if (f.community, f.grid) == (community, id_)]
        yield Grid(id=id_, name=name, facilities=tuple(sorted(standing)))
