"""Who speaks through whom, and which building each gateway serves: from the registry alone, made anew with each picture."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final, NamedTuple

from hub.domain.availability import LEAST_TOGETHER, SEEN_FIRST
from hub.domain.places import DeviceState, Facility, PlaceKind
from hub.flows.registry import Registry

DEEPEST: Final = 8
"""So many gateways behind gateways are looked at."""


class Area(NamedTuple):
    """A building, or with an empty ``place`` the whole community."""

    community: str
    place: str


class Topology:
    """Devices in use and their gateways. A gateway need not have been adopted: it is enough that others name it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._above: Mapping[str, str] = {
            d.id: d.its_gateway
            for d in registry.devices.values()
            if d.state is DeviceState.ADOPTED and d.its_gateway and not _is_retired(registry, d.its_gateway)
        }
        # Gateways that name one another in a circle would explain one another's silence: they speak for themselves.
        self._above = {device: gateway for device, gateway in self._above.items() if not self._comes_back(device)}
        self.gateways: Mapping[str, tuple[str, ...]] = self._gateways()
        """Gateway -> everything in use that speaks through it, near or far."""
        self._building = self._buildings()
        self.uplinks: Mapping[Area, tuple[str, ...]] = self._uplinks()
        """Area -> the gateways that speak for themselves there. Areas with too few of them are not here."""

    def above(self, device: str) -> tuple[str, ...]:
        """The gateways that the device speaks through, the nearest first."""
        chain: list[str] = []
        at = self._above.get(device)
        while at is not None and len(chain) < DEEPEST:
            chain.append(at)
            at = self._above.get(at)
        return tuple(chain)

    def _comes_back(self, device: str) -> bool:
        seen, at = {device}, self._above.get(device)
        while at is not None and at not in seen:
            seen.add(at)
            at = self._above.get(at)
        return at == device

    def is_uplink(self, device: str) -> bool:
        """A gateway that speaks for itself."""
        return device in self.gateways and device not in self._above

    def has_neighbours(self, community: str, gateway: str) -> bool:
        """Whether its silence may be a part of more."""
        return self.is_uplink(gateway) and Area(community, "") in self.uplinks

    def areas(self, community: str, device: str) -> tuple[Area, ...]:
        """Where a loss would take it along: its building, then the community; only where there are enough gateways."""
        building = self.building(device)
        wanted = (Area(community, building), Area(community, "")) if building else (Area(community, ""),)
        return tuple(area for area in wanted if area in self.uplinks)

    def building(self, device: str) -> str:
        """Where most of what a gateway serves stands; of any other device, where it measures. Empty: nobody knows."""
        behind = self.gateways.get(device, ())
        served = Counter(place for each in behind if (place := self._building.get(each, "")))
        if served:
            place, count = served.most_common(1)[0]
            return place if 2 * count > served.total() else ""
        return self._building.get(device, "")

    def _uplinks(self) -> dict[Area, tuple[str, ...]]:
        found: dict[Area, list[str]] = defaultdict(list)
        for gateway, behind in sorted(self.gateways.items()):
            if gateway in self._above:
                continue
            community = self._registry.devices[behind[0]].community
            found[Area(community, "")].append(gateway)
            if building := self.building(gateway):
                found[Area(community, building)].append(gateway)
        return {area: tuple(gateways) for area, gateways in found.items() if len(gateways) >= LEAST_TOGETHER}

    def _gateways(self) -> dict[str, tuple[str, ...]]:
        behind: dict[str, list[str]] = defaultdict(list)
        for device in sorted(self._above):
            for gateway in self.above(device):
                behind[gateway].append(device)
        return {gateway: tuple(devices) for gateway, devices in behind.items()}

    def _buildings(self) -> dict[str, str]:
        """By device, where most of its points measure."""
        facilities: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        for (device, _), spans in self._registry.bindings.items():
            if spans and spans[-1].valid_to is None:
                facilities[device][spans[-1].community, spans[-1].facility] += 1
        found = {}
        for device, counted in facilities.items():
            facility = self._registry.facilities.get(counted.most_common(1)[0][0])
            found[device] = "" if facility is None else building_of(self._registry, facility)
        return found


def building_of(registry: Registry, facility: Facility) -> str:
    """The building that a facility stands in; where its place lies in none, that place; empty: it has none."""
    place = facility.building
    for _ in PlaceKind:
        found = registry.places.get((facility.community, place or ""))
        if found is None:
            break
        if found.kind is PlaceKind.BUILDING:
            return found.id
        place = found.parent
    return facility.building or ""


def seen_first(registry: Registry, area: Area) -> tuple[Facility, ...]:
    """Lifts and pumps of an area: what somebody looks at when its power may be lost."""
    return tuple(
        facility
        for (community, _), facility in sorted(registry.facilities.items())
        if community == area.community
        and facility.kind in SEEN_FIRST
        and area.place in ("", building_of(registry, facility))
    )


def _is_retired(registry: Registry, device: str) -> bool:
    found = registry.devices.get(device)
    return found is not None and found.state is DeviceState.RETIRED
