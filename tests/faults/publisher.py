"""A QoS 1 publisher on raw sockets that keeps a list of what was acknowledged. Needs no compiler; imports nothing of the hub.

    python -m tests.faults.publisher --port N --user U --password P --acked FILE --faulty FILE [--rate 5000] [--total N]

The devices ``d0000`` … speak in turn to ``community/v1/COMMUNITY/dNNNN/telemetry``, each with sequence numbers of its own
and with times that never repeat:

    {"ts":<ms>,"us":<us>,"seq":<n>,"values":{"power":..,"temperature":..,"humidity":..,"level":..,"seq":<n>}}

Every so many messages (``--fault-every``) one more device says power 999.5 for FAULT_LENGTH of its messages: one fault.
``--faulty`` gets a record (device, first sequence number) when it begins, ``--acked`` one for each PUBACK; both are two
little-endian uint32. A lost connection is opened again; what it had not acknowledged is abandoned and counted.

It prints ``ready``, goes on until SIGTERM and at least until ``--total`` messages are sent, waits for what is not
acknowledged yet, and prints one line of JSON. After three times the total it sends a tenth of the rate: a slow machine is
not buried.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import signal
import socket
import struct
import sys
import time
from collections import deque
from pathlib import Path
from typing import BinaryIO, Final

FIRST_SEQ: Final = 1_000_000_000
FAULT_LENGTH: Final = 10
RECORD: Final = struct.Struct("<II")
_WINDOW: Final = 4_000
"""Messages that may wait for their PUBACK on one connection."""
_PACE_S: Final = 0.002
_FLUSH_S: Final = 0.05
_RETRY_S: Final = 0.05
PAYLOAD: Final = (
    b'{"ts":%d,"us":%d,"seq":%d,"values":{"power":%s,"temperature":21.5,"humidity":40.2,"level":0.5,"seq":%d}}'
)
_ORDINARY: Final = (b"10.01", b"32.50", b"55.11", b"89.75")
_FAULT: Final = b"999.5"


class Devices:
    """What each device says next."""

    def __init__(self, community: str, count: int, *, fault_every: int, faulty: BinaryIO, seed: int) -> None:
        topics = [f"community/v1/{community}/d{number:04d}/telemetry".encode() for number in range(count)]
        self._heads = [struct.pack("!H", len(topic)) + topic for topic in topics]
        self._seq = [FIRST_SEQ] * count
        self._time = [0] * count
        self._wrong_until = [0] * count
        self._well = random.Random(seed).sample(range(count), count)  # noqa: S311 - which devices fail is no secret
        self._fault_every = fault_every
        self._faulty = faulty
        self.sent = 0
        self.faults = 0

    def next_message(self, device: int, packet_id: int, now_us: int) -> tuple[bytes, int]:
        """The PUBLISH packet and its sequence number."""
        self.sent += 1
        if self._fault_every and self.sent % self._fault_every == 0 and self._well:
            self._break(self._well.pop())
        seq = self._seq[device]
        self._seq[device] += 1
        at = self._time[device] = max(now_us // 1000, self._time[device] + 1)
        power = _FAULT if seq < self._wrong_until[device] else _ORDINARY[seq & 3]
        payload = PAYLOAD % (at, now_us, seq, power, seq)
        head = self._heads[device]
        size = len(head) + 2 + len(payload)
        return bytes((0x32, size & 127 | 128, size >> 7)) + head + packet_id.to_bytes(2, "big") + payload, seq

    def _break(self, device: int) -> None:
        self._wrong_until[device] = self._seq[device] + FAULT_LENGTH
        self.faults += 1
        self._faulty.write(RECORD.pack(device, self._seq[device]))
        self._faulty.flush()


class Line:
    """One connection and the devices that speak on it, so that each device's messages keep their order."""

    def __init__(self, number: int, given: argparse.Namespace, devices: Devices, acked: BinaryIO) -> None:
        self._given = given
        self._devices = devices
        self._acked = acked
        self._name = f"faults-{os.getpid()}-{number}"
        self._turn = deque(range(number, given.devices, given.connections))
        self._sock: socket.socket | None = None
        self._retry_at = 0.0
        self._next_id = 0
        self._out = b""
        self._in = b""
        self.unacked: dict[int, tuple[int, int]] = {}
        self.acked = 0
        self.abandoned = 0
        self.connects = 0

    def fileno(self) -> int:
        assert self._sock is not None
        return self._sock.fileno()

    def up(self) -> bool:
        """Connected, now or again."""
        if self._sock is None and time.monotonic() >= self._retry_at:
            try:
                self._connect()
            except OSError:
                self._retry_at = time.monotonic() + _RETRY_S
        return self._sock is not None

    @property
    def writing(self) -> bool:
        return bool(self._out)

    def say(self, count: int) -> int:
        """Queue so many messages, fewer where the broker is behind; how many."""
        if self._out or self._sock is None:
            return 0
        count = min(count, _WINDOW - len(self.unacked))
        parts = []
        now_us = time.time_ns() // 1000
        for _ in range(count):
            device = self._turn[0]
            self._turn.rotate(-1)
            self._next_id = self._next_id % 65_535 + 1
            packet, seq = self._devices.next_message(device, self._next_id, now_us)
            self.unacked[self._next_id] = (device, seq)
            parts.append(packet)
        self._out = b"".join(parts)
        self.write()
        return len(parts)

    def write(self) -> None:
        try:
            if self._sock is not None and self._out:
                self._out = self._out[self._sock.send(self._out) :]
        except BlockingIOError:
            return
        except OSError:
            self._lose()

    def read(self) -> None:
        try:
            data = self._sock.recv(65_536) if self._sock is not None else b""
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        self._in += data
        whole = len(self._in) - len(self._in) % 4  # nothing but PUBACK comes, four bytes each
        records = []
        for kind, _, packet_id in struct.iter_unpack("!BBH", self._in[:whole]):
            if kind == 0x40 and packet_id in self.unacked:
                records.append(RECORD.pack(*self.unacked.pop(packet_id)))
        self._acked.write(b"".join(records))
        self.acked += len(records)
        self._in = self._in[whole:]

    def _connect(self) -> None:
        given = self._given
        sock = socket.create_connection((given.host, given.port), timeout=5)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = _text("MQTT") + bytes((4, 0xC2)) + struct.pack("!H", 600) + _text(self._name)
        body += _text(given.user) + _text(given.password)
        sock.sendall(bytes((0x10, len(body) & 127 | 128, len(body) >> 7)) + body)
        answer = sock.recv(4, socket.MSG_WAITALL)
        if len(answer) != 4:
            sock.close()
            raise ConnectionResetError("no CONNACK")
        if answer[3]:
            sys.exit(f"publisher: the broker refused the connection, code {answer[3]}")
        sock.setblocking(False)
        self._sock = sock
        self.connects += 1

    def _lose(self) -> None:
        assert self._sock is not None
        self._sock.close()
        self._sock = None
        self.abandoned += len(self.unacked)
        self.unacked.clear()
        self._in = self._out = b""
        self._retry_at = time.monotonic() + _RETRY_S


