"""How far a community is fitted: every line of the list with its device, everything that does not add up, and its rooms. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from hub.domain.catalogue import Catalogue
from hub.domain.expected import Expected, matches
from hub.domain.places import Device, DeviceState
from hub.domain.walk import PointTest, standing
from hub.flows.batch import PointKey
from hub.flows.commissioning.hitches import Hitch, hitches
from hub.flows.commissioning.lines import DeviceLine, Facts, Live, PointLine, bound_points, of_device, of_expected
from hub.flows.commissioning.ports import Heard
from hub.flows.registry import Registry


class Counts(NamedTuple):
    """Expected, seen and tested."""

    expected: int
    seen: int
    tested: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A community while it is fitted."""

    community: str
    lines: tuple[DeviceLine, ...]
    hitches: tuple[Hitch, ...]

    @property
    def sensors(self) -> tuple[DeviceLine, ...]:
        """Everything but gateways."""
        return tuple(line for line in self.lines if not line.is_gateway)

    @property
    def gateways(self) -> tuple[DeviceLine, ...]:
        """What others speak through."""
        return tuple(line for line in self.lines if line.is_gateway)

    def counts(self, *, gateways: bool = False) -> Counts:
        """Of the sensors, or of the gateways."""
        lines = self.gateways if gateways else self.sensors
        return Counts(len(lines), sum(line.seen for line in lines), sum(line.tested for line in lines))


def overview(
    community: str,
    expected: Sequence[Expected],
    devices: Sequence[Heard],
    tests: Iterable[PointTest],
    *,
    registry: Registry,
    catalogue: Catalogue,
    live: Live,
    now: int,
) -> Overview:
    """Pure but for the questions to ``live``."""
    known = {device.id: device for device, _ in devices}
    bound = bound_points(registry, community, now)
    facts = Facts(
        registry=registry,
        live=live,
        now=now,
        standing=standing(tests, {(d, point): b.valid_from for d, points in bound.items() for point, b in points}),
        bound=bound,
        readings=live.readings([PointKey(community, d, point) for d, points in bound.items() for point, _ in points]),
        speakers=_speakers(community, expected, known.values()),
    )
    came = _who_came(expected, known)
    lines = [of_expected(line, known.get(came.get(line.id, "")), facts) for line in expected]
    taken = set(came.values())
    lines += [
        of_device(device, facts)
        for device in known.values()
        if device.state is DeviceState.ADOPTED and device.id not in taken
    ]
    return Overview(
        community=community,
        lines=tuple(sorted(lines, key=lambda line: (line.facility, line.id))),
        hitches=tuple(hitches(expected, came, devices, lines, facts=facts, catalogue=catalogue)),
    )


def _speakers(community: str, expected: Iterable[Expected], devices: Iterable[Device]) -> frozenset[str]:
    own = len(community) + 1
    return frozenset({line.gateway for line in expected} | {(d.its_gateway or "")[own:] for d in devices}) - {""}


def _who_came(expected: Iterable[Expected], known: Mapping[str, Device]) -> dict[str, str]:
    """Line -> hub id. A device that the file lists besides is recognised without having been ticked off."""
    came = {line.id: line.device for line in expected if line.device}
    free = [d for d in known.values() if d.state is DeviceState.ADOPTED and d.id not in came.values()]
    missing = [line for line in expected if line.id not in came]
    return came | {match.expected.id: match.device.id for match in matches(missing, free)}


_NUMBERED: Final = re.compile(r"([^0-9]*)([0-9]{0,15})")


class Room(NamedTuple):
    """A place with what is fitted in it. ``place`` empty: nobody has said where."""

    place: str
    lines: tuple[DeviceLine, ...]

    @property
    def points(self) -> list[PointLine]:
        """Those that somebody has to trigger."""
        return [point for line in self.lines for point in line.to_test]

    @property
    def untested(self) -> list[PointLine]:
        """Those that nobody has triggered yet."""
        return [point for point in self.points if point.standing.passed is None]


def rooms(shown: Overview, title: Callable[[str], str]) -> list[Room]:
    """Sensors by place, in the order of the places' titles (2 before 10); those without a place come last."""
    found: dict[str, list[DeviceLine]] = {}
    for line in shown.sensors:
        if line.to_test:
            found.setdefault(line.place, []).append(line)
    ordered = sorted(found.items(), key=lambda item: (item[0] == "", _counted(title(item[0])), item[0]))
    return [Room(place, tuple(lines)) for place, lines in ordered]


def _counted(text: str) -> list[tuple[str, int]]:
    """In the order in which people count: words, and numbers by their size."""
    return [(words, int(number or -1)) for words, number in _NUMBERED.findall(text)]
