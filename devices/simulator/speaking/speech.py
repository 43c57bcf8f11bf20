"""What every speaker of a wire format promises the simulator, and what they share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from devices.simulator.effects import Report
from devices.simulator.model import SimDevice, SimPoint
from devices.simulator.noise import key_of
from devices.words import METRICS


class UnknownSpeaker(ValueError):
    """The simulator does not speak this format, or knows none for this scheme; the text says which there are."""


class Stage(NamedTuple):
    """What all devices of a simulation have in common."""

    community: str
    start: int
    """Epoch ms at which they were switched on: what boots and sessions are numbered by."""


class Said(NamedTuple):
    """One message, before it is known when and over which connection it leaves."""

    topic: str
    payload: bytes
    retain: bool = False


class Fault(NamedTuple):
    """A fault that begins or ends."""

    at: int
    """Epoch ms, by the device's clock."""
    code: str
    active: bool
    text: str


class Own(NamedTuple):
    """Who the hub takes a device for."""

    scheme: str
    id: str


class Speaker(Protocol):
    """Says in one wire format what devices have to say. It is told in order of time, and remembers what it has said."""

    tells_the_past: bool
    """Whether a second voice may tell what happened before while the first tells what happens now."""

    def own(self, device: SimDevice) -> Own:
        """The device's identity in this format: its own where its scheme is the format's, else one made of its name."""
        ...

    def heard_as(self, device: SimDevice) -> Mapping[str, str]:
        """Name of a point -> the name that the hub gives it. What is not here the format has no word for: it is left out."""
        ...

    def topic(self, device: SimDevice) -> str:
        """Where its reports go."""
        ...

    def introduction(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """What has to be said before this report, the first one of a session: birth, inventory, discovery. Else nothing."""
        ...

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """Its values; nothing where the format can say none of them."""
        ...

    def fault(self, device: SimDevice, fault: Fault) -> Iterable[Said]:
        """A fault begins or ends; nothing where the format has no word for that."""
        ...

    def silenced(self, device: SimDevice, *, alone: bool) -> Iterable[Said]:
        """The device does not get through, and what its gateway says of that where it is ``alone`` in it.

        Where the gateway is silent too, the next word opens a new session.
        """
        ...

    def presence(self, device: SimDevice, *, online: bool) -> Said | None:
        """What is said of a gateway when its connection is made, and (``online`` false) what its last will says."""
        ...


class Foreign:
    """What speakers of other formats than the hub's own have in common; implements ``Speaker`` but for the words."""

    tells_the_past = True
    scheme: str
    """Of the ids of this format's devices."""
    digits: int = 16
    """Of an id that is made up."""

    def __init__(self, stage: Stage, devices: Sequence[SimDevice]) -> None:
        self.stage = stage
        self.devices = devices
        self._met: set[str] = set()

    def own(self, device: SimDevice) -> Own:
        """Its own id, or an address that is always the same for this device."""
        return Own(self.scheme, device.own if device.scheme == self.scheme else self.make_up(device))

    def make_up(self, device: SimDevice) -> str:
        """The id of a device that has none in this format."""
        return f"{key_of(self.scheme, device.id):016x}"[-self.digits :]

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        """Whether the format has a word for what this point measures."""
        raise NotImplementedError

    def renamed(self, device: SimDevice, point: SimPoint) -> str:
        """The name that the hub gives it."""
        return point.name

    def heard_as(self, device: SimDevice) -> Mapping[str, str]:
        """What can be said, by its name in the hub."""
        return {point.name: self.renamed(device, point) for point in self.sayable(device)}

    def sayable(self, device: SimDevice) -> tuple[SimPoint, ...]:
        """The points that the format has a word for."""
        return tuple(point for point in device.points if self.can_say(device, point))

    def introduction(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """Each device once, if it has anything to say."""
        if device.id in self._met or not self.sayable(device):
            return ()
        self._met.add(device.id)
        return self.meet(device, report)

    def meet(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """What a device says first."""
        return ()

    def fault(self, device: SimDevice, fault: Fault) -> Iterable[Said]:
        """Nothing, unless the format has faults."""
        return ()

    def silenced(self, device: SimDevice, *, alone: bool) -> Iterable[Said]:
        """Nothing, unless the format has sessions."""
        return ()

    def presence(self, device: SimDevice, *, online: bool) -> Said | None:
        """Nothing, unless the format has wills."""
        return None


def compact(body: object) -> bytes:
    """JSON as devices write it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def iso(at: int) -> str:
    """Epoch ms as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


def parted(point: SimPoint) -> tuple[str, str] | None:
    """(channel, metric) of a point whose name says what it measures; None where only the registry knows."""
    channel, _, word = point.name.rpartition(".")
    return (channel, word) if word == point.metric and word in METRICS else None
