"""How often somebody may try a password: counted per login and address, in memory."""

from __future__ import annotations

import threading
from typing import Final

from hub.clock import MINUTE, SECOND

FREE_TRIES: Final = 5
FIRST_WAIT_MS: Final = 30 * SECOND
LONGEST_WAIT_MS: Final = 15 * MINUTE
ADDRESS_TRIES: Final = 50
"""Failures of one address over all logins before it waits too."""
REMEMBERED: Final = 10_000


class Attempts:
    """After five failures each further one doubles the wait, to at most a quarter of an hour."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed: dict[tuple[str, str], tuple[int, int]] = {}

    def wait(self, login: str, address: str, now: int) -> int:
        """Milliseconds until this login may be tried again from this address; 0: at once."""
        with self._lock:
            return max(self._left((login, address), FREE_TRIES, now), self._left(("", address), ADDRESS_TRIES, now))

    def failed(self, login: str, address: str, now: int) -> None:
        """Count a failure."""
        with self._lock:
            for key in ((login, address), ("", address)):
                count, last = self._failed.pop(key, (0, now))
                if now - last > 2 * LONGEST_WAIT_MS:
                    count = 0
                self._failed[key] = (count + 1, now)
            while len(self._failed) > REMEMBERED:
                del self._failed[next(iter(self._failed))]

    def succeeded(self, login: str, address: str) -> None:
        """A right password forgets the wrong ones of this login."""
        with self._lock:
            self._failed.pop((login, address), None)

    def _left(self, key: tuple[str, str], free: int, now: int) -> int:
        count, last = self._failed.get(key, (0, 0))
        if count < free:
            return 0
        wait = min(FIRST_WAIT_MS << min(count - free, 10), LONGEST_WAIT_MS)
        return max(0, last + wait - now)
