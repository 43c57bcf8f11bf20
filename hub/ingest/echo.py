"""Tells a device what was wrong with its message, so that an installer on site sees it at once."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from hub.clock import MINUTE, Clock
from hub.flows.batch import Decoded, Refusal
from hub.flows.error_topics import error_topic

_REMEMBERED: Final = 10_000
_log = logging.getLogger(__name__)

Publish = Callable[[str, str, bytes], None]
"""(connection, topic, payload); returns at once."""


class Echo:
    """Publishes the reason to ``community/v1/{community}/{device}/error``: once a minute and device, live frames only.

    A listener of the batch source. At most ``most_a_minute`` go out in all, so that garbage from many is not doubled.
    """

    def __init__(self, publish: Publish, clock: Clock, *, every_ms: int = MINUTE, most_a_minute: int = 600) -> None:
        self._publish = publish
        self._clock = clock
        self._every_ms = every_ms
        self._most_a_minute = most_a_minute
        self._told: OrderedDict[str, int] = OrderedDict()
        self._minute = 0
        self._sent = 0

    def note(self, decoded: Decoded) -> None:
        """Look at what a batch refused."""
        if not decoded.refusals:
            return
        now = self._clock.now()
        for refusal in decoded.refusals:
            topic = error_topic(refusal.topic)
            if topic is not None and now - refusal.received_at <= self._every_ms and self._may_tell(topic, now):
                self._tell(topic, refusal)

    def _may_tell(self, topic: str, now: int) -> bool:
        if now // MINUTE != self._minute:
            self._minute, self._sent = now // MINUTE, 0
        last = self._told.get(topic)
        if self._sent >= self._most_a_minute or (last is not None and 0 <= now - last < self._every_ms):
            return False
        self._sent += 1
        self._told[topic] = now
        self._told.move_to_end(topic)
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return True

    def _tell(self, topic: str, refusal: Refusal) -> None:
        words = {
            "ts": refusal.received_at,
            "topic": refusal.topic,
            "reason": refusal.reason,
            "detail": refusal.detail[:1_000],
        }
        try:
            self._publish(refusal.connection, topic, msgspec.json.encode(words))
        except Exception:  # noqa: BLE001 - a courtesy: it must not hold up a lane
            _log.warning("no word to %s", topic, exc_info=True, extra={"action": "echo_failed"})
