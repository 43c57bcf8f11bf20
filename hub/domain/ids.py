"""Ids that sort by the time they were made: UUID version 7 (RFC 9562)."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

_SEQUENCE_LIMIT = 1 << 12


def uuid7(ms: int, sequence: int, random: bytes) -> str:
    """The UUIDv7 of an instant (epoch ms), a sequence number below 4096 and eight random bytes. Pure."""
    tail = int.from_bytes(random[:8], "big") & ((1 << 62) - 1)
    number = (ms & ((1 << 48) - 1)) << 80 | 0x7 << 76 | (sequence & 0xFFF) << 64 | 0b10 << 62 | tail
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def instant_of(id_: str) -> int:
    """When an id was made, epoch ms: the inverse of ``uuid7``. ValueError for what is no UUID. Pure."""
    return int(id_.replace("-", "")[:12], 16)


class IdMaker:
    """Makes UUIDv7s that sort in the order in which this process made them, also where time stands or goes back.

    ``make(ms)`` takes the instant from the caller; an instant before the last one made counts as that one.
    """

    def __init__(self, random: Callable[[int], bytes] = os.urandom) -> None:
        self._random = random
        self._lock = threading.Lock()
        self._ms = 0
        self._sequence = 0

    def make(self, ms: int) -> str:
        """The next id."""
        with self._lock:
            if ms > self._ms:
                self._ms, self._sequence = ms, 0
            else:
                self._sequence += 1
                if self._sequence == _SEQUENCE_LIMIT:
                    self._ms, self._sequence = self._ms + 1, 0
            return uuid7(self._ms, self._sequence, self._random(8))
