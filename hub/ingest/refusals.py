"""Why a broker was not reached or did not let the hub in, in sentences that say what would be right."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import Final

import paho.mqtt.client as mqtt

from hub.ingest.endpoint import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """``permanent``: trying again without changing something cannot help."""

    text: str
    permanent: bool


_CERTIFICATE: Final = {
    9: "is not valid yet: check this machine's clock, or wait for the certificate's first day",
    10: "has expired: renew it on the broker",
    18: "is signed by itself and not trusted: set ca_file to that certificate",
    19: "is signed by an authority that is not trusted: set ca_file to the certificate of the broker's own authority",
    20: "is signed by an authority that is not trusted: set ca_file to the certificate of the broker's own authority",
    21: "is signed by an authority that is not trusted: set ca_file to the certificate of the broker's own authority",
    23: "has been revoked: get a new one on the broker",
    62: "is for another host name: use the name that stands in the certificate",
    64: "is for another address: use the name or address that stands in the certificate",
}

_REASONS: Final = {
    "Bad user name or password": "refuses the user name or password: correct them in the address "
    "(mqtt://user:pass@host) or in the broker's password file",
    "Not authorized": "does not authorise {user}: give the right user name and password in the address "
    "(mqtt://user:pass@host) or allow this user on the broker",
    "Client identifier not valid": "refuses the client id {client_id}: set HUB_MQTT__CLIENT_ID to one that it allows",
    "Banned": "has banned {user}: lift the ban on the broker",
    "Unsupported protocol version": "knows neither MQTT 5 nor MQTT 3.1.1: expected a broker that speaks one of them",
    "Bad authentication method": "wants an authentication that the hub does not speak: expected user name and "
    "password, or a client certificate",
}


def connack_refusal(endpoint: Endpoint, reason: str, *, client_id: str) -> Refusal:
    """The broker answered, and said no."""
    known = _REASONS.get(reason)
    what = known or f"refuses the connection ({reason}): see the broker's log"
    user = f"the user {endpoint.user}" if endpoint.user else "clients without a user name"
    return Refusal(text=_sentence(endpoint, what.format(user=user, client_id=client_id)), permanent=known is not None)


def no_answer(endpoint: Endpoint, *, seconds: float) -> Refusal:
    """A connection, but nothing that begins an MQTT conversation."""
    other = {"mqtt": "mqtts", "mqtts": "mqtt", "ws": "wss", "wss": "ws"}[endpoint.scheme]
    return Refusal(
        text=_sentence(
            endpoint,
            f"takes the connection but gives no MQTT answer (waited up to {seconds:g} s): check that this port is the "
            f"broker's {endpoint.scheme}:// listener; {other}:// and websockets have ports of their own",
        ),
        permanent=True,
    )


def connect_refusal(endpoint: Endpoint, error: Exception) -> Refusal:
    """The connection did not come about."""
    what = _what_tls_says(endpoint, error)
    if what is not None:
        return Refusal(text=_sentence(endpoint, what), permanent=True)
    if isinstance(error, socket.gaierror):
        what = f"cannot be found: the host name {endpoint.host} does not resolve; correct it or the DNS"
    elif isinstance(error, ConnectionRefusedError):
        what = f"refuses connections: nothing listens on port {endpoint.port}; start the broker or correct the port"
    elif isinstance(error, ConnectionError) and endpoint.tls:
        what = "ends the connection in the middle of the TLS handshake: check that this port is a TLS listener"
    elif isinstance(error, TimeoutError):
        what = "does not answer: check the address, the firewall, and that the port is the right one for this scheme"
    else:
        what = f"cannot be reached ({error}): check the address"
    return Refusal(text=_sentence(endpoint, what), permanent=False)


def _what_tls_says(endpoint: Endpoint, error: Exception) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        flaw = _CERTIFICATE.get(error.verify_code, f"cannot be trusted ({error.verify_message})")
        return f"shows a certificate that {flaw}"
    if isinstance(error, ssl.SSLError):
        return (
            f"does not complete the TLS handshake ({error.reason or error}): check that this port is a TLS listener, "
            "and that cert_file is set if it asks for a client certificate"
        )
    if isinstance(error, mqtt.WebsocketConnectionError):
        return (
            f"does not open a websocket at {endpoint.path} ({error}): check the port and the path of its "
            "websocket listener"
        )
    return None


def _sentence(endpoint: Endpoint, what: str) -> str:
    return f"MQTT connection {endpoint.connection}: the broker {endpoint.shown} {what}"
