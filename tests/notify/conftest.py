"""Small real servers that play a crew's mail server and web hook, and an outbox on a real file."""

from __future__ import annotations

import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub.clock import ManualClock
from hub.domain.notices import Notice, NoticeKind
from hub.storage.unit import SqlRecords
from tests.empty_records import records_in

NOW = 1_800_000_000_000


class MailServer:
    """Speaks SMTP. ``replies`` overrides the answer to a verb, e.g. ``{"RCPT": "550 no such user"}``."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.certificate = certificate
        self.replies: dict[str, str] = {}
        self.letters: list[tuple[str, bytes]] = []
        self.drop_at = ""
        outer = self

        class Conversation(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer._converse(self)

        class Quiet(socketserver.ThreadingTCPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A client that breaks off is a part of the play."""

        self._server = Quiet(("127.0.0.1", 0), Conversation)
        if certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"smtp+plain://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _converse(self, line: socketserver.StreamRequestHandler) -> None:
        def say(text: str) -> None:
            line.wfile.write(text.encode() + b"\r\n")

        say(self.replies.get("CONNECT", "220 here"))
        recipient = ""
        while words := line.rfile.readline().decode().strip():
            verb = words[:4].upper()
            if verb == self.drop_at:
                return
            if verb in self.replies:
                say(self.replies[verb])
                continue
            if verb == "EHLO":
                say("250-here\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN")
            elif verb == "RCPT":
                recipient = words.partition("<")[2].partition(">")[0]
                say("250 ok")
            elif verb == "DATA":
                say("354 go on")
                text = b""
                while (row := line.rfile.readline()) != b".\r\n":
                    text += row
                self.letters.append((recipient, text))
                say(self.replies.get("TAKEN", "250 taken"))
            else:
                say("221 bye" if verb == "QUIT" else "235 ok" if verb == "AUTH" else "250 ok")


class WebServer:
    """Takes posts. ``status`` is what it answers, once ``hold`` is set; ``posts`` what it got: (path, headers, body)."""

    def __init__(self) -> None:
        self.status = 204
        self.headers: dict[str, str] = {}
        self.posts: list[tuple[str, dict[str, str], bytes]] = []
        self.hold = threading.Event()
        self.hold.set()
        outer = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                outer.posts.append((self.path, dict(self.headers), body))
                outer.hold.wait(10)
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


@pytest.fixture
def tls_mail(tmp_path: Path) -> Iterator[MailServer]:
    """A mail server with a certificate for localhost that nobody trusts by itself."""
    server = MailServer(self_signed(tmp_path / "localhost.pem"))
    yield server
    server.stop()


def self_signed(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(encoding))
    return path


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.stop()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    with records_in(tmp_path) as store:
        yield store


@pytest.fixture
def notice() -> Callable[..., Notice]:
    """Makes a notice; ``notice(3, channel="webhook")``."""

    def make(number: int = 1, **changes: Any) -> Notice:
        plain = Notice(
            id=f"notice-{number}",
            dedupe_key=f"ticket-{number}:1:opened:li",
            community="garden",
            kind=NoticeKind.OPENED,
            contact="li",
            channel="email",
            address="li@example.org",
            language="zh-CN",
            subject="【高】1号梯 门故障",
            body="1号梯门机过载 <E21>\n请到场核实",
            link="https://hub.example/tickets/1",
            priority="high",
            ticket=f"ticket-{number}",
            created_at=NOW,
            next_at=NOW,
        )
        return replace(plain, **changes)

    return make


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits for a condition, ten seconds at most."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "it did not happen within ten seconds"
            time.sleep(0.005)

    return wait
