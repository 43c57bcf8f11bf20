"""The demo's letter box: a mail server on loopback that shows on the terminal what a crew's phone would show."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable
from email import message_from_bytes, policy
from typing import Final

OnMail = Callable[[str, str], None]
"""(recipient, subject)"""
_LIMIT: Final = 1024 * 1024


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    on_mail: OnMail


class _Conversation(socketserver.StreamRequestHandler):
    """As much SMTP (RFC 5321) as the hub's own sender speaks: HELO/EHLO, MAIL, RCPT, DATA, RSET, NOOP, QUIT."""

    server: _Server

    def handle(self) -> None:
        recipients: list[str] = []
        self._say("220 demo letter box")
        while line := self.rfile.readline(2048):
            words = line.decode("utf-8", "replace").strip()
            verb = words[:4].upper()
            if verb == "RCPT":
                recipients.append(words.partition("<")[2].partition(">")[0])
            if verb == "DATA":
                self._say("354 go on")
                self._deliver(recipients, self._text())
                recipients = []
            elif verb == "RSET":
                recipients = []
            elif verb == "QUIT":
                self._say("221 goodbye")
                return
            self._say("250 ok" if verb in {"HELO", "EHLO", "MAIL", "RCPT", "DATA", "RSET", "NOOP"} else "502 not here")

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def _text(self) -> bytes:
        lines: list[bytes] = []
        size = 0
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            size += len(line)
            if size <= _LIMIT:
                lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _deliver(self, recipients: list[str], text: bytes) -> None:
        subject = str(message_from_bytes(text, policy=policy.default)["subject"] or "")
        for recipient in recipients:
            self.server.on_mail(recipient, subject)


class Mailbox:
    """Listens on a free port of loopback while the demo runs."""

    def __init__(self, on_mail: OnMail) -> None:
        self._on_mail = on_mail
        self._server: _Server | None = None

    def start(self) -> str:
        """Listen; the ``smtp+plain://`` address for the hub's settings."""
        self._server = _Server(("127.0.0.1", 0), _Conversation)
        self._server.on_mail = self._on_mail
        threading.Thread(target=self._server.serve_forever, name="letter-box", daemon=True).start()
        return f"smtp+plain://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        """Close the box."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
