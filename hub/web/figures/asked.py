"""What is asked of the records of maintenance, and what they say: for the page and for programs alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hub.domain.kpi import SENSOR, Period, by_kind
from hub.domain.kpi_parts import Values, crews, values, values_of_crew
from hub.domain.places import Community
from hub.errors import NotFound
from hub.flows.figures import period_of
from hub.flows.registry import Registry
from hub.web.auth.access import Access
from hub.web.deps import WebDeps

By = Literal["kind", "crew", "grid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A community and a period (epoch ms, the end exclusive), and what narrows them; empty: nothing does."""

    community: str
    start: int
    end: int
    kind: str = ""
    grid: str = ""
    crew: str = ""


def communities(registry: Registry, access: Access) -> list[Community]:
    """Those of which the caller may see anything."""
    return [each for key, each in sorted(registry.communities.items()) if access.scope.touches(key)]


def gather(deps: WebDeps, access: Access, asked: Asked) -> Period | None:
    """What happened in it, as far as the caller may know; None: of what was asked there is nothing.

    It begins with the records where they begin later: before, nobody looked, and none is not zero.
    NotFound where the community is not the caller's.
    """
    registry = deps.registrar.current
    if asked.community not in {each.id for each in communities(registry, access)}:
        raise NotFound(f"no community {asked.community[:63]!r} here")
    begun: int | None = deps.records.read(lambda books: books.figures.begun(asked.community))
    if begun is None or begun >= asked.end:
        return None
    start = max(asked.start, begun)
    rows = deps.records.read(lambda books: books.figures.period(start, asked.end, community=asked.community))
    whole = period_of(rows, registry, asked.community, start=start, end=asked.end)
    facilities = {facility.id: facility for facility in whole.facilities}

    def belongs(id_: str) -> bool:
        if not access.scope.allows(asked.community, id_):
            return False
        facility = facilities.get(id_)
        kind, grid = (facility.kind, facility.grid) if facility else (SENSOR if not id_ else "", "")
        return asked.kind in ("", kind) and asked.grid in ("", grid)

    part = whole.part(belongs)
    known = not asked.crew or (asked.community, asked.crew) in registry.crews or asked.crew in crews(part)
    return part if known and _has_anything(part) else None


def figures_of(period: Period, crew: str = "") -> Values:
    """All figures, or those that can be told of a crew."""
    return values_of_crew(period, crew) if crew else values(period)


def divided(period: Period, by: By, crew: str = "") -> dict[str, Values]:
    """The figures of each part, by the part's id."""
    if by == "crew":
        return {each: values_of_crew(period, each) for each in sorted(crews(period)) if crew in ("", each)}
    parts = _by_grid(period) if by == "grid" else by_kind(period)
    return {name: figures_of(part, crew) for name, part in parts.items() if _has_anything(part)}


def _has_anything(period: Period) -> bool:
    return bool(period.facilities or period.lives or period.raised or period.active)


def _by_grid(period: Period) -> Mapping[str, Period]:
    """Without what belongs to no grid."""
    grid_of = {facility.id: facility.grid for facility in period.facilities if facility.grid}

    def of(grid: str) -> Period:
        return period.part(lambda facility: grid_of.get(facility) == grid)

    return {grid: of(grid) for grid in sorted({*grid_of.values()})}