def _text(text: str) -> bytes:
    return struct.pack("!H", len(text)) + text.encode()


def _turn(lines: list[Line], due: int) -> int:
    """One round over all connections, at most a few milliseconds long; how many messages went out."""
    up = [line for line in lines if line.up()]
    share = -(-due // max(1, len(up)))
    left = due
    for line in up:
        if left > 0:
            left -= line.say(min(share, left))
    up = [line for line in up if line._sock is not None]
    if not up:
        time.sleep(_PACE_S)
        return 0
    readable, writable, _ = select.select(up, [line for line in up if line.writing], [], _PACE_S)
    for line in writable:
        line.write()
    for line in readable:
        line.read()
    time.sleep(_PACE_S)
    return due - left


def publish(given: argparse.Namespace, acked: BinaryIO, faulty: BinaryIO) -> dict[str, object]:
    """Until told to stop; what was done."""
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopping.append(number))
    devices = Devices(given.community, given.devices, fault_every=given.fault_every, faulty=faulty, seed=given.seed)
    lines = [Line(number, given, devices, acked) for number in range(given.connections)]
    if not all(line.up() for line in lines):
        sys.exit("publisher: no connection")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    start = flushed = last = time.monotonic()
    due = 0.0
    while not stopping or devices.sent < given.total:
        now = time.monotonic()
        due = min(500.0, due + given.rate * (now - last) / (10 if devices.sent > 3 * given.total > 0 else 1))
        last = now
        due -= _turn(lines, int(due))
        if now - flushed > _FLUSH_S:
            acked.flush()
            flushed = now
    seconds = time.monotonic() - start
    until = time.monotonic() + given.drain
    while any(line.unacked for line in lines) and time.monotonic() < until:
        _turn(lines, 0)
    return {
        "sent": devices.sent,
        "acked": sum(line.acked for line in lines),
        "abandoned": sum(line.abandoned for line in lines),
        "reconnects": sum(line.connects - 1 for line in lines),
        "faults": devices.faults,
        "seconds": round(seconds, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Publish, and keep a list of what was acknowledged.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--community", default="bench")
    parser.add_argument("--devices", type=int, default=200)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--rate", type=float, default=5000.0)
    parser.add_argument("--total", type=int, default=0)
    parser.add_argument("--fault-every", type=int, default=0)
    parser.add_argument("--drain", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--acked", type=Path, required=True)
    parser.add_argument("--faulty", type=Path, required=True)
    given = parser.parse_args()
    with given.acked.open("ab") as acked, given.faulty.open("ab") as faulty:
        done = publish(given, acked, faulty)
    sys.stdout.write(f"{json.dumps(done)}\n")


if __name__ == "__main__":
    main()
