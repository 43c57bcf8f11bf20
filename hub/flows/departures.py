"""Devices in use that their gateways no longer know: out of use by themselves after a day, where nobody could be hurt by it."""

from __future__ import annotations

from collections.abc import Callable, Collection

from hub.domain.alarms import Priority
from hub.domain.leaving import leaves_at
from hub.domain.places import Device
from hub.flows.memory import Memory
from hub.flows.registry import Registry


def guards_life(registry: Registry, device: Device) -> bool:
    """Whether a rule of priority safety watches any of its points: only people put such a device out of use."""
    return any(
        rule.priority is Priority.SAFETY
        for (owner, _), spans in registry.bindings.items()
        if owner == device.id and spans and spans[-1].valid_to is None
        for rule in registry.rules_for_point(spans[-1])
    )


class Departures:
    """Looked at by the alarm lane's thread, at its time. ``registry``: gives the picture at hand."""

    def __init__(self, registry: Callable[[], Registry], memory: Memory) -> None:
        self._registry = registry
        self._memory = memory
        self._of: Registry | None = None
        self._leaving: list[Device] = []

    def due(self, now: int) -> list[str]:
        """Who leaves by now."""
        registry = self._registry()
        if registry is not self._of:
            self._of = registry
            self._leaving = [
                device
                for device in registry.devices.values()
                if leaves_at(device, None) is not None and not guards_life(registry, device)
            ]
        heard = self._memory.heard_at
        return [device.id for device in self._leaving if (at := leaves_at(device, heard(device.id))) and at <= now]

    def left(self, gone: Collection[str]) -> None:
        """They are out of use, although the picture at hand does not know it yet."""
        self._leaving = [device for device in self._leaving if device.id not in gone]
