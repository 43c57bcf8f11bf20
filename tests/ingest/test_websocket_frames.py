"""Large messages over websockets, from a server that writes frames as large as it likes."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import threading
from typing import BinaryIO

import pytest

from .conftest import Rig, eventually, scripted_broker

LARGE = bytes(range(256)) * 3600


def accept(peer: socket.socket) -> None:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += peer.recv(1)
    key = next(line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    proof = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # noqa: S324 - RFC 6455
    peer.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: " + proof + b"\r\n\r\n"
    )


def frame(data: bytes) -> bytes:
    size = len(data)
    if size < 126:
        return bytes([0x82, size]) + data
    return (b"\x82\x7e" + struct.pack("!H", size) if size < 65_536 else b"\x82\x7f" + struct.pack("!Q", size)) + data


def read_frame(stream: BinaryIO) -> bytes:
    read = stream.read
    head = read(2)
    size = head[1] & 0x7F
    size = struct.unpack("!H", read(2))[0] if size == 126 else size
    mask, data = read(4), read(size)
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))


def large_publish(packet_id: int) -> bytes:
    topic = b"community/v1/hg/cam/telemetry"
    body = len(topic).to_bytes(2, "big") + topic + packet_id.to_bytes(2, "big") + LARGE
    size, length = len(body), b""
    while size:
        length += bytes([(size & 0x7F) | (0x80 if size > 127 else 0)])
        size >>= 7
    return b"\x32" + length + body


@pytest.mark.servers
@pytest.mark.parametrize("piece", [1_000, 60_000, 2_000_000])
def test_a_large_message_arrives_in_frames_of_any_size(rig: Rig, transport: str, piece: int) -> None:
    done = threading.Event()

    def answer(peer: socket.socket) -> None:
        accept(peer)
        with peer.makefile("rb") as stream:
            read_frame(stream)
            peer.sendall(frame(b"\x20\x02\x00\x00"))
            asked, answered = b"", 0
            while answered < 3:  # the three SUBSCRIBEs come in one frame or in three
                asked += read_frame(stream)
                while len(asked) > 1 and len(asked) >= 2 + asked[1]:
                    codes = b"\x01\x01\x01" if b"telemetry" in asked[: 2 + asked[1]] else b"\x01"
                    peer.sendall(frame(bytes([0x90, 2 + len(codes)]) + asked[2:4] + codes))
                    asked = asked[2 + asked[1] :]
                    answered += 1
            data = large_publish(1) + large_publish(2)
            for start in range(0, len(data), piece):
                peer.sendall(frame(data[start : start + piece]))
            done.wait(20)

    with scripted_broker(answer) as port:
        receiver = rig.started(f"ws://127.0.0.1:{port}", transport=transport, version="3.1.1", heartbeat_s=60)
        eventually(lambda: len(rig.intake.messages()) == 2, "both large messages")
        done.set()
        receiver.stop()
    assert {message.payload for message in rig.intake.messages()} == {LARGE}
