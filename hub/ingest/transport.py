"""How bytes reach paho and leave it: a buffered socket and a lean PUBLISH parser, or paho as it comes.

paho 2.2 reads its socket byte by byte and makes an object and a handful of calls of every message. The fast client
keeps paho for connecting, TLS, websockets, subscriptions, keep-alive and every packet but PUBLISH, and replaces only
the byte transport, through one private method, ``_create_socket``.
"""

from __future__ import annotations

import inspect
import logging
import re
import ssl
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, Protocol

import paho.mqtt
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from hub.ingest.frames import DUP, RETAIN, Frame
from hub.ingest.packets import SYSTEM, Harvest, packet_end, puback_block, take_publishes

READ_SIZE: Final = 256 * 1024
_STOCK_ROUND: Final = 512
"""Packets that stock paho may read before the loop looks at its clock and its queues again."""
_CLOSE_TIMEOUT_S: Final = 2.0
_KNOWN_PAHO: Final = re.compile(r"^2\.[0-2]\.\d+$")
_WOULD_BLOCK: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

log = logging.getLogger(__name__)


class BufferedSocket:
    """Stands between paho and its socket (TCP, TLS or websocket): large reads, and one write for all that is due.

    paho is *fed* whole packets; what it sends is gathered until ``flush``. Used by the network thread alone.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._room = bytearray(READ_SIZE) if hasattr(sock, "recv_into") else None
        self._fed = b""
        self._out = bytearray()
        self._ended = False
        self.data = b""
        """What has arrived and has not been taken yet."""

    def fill(self) -> bool:
        """Read what the socket holds, up to one large read; False when nothing was there. An end is told to paho."""
        parts: list[bytes] = []
        total = 0
        while total < READ_SIZE:
            try:
                part = self._read_some(READ_SIZE - total)
            except _WOULD_BLOCK:
                break
            except OSError:
                part = b""
            if not part:
                self._ended = True
                break
            parts.append(part)
            total += len(part)
            if self._room is not None and not isinstance(self._sock, ssl.SSLSocket):
                break  # one read empties a plain socket, or fills the room
        if parts:
            self.data = b"".join([self.data, *parts]) if self.data else b"".join(parts)
        return bool(parts) or self._ended

    def _read_some(self, limit: int) -> bytes:
        if self._room is None:
            received: bytes = self._sock.recv(limit)
            return received
        size = self._sock.recv_into(self._room, limit)
        return bytes(memoryview(self._room)[:size])

    @property
    def inner(self) -> Any:
        """What it wraps: plain, TLS, or paho's websocket."""
        return self._sock

    @property
    def ended(self) -> bool:
        """The other side has closed, or the connection broke."""
        return self._ended

    def feed(self, packet: bytes) -> None:
        """What paho is to read next."""
        self._fed += packet

    def recv(self, size: int) -> bytes:
        """For paho: only what it was fed; an empty answer once the connection has ended."""
        if not self._fed:
            if self._ended:
                return b""
            raise BlockingIOError
        part, self._fed = self._fed[:size], self._fed[size:]
        return part

    def send(self, data: bytes | bytearray) -> int:
        """For paho: gathered, and on the way at the next ``flush``."""
        self._out += data  # only ever grows at its end: TLS and websockets take a write up again where it stopped
        return len(data)

    def flush(self) -> bool:
        """Write what was gathered; False while something is left. A broken connection shows at the next read."""
        while self._out:
            try:
                sent = self._sock.send(self._out)
            except _WOULD_BLOCK:
                return False
            except OSError:
                self._ended = True
                return True
            if sent == 0:  # paho's websocket wrapper: a part has left, ask again with the same bytes
                return False
            del self._out[:sent]
        return True

    def pending(self) -> int:
        """Bytes that poll cannot see: ours and those inside the TLS object."""
        inner = self._sock.pending() if hasattr(self._sock, "pending") else 0
        return len(self._fed) + int(inner)

    def close(self) -> None:
        """Write what is left first: paho closes right after queueing DISCONNECT, and unsent it would fire the will."""
        try:
            if self._out and not self._ended:
                self._sock.setblocking(True)
                raw = getattr(self._sock, "_socket", self._sock)  # paho's websocket wrapper has no settimeout
                raw.settimeout(_CLOSE_TIMEOUT_S)
                for _ in range(3):
                    if self.flush():
                        break
        finally:
            self._sock.close()

    def fileno(self) -> int:
        """For poll."""
        number: int = self._sock.fileno()
        return number

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - a socket's own signature
        """For paho."""
        self._sock.setblocking(flag)


