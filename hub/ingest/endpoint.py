"""Where a broker is and how one gets in: read from a connection's settings, shown without its password."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from hub.errors import ConfigError
from hub.settings import Connection

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A broker's address, taken apart."""

    connection: str
    scheme: str
    host: str
    port: int
    user: str | None
    password: str | None
    path: str
    """Of the websocket."""

    @property
    def tls(self) -> bool:
        return self.scheme in {"mqtts", "wss"}

    @property
    def websockets(self) -> bool:
        return self.scheme in {"ws", "wss"}

    @property
    def shown(self) -> str:
        """The address as it may stand in a log: no password."""
        user = f"{self.user}@" if self.user else ""
        return f"{self.scheme}://{user}{self.host}:{self.port}{self.path if self.websockets else ''}"


def endpoint_of(connection: Connection) -> Endpoint:
    """Take the address apart; ConfigError where it has no host or an impossible port."""
    parts = urlsplit(connection.url)
    try:
        port = parts.port
    except ValueError as error:
        raise ConfigError(
            f"MQTT connection {connection.name}: the port in the address is no number from 1 to 65535; "
            f"expected {parts.scheme}://user:pass@host:{_PORTS[parts.scheme]}"
        ) from error
    if not parts.hostname:
        raise ConfigError(
            f"MQTT connection {connection.name}: the address names no host; expected {parts.scheme}://broker.example"
        )
    return Endpoint(
        connection=connection.name,
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        path=parts.path or "/mqtt",
    )


def tls_context(connection: Connection) -> ssl.SSLContext:
    """Verify the broker against ``ca_file`` (else the system's authorities); show ``cert_file`` where there is one."""
    try:
        context = ssl.create_default_context(cafile=connection.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"MQTT connection {connection.name}: ca_file {connection.ca_file} cannot be used ({_why(error)}); "
            "expected a readable PEM file with the authority that signed the broker's certificate"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if connection.cert_file is not None:
        try:
            context.load_cert_chain(connection.cert_file, connection.key_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"MQTT connection {connection.name}: cert_file {connection.cert_file} with key_file "
                f"{connection.key_file or '(none)'} cannot be used ({_why(error)}); expected a PEM certificate "
                "and its private key"
            ) from error
    return context


def _why(error: OSError) -> str:
    return error.strerror or str(error)
