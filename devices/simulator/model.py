"""The simulated community: devices, their points, and what each reads while all is well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devices.simulator import rhythm
from devices.simulator.noise import key_of
from devices.simulator.signals import Signal, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class SimPoint:
    """One value a device sends."""

    name: str
    metric: str
    signal: Signal
    key: int
    capacity: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SimDevice:
    """One device on one gateway."""

    id: str
    """Its name in the community file."""
    gateway: str
    """Its own id where it is a gateway."""
    building: str
    facility: str
    kind: str
    interval: int
    """How often it reports, ms."""
    phase: int
    """When within the interval, ms: devices do not speak in chorus."""
    points: tuple[SimPoint, ...]
    scheme: str = "native"
    """What kind of id it has of its own, as ``devices.contract.DeviceRef`` has it."""
    own: str = ""
    """That id; empty where it is the name in the community file."""
    name: str = ""
    """What people call it."""
    maker: str = ""
    model: str = ""

    def values(self, at: int, zone: str) -> dict[str, Value]:
        """What it reads at this moment while all is well."""
        moment = rhythm.local(at, zone)
        return {p.name: p.signal.at(at, moment, p.key, p.capacity) for p in self.points}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimCommunity:
    """Everything that speaks."""

    id: str
    zone: str
    devices: Mapping[str, SimDevice]

    def gateways(self) -> list[str]:
        """Ids of the gateways, in order."""
        return sorted({device.gateway for device in self.devices.values()})

    def behind(self, gateway: str) -> list[SimDevice]:
        """The devices that speak through this gateway."""
        return [device for device in self.devices.values() if device.gateway == gateway]


def point_key(seed: int, device: str, point: str) -> int:
    """The key of a point's randomness."""
    return key_of(seed, device, point)
