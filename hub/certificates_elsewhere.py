"""Certificates that others use, such as the devices' broker and the proxy: in a file, or as a server shows them."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from hub.certificates import End, what_of
from hub.clock import HOUR, MINUTE
from hub.domain.certificate_standing import watched_of
from hub.settings import WatchedCertificate
from hub.web.certificate import validity

EVERY_MS: Final = HOUR
AGAIN_MS: Final = 5 * MINUTE
"""After a look that saw nothing."""
TIMEOUT_S: Final = 5.0


@dataclass(slots=True)
class Watched:
    """hub.certificates.Elsewhere. ``read`` gives the PEM, or raises OSError or ValueError."""

    which: str
    where: str
    read: Callable[[], str]
    trouble: str = field(default="", init=False)
    _seen: End | None = field(default=None, init=False)
    _looked_at: int | None = field(default=None, init=False)

    def __call__(self) -> End | None:
        """What was seen last, for it may still be in use; None before that."""
        return self._seen

    def look(self, now: int) -> None:
        """Every hour; sooner again where nothing was seen."""
        pause = AGAIN_MS if self.trouble else EVERY_MS
        if self._looked_at is not None and 0 <= now - self._looked_at < pause:
            return
        self._looked_at = now
        try:
            span = validity(self.read())
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or str(error)
            self.trouble = f"{what_of(self.which)} cannot be seen: {self.where}: {said}; see certificates.watched"
            return
        self.trouble = ""
        cure = f"renew it, and let what uses it read it again ({self.where})"
        self._seen = End(what_of(self.which), span.ends, cure, span.ends - span.begins)


def watched(wanted: WatchedCertificate) -> Watched:
    """As the settings have it."""
    which = watched_of(wanted.name)
    if wanted.file is not None:
        return Watched(which, str(wanted.file), partial(_in_file, wanted.file))
    host, port = wanted.host_and_port()
    return Watched(which, f"{host}:{port}", partial(shown_at, host, port, wanted.server_name or host))


def _in_file(path: Path) -> str:
    return path.read_text(encoding="ascii", errors="replace")


def shown_at(host: str, port: int, server_name: str) -> str:
    """The certificate (PEM) that a server shows to whoever asks for this name over TLS. OSError where it shows none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Nothing is sent and nothing believed: one that has ended, or that a private authority signed, has to be seen as well.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), TIMEOUT_S) as connection,
        context.wrap_socket(connection, server_hostname=server_name) as secured,
    ):
        der = secured.getpeercert(binary_form=True)
    if der is None:
        raise ssl.SSLError("it shows no certificate")
    return ssl.DER_cert_to_PEM_cert(der)
