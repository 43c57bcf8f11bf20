"""Where a device hears what was wrong with its message: only the hub's own format has a topic for it. Pure."""

from __future__ import annotations

import re
from typing import Final

_NATIVE: Final = re.compile(r"(community/v1/[a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9-]{0,62})/[^/]+")


def error_topic(topic: str) -> str | None:
    """The topic for what is wrong with a message on ``topic``; None: its format has none, and nobody is told."""
    found = _NATIVE.fullmatch(topic)
    return None if found is None else f"{found[1]}/error"
