"""Sends devices what their formats call for (a Sparkplug rebirth), where the connection may write."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Final

from hub.clock import MINUTE, Clock
from hub.flows.batch import Asked, Decoded

_REMEMBERED: Final = 10_000
_log = logging.getLogger(__name__)

Send = Callable[[Asked], None]
"""Hands a message over for sending; returns at once."""


class Asking:
    """A listener of the batch source. Once a minute for each key, for live messages only: a replay asks for nothing."""

    def __init__(self, send: Send, clock: Clock, *, may_write: Collection[str], every_ms: int = MINUTE) -> None:
        self._send = send
        self._clock = clock
        self._may_write = frozenset(may_write)
        self._every_ms = every_ms
        self._sent: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._told: set[str] = set()

    def note(self, decoded: Decoded) -> None:
        """Look at what a batch asks for."""
        now = self._clock.now()
        for asked in decoded.asked:
            if now - asked.received_at > self._every_ms:
                continue
            if asked.connection not in self._may_write:
                self._say_forbidden(asked)
            elif self._is_due((asked.connection, asked.key), now):
                self._hand_over(asked)

    def _is_due(self, key: tuple[str, str], now: int) -> bool:
        last = self._sent.get(key)
        if last is not None and 0 <= now - last < self._every_ms:
            return False
        self._sent[key] = now
        self._sent.move_to_end(key)
        if len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)
        return True

    def _hand_over(self, asked: Asked) -> None:
        try:
            self._send(asked)
        except Exception:  # noqa: BLE001 - the devices will give cause again: it must not hold up a lane
            _log.warning("nothing sent to %s", asked.topic, exc_info=True, extra={"action": "asking_failed"})
        else:
            _log.info("sent to %s: %s", asked.topic, asked.why, extra={"action": "asked"})

    def _say_forbidden(self, asked: Asked) -> None:
        """Once a connection: the operator may want it."""
        if asked.connection not in self._told:
            self._told.add(asked.connection)
            _log.info(
                "connection %s: %s; the hub may not send there: set may_write = true if it should",
                asked.connection,
                asked.why,
                extra={"action": "asking_forbidden"},
            )
