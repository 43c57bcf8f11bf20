"""A received message as the journal keeps it, and the two sides that hand frames over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from msgspec import Struct

QOS_MASK: Final = 0x03
RETAIN: Final = 0x04
DUP: Final = 0x08

CONTROL: Final = b"$hub/"
"""Topics under this are the hub's own words, written into the journal in order: gaps, starts. No broker delivers them."""
GAP_TOPIC: Final = b"$hub/gap"
BEAT_ROOT: Final = "hub/beat/"
"""The hub publishes ``{"sent": epoch ms}`` to ``hub/beat/<client id>`` and hears it through its own subscription."""


class Frame(Struct, frozen=True, array_like=True, gc=False):
    """One message as received. Packed into the journal in this order; append fields only, with a new format number.

    No NamedTuple: this is made in half the time, packed and read in less, and the garbage collector never looks at it.
    """

    connection: str
    packet_id: int
    """0 at QoS 0."""
    topic: bytes
    """As received: may be invalid UTF-8."""
    payload: bytes
    flags: int
    received_at: int
    """Epoch ms, UTC."""
    content_type: str = ""


class Acknowledger(Protocol):
    """Whoever handed frames in, and wants to know when they are durable. Called on the journal's thread; never blocks."""

    def acknowledge(self, generation: int, packet_ids: Sequence[int]) -> None:
        """The frames are committed. ``generation`` fences: those of an older connection are not sent any more."""
        ...


class Intake(Protocol):
    """Where frames go: gathered into a batch, committed to the journal, then acknowledged and handed to the lanes."""

    def put(self, frames: Sequence[Frame], source: Acknowledger | None, generation: int) -> None:
        """Thread-safe, returns at once. QoS 0 frames beyond the bound are dropped and counted.

        ``source`` None: the hub's own words, which are never dropped and which nobody is told of.
        """
        ...

    @property
    def full(self) -> bool:
        """So many bytes wait that a receiver should leave the rest in its socket for a moment."""
        ...

    def flush(self, timeout: float) -> bool:
        """Wait until everything put before has been committed (or the time is up: False)."""
        ...
