"""How a scenario's devices have been fitted: with which serials, in whose place, and who takes which turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from devices.simulator.model import SimCommunity, SimDevice
from devices.simulator.scenario import ScenarioError, Step


def fitted(community: SimCommunity, steps: Iterable[Step]) -> SimCommunity:
    """The community with the serials that its devices really have. ScenarioError where a serial is not one device's."""
    devices = dict(community.devices)
    for step in steps:
        if step.shape == "serial":
            (device,) = _exactly(1, step, community)
            devices[device.id] = replace(device, own=step.serial)
    return replace(community, devices=devices)


def places(community: SimCommunity, steps: Iterable[Step]) -> Mapping[str, SimDevice]:
    """Device id -> the device in whose place it hangs, which is itself where nobody has swapped them.

    ScenarioError where it is not two that are swapped.
    """
    found = dict(community.devices)
    for step in steps:
        if step.shape == "swapped":
            one, other = _exactly(2, step, community)
            found[one.id], found[other.id] = other, one
    return found


def in_turn(community: SimCommunity, steps: Iterable[Step]) -> list[Step]:
    """The steps, those in which devices take turns as one for each of them."""
    return [part for step in steps for part in (_turns(step, community) if step.each_ms else (step,))]


def _turns(step: Step, community: SimCommunity) -> Iterator[Step]:
    for number, device in enumerate(_touched(step, community)):
        later = number * step.each_ms
        end = None if step.end is None else step.end + later
        yield replace(step, devices=(device.id,), start=step.start + later, end=end, each_ms=0)


def _touched(step: Step, community: SimCommunity) -> list[SimDevice]:
    return [each for each in community.devices.values() if step.touches(each.id, each.gateway, each.building)]


def _exactly(count: int, step: Step, community: SimCommunity) -> list[SimDevice]:
    found = _touched(step, community)
    if len(found) != count:
        these = ", ".join(step.devices)
        raise ScenarioError(
            f"shape {step.shape} is about {count} of the community's devices; {these} names {len(found)} of {community.id}"
        )
    return found
