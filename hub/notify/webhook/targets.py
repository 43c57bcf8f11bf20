"""Connections that go to public addresses only: a webhook must not be a way into the hub's own network."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any, Final

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from hub.notify.webhook.private_target import PrivateTarget

Address = tuple[Any, ...]
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether the address belongs to the open internet. IPv4 inside IPv6 counts as what it holds."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


class PublicOnly(HTTPAdapter):
    """For requests: resolves the host once and connects to the very address it has checked."""

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:  # noqa: FBT001, FBT002 - requests' own signature
        """Called by requests."""
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


def _connect(connection: HTTPConnection) -> socket.socket:
    host = connection.host.strip("[]")
    try:
        found: list[Address] = [item[4] for item in socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)]
    except OSError as error:
        raise NameResolutionError(host, connection, socket.gaierror(str(error))) from error
    if not all(is_public(str(address[0])) for address in found):
        raise PrivateTarget(f"{host} leads to a private address")
    timeout = connection.timeout if isinstance(connection.timeout, int | float) else 5.0
    failure: OSError | None = None
    for address in found:
        try:
            return socket.create_connection((str(address[0]), connection.port), timeout)
        except OSError as error:
            failure = error
    if isinstance(failure, TimeoutError):
        raise ConnectTimeoutError(connection, f"connection to {host} timed out") from failure
    raise NewConnectionError(connection, f"no connection to {host}: {failure}") from failure


class _Http(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self)


class _Https(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https
