"""Whether a web address can be reached, without asking it anything."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

TIMEOUT_S: Final = 5.0


class Untouched(Exception):
    """It cannot be reached; the text says why, without the address, which may be a secret."""


def touch(url: str, *, may: Callable[[str], bool] = lambda _address: True) -> None:
    """Connect, over TLS where the address wants it, and hang up. Untouched. ``may``: to which IP addresses the hub goes."""
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    parts = urlsplit(url)
    secure = parts.scheme == "https"
    if not parts.hostname:
        raise Untouched("is no web address: expected https://host/path")
    try:
        port = parts.port or (443 if secure else 80)
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        if not all(may(str(address[0])) for *_, address in found):
            raise Untouched("leads to a private address, to which the hub does not go")
        with socket.create_connection((parts.hostname, port), TIMEOUT_S) as connection:
            if secure:
                # The authorities that requests believes, for the hub itself asks with it.
                context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
                context.wrap_socket(connection, server_hostname=parts.hostname).close()
    except ssl.SSLCertVerificationError as error:
        raise Untouched(f"its certificate is not trusted ({error.verify_message})") from error
    except (OSError, UnicodeError, ValueError) as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        raise Untouched(f"cannot be reached ({said})") from error
