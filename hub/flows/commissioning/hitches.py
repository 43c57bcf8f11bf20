"""What does not add up while a community is fitted, each with what is known of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hub.domain.catalogue import Catalogue
from hub.domain.expected import Expected, NearMiss, doubles, near_misses
from hub.domain.places import DeviceState
from hub.flows.commissioning.lines import DeviceLine, Facts
from hub.flows.commissioning.ports import Heard
from hub.flows.community.adoption import suggest


class HitchKind(StrEnum):
    """What can go wrong while a community is fitted. In the order in which they are shown."""

    GATEWAY_SILENT = "gateway_silent"
    NEAR_MISS = "near_miss"
    """A device waits whose serial is almost one of the list."""
    DOUBLE = "double"
    """Several devices answer to one serial."""
    SWAPPED = "swapped"
    """In the walk test another sensor spoke."""
    WRONG_CLOCK = "wrong_clock"
    PLACE_GONE = "place_gone"
    """The facility of a line is not in use any more."""
    UNKNOWN = "unknown"
    """A device waits that no line names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hitch:
    """One thing to put right. Which of the fields are filled depends on the kind."""

    kind: HitchKind
    line: str = ""
    """Id of the line of the list, or the own name of a device that stands on none."""
    device: str = ""
    """Hub id."""
    point: str = ""
    other: str = ""
    """The other device, or line."""
    other_point: str = ""
    text: str = ""
    """The serial as said, or how a gateway is silent: ``never`` or ``lost``."""
    number: int | None = None
    """Slips of the pen, devices behind a gateway, or by how many ms a clock is behind."""
    at: int | None = None
    by: str = ""


def hitches(
    expected: Sequence[Expected],
    came: Mapping[str, str],
    devices: Sequence[Heard],
    lines: Sequence[DeviceLine],
    *,
    facts: Facts,
    catalogue: Catalogue,
) -> list[Hitch]:
    """``came``: line -> the device that has come for it. In the order in which they are shown."""
    waiting = [device for device, _ in devices if device.state is DeviceState.INBOX]
    missing = [line for line in expected if line.id not in came]
    near = near_misses(missing, waiting)
    twice = doubles((device for device, _ in devices), expected)
    explained = {miss.device.id for miss in near} | {d.id for double in twice for d in double.devices}
    found = [_near(miss) for miss in near]
    found += [
        Hitch(kind=HitchKind.DOUBLE, device=double.devices[0].id, other=other.id, text=double.serial)
        for double in twice
        for other in double.devices[1:]
    ]
    found += _silent_gateways(lines, {miss.expected.id for miss in near})
    found += _swapped(lines)
    found += _clocks(lines, facts)
    found += [
        Hitch(kind=HitchKind.PLACE_GONE, line=line.id, text=line.facility)
        for line in missing
        if line.facility and (line.community, line.facility) not in facts.registry.facilities
    ]
    for device, points in devices:
        if device.state is DeviceState.INBOX and device.id not in explained:
            guess = suggest(device, points, facts.registry, catalogue)
            found.append(Hitch(kind=HitchKind.UNKNOWN, device=device.id, other=guess.facility or "", text=guess.reason))
    order = list(HitchKind)
    return sorted(found, key=lambda hitch: (order.index(hitch.kind), hitch.line, hitch.device))


def _near(miss: NearMiss) -> Hitch:
    return Hitch(
        kind=HitchKind.NEAR_MISS,
        line=miss.expected.id,
        device=miss.device.id,
        other=miss.expected.serial or miss.expected.scheme_id,
        text=miss.device.about.serial or miss.device.scheme_id,
        number=miss.edits,
    )


def _silent_gateways(lines: Sequence[DeviceLine], explained: set[str]) -> Iterator[Hitch]:
    """Of those that never spoke, or no longer do; what waits behind them is counted, not told one by one."""
    for line in lines:
        if not line.is_gateway or line.id in explained:
            continue
        own = line.device.partition("~")[2]
        behind = [other for other in lines if other.gateway and other.gateway in (line.id, own)]
        lost = line.seen and (line.silent or (bool(behind) and not any(other.seen for other in behind)))
        if not line.seen or lost:
            yield Hitch(
                kind=HitchKind.GATEWAY_SILENT,
                line=line.id,
                device=line.device,
                text="lost" if line.seen else "never",
                number=sum(not other.seen or other.silent for other in behind),
                at=line.seen_at,
            )


def _swapped(lines: Iterable[DeviceLine]) -> Iterator[Hitch]:
    for line in lines:
        for point in line.points:
            doubt = point.standing.doubt
            if doubt is not None:
                yield Hitch(
                    kind=HitchKind.SWAPPED,
                    line=line.id,
                    device=doubt.device,
                    point=doubt.point,
                    other=doubt.other_device,
                    other_point=doubt.other_point,
                    at=doubt.at,
                    by=doubt.by,
                )


def _clocks(lines: Sequence[DeviceLine], facts: Facts) -> Iterator[Hitch]:
    """One for a gateway of which several devices are wrong: it is its clock, not theirs."""
    wrong = {line.id: fault for line in lines if line.device and (fault := facts.live.clock_fault(line.device))}
    by_gateway: dict[str, list[DeviceLine]] = {}
    for line in lines:
        if line.id in wrong:
            by_gateway.setdefault("" if line.is_gateway else line.gateway, []).append(line)
    named = _named(lines)
    for gateway, group in by_gateway.items():
        if gateway in named and len(group) > 1:
            speaker = named[gateway]
            yield Hitch(
                kind=HitchKind.WRONG_CLOCK,
                line=speaker.id,
                device=speaker.device,
                text=str(len(group)),
                number=wrong[group[0].id].behind,
            )
            continue
        for line in group:
            yield Hitch(kind=HitchKind.WRONG_CLOCK, line=line.id, device=line.device, number=wrong[line.id].behind)


def _named(lines: Iterable[DeviceLine]) -> dict[str, DeviceLine]:
    """Gateways by the id of their line and by their own name."""
    found: dict[str, DeviceLine] = {}
    for line in lines:
        if line.is_gateway:
            found[line.id] = line
            if line.device:
                found[line.device.partition("~")[2]] = line
    return found
