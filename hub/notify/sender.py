"""Sends what the outbox holds: at least once, with a dedupe key, every attempt on record.

Each channel has a thread of its own, so that a mail server that hangs holds up no chat message. A thread claims one
notice (a transaction), sends it (none), and records how it ended (another one). A crash in between lets the lease run
out and the notice is sent again with the same dedupe key.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from hub.clock import MINUTE, SECOND, Clock
from hub.domain.health import Health, Status
from hub.domain.notices import Notice
from hub.errors import SendFailed, StoreUnavailable
from hub.flows.ports import Books, NoticeBook, Queue, Records
from hub.notify.backoff import chance_of, next_attempt
from hub.notify.channels import Channel, NoSuchChannel
from hub.notify.redaction import redact

log = logging.getLogger(__name__)

LEASE_MS: Final = MINUTE
"""Longer than any channel's time-outs together."""
_IDLE_S: Final = 5.0
"""How long a thread without work waits at most before it looks again; ``wake`` cuts it short."""
_STORE_WAIT_S: Final = 1.0
_LOST_S: Final = 0.05
"""Another process was first: look again a little later."""
_LATE_MS: Final = 10 * MINUTE
"""A notice that waits longer makes the component degraded."""
_NOWHERE: Final = "(unknown)"


class Sender:
    """``start`` begins sending; ``stop`` ends after the notices under way; ``wake`` says that there are new ones."""

    def __init__(
        self,
        records: Records[Books],
        channels: Mapping[str, Channel],
        *,
        clock: Clock,
        attempts: int,
        metrics: CollectorRegistry | None = None,
    ) -> None:
        self._records = records
        self._clock = clock
        self._attempts = attempts
        self._stopping = threading.Event()
        self._errors: dict[str, str] = {}
        metrics = metrics or CollectorRegistry()
        self._ended = Counter(
            "hub_notice_attempts", "Attempts to send a notice", ["channel", "outcome"], registry=metrics
        )
        waiting = Gauge("hub_notices_waiting", "Notices that have not left yet", registry=metrics)
        waiting.set_function(self._number_waiting)
        names = tuple(sorted(channels))
        self._desks = [_Desk(self, name, channels[name], Queue(only=name)) for name in names]
        self._desks.append(_Desk(self, _NOWHERE, NoSuchChannel(names), Queue(without=frozenset(names))))

    def start(self) -> None:
        """Begin with what waits, also from before a restart."""
        for desk in self._desks:
            desk.thread.start()

    def stop(self, patience_s: float = 2.0) -> None:
        """Claim no more, and finish the notices under way if they end soon; what hangs is sent again by its lease."""
        self._stopping.set()
        self.wake()
        deadline = time.monotonic() + patience_s
        for desk in self._desks:
            if desk.thread.ident is not None:
                desk.thread.join(max(0.0, deadline - time.monotonic()))

    def wake(self, channels: Collection[str] | None = None) -> None:
        """New notices were written, for these channels alone where they are named, or the clock was wound: look at once."""
        for desk in self._desks:
            if channels is None or any(desk.queue.holds(channel) for channel in channels):
                desk.bell.set()

    def health(self, now: int) -> Health:
        """Degraded where a channel's last attempt failed or a notice waits for more than ten minutes."""
        try:
            waiting, oldest = self._records.read(lambda books: books.notices.waiting())
        except StoreUnavailable as error:
            return Health(component="notices", status=Status.DEGRADED, reason=str(error))
        age = None if oldest is None else max(0, now - oldest)
        errors = dict(self._errors)
        facts: dict[str, str | int | float | None] = {"waiting": waiting, "oldest_age_ms": age}
        facts |= {f"last_error_{name}": text for name, text in sorted(errors.items())}
        reasons = [f"{name}: {text}" for name, text in sorted(errors.items())]
        if age is not None and age > _LATE_MS:
            reasons.append(f"{waiting} notices wait, the oldest for {age // MINUTE} minutes")
        status = Status.DEGRADED if reasons else Status.OK
        return Health(component="notices", status=status, reason="; ".join(reasons), facts=facts)

    def claim(self, queue: Queue) -> Notice | None:
        """The most urgent notice of the queue, leased."""
        now = self._clock.now()
        found = self._records.write(lambda books: books.notices.claim(now, lease_ms=LEASE_MS, limit=1, queue=queue))
        return found[0] if found else None

    def deliver(self, notice: Notice, channel: Channel) -> None:
        """One attempt, and its record."""
        started = time.monotonic()
        failure: SendFailed | None = None
        try:
            channel.send(notice)
        except SendFailed as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - a fault in a channel must not stop the others' notices
            failure = SendFailed(f"the channel failed: {type(error).__name__}: {error}", permanent=False)
        took_ms = round((time.monotonic() - started) * 1000)
        self._record(self._outcome(notice, failure, took_ms, channel))

    def wait_s(self, queue: Queue) -> float:
        """Seconds until the queue's next notice is due."""
        due = self._records.read(lambda books: books.notices.next_due(queue))
        return _IDLE_S if due is None else min(_IDLE_S, max(0.0, (due - self._clock.now()) / SECOND))

    @property
    def stopping(self) -> bool:
        """Whether the threads should end."""
        return self._stopping.is_set()

    def _number_waiting(self) -> float:
        try:
            return self._records.read(lambda books: books.notices.waiting())[0]
        except StoreUnavailable:
            return math.nan

    def _outcome(
        self, notice: Notice, failure: SendFailed | None, took_ms: int, channel: Channel
    ) -> Callable[[NoticeBook], None]:
        now = self._clock.now()
        if failure is None:
            self._note(notice, "sent", "")
            return lambda book: book.sent(notice, now=now, took_ms=took_ms)
        error = redact(str(failure), channel.secrets(notice.address))
        again = None
        if not failure.permanent:
            chance = chance_of(notice.dedupe_key, notice.attempts)
            again = next_attempt(notice.attempts, now, notice.priority, limit=self._attempts, chance=chance)
        if again is not None:
            self._note(notice, "temporary", error)
            return lambda book: book.retry(notice, now=now, took_ms=took_ms, next_at=again, error=error)
        self._note(notice, "permanent" if failure.permanent else "given_up", error)
        return lambda book: book.failed(notice, now=now, took_ms=took_ms, error=error, permanent=failure.permanent)

    def _record(self, outcome: Callable[[NoticeBook], None]) -> None:
        """Until the store takes it: an attempt that is forgotten would be made again."""
        while True:
            try:
                return self._records.write(lambda books: outcome(books.notices))
            except StoreUnavailable as error:
                if self._stopping.wait(_STORE_WAIT_S):
                    log.warning("an attempt could not be recorded and will be repeated: %s", error)
                    return None

    def _note(self, notice: Notice, outcome: str, error: str) -> None:
        self._ended.labels(channel=notice.channel, outcome=outcome).inc()
        ids = {"action": f"notice_{outcome}", "notice": notice.id, "ticket": notice.ticket, "attempt": notice.attempts}
        if outcome == "sent":
            self._errors.pop(notice.channel, None)
            log.info("notice sent by %s", notice.channel, extra=ids)
            return
        self._errors[notice.channel] = error
        level = logging.WARNING if outcome == "temporary" else logging.ERROR
        log.log(level, "notice not sent by %s: %s", notice.channel, error, extra=ids)


class _Desk:
    """One channel's thread."""

    def __init__(self, sender: Sender, name: str, channel: Channel, queue: Queue) -> None:
        self._sender = sender
        self._channel = channel
        self.queue = queue
        self.bell = threading.Event()
        self.thread = threading.Thread(target=self._loop, name=f"sender-{name}", daemon=True)

    def _loop(self) -> None:
        while not self._sender.stopping:
            self.bell.clear()
            try:
                wait = self._turn()
            except StoreUnavailable as error:
                log.warning("the outbox waits for its store: %s", error)
                wait = _STORE_WAIT_S
            except Exception:
                log.exception("the sender met something it does not know and goes on", extra={"action": "sender_fault"})
                wait = _STORE_WAIT_S
            if wait:
                self.bell.wait(wait)

    def _turn(self) -> float:
        """One notice; seconds to wait before the next look. Looking is a read: it does not keep writers waiting."""
        wait = self._sender.wait_s(self.queue)
        if wait > 0:
            return wait
        notice = self._sender.claim(self.queue)
        if notice is None:
            return _LOST_S
        self._sender.deliver(notice, self._channel)
        return 0.0
