"""What an HTTP status says about trying again; one table for all channels."""

from __future__ import annotations

from typing import Final

_TRY_AGAIN: Final = frozenset({408, 409, 423, 425, 429})
"""Time-out, conflict, locked, too early, too many requests: the same message may pass later."""


def is_delivered(status: int) -> bool:
    """2xx."""
    return 200 <= status < 300


def is_permanent(status: int) -> bool:
    """Redirects and refusals of the request itself; a server in trouble (5xx) may recover."""
    return 300 <= status < 500 and status not in _TRY_AGAIN
