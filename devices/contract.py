"""What every wire format promises the hub: bytes in; samples, events, statements, announcements and problems out.

A format is a pair of pure functions with explicit state. ``route`` reads a topic once (the hub keeps the answer
per topic); ``decode`` reads one message beside what the format has learned so far (names behind aliases, inventories),
and says what it learned from this one. Neither raises for any bytes, reads a clock, keeps anything for itself or
touches the outside world: the hub keeps the state with the place in the journal, so that a replay decodes as it did live.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2s
from types import MappingProxyType
from typing import Any, Final, Generic, Literal, Protocol, TypeVar, runtime_checkable

import msgspec

ID_LENGTH: Final = 128
"""Characters of a device's own id; a longer one is refused."""
_PLAIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_WORD: Final = re.compile(r"[a-z0-9]+")

Quality = Literal["good", "uncertain", "stale", "bad", "simulated"]
"""What the sender itself says of a value."""

PointKind = Literal["", "gauge", "total", "state"]
"""How a point's values relate to time: hold until the next one, only rise until a reset, one of few; empty: not said."""


class DeviceRef(msgspec.Struct, frozen=True):
    """Who is speaking: community, scheme and the maker's own id.

    The scheme says what kind of id it is, not which format carried it (``ieee``, ``mac``, ``eui64``, ``spb``, ``urn``,
    ``alink`` …), so that a device seen through two formats is one device. Ids are normalised: hexadecimal ones in lower
    case without separators.
    """

    community: str
    scheme: str
    id: str

    @property
    def hub_id(self) -> str:
        """Short URL-safe id for paths, tags and files; the same for the same identity on every hub.

        An id that is no plain word (``plant 1/line 2``) is written as one, with a few digits that keep two of them apart.
        """
        if self.scheme == "native":
            return f"{self.community}~{self.id}"
        name = self.id.lower()
        if not _PLAIN.fullmatch(name):
            digest = blake2s(self.id.encode("utf-8", "replace"), digest_size=4).hexdigest()
            name = "-".join((*_WORD.findall(name), digest))[-63:].strip("-")
        return f"{self.community}~{self.scheme}-{name}"


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
    quality: Quality = "good"
    told_again: bool = False
    """Said before or kept back by the sender (Sparkplug ``is_historical``): stored, and no sign of how things stand now."""


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


class PointInfo(msgspec.Struct, frozen=True, gc=False):
    """What a device says of one of its points before, or beside, any value."""

    name: str
    """As in ``Sample.values``."""
    metric: str = ""
    """The canonical metric; empty where nothing fits: unknown is shown, never guessed."""
    unit: str = ""
    """The sender's own unit, as it was written."""
    label: str = ""
    values: tuple[str, ...] = ()
    """The words of an enumeration."""
    upkeep: bool = False
    """Says how the device is (battery, signal), not what it measures."""
    kind: PointKind = ""
    """Of an unknown metric, where the sender says it; of a known one the table of metrics says it."""


