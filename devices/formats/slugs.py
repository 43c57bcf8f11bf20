"""Foreign words as parts of ids and names: short, in characters that are safe in paths, and different where the words are."""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from typing import Final

_NO_CHANNEL: Final = re.compile(r"[^a-z0-9_-]+")
_NO_ID: Final = re.compile(r"[^a-z0-9._:-]+")
_REMEMBERED: Final = 128
"""Longer words are not remembered, so that the memory is bounded."""


def channel_slug(word: str) -> str:
    """The word as a channel: lower-case letters, digits, ``_`` and ``-``, at most 60; empty only for a word without any."""
    return _channel(word) if len(word) <= _REMEMBERED else _channel.__wrapped__(word)


def id_slug(word: str) -> str:
    """The word as an id: as a channel, and ``.`` and ``:`` stay; at most 100, never empty."""
    return _id(word) if len(word) <= _REMEMBERED else _id.__wrapped__(word)


@lru_cache(maxsize=4096)
def _channel(word: str) -> str:
    return _cut(_NO_CHANNEL, word, 60)


@lru_cache(maxsize=4096)
def _id(word: str) -> str:
    return _cut(_NO_ID, word, 100) or "-"


def _cut(others: re.Pattern[str], word: str, longest: int) -> str:
    """Without other characters. Where letters that are not ASCII or an end would be lost, a checksum tells words apart."""
    found = others.sub("-", word.lower()).strip("-")
    if word.isascii() and len(found) <= longest:
        return found
    return f"{found[: longest - 9]}-{zlib.crc32(word.encode('utf-8', 'replace')):08x}".strip("-")
