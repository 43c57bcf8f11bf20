"""The hub as a Sparkplug primary host: its state stands on the broker for as long as the connection does.

What is said, and when, is ``devices.formats.sparkplug_host``'s; this sends it. DISCONNECT takes a will back, so
``leave`` comes before every hanging up, whatever the reason: nodes must not go on speaking to a hub that is not there.
Where the broker loses sight of us before it has read DISCONNECT, the will follows nonetheless; it says the same and is
older, so nobody heeds it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from devices.formats.sparkplug_host import PrimaryHost, Publication
from hub.ingest.frames import RETAIN, Frame
from hub.ingest.line import Line

log = logging.getLogger(__name__)


class HostPresence:
    """Of one connection; used by its network thread alone.

    A host's line is not dialled a second time: paho would send again what the broker has not acknowledged, an old state
    behind the new one.
    """

    def __init__(self, host: PrimaryHost, line: Line, *, connection: str) -> None:
        self._host = host
        self._line = line
        self._connection = connection
        self._topic = host.topic.encode()
        self._said: set[int] = set()
        self._contradicted = False

    @property
    def will(self) -> Publication:
        """To be registered when the line is dialled."""
        return self._host.will()

    def came_up(self) -> None:
        """Behind the subscriptions, so that nothing is missed which nodes say in answer."""
        self._say(self._host.birth())

    def heard(self, frames: Iterable[Frame]) -> None:
        """Contradict whoever says that this host is not there: the will of an earlier connection, another hub."""
        for frame in frames:
            if frame.topic != self._topic or frame.flags & RETAIN:
                continue  # kept: how it stood when we subscribed, and our birth came after that
            answer = self._host.answer(self._host.topic, frame.payload)
            if answer is None:
                continue
            self._say(answer)
            if not self._contradicted:
                self._contradicted = True
                log.info("MQTT connection %s: %s said offline and is not", self._connection, self._host.topic)

    def refused(self, packet_id: int, why: str) -> str | None:
        """What to complain of, where the broker did not take this message and it was a state."""
        if packet_id not in self._said:
            return None
        return (
            f"MQTT connection {self._connection}: the broker refuses {self._host.topic} ({why}), so Sparkplug nodes wait "
            "for their primary host: allow the hub's user to write it in the broker's access list"
        )

    def leave(self, now: int) -> None:
        """Said while anybody hears it; where the connection broke, the broker says the will. ``now``: epoch ms."""
        if self._line.alive and self._line.answered:
            self._say(self._host.death(now))

    def _say(self, what: Publication) -> None:
        sent = self._line.link.client.publish(what.topic, what.payload, what.qos, what.retain)
        self._said.add(sent.mid)
