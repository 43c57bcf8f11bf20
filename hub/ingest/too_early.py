"""Messages that came before the inventory or birth which explains them: sent through again once it has come."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable
from typing import Final, Protocol

from hub.clock import MINUTE, SECOND, Clock
from hub.errors import StoreUnavailable
from hub.flows.batch import Decoded
from hub.ingest.announcing import of_a_format
from hub.ingest.quarantine import RedriveResult

REASONS: Final = frozenset({"unknown_device", "before_birth"})
"""Of refusals that the sender's next inventory or birth mends."""
YOUNG_MS: Final = 10 * MINUTE
"""What came earlier waits for a person: nobody knows any more what it would change."""
_BETWEEN_MS: Final = SECOND
"""At most so often: a plant whose every node is born again teaches something with each message."""
_log = logging.getLogger(__name__)


class Desk(Protocol):
    """As hub.ingest.quarantine.QuarantineDesk."""

    def redrive_waiting(self, connection: str, reasons: Collection[str], since: int) -> RedriveResult: ...


class TooEarly:
    """Told of every batch that the alarm lane, which keeps the quarantine, has committed; works on a thread of its own.

    A connection is looked at when one of its formats has learned something and a message of it waits, or might since
    before the start. A message that is understood now leaves the quarantine, so none is sent through twice.
    """

    def __init__(self, desk: Desk, clock: Clock, *, connections: Iterable[str], between_ms: int = _BETWEEN_MS) -> None:
        self._desk = desk
        self._clock = clock
        self._between_s = between_ms / SECOND
        self._waiting = dict.fromkeys(connections, clock.now())
        """Connection -> when the last message came that may wait."""
        self._due: dict[str, None] = {}
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="too-early", daemon=True)

    def note(self, batch: Decoded) -> None:
        """Look at what waits from now on, and at who has learned something."""
        if not batch.refusals and not batch.learned:
            return
        with self._changed:
            for refusal in batch.refusals:
                if refusal.whole and refusal.reason in REASONS:
                    self._waiting[refusal.connection] = refusal.received_at
            due = {each.connection for each in batch.learned if of_a_format(each)} & self._waiting.keys()
            if due:
                self._due |= dict.fromkeys(sorted(due))
                self._changed.notify_all()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the message at hand."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._due or self._stopping.is_set())
                due, self._due = list(self._due), {}
            for connection in due:
                if not self._stopping.is_set():
                    self._look(connection)
            self._stopping.wait(self._between_s)

    def _look(self, connection: str) -> None:
        since = self._clock.now() - YOUNG_MS
        with self._changed:
            if self._waiting.get(connection, 0) < since:
                self._waiting.pop(connection, None)
                return
        try:
            done = self._desk.redrive_waiting(connection, REASONS, since)
        except StoreUnavailable as error:
            _log.warning(
                "what came too early on %s waits on: %s", connection, error, extra={"action": "too_early_waits"}
            )
        except Exception:  # noqa: BLE001 - it must not end with one message; a person can still send it through
            _log.exception("what came too early on %s stays", connection, extra={"action": "too_early_failed"})
        else:
            if done.understood:
                words = {"action": "too_early_read", "understood": done.understood, "refused": done.refused}
                _log.info("read again what came too early on %s", connection, extra=words)
