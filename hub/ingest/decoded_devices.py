"""The devices that a decoder has met: their slots, and how many new ones a minute are let in."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from msgspec import Struct

from devices.contract import DeviceRef, Quick
from devices.words import guess_for
from hub.clock import MINUTE
from hub.flows.batch import DeviceSeen, PointKey, Slots
from hub.settings import Ingest

_DEVICES_KEPT: Final = 200_000
_POINTS: Final = 1_000_000
_SHAPES_KEPT: Final = 16

NoNumber: Final = struct.error
"""What ``Shape.pack`` raises for a text or a null."""


@lru_cache(maxsize=1024)
def _packing(width: int) -> Callable[..., bytes]:
    return struct.Struct(f"{width}d").pack


@dataclass(frozen=True, slots=True)
class Shape:
    """A device's usual set of names, ready-made. No NamedTuple: the hot loop reads a slot in half the time."""

    slots: bytes
    width: int
    pack: Callable[..., bytes]
    """That many numbers or booleans as float64 bytes."""
    read: Callable[[bytes], Quick[Struct]] | None = None
    """For messages that have this shape and no other."""

    @classmethod
    def of(cls, slots: Sequence[int]) -> Shape:
        """int64, in the order of the names."""
        return cls(array("q", slots).tobytes(), len(slots), _packing(len(slots)))


MIXED: Final = Shape.of(())
"""A set of names among whose values are texts or nulls: looked at value by value."""


Row = tuple[str, str]
"""(connection, key) of something learned."""
Claims = dict[tuple[DeviceRef, int], list[str]]
"""(device, rank of a format) -> names that it has begun to speak for."""


@dataclass(slots=True)
class KnownDevice:
    """A device met since the start."""

    ref: DeviceRef
    hub_id: str
    connection: str
    owners: dict[str, int]
    """Point name -> rank of the format that speaks for it; ``""``: for the device itself. Absent: nobody yet."""
    claims: Claims
    """Where it is noted what becomes somebody's."""
    most: int
    """Names of which it is kept who speaks for them."""
    stated_at: int = 0
    """When its last statement about being reachable was received."""
    slots: dict[str, int] = field(default_factory=dict)
    shapes: dict[tuple[int, tuple[str, ...]], Shape] = field(default_factory=dict)
    """(rank, names) -> where they go, for sets of names that were numbers, all of points that this rank speaks for."""

    def owns(self, name: str, rank: int) -> bool:
        """Whether a format of this rank speaks for the point: the first one, until a better one does."""
        owner = self.owners.get(name)
        if owner is None:
            if len(self.owners) <= self.most:
                self._claim(name, rank)
            return True
        if rank < owner:
            self._claim(name, rank)
            self.shapes.clear()  # one of the sets is no longer all the other format's
        return rank <= owner

    def leads(self, rank: int) -> bool:
        """The same for the device itself: whether it can be reached, what it is, whether it is gone."""
        owner = self.owners.get("")
        if owner is None or rank < owner:
            self._claim("", rank)
            return True
        return rank == owner

    def _claim(self, name: str, rank: int) -> None:
        self.owners[name] = rank
        self.claims.setdefault((self.ref, rank), []).append(name)

    def keep(self, rank: int, names: tuple[str, ...], shape: Shape) -> None:
        """The next sample with these names goes the same way."""
        if len(self.shapes) >= _SHAPES_KEPT:
            self.shapes.clear()
        self.shapes[rank, names] = shape


