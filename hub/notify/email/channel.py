"""Hands letters to a mail server."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from email.utils import parseaddr
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from hub.domain.notices import Notice
from hub.errors import ConfigError, SendFailed
from hub.notify.email.letter import write_letter
from hub.notify.redaction import parts_of

TIMEOUT_S: Final = 10.0
_PORTS: Final = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
_CREDENTIALS: Final = frozenset({530, 534, 535, 538})
"""The server refuses the hub, not the letter: an operator can put that right."""


class Server(NamedTuple):
    """A mail server. ``security``: smtp (STARTTLS), smtps (TLS from the start), smtp+plain (none)."""

    security: str
    host: str
    port: int
    user: str
    password: str


def parse_server(url: str) -> Server:
    """ConfigError for anything but ``smtp://``, ``smtps://`` and ``smtp+plain://[user:pass@]host[:port]``."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ConfigError(
            "notify.smtp_url (HUB_NOTIFY__SMTP_URL) is no mail server's address; expected smtp://user:pass@host:587"
            " (STARTTLS), smtps://user:pass@host:465, or smtp+plain://host:25 for a relay on this machine"
        )
    return Server(
        security=parts.scheme,
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


class EmailChannel:
    """One connection for each letter: notices are few, and a kept connection may be dead when it matters."""

    def __init__(self, url: str | None, *, sender: str) -> None:
        self._server = None if url is None else parse_server(url)
        self._sender = sender

    def send(self, notice: Notice) -> None:
        """Implements Channel."""
        if self._server is None:
            raise SendFailed("no mail server: set notify.smtp_url (HUB_NOTIFY__SMTP_URL)", permanent=True)
        if "@" not in parseaddr(notice.address)[1] or "\n" in notice.address or "\r" in notice.address:
            raise SendFailed(f"contact {notice.contact} has no e-mail address: expected name@host", permanent=True)
        try:
            letter = write_letter(notice, sender=self._sender)
        except ValueError as error:
            raise SendFailed(f"no letter can be made of the notice: {error}", permanent=True) from error
        self._talk(self._server, lambda connection: connection.send_message(letter))

    def meet(self) -> None:
        """See that the mail server lets the hub in and takes its sender; no letter is sent. SendFailed."""

        def introduce(connection: smtplib.SMTP) -> None:
            code, text = connection.mail(parseaddr(self._sender)[1])
            if code != 250:
                raise smtplib.SMTPSenderRefused(code, text, self._sender)
            connection.rset()

        if self._server is not None:
            self._talk(self._server, introduce)

    def _talk(self, server: Server, work: Callable[[smtplib.SMTP], object]) -> None:
        try:
            connection = self._connected(server)
            try:
                work(connection)
                with suppress(OSError, smtplib.SMTPException):
                    connection.quit()  # the letter is taken: a server that says goodbye badly changes nothing
            finally:
                connection.close()
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            raise _refused(code, text) from error
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            raise SendFailed(f"mail server: {type(error).__name__}: {error}", permanent=False) from error

    def secrets(self, address: str) -> tuple[str, ...]:
        """Implements Channel."""
        account = () if self._server is None else (self._server.user, self._server.password)
        return (*parts_of(address), *account)

    def _connected(self, server: Server) -> smtplib.SMTP:
        # local_hostname: without it smtplib asks the name service, which may hang.
        name = parseaddr(self._sender)[1].rpartition("@")[2] or "localhost"
        if server.security == "smtps":
            return self._login(
                server,
                smtplib.SMTP_SSL(
                    server.host,
                    server.port,
                    local_hostname=name,
                    timeout=TIMEOUT_S,
                    context=ssl.create_default_context(),
                ),
            )
        connection = smtplib.SMTP(server.host, server.port, local_hostname=name, timeout=TIMEOUT_S)
        if server.security == "smtp":
            try:
                connection.starttls(context=ssl.create_default_context())
            except BaseException:
                connection.close()
                raise
        return self._login(server, connection)

    def _login(self, server: Server, connection: smtplib.SMTP) -> smtplib.SMTP:
        if not server.user:
            return connection
        try:
            connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection


def _refused(code: int, text: bytes | str) -> SendFailed:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return SendFailed(f"mail server answers {code} {words}", permanent=is_permanent(code))


def is_permanent(code: int) -> bool:
    """5yz refuses this letter for good (RFC 5321, 4.2.1); 4yz and a refused log-in may pass."""
    return code >= 500 and code not in _CREDENTIALS
