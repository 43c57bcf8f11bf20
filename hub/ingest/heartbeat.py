"""Whether the hub's own heartbeat still comes back through brokers and journal."""

from __future__ import annotations

from collections.abc import Iterable

from hub.flows.batch import Beat


class Pulse:
    """The newest heartbeat of each connection. ``within_ms``: how old one may be and still count as fresh."""

    def __init__(self, *, within_ms: int, connections: Iterable[str]) -> None:
        self._within_ms = within_ms
        self._latest: dict[str, int] = dict.fromkeys(connections, 0)

    def note(self, beats: Iterable[Beat]) -> None:
        """Heartbeats in the order of the journal: the newest is the last one, also where the clock was set back."""
        for beat in beats:
            if beat.connection in self._latest:
                self._latest[beat.connection] = beat.received_at

    def fresh(self, now: int) -> bool:
        """Somebody is heard, or there is no broker to hear: then the wall clock may stand in for messages."""
        return not self._latest or any(abs(now - at) <= self._within_ms for at in self._latest.values())