class DeviceCache:
    """Called by the decoding thread alone."""

    def __init__(self, slots: Slots, settings: Ingest, known: Callable[[str], bool]) -> None:
        self._slots = slots
        self._known = known
        self._new_limit = settings.new_devices_per_minute
        self.points_limit = 2 * settings.values_limit
        """Names of one device."""
        self._devices: dict[DeviceRef, KnownDevice] = {}
        self._minute = 0
        self._new = 0
        self._fresh: dict[DeviceRef, tuple[int, list[str]]] = {}
        self._same: dict[tuple[str, DeviceRef], DeviceRef] = {}
        self._owners: dict[DeviceRef, dict[str, int]] = {}
        """Outlives what is only kept to be quick: whoever spoke for a point goes on to."""
        self._claimed: dict[DeviceRef, list[Row]] = {}
        self.claims: Claims = {}
        """What has become somebody's since they were last taken."""

    def take_for(self, connection: str, alias: DeviceRef, ref: DeviceRef) -> bool:
        """Who speaks as ``alias`` on this connection is ``ref`` from now on; whether that is news, and allowed.

        Not where the alias is in use: adopted, or met on another connection. Nobody takes over a device by claiming it.
        """
        key = (connection, alias)
        if alias == ref or key in self._same or alias.community != ref.community or self._known(alias.hub_id):
            return False
        met = self._devices.get(alias)
        if (met is not None and met.connection != connection) or len(self._same) >= _DEVICES_KEPT:
            return False
        self._devices.pop(alias, None)
        self._same[key] = ref
        return True

    def means(self, connection: str, alias: DeviceRef, ref: DeviceRef) -> bool:
        """Whether ``alias`` is known to be this device, or is its own name."""
        return alias == ref or self._same.get((connection, alias)) == ref

    def recall_alias(self, connection: str, alias: DeviceRef, ref: DeviceRef) -> None:
        """Known from before the start."""
        self._same[connection, alias] = ref

    def recall_owners(self, row: Row, ref: DeviceRef, rank: int, names: Iterable[str]) -> None:
        """Known from before the start; in any order, for a point only ever goes to a better format."""
        self.note_claims(row, ref)
        owners = self._owners.setdefault(ref, {})
        for name in names:
            owners[name] = min(rank, owners.get(name, rank))

    def note_claims(self, row: Row, ref: DeviceRef) -> None:
        """Where it stands that somebody speaks for points of the device."""
        self._claimed.setdefault(ref, []).append(row)

    def take_claims(self) -> list[tuple[DeviceRef, int, list[str]]]:
        """What has become somebody's and is to be known after a restart: all but what only the native format can say."""
        taken = [(ref, rank, names) for (ref, rank), names in self.claims.items() if ref.scheme != "native"]
        self.claims.clear()
        return taken

    def release(self, device: KnownDevice) -> list[Row]:
        """Its format knows it no longer: whoever speaks of it next, speaks for it. Where it stood otherwise."""
        device.owners.clear()
        device.shapes.clear()
        for claim in [
            claim for claim in self.claims if claim[0] == device.ref
        ]:  # made by the very word that gives it up
            del self.claims[claim]
        return self._claimed.pop(device.ref, [])

    def met(self, ref: DeviceRef, connection: str) -> KnownDevice | None:
        """The device that has this very name, if it has spoken before; None: ``admit`` says."""
        if self._same and (connection, ref) in self._same:
            return None
        return self._devices.get(ref)

    def admit(self, ref: DeviceRef, connection: str, at: int) -> KnownDevice | None:
        """The device; None where it is one new device too many in this minute."""
        ref = self._same.get((connection, ref), ref)
        device = self._devices.get(ref)
        if device is not None:
            return device
        hub_id = ref.hub_id
        if not self._known(hub_id) and not self._has_room(at):
            return None
        if len(self._devices) >= _DEVICES_KEPT:
            self._devices.clear()
        owners = self._owners.setdefault(ref, {})
        device = self._devices[ref] = KnownDevice(ref, hub_id, connection, owners, self.claims, self.points_limit)
        self._fresh[ref] = (at, [])
        return device

    def _has_room(self, at: int) -> bool:
        minute = at // MINUTE
        if minute != self._minute:
            self._minute, self._new = minute, 0
        self._new += 1
        return self._new <= self._new_limit

    def slot(self, device: KnownDevice, name: str) -> int | None:
        """The point's slot; None where the device has too many points already."""
        slot = device.slots.get(name)
        if slot is not None:
            return slot
        key = PointKey(device.ref.community, device.hub_id, name)
        if self._slots.find(key) is None and len(self._slots) >= _POINTS:
            return None
        if len(device.slots) >= self.points_limit:
            return None
        slot = device.slots[name] = self._slots.slot(key)
        self._fresh.setdefault(device.ref, (0, []))[1].append(name)
        return slot

    def take_seen(self, now: int) -> list[DeviceSeen]:
        """Devices met in this batch, and known ones with names not met before."""
        seen = []
        for ref, (at, names) in self._fresh.items():
            device = self._devices.get(ref)
            if device is not None:
                seen.append(
                    DeviceSeen(
                        ref.community,
                        device.hub_id,
                        ref.scheme,
                        ref.id,
                        device.connection,
                        at or now,
                        tuple(names),
                        tuple((name, metric) for name in names if (metric := guess_for(name))),
                    )
                )
        self._fresh.clear()
        return seen
