"""What of a receiver outlasts its connections."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from hub.clock import Clock
from hub.ingest.door import Door
from hub.ingest.endpoint import Endpoint
from hub.ingest.frames import BEAT_ROOT, Acknowledger, Intake
from hub.ingest.liveness import Pulse, judge
from hub.ingest.meters import ConnectionMeters
from hub.ingest.remembered import Remembered
from hub.ingest.standing import DropCount, Standing
from hub.ingest.wake import Wake


class Outgoing(NamedTuple):
    """A message of the hub's own."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(slots=True, kw_only=True)
class Ear:
    """What of a receiver outlasts a connection. Written by the network thread, but for the two queues, the beat and what is learned."""

    connection: str
    endpoint: Endpoint
    filters: tuple[str, ...]
    beat_interval: int
    state_file: Path
    source: Acknowledger
    intake: Intake
    clock: Clock
    door: Door
    meters: ConnectionMeters
    drops: DropCount
    standing: Standing
    outgoing: deque[Outgoing]
    host_id: str | None = None
    """Of the Sparkplug primary host that the hub is here."""
    host_said_at: int = 0
    """Epoch ms of its last state."""
    acks: deque[tuple[int, Sequence[int]]] = field(default_factory=deque)
    wake: Wake = field(default_factory=Wake)
    stopping: threading.Event = field(default_factory=threading.Event)
    memory: Remembered = field(default_factory=lambda: Remembered(client_id=""))
    ready: threading.Event = field(default_factory=threading.Event)
    """The broker has accepted the first connection, and grants every subscription or has granted it in this session."""
    heard_at: int | None = None
    """Last word of the broker in this process."""
    message_at: int = 0
    """Last message that arrived."""
    put_at: int = 0
    """Last time that messages went to the journal, and below, that acknowledgements came back."""
    acked_at: int = 0
    connected_at: int = 0
    beat_seen: int | None = None
    drops_unanswered: bool = False
    """The broker was asked for its count of dropped messages and has not answered."""
    learned: tuple[str, ...] = ()
    """Topics beyond the filters that devices have named. Replaced as a whole, by any thread."""

    @property
    def beat_topic(self) -> str:
        return f"{BEAT_ROOT}{self.memory.client_id}"

    def not_ahead(self, now: int) -> None:
        """Nothing has happened later than now. Where it seems so the clock was set back, and its age starts anew."""
        self.message_at = min(self.message_at, now)
        self.connected_at = min(self.connected_at, now)
        self.put_at, self.acked_at = min(self.put_at, now), min(self.acked_at, now)
        if self.heard_at is not None:
            self.heard_at = min(self.heard_at, now)
        if self.beat_seen is not None:
            self.beat_seen = min(self.beat_seen, now)

    def host_moment(self, now: int) -> int:
        """The time of the host's next state: later than the last, whatever the clock says. Nodes heed no older one."""
        self.host_said_at = max(now, self.host_said_at + 1)
        return self.host_said_at

    def pulse(self, now: int) -> Pulse:
        """What the heartbeat says about the present connection."""
        return judge(
            now=now,
            interval=self.beat_interval,
            connected_at=self.connected_at,
            beat_seen=self.beat_seen,
            message_at=self.message_at,
            waiting_for_journal=self.put_at > self.acked_at,
        )
