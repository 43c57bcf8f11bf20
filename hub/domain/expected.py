"""Devices that are listed before they are fitted: which one has come, and what does not add up. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from hub.domain.places import Device, Name

LEAST_LENGTH: Final = 5
"""A serial shorter than this is near to everything."""
MOST_EDITS: Final = 2
"""So many slips of the pen make a near miss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One line of the list: what will be fitted where, by the serial on its label or by its identity."""

    community: str
    id: str
    name: Name
    serial: str = ""
    """As typed in from the label or the delivery note."""
    scheme: str = ""
    """With ``scheme_id``: the identity by which it will be heard; empty: only the serial is known."""
    scheme_id: str = ""
    facility: str = ""
    """Empty for a gateway."""
    unit: str = ""
    place: str = ""
    """The room or floor it is fitted in; empty: that of its facility."""
    gateway: str = ""
    """The line, or the device, through which it will speak; without the community."""
    points: Mapping[str, str] = field(default_factory=dict)
    """Point name -> metric; empty metric: what the name says."""
    maker: str = ""
    model: str = ""
    interval: int | None = None
    """How often it should report, ms."""
    device: str = ""
    """The hub id of the device that has come for it; empty: none has."""
    arrived_at: int | None = None
    """When that device took the place."""
    matched: str = ""
    """How it was recognised: ``identity``, ``alias``, ``serial``, or the login of whoever said so."""


def plain_serial(text: str) -> str:
    """Without case and separators: ``A8-40:41 00`` and ``a8404100`` are one serial."""
    return re.sub(r"[^0-9a-z]", "", text.casefold())


def claims(device: Device) -> Mapping[str, str]:
    """Every serial that a device answers to, made plain -> how it is known: ``serial`` or ``alias``."""
    found = {plain_serial(other): "alias" for _, other in device.about.aliases}
    found[plain_serial(device.scheme_id)] = "serial"
    found[plain_serial(device.about.serial)] = "serial"
    found.pop("", None)
    return found


def answers(device: Device) -> Mapping[str, str]:
    """Everything by which a device can be recognised, serials behind a ``=`` -> how: identity, alias or serial."""
    found = {f"={serial}": how for serial, how in claims(device).items()}
    found |= {f"{scheme}:{own.casefold()}": "alias" for scheme, own in device.about.aliases}
    found[f"{device.scheme}:{device.scheme_id.casefold()}"] = "identity"
    return found


def asked(line: Expected) -> tuple[str, ...]:
    """By what the line would recognise its device, the surest first."""
    identity = (f"{line.scheme}:{line.scheme_id.casefold()}",) if line.scheme else ()
    return (*identity, f"={plain_serial(line.serial)}") if line.serial else identity


def recognise(line: Expected, device: Device) -> str:
    """How the device shows that it is the expected one; empty: it does not."""
    if line.community != device.community:
        return ""
    said = answers(device)
    return next((said[key] for key in asked(line) if key in said), "")


class Match(NamedTuple):
    """A device takes the place that is kept for it."""

    expected: Expected
    device: Device
    how: str


def matches(expected: Iterable[Expected], waiting: Iterable[Device]) -> list[Match]:
    """Which of the waiting devices have come for which line: each line and each device once, first come first served.

    A second device that answers to the same serial is left waiting: ``doubles`` names it.
    """
    free: dict[tuple[str, str], Expected] = {}
    for line in expected:
        if not line.device:
            free |= {(line.community, key): line for key in asked(line)}
    taken: set[str] = set()
    found: list[Match] = []
    for device in sorted(waiting, key=lambda device: (device.first_seen or 0, device.id)):
        for key, how in sorted(answers(device).items(), key=lambda item: item[0].startswith("=")):
            wanted = free.get((device.community, key))
            if wanted is not None and wanted.id not in taken:
                found.append(Match(wanted, device, how))
                taken.add(wanted.id)
                break
    return found


# --- what does not add up ---------------------------------------------------------------------------------------


class NearMiss(NamedTuple):
    """A device waits whose serial is almost that of a line for which nothing has come."""

    expected: Expected
    device: Device
    said: str
    """The serial that the device says."""
    edits: int


class Double(NamedTuple):
    """Several devices answer to one serial."""

    serial: str
    devices: tuple[Device, ...]
    """The first one heard comes first."""


def near_misses(expected: Iterable[Expected], waiting: Iterable[Device]) -> list[NearMiss]:
    """For each waiting device the nearest line, the surest first; what is equally near to two lines says both."""
    missing = [(line, plain_serial(line.serial or line.scheme_id)) for line in expected if not line.device]
    found: list[NearMiss] = []
    for device in waiting:
        near = [
            NearMiss(line, device, said, edits)
            for line, wanted in missing
            if line.community == device.community and len(wanted) >= LEAST_LENGTH
            for said, edits in [nearest(wanted, claims(device))]
            if edits <= _tolerated(wanted)
        ]
        least = min((miss.edits for miss in near), default=0)
        found += [miss for miss in near if miss.edits == least]
    return sorted(found, key=lambda miss: (miss.edits, miss.expected.id, miss.device.id))


def _tolerated(serial: str) -> int:
    """One slip in a short serial, two in a long one."""
    return 1 if len(serial) < 2 * LEAST_LENGTH else MOST_EDITS


def nearest(wanted: str, said: Iterable[str]) -> tuple[str, int]:
    """Which of the plain serials is nearest, and by how many slips; beyond the bearable count all are equally far."""
    found = [(edits(wanted, each), each) for each in sorted(said)]
    number, text = min(found, default=(MOST_EDITS + 1, ""))
    return text, number


def edits(one: str, other: str) -> int:
    """How many slips (a letter wrong, missing, too much, or two changed over) lead from one to the other.

    More than ``MOST_EDITS`` are not told apart.
    """
    far = MOST_EDITS + 1
    if abs(len(one) - len(other)) > MOST_EDITS:
        return far
    before: Sequence[int] = ()
    last: list[int] = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        line = [row]
        for column, against in enumerate(other, 1):
            least = min(last[column] + 1, line[column - 1] + 1, last[column - 1] + (letter != against))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == against:
                least = min(least, before[column - 2] + 1)
            line.append(least)
        if min(line) > MOST_EDITS:
            return far
        before, last = last, line
    return min(last[-1], far)


def doubles(devices: Iterable[Device], expected: Iterable[Expected]) -> list[Double]:
    """Serials (of the list, or said by devices themselves) to which several devices answer."""
    devices = tuple(devices)
    serials = {(line.community, plain_serial(line.serial)) for line in expected}
    serials |= {(device.community, plain_serial(device.about.serial)) for device in devices}
    found: dict[tuple[str, str], list[Device]] = {}
    for device in devices:
        for serial in claims(device):
            if (device.community, serial) in serials:
                found.setdefault((device.community, serial), []).append(device)
    groups = {
        tuple(sorted(group, key=lambda device: (device.first_seen or 0, device.id))): serial
        for (_, serial), group in reversed(found.items())
        if len(group) > 1
    }
    return sorted((Double(serial, group) for group, serial in groups.items()), key=lambda double: double.serial)
