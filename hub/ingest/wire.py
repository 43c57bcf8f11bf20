"""MQTT spoken by hand, packet by packet: what a check of a broker needs to see and to withhold. Not for traffic."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Final, NamedTuple, Self

CONNACK: Final = 2
PUBLISH: Final = 3
PUBACK: Final = 4
SUBACK: Final = 9
PINGRESP: Final = 13


class Packet(NamedTuple):
    """A packet as received; the fields below the body are those of a PUBLISH."""

    kind: int
    flags: int
    body: bytes
    topic: str = ""
    packet_id: int = 0
    payload: bytes = b""

    @property
    def dup(self) -> bool:
        """Sent before."""
        return bool(self.flags & 8)

    @property
    def retain(self) -> bool:
        """Kept by the broker from earlier."""
        return bool(self.flags & 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a client says when it connects."""

    client_id: str
    version: int = 4
    """4: MQTT 3.1.1; 5: MQTT 5."""
    name: str = ""
    password: str = ""
    clean: bool = True
    keepalive: int = 30
    will: tuple[str, bytes] | None = None
    session_expiry: int = 0
    receive_maximum: int = 0


class Wire:
    """One connection. Every wait has an end: where nothing comes, TimeoutError or None says so."""

    def __init__(self, host: str, port: int, hello: Hello, *, patience: float = 5.0) -> None:
        self._patience = patience
        self._version = hello.version
        self._buffer = b""
        self._waiting: deque[Packet] = deque()
        self._next_id = 0
        self._socket = socket.create_connection((host, port), timeout=patience)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._socket.sendall(_connect(hello))
            answer = self.await_kind(CONNACK)
        except BaseException:
            self._socket.close()
            raise
        self.session_present = bool(answer.body[0] & 1)
        self.reason = answer.body[1]
        """0: accepted."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.drop()

    def subscribe(self, topic: str, qos: int = 1) -> None:
        """Returns when the broker has confirmed."""
        body = struct.pack("!H", self._id()) + self._no_properties() + _text(topic) + bytes([qos])
        self._socket.sendall(_packet(0x82, body))
        self.await_kind(SUBACK)

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Returns when the broker has confirmed (QoS 1)."""
        self.publish_all(topic, [payload], qos=qos, retain=retain)

    def publish_all(self, topic: str, payloads: list[bytes], *, qos: int = 1, retain: bool = False) -> None:
        """Send them all, then wait for every confirmation (QoS 1)."""
        for payload in payloads:
            packet_id = struct.pack("!H", self._id()) if qos else b""
            body = _text(topic) + packet_id + self._no_properties() + payload
            self._socket.sendall(_packet(0x30 | qos << 1 | retain, body))
        for _ in payloads if qos else ():
            self.await_kind(PUBACK)

    def acknowledge(self, *packets: Packet) -> None:
        """PUBACK, in this order."""
        self._socket.sendall(b"".join(_packet(0x40, struct.pack("!H", packet.packet_id)) for packet in packets))

    def messages(self, count: int, *, acknowledge: bool = True, within: float | None = None) -> list[Packet]:
        """The next ``count`` messages, fewer where they do not come in time."""
        deadline = time.monotonic() + (self._patience if within is None else within)
        found: list[Packet] = []
        while len(found) < count:
            packet = self._next(deadline)
            if packet is None:
                break
            if packet.kind == PUBLISH:
                found.append(packet)
                if acknowledge and packet.packet_id:
                    self.acknowledge(packet)
        return found

    def await_kind(self, kind: int) -> Packet:
        """The next packet of a kind; messages that come before it stay for ``messages``."""
        deadline = time.monotonic() + self._patience
        kept: list[Packet] = []
        try:
            while (packet := self._next(deadline)) is not None:
                if packet.kind == kind:
                    return packet
                kept.append(packet)
        finally:
            self._waiting.extendleft(reversed(kept))
        raise TimeoutError(f"no packet of kind {kind} within {self._patience} s")

    def is_open(self) -> bool:
        """Whether the broker still answers a ping."""
        try:
            self._socket.sendall(b"\xc0\x00")
            self.await_kind(PINGRESP)
        except OSError:
            return False
        return True

    def send_raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self._socket.sendall(data)

    def disconnect(self) -> None:
        """Leave in order."""
        self._socket.sendall(b"\xe0\x00")
        self._socket.close()

    def drop(self) -> None:
        """Leave without a word."""
        self._socket.close()

    def _id(self) -> int:
        self._next_id = self._next_id % 65535 + 1
        return self._next_id

    def _no_properties(self) -> bytes:
        return b"\x00" if self._version == 5 else b""

    def _next(self, deadline: float) -> Packet | None:
        if self._waiting:
            return self._waiting.popleft()
        while (packet := self._parse()) is None:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                return None
            data = self._socket.recv(262_144)
            if not data:
                raise ConnectionResetError("the broker closed the connection")
            self._buffer += data
        return packet

    def _parse(self) -> Packet | None:
        size, shift, at = 0, 0, 1
        while True:
            if len(self._buffer) <= at:
                return None
            size |= (self._buffer[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if self._buffer[at - 1] < 128:
                break
        if len(self._buffer) < at + size:
            return None
        first, body = self._buffer[0], self._buffer[at : at + size]
        self._buffer = self._buffer[at + size :]
        return self._message(first & 15, body) if first >> 4 == PUBLISH else Packet(first >> 4, first & 15, body)

    def _message(self, flags: int, body: bytes) -> Packet:
        end = 2 + int.from_bytes(body[:2])
        topic, packet_id, at = body[2:end].decode(), 0, end
        if flags & 6:
            packet_id, at = int.from_bytes(body[at : at + 2]), at + 2
        if self._version == 5:
            at += 1 + body[at]  # the checks send no properties, so their length takes one byte
        return Packet(PUBLISH, flags, body, topic, packet_id, body[at:])


def _connect(hello: Hello) -> bytes:
    flags = (2 if hello.clean else 0) | (0xC0 if hello.name else 0) | (0x0C if hello.will else 0)
    body = _text("MQTT") + bytes([hello.version, flags]) + struct.pack("!H", hello.keepalive)
    if hello.version == 5:
        properties = b""
        if hello.session_expiry:
            properties += b"\x11" + struct.pack("!I", hello.session_expiry)
        if hello.receive_maximum:
            properties += b"\x21" + struct.pack("!H", hello.receive_maximum)
        body += bytes([len(properties)]) + properties
    body += _text(hello.client_id)
    if hello.will:
        topic, payload = hello.will
        body += (b"\x00" if hello.version == 5 else b"") + _text(topic) + struct.pack("!H", len(payload)) + payload
    if hello.name:
        body += _text(hello.name) + _text(hello.password)
    return _packet(0x10, body)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!H", len(data)) + data


def _packet(first: int, body: bytes) -> bytes:
    size, length = len(body), b""
    while True:
        size, low = divmod(size, 128)
        length += bytes([low | (128 if size else 0)])
        if not size:
            return bytes([first]) + length + body
