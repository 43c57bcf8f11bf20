"""What a primary host application publishes about itself, so that edge nodes that wait for one begin to speak.

Source: chapter 5 of the Sparkplug 3.0 specification. Pure: the connection registers ``will`` when it connects,
subscribes to what it listens to and to ``topic``, publishes ``birth`` before anything else, gives every message on
``topic`` to ``answer`` and publishes what that returns, and publishes ``death`` before it disconnects on purpose.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from devices.contract import UNREADABLE

STATE: Final = "spBv1.0/STATE/"
OLD_STATE: Final = "STATE/"
"""Where hosts of Sparkplug 2.2 said ``ONLINE`` or ``OFFLINE``."""
_ID: Final = re.compile(r"[^+#/\x00-\x1f\x7f]{1,128}")
_LONGEST: Final = 4_096


class HostState(msgspec.Struct, frozen=True):
    """What a host says of itself; ``timestamp`` is epoch ms, None in the old text form."""

    online: bool
    timestamp: int | None = None


class Publication(msgspec.Struct, frozen=True):
    """A message to publish, or to register as a will."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


class PrimaryHost(msgspec.Struct, frozen=True):
    """One connection of one host. ``connected_at`` (epoch ms) ties its birth to its will: make a new one a connection."""

    host_id: str
    connected_at: int

    def __post_init__(self) -> None:
        """ValueError where the id cannot stand in a topic."""
        if not _ID.fullmatch(self.host_id):
            raise ValueError(f"host id {self.host_id!r}: 1 to 128 printable characters without + / #")

    @property
    def topic(self) -> str:
        """Where this host's state stands; to be subscribed to by name."""
        return STATE + self.host_id

    def will(self) -> Publication:
        """What the broker says when the connection breaks."""
        return self._say(online=False, at=self.connected_at)

    def birth(self) -> Publication:
        """The first message of the connection. Its time is that of the will."""
        return self._say(online=True, at=self.connected_at)

    def death(self, now: int) -> Publication:
        """The last message before a disconnect on purpose; ``now`` is epoch ms, not before the birth's."""
        return self._say(online=False, at=now)

    def answer(self, topic: str, payload: bytes) -> Publication | None:
        """The birth again where somebody, or the will of an earlier connection, says that this host is offline."""
        if topic != self.topic:
            return None
        said = read_state(payload)
        return self.birth() if said is not None and not said.online else None

    def _say(self, *, online: bool, at: int) -> Publication:
        return Publication(self.topic, msgspec.json.encode(HostState(online, at)))


_read = msgspec.json.Decoder(HostState).decode


def read_state(payload: bytes) -> HostState | None:
    """A host's state in the JSON of 3.0 or in the words of 2.2; None where it is neither."""
    if len(payload) > _LONGEST:
        return None
    word = payload.strip().upper()
    if word in {b"ONLINE", b"OFFLINE"}:
        return HostState(word == b"ONLINE")
    try:
        return _read(payload)
    except UNREADABLE:
        return None
