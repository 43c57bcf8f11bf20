"""uvicorn in a thread of its own: starts when the port is ours, stops within two seconds, open streams included."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from typing import Final

import uvicorn
from fastapi import FastAPI

from hub.clock import Clock, to_iso
from hub.errors import ConfigError
from hub.settings import Web
from hub.web.certificate import not_after

GRACE_S: Final = 2
log = logging.getLogger(__name__)


class Server:
    """``start`` returns when requests are answered; ``stop`` when the last one is. ``port`` is the one really taken."""

    def __init__(self, app: FastAPI, settings: Web, clock: Clock) -> None:
        self._app = app
        self._clock = clock
        self._settings = settings
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self.port = settings.port

    @property
    def url(self) -> str:
        """Where people find it."""
        if self._settings.public_url:
            return self._settings.public_url.rstrip("/")
        host = "127.0.0.1" if self._settings.host in ("", "0.0.0.0", "::") else self._settings.host  # noqa: S104 - compared, not bound
        return f"{'https' if self._settings.tls_cert else 'http'}://{f'[{host}]' if ':' in host else host}:{self.port}"

    def start(self) -> None:
        """ConfigError for a port that is taken or not ours to take, or a certificate that cannot be used."""
        _check_certificate(self._settings, self._clock.now())
        bound = _bind(self._settings)
        self.port = bound.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(self._settings.trusted_proxies),
            forwarded_allow_ips=list(self._settings.trusted_proxies),
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=30,
            ssl_certfile=self._settings.tls_cert,
            ssl_keyfile=self._settings.tls_key,
            ws="none",
        )
        server = _Threaded(config)
        self._server = server
        self._thread = threading.Thread(target=server.run, args=([bound],), name="web", daemon=True)
        self._thread.start()
        server.up.wait()
        if not server.started:
            self._thread.join()
            bound.close()
            raise ConfigError("the web server did not start: the log has the reason")
        log.info("web is up", extra={"action": "web_started", "url": self.url})

    def stop(self) -> None:
        """End the streams, finish what is being answered, then go."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is None or thread is None:
            return
        self._app.state.deps.changes.close()
        server.should_exit = True
        thread.join(timeout=GRACE_S + 3)


class _Threaded(uvicorn.Server):
    """Says when it is up, or that it never will be."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.up.set()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            super().run(sockets)
        finally:
            self.up.set()


def _bind(settings: Web) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Named as TCP: asyncio asks a socket for its protocol before it turns Nagle's algorithm off, and with that on, the body of
    # an answer waits for the acknowledgement of its head: 40 ms on a connection that is kept open.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, settings.port))
        bound.listen(1024)
    except OSError as error:
        bound.close()
        raise ConfigError(
            f"web.host, web.port (HUB_WEB__HOST, HUB_WEB__PORT): {settings.host}:{settings.port} cannot be listened on"
            f" ({error.strerror}); stop what uses it, or choose another port, e.g. HUB_WEB__PORT={settings.port + 1}"
        ) from error
    bound.setblocking(False)
    return bound


def _check_certificate(settings: Web, now: int) -> None:
    if settings.tls_cert is None or settings.tls_key is None:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"web.tls_cert, web.tls_key: {settings.tls_cert} and {settings.tls_key} cannot be used ({error});"
            " expected a PEM certificate chain and its private key"
        ) from error
    ended = not_after(settings.tls_cert.read_text(encoding="ascii", errors="replace"))
    if ended <= now:
        raise ConfigError(
            f"web.tls_cert: {settings.tls_cert} has expired at {to_iso(ended)}; renew it, or point HUB_WEB__TLS_CERT and"
            " HUB_WEB__TLS_KEY to one that is valid"
        )