class Announcement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a device is, from a birth, an inventory, a discovery message or its first words. Empty fields say nothing.

    An announcement updates: what an earlier one said and this one leaves empty stays.
    """

    device: DeviceRef
    name: str = ""
    maker: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    power: Literal["", "mains", "battery"] = ""
    via: DeviceRef | None = None
    """The gateway that it speaks through."""
    hints: tuple[tuple[str, str], ...] = ()
    """Words about where it is (``area``, tags, groups): proposals only."""
    interval_s: int | None = None
    """How often it reports, as it says itself; now and then one of its reports may be lost."""
    silence_s: int | None = None
    """The longest silence that the device or its format promises; 0 takes an earlier promise back."""
    points: tuple[PointInfo, ...] = ()
    aliases: tuple[DeviceRef, ...] = ()
    """Other identities of the same device."""
    withdrawn: bool = False
    """The sender no longer knows the device. Its history stays."""


class Change(msgspec.Struct, frozen=True, gc=False):
    """Something a format learned: ``state[key] = value``; None forgets it."""

    key: str
    value: Any
    """Made of None, bool, int, float, str, list and dict only."""
    lasting: bool = True
    """False: need not survive a restart (sequence numbers)."""


class Request(msgspec.Struct, frozen=True, gc=False):
    """A message that the hub should send: leaves only where the connection may write, and for live messages."""

    topic: str
    payload: bytes
    why: str
    key: str
    """Requests with the same key leave at most once a minute."""
    retain: bool = False


class Decoded(msgspec.Struct, gc=False):
    """Everything one message said."""

    samples: tuple[Sample, ...] = ()
    events: tuple[Event, ...] = ()
    statements: tuple[Statement, ...] = ()
    problems: tuple[Problem, ...] = ()
    unknown: tuple[str, ...] = ()
    """Keys that mean nothing to the format: passed over, but counted."""
    announcements: tuple[Announcement, ...] = ()
    changes: tuple[Change, ...] = ()
    requests: tuple[Request, ...] = ()


Values = TypeVar("Values")
Flat = dict[str, float | bool | str | None]
"""Values by name; None is no reading."""


class Quick(msgspec.Struct, Generic[Values], gc=False):
    """What the short way understands: the values of one device at one moment."""

    values: Values
    ts: int | str | None = None
    seq: int | None = None
    boot: str | int | None = None


def identity_of(boot: str | int | None, seq: int) -> str:
    """What tells one message of a device from another where it gives no time."""
    return f"{seq}:{boot if boot is not None else ''}"[:64]


NOTHING: Final = Decoded()

State = Mapping[str, Any]
"""What a format has learned on one connection; changed only by the ``Change``s of its answers."""
NO_STATE: Final[State] = MappingProxyType({})


class Format(Protocol):
    """One wire format, as one connection speaks it."""

    name: str
    filters: tuple[str, ...]
    """The topic filters to subscribe to; never ``#`` alone."""

    def route(self, topic: str, community: str | None) -> Any | None:
        """Say what this topic is, or None where it is not this format's. ``community`` is the connection's, if fixed."""
        ...

    def decode(self, route: Any, message: Message, state: State = NO_STATE) -> Decoded:
        """Read one message. Never raises; work and memory are bounded by the payload limit."""
        ...


@runtime_checkable
class LearningFormat(Protocol):
    """A format whose devices name further topics (Home Assistant discovery, Tasmota)."""

    def topics(self, state: State) -> Iterable[str]:
        """The exact topics beyond ``filters`` that its devices have named: without wildcards, at most 5,000."""
        ...

    def route_learned(self, topic: str, community: str | None, state: State) -> Any | None:
        """As ``route``, for those topics. Asked again whenever something lasting has been learned."""
        ...


@runtime_checkable
class QuickFormat(Protocol):
    """A format that has a short way for its everyday message. Whatever the short way refuses goes to ``decode``."""

    def quick(self, route: Any) -> tuple[DeviceRef, Callable[[bytes], Quick[Flat]]] | None:
        """The device and the reader for this route, or None. The reader raises what ``UNREADABLE`` lists."""
        ...

    def steady(self, names: tuple[str, ...]) -> Callable[[bytes], Quick[msgspec.Struct]] | None:
        """A faster reader for a device that always sends numbers under these names, or None.

        It refuses every other message by raising what ``UNREADABLE`` lists. The fields of its values stand in the order of ``names``.
        """
        ...

    def moment(self, text: str) -> int | None:
        """Epoch ms of a time written as text; None where it is not one."""
        ...


@runtime_checkable
class TimedFormat(Protocol):
    """A format to which it means something that nothing comes."""

    def tick(self, now: int, state: State) -> Decoded:
        """What time alone calls for: changes and requests. Never raises; work is bounded by what the state holds.

        ``now``: epoch ms by the clock that messages arrive by. Asked with every heartbeat of the connection, after some seconds.
        """
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
