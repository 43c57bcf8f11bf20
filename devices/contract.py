"""What every wire format promises the hub: bytes in; samples, events, statements and problems out.

A format is a pair of pure functions with explicit state. ``route`` reads a topic once (the hub keeps the answer
per topic); ``decode`` reads one message. Neither raises for any bytes, reads a clock or touches the outside world.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, runtime_checkable

import msgspec


class DeviceRef(msgspec.Struct, frozen=True):
    """Who is speaking: community, scheme (``native``, ``zigbee``, ``sparkplug`` …) and the maker's own id."""

    community: str
    scheme: str
    id: str

    @property
    def hub_id(self) -> str:
        """Short URL-safe id for paths, tags and files; the same for the same identity on every hub."""
        name = self.id if self.scheme == "native" else f"{self.scheme}-{self.id.lower()}"
        return f"{self.community}~{name}"


class Message(msgspec.Struct, gc=False):
    """One received message."""

    topic: str
    payload: bytes
    received_at: int
    """Epoch milliseconds, UTC."""
    retain: bool = False
    dup: bool = False
    content_type: str = ""


class Sample(msgspec.Struct, gc=False):
    """Values of one device at one moment. ``time`` is epoch ms as the device said it, or None if it said none."""

    device: DeviceRef
    time: int | None
    values: dict[str, Any]
    """Point name -> float, bool or str. Canonical units; never None, never nested."""
    identity: str | None = None
    """What tells a repeat from a new message where ``time`` cannot: boot and sequence number."""


class Event(msgspec.Struct, gc=False):
    """Something a device says happened. ``active`` None means momentary."""

    device: DeviceRef
    time: int | None
    type: str
    code: str
    active: bool | None
    text: str = ""
    identity: str | None = None


class Statement(msgspec.Struct, gc=False):
    """A device's (or its last will's) word about being reachable; ``online`` None withdraws the statement."""

    device: DeviceRef
    online: bool | None


class Problem(msgspec.Struct, gc=False):
    """Something in a message that could not be understood; the rest of the message is kept."""

    reason: str
    """One of the format's stable slugs, e.g. ``not_json``, ``nested_value``."""
    detail: str
    """A sentence for an installer: what was found and what would be right."""
    device: DeviceRef | None = None
    whole: bool = True
    """Nothing of the message could be used (False: only a part of it)."""


class Decoded(msgspec.Struct, gc=False):
    """Everything one message said."""

    samples: tuple[Sample, ...] = ()
    events: tuple[Event, ...] = ()
    statements: tuple[Statement, ...] = ()
    problems: tuple[Problem, ...] = ()
    unknown: tuple[str, ...] = ()
    """Keys that mean nothing to the format: passed over, but counted."""


class Quick(msgspec.Struct, gc=False):
    """What the short way understands: flat values of one device at one moment; None is no reading."""

    values: dict[str, float | bool | str | None]
    ts: int | str | None = None
    seq: int | None = None
    boot: str | int | None = None


def identity_of(boot: str | int | None, seq: int) -> str:
    """What tells one message of a device from another where it gives no time."""
    return f"{seq}:{boot if boot is not None else ''}"[:64]


NOTHING: Final = Decoded()


class Format(Protocol):
    """One wire format."""

    name: str

    def route(self, topic: str, community: str | None) -> Any | None:
        """Say what this topic is, or None where it is not this format's. ``community`` is the connection's, if fixed."""
        ...

    def decode(self, route: Any, message: Message) -> Decoded:
        """Read one message. Never raises; work and memory are bounded by the payload limit."""
        ...


@runtime_checkable
class QuickFormat(Protocol):
    """A format that has a short way for its everyday message. Whatever the short way refuses goes to ``decode``."""

    def quick(self, route: Any) -> tuple[DeviceRef, Callable[[bytes], Quick]] | None:
        """The device and the reader for this route, or None. The reader raises what ``UNREADABLE`` lists."""
        ...

    def moment(self, text: str) -> int | None:
        """Epoch ms of a time written as text; None where it is not one."""
        ...


UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""What reading foreign bytes with msgspec can raise."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on one message."""

    payload: int = 256 * 1024
    depth: int = 32
    values: int = 500
    name: int = 128
    """Characters of a point's name."""
    text: int = 500
    """Characters of a string value or an event's text."""