class Link(Protocol):
    """One paho client under the receiver's own loop. All methods are the network thread's."""

    client: mqtt.Client

    def read(self, harvest: Harvest) -> bool:
        """One read round: messages go to ``harvest``, all else to paho. True when anything arrived."""
        ...

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Queue PUBACKs, in this order."""
        ...

    def write(self) -> bool:
        """Send what is queued; False while the socket takes no more."""
        ...

    def pending(self) -> bool:
        """There is something to read that poll does not see."""
        ...


class _FastClient(mqtt.Client):
    """paho with a buffered socket."""

    wire: BufferedSocket | None = None

    def _create_socket(self) -> BufferedSocket:
        self.wire = BufferedSocket(super()._create_socket())
        return self.wire


class FastLink:
    """256 KiB reads, PUBLISH parsed in place, PUBACKs of a batch as one block."""

    def __init__(self, connection: str, **options: Any) -> None:
        self._connection = connection
        self._client = _FastClient(CallbackAPIVersion.VERSION2, manual_ack=True, **options)
        self._mqtt5 = options["protocol"] == mqtt.MQTTv5
        self.client: mqtt.Client = self._client
        self._taker = _MessageTaker(self._client, connection)
        self._client.on_message = self._taker

    def read(self, harvest: Harvest) -> bool:
        wire = self._client.wire
        if wire is None or not wire.fill():
            return False
        self._taker.harvest = harvest
        data, at = wire.data, 0
        wire.data = b""
        while True:
            at = take_publishes(data, at, harvest, connection=self._connection, mqtt5=self._mqtt5)
            end = packet_end(data, at)
            if end is None or end > len(data):
                break
            end = len(data) if end < 0 else end
            wire.feed(data[at:end])
            at = end
            self.client.loop_read()
            if self.client.socket() is None:
                return True
        wire.data = data[at:]
        if wire.ended:
            self.client.loop_read()
        return True

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        if self._client.wire is not None:
            self._client.wire.send(puback_block(self._taker.complete(packet_ids)))

    def write(self) -> bool:
        if self.client.want_write():
            self.client.loop_write()
        wire = self._client.wire
        return wire is None or wire.flush()

    def pending(self) -> bool:
        wire = self._client.wire
        return wire is not None and wire.pending() > 0


class StockLink:
    """paho as it comes, for a version of it that nobody has looked into."""

    def __init__(self, connection: str, **options: Any) -> None:
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, manual_ack=True, **options)
        self._taker = _MessageTaker(self.client, connection)
        self.client.on_message = self._taker
        # Registering keeps paho from writing to the socket inside ack() and publish().
        self.client.on_socket_register_write = lambda *_: None
        self.client.on_socket_unregister_write = lambda *_: None

    def read(self, harvest: Harvest) -> bool:
        self._taker.harvest = harvest
        frames = harvest.frames
        for count in range(_STOCK_ROUND):
            before = len(frames)
            self.client.loop_read()
            if len(frames) == before or self.client.socket() is None:
                return count > 0 or len(frames) > before
        return True

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        for packet_id in self._taker.complete(packet_ids):
            if packet_id:
                self.client.ack(packet_id, 1)

    def write(self) -> bool:
        if self.client.want_write():
            self.client.loop_write()
        return not self.client.want_write()

    def pending(self) -> bool:
        sock: Any = self.client.socket()
        return sock is not None and hasattr(sock, "pending") and sock.pending() > 0


class _MessageTaker:
    """paho's ``on_message``: turns its object into a frame of the round that is being read."""

    def __init__(self, client: mqtt.Client, connection: str) -> None:
        self._client = client
        self._connection = connection
        self._exactly_once: set[int] = set()
        self.harvest = Harvest(0, [], [])
        """Where the messages of this round go."""

    def __call__(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        topic = bytes(message._topic)  # noqa: SLF001 - .topic raises where the bytes are no UTF-8
        flags = message.qos | (RETAIN if message.retain else 0) | (DUP if message.dup else 0)
        content_type = getattr(message.properties, "ContentType", "") if message.properties else ""
        packet_id = message.mid if message.qos else 0
        if message.qos == 2:
            self._exactly_once.add(packet_id)
        frame = Frame(
            self._connection,
            packet_id,
            topic,
            bytes(message.payload),
            flags,
            self.harvest.received_at,
            content_type,
        )
        target = self.harvest.system if topic.startswith(SYSTEM) else self.harvest.frames
        target.append(frame)

    def complete(self, packet_ids: Sequence[int]) -> Sequence[int]:
        """End the handshake of QoS 2 messages (a session of an earlier configuration may have some); returns the rest."""
        if not self._exactly_once:
            return packet_ids
        for packet_id in self._exactly_once.intersection(packet_ids):
            self._client.ack(packet_id, 2)
        rest = [packet_id for packet_id in packet_ids if packet_id not in self._exactly_once]
        self._exactly_once.difference_update(packet_ids)
        return rest


def why_not_fast(version: str = paho.mqtt.__version__, client: type[mqtt.Client] = mqtt.Client) -> str | None:
    """None where the installed paho is one that the fast transport knows, else the reason in a sentence."""
    if not _KNOWN_PAHO.match(version):
        return f"paho-mqtt {version} is not one of 2.0 to 2.2"
    for name, parameters in (("_create_socket", ("self",)), ("loop_read", ("self", "max_packets"))):
        method = getattr(client, name, None)
        if method is None or tuple(inspect.signature(method).parameters) != parameters:
            return f"paho-mqtt {version} has no {name}({', '.join(parameters)})"
    return None


def choose(wanted: Literal["fast", "stock"], problems: Iterable[str | None] | None = None) -> Literal["fast", "stock"]:
    """The transport to use; a fast one that cannot be is said once in the log."""
    if wanted == "stock":
        return "stock"
    for problem in problems if problems is not None else (why_not_fast(),):
        if problem is not None:
            log.warning("MQTT uses the stock transport: %s", problem, extra={"action": "transport_stock"})
            return "stock"
    return "fast"
