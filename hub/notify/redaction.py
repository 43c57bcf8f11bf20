"""Keeps secrets out of what people and logs get to see."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus, unquote

MASK: Final = "•••"
LONGEST: Final = 500
_PARTS: Final = re.compile(r"[/:@?&=#,]+")
_SHORTEST: Final = 4
"""Shorter parts of an address (ports, ``v1``) are no secrets, and masking them would garble every text."""


def redact(text: str, secrets: Iterable[str]) -> str:
    """``text`` on one line and not too long, each secret masked, also in its URL-encoded forms."""
    for secret in sorted({form for one in secrets for form in _forms(one)}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return " ".join(text.split())[:LONGEST]


def parts_of(url: str) -> tuple[str, ...]:
    """Everything of an address but its scheme, whole and in parts: chat services hide tokens in any of them."""
    _, _, rest = url.partition("://")
    return (url, rest or url, *(part for part in _PARTS.split(rest or url) if len(part) >= _SHORTEST))


def _forms(secret: str) -> set[str]:
    if not secret:
        return set()
    return {secret, unquote(secret), quote(secret, safe=""), quote_plus(secret), quote(secret)} - {""}
