"""One device at one moment, while what a message says of it is read."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import msgspec

from devices.contract import DeviceRef, Event, Quality
from devices.profiles.gathering import Gather
from devices.profiles.paths import Here


class Named(NamedTuple):
    """A fault that a message lists, and the key of the point that it is about."""

    event: Event
    point: str


class Scope(msgspec.Struct, gc=False):
    """Whose values, events and statements they are, and of when."""

    gather: Gather
    device: DeviceRef
    time: int | None
    batches: dict[tuple[int | None, Quality], dict[str, Any]] = {}
    """Values by moment and quality."""
    memories: dict[str, dict[str, Named]] | None = None
    """Memory -> code -> the faults that the message lists; None: it lists none, and says nothing of them."""
    model: dict[str, Any] | None = None
    """What the device's model says of its keys."""
    doubted: frozenset[str] = frozenset()
    """Keys of the points that a lasting fault is about."""

    def values(self, time: int | None, quality: Quality = "good") -> dict[str, Any]:
        """Where the values of a moment go."""
        when = (time, quality)
        found = self.batches.get(when)
        if found is None:
            found = self.batches[when] = {}
        return found

    def listed(self, memory: str) -> dict[str, Named]:
        """Where the faults of a memory go."""
        if self.memories is None:
            self.memories = {}
        return self.memories.setdefault(memory, {})

    def close(self, identity: str | None) -> None:
        """Hand the values over."""
        for (time, quality), values in self.batches.items():
            if values:
                self.gather.sample(self.device, time, values, quality, identity)


class Table(Protocol):
    """One table of a message, made ready."""

    def read(self, here: Here, scope: Scope) -> None:
        """What it has to say. Raises Full."""
        ...
