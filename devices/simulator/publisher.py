"""Publishing what the simulated community says: one MQTT connection a gateway, wills and all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from devices.simulator.play import Publication
from devices.simulator.speaking.native import status_topic
from devices.simulator.speaking.speech import Said

Now = Callable[[], int]
IN_FLIGHT: Final = 2_000
"""Messages sent and not yet acknowledged, over all gateways: the simulator never builds a queue."""
IN_FLIGHT_EACH: Final = 200
"""The same for one gateway."""
LOOK_S: Final = 0.02


class BrokerRefused(ConnectionError):
    """The broker could not be reached or refused the simulator: says which, and what would be right."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where to publish: ``mqtt://user:password@host:port``."""

    host: str
    port: int
    user: str | None
    password: str | None

    @classmethod
    def parse(cls, url: str) -> Broker:
        """Read the URL; BrokerRefused where it is none."""
        parts = urlsplit(url)
        if parts.scheme != "mqtt" or not parts.hostname:
            raise BrokerRefused(f"broker {url!r}: expected mqtt://user:password@host:port")
        user = unquote(parts.username) if parts.username else None
        return cls(parts.hostname, parts.port or 1883, user, unquote(parts.password) if parts.password else None)


class Sink(Protocol):
    """Where publications go."""

    def send(self, publication: Publication) -> None: ...


class Outlet(Sink, Protocol):
    """Where a whole community's publications go."""

    sent: int

    def set_down(self, gateways: set[str]) -> None:
        """These gateways are silent from now on, all others are there."""
        ...

    def drain(self, seconds: float) -> bool:
        """Wait until everything is acknowledged; False where the time was not enough."""
        ...

    def close(self) -> None:
        """It is over."""
        ...


class Presence(Protocol):
    """Says what gateways say of themselves."""

    def __call__(self, gateway: str, *, online: bool) -> Said | None:
        """What is said when the gateway's connection is made; with ``online`` false, its last will. None: nothing."""
        ...


def native_presence(community: str) -> Presence:
    """What gateways say that speak the hub's own format."""

    def presence(gateway: str, *, online: bool) -> Said | None:
        return Said(status_topic(community, gateway), b"online" if online else b"offline", retain=True)

    return presence


def no_presence(gateway: str, *, online: bool) -> Said | None:
    """No word about being there, and no will."""
    return None


@dataclass(slots=True)
class _Link:
    """One gateway's connection. Each count is changed by one thread only: the caller's, and the connection's own."""

    client: paho.Client
    sent: int = 0
    acknowledged: int = 0

    @property
    def waiting(self) -> int:
        """Messages that the broker has not acknowledged yet."""
        return self.sent - self.acknowledged


class Gateways:
    """One connection for each gateway of a community; opened when its first message leaves.

    ``presence``: what each says when it is there, and the will that it leaves; unset: as in the hub's own format.
    """

    def __init__(
        self, broker: Broker, community: str, *, limit: int = IN_FLIGHT, presence: Presence | None = None
    ) -> None:
        self._broker = broker
        self._community = community
        self._links: dict[str, _Link] = {}
        self._room = threading.Semaphore(limit)
        self._presence = presence or native_presence(community)
        self._down: set[str] = set()
        self.sent = 0

    def send(self, publication: Publication) -> None:
        """Publish at QoS 1; waits while too many messages are unacknowledged. Lost where the gateway is down."""
        if publication.gateway in self._down:
            return
        link = self._links.get(publication.gateway) or self._connect(publication.gateway)
        self._publish(link, publication.topic, publication.payload, retain=publication.retain)
        self.sent += 1

    def set_down(self, gateways: set[str]) -> None:
        """Break the connections of these gateways without a goodbye, and bring the others back."""
        for gateway in gateways - self._down:
            self._cut(gateway)
        self._down = set(gateways)

    def drain(self, seconds: float) -> bool:
        """Wait until the broker has acknowledged everything; False where the time was not enough."""
        pause, looks = threading.Event(), round(seconds / LOOK_S)
        while any(link.waiting > 0 for link in self._links.values()) and looks > 0:
            pause.wait(LOOK_S)
            looks -= 1
        return looks > 0

    def close(self) -> None:
        """Say goodbye properly: no will is told. What is not acknowledged by now may be lost: ``drain`` comes first."""
        for link in self._links.values():
            link.client.disconnect()
        for link in self._links.values():
            link.client.loop_stop()
        self._links.clear()

    def _publish(self, link: _Link, topic: str, payload: bytes, *, retain: bool) -> None:
        if not self._room.acquire(timeout=30):
            raise BrokerRefused("the broker has acknowledged nothing for 30 s: is it running, and has its disk room?")
        link.sent += 1
        link.client.publish(topic, payload, qos=1, retain=retain)

    def _connect(self, gateway: str) -> _Link:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"sim-{self._community}-{gateway}")
        client.max_inflight_messages_set(IN_FLIGHT_EACH)
        link = _Link(client)
        if self._broker.user is not None:
            client.username_pw_set(self._broker.user, self._broker.password)
        will = self._presence(gateway, online=False)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        answered = threading.Event()
        refusal: list[str] = []

        def on_connect(_client: object, _data: object, _flags: object, reason: object, _properties: object) -> None:
            if getattr(reason, "is_failure", False):
                refusal.append(str(reason))
            answered.set()

        def on_publish(*_: object) -> None:
            link.acknowledged += 1
            self._room.release()

        client.on_connect = on_connect
        client.on_publish = on_publish
        where = f"{self._broker.host}:{self._broker.port}"
        try:
            client.connect(self._broker.host, self._broker.port, keepalive=20)
        except OSError as error:
            raise BrokerRefused(f"no broker at {where} ({error.strerror or error}): is it running?") from error
        client.loop_start()
        if not answered.wait(10) or refusal:
            client.loop_stop()
            raise BrokerRefused(
                f"broker {where}: {refusal[0] if refusal else 'no answer within 10 s'}; check user and password"
            )
        self._links[gateway] = link
        hello = self._presence(gateway, online=True)
        if hello is not None:
            self._publish(link, hello.topic, hello.payload, retain=hello.retain)
        return link

    def _cut(self, gateway: str) -> None:
        link = self._links.pop(gateway, None)
        if link is None:
            return
        link.client.loop_stop()
        socket = link.client.socket()
        if socket is not None:
            # Closed without DISCONNECT: to the broker this is a lost connection, and it tells the will.
            socket.close()
        for _ in range(link.waiting):
            self._room.release()


class Pace:
    """Lets publications out when their time has come, ``stop`` at any moment."""

    def __init__(self, now: Now, stop: threading.Event) -> None:
        self._now = now
        self._stop = stop

    def play(self, publications: Iterable[Publication], sink: Sink) -> int:
        """Send each at its ``at``; how many were sent."""
        count = 0
        for publication in publications:
            wait = publication.at - self._now()
            if (wait > 0 and self._stop.wait(wait / 1000)) or self._stop.is_set():
                break
            sink.send(publication)
            count += 1
        return count
