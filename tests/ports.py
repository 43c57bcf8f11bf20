"""Ports for servers of tests: free a moment ago, and nobody else is given them before the server takes them.

They lie below those that the system gives to clients and to servers without a wish (Linux: 32768 and more), and every
worker of a test run has a share of its own.
"""

from __future__ import annotations

import os
import socket
from itertools import count
from typing import Final

_FIRST: Final = 12_000
_SHARE: Final = 2_500
_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
_numbers = count(os.getpid())  # another test run on the same machine begins elsewhere


def free_ports(how_many: int) -> list[int]:
    """So many, none of them given before."""
    found: list[int] = []
    for number in _numbers:
        port = _FIRST + _WORKER * _SHARE + number % _SHARE
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == how_many:
            break
    return found
