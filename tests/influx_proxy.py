"""Stands between the hub and an InfluxDB and does to each request what a plan says: late, cut, half, or another answer."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Fault(StrEnum):
    """What can become of a request. The hub cannot tell where the connection ended in three of them."""

    NONE = "none"
    SLOW = "slow"
    """Request and answer arrive in small pieces."""
    CUT_BEFORE = "cut_before"
    """The connection ends before the server has heard anything."""
    HALF = "half"
    """The server hears half of the request, then nothing more."""
    CUT_AFTER = "cut_after"
    """The server has done it, and its answer is lost."""
    PARTIAL = "partial"
    """The server stores all lines but the last, and says that it has left one out."""


@dataclass
class Said:
    """The proxy's own answer; the server hears nothing."""

    status: int
    text: str = '{"error":"said by the proxy"}'
    headers: dict[str, str] = field(default_factory=dict)


LEFT_OUT = Said(400, '{"error":"partial write: points beyond retention policy dropped=1"}')
"""In the words of InfluxDB 1.x."""


class Proxy:
    """``plan`` is used up by write requests, one entry each; questions pass, but for those that hold ``unanswered``."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.plan: deque[Fault | Said] = deque()
        self.used: list[Fault | Said] = []
        self.unanswered: bytes | None = None
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def url(self, database: str) -> str:
        return f"influxdb://127.0.0.1:{self.port}/{database}"

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        with connection, contextlib.suppress(OSError):
            while request := _message(connection):
                fault = Fault.NONE
                if request.startswith((b"POST /write", b"POST /api/v2/write")) and self.plan:
                    fault = self.plan.popleft()
                    self.used.append(fault)
                elif self.unanswered is not None and self.unanswered in request:
                    fault = Said(400, '{"error":"query would exceed file limit"}')
                if not self._do(fault, request, connection):
                    break
        self._open.discard(connection)

    def _do(self, fault: Fault | Said, request: bytes, connection: socket.socket) -> bool:
        """False: the connection is over."""
        if isinstance(fault, Said):
            connection.sendall(_answer(fault))
            return True
        if fault is Fault.CUT_BEFORE:
            return False
        with socket.create_connection(("127.0.0.1", self._target)) as server:
            if fault is Fault.HALF:
                server.sendall(request[: len(request) - len(request) // 3])
                return False
            _send(server, _without_last(request) if fault is Fault.PARTIAL else request, slow=fault is Fault.SLOW)
            answer = _message(server)
            if fault is Fault.PARTIAL:
                answer = _answer(LEFT_OUT)
            if fault is Fault.CUT_AFTER:
                return False
            _send(connection, answer, slow=fault is Fault.SLOW)
            return bool(answer)


def _message(source: socket.socket) -> bytes:
    """One HTTP message; empty at the end of the connection."""
    found = b""
    while b"\r\n\r\n" not in found:
        part = source.recv(65536)
        if not part:
            return b""
        found += part
    head, _, body = found.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        while not body.endswith(b"0\r\n\r\n"):
            body += source.recv(65536)
        return head + b"\r\n\r\n" + body
    length = _LENGTH.search(head)
    wanted = int(length[1]) if length else 0
    while len(body) < wanted:
        part = source.recv(65536)
        if not part:
            return b""
        body += part
    return head + b"\r\n\r\n" + body


def _without_last(request: bytes) -> bytes:
    """The last line of a write made a comment: as long as before, and nothing to a server."""
    head, _, body = request.partition(b"\r\n\r\n")
    at = len(head) + 4 + body.rfind(b"\n") + 1
    return request[:at] + b"#" + request[at + 1 :]


def _send(target: socket.socket, message: bytes, *, slow: bool) -> None:
    if not slow:
        target.sendall(message)
        return
    target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    step = max(len(message) // 40, 1)
    for at in range(0, len(message), step):
        target.sendall(message[at : at + step])


def _answer(said: Said) -> bytes:
    lines = [f"HTTP/1.1 {said.status} {HTTPStatus(said.status).phrase}", f"Content-Length: {len(said.text.encode())}"]
    lines += [f"{name}: {value}" for name, value in said.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + said.text).encode()
