"""Two devices that hang in each other's place change over, from an instant on. Pure."""

from __future__ import annotations

from dataclasses import replace

from hub.domain.places import Binding
from hub.errors import InvalidInput
from hub.flows.community.plan import rebind
from hub.flows.registry import Registry

Spans = dict[tuple[str, str], tuple[Binding, ...]]


def change_over(registry: Registry, one: str, other: str, now: int) -> Spans:
    """The spans of every point that both devices have, each with the other's facility and unit from ``now`` on.

    Calibration stays with the sensor: it is the same sensor, only somewhere else. InvalidInput where the two measure
    different things: then they are not taken for one another.
    """
    mine, theirs = _running(registry, one, now), _running(registry, other, now)
    shared = sorted(
        point for point in mine.keys() & theirs.keys() if mine[point].metric_name() == theirs[point].metric_name()
    )
    if not shared or one == other:
        raise InvalidInput(
            f"{one} and {other} have no point in common", pointer="/other", expected="two devices that measure the same"
        )
    found: Spans = {}
    for point in shared:
        for device, here, there in ((one, mine, theirs), (other, theirs, mine)):
            place = there[point]
            moved = replace(here[point], facility=place.facility, unit=place.unit)
            past = registry.bindings[device, point]
            running = rebind(past, moved, now)
            found[device, point] = running if running is not past else _restarted(past, now)
    return found


def _restarted(past: tuple[Binding, ...], now: int) -> tuple[Binding, ...]:
    """Both stand at one facility: nothing changes but that tests from before prove nothing any more."""
    running = past[-1]
    if running.valid_from >= now:
        return past
    return (*past[:-1], replace(running, valid_to=now), replace(running, valid_from=now))


def _running(registry: Registry, device: str, now: int) -> dict[str, Binding]:
    return {
        point: binding
        for owner, point in registry.bindings
        if owner == device and (binding := registry.binding(owner, point, now)) is not None
    }
