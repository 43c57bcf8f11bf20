"""The push inlet: a vendor's cloud is answered 200 when its message is on the disk, and never before."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from typing import Final

from hub.clock import SECOND, Clock
from hub.domain.health import Health
from hub.flows.pushing import Answer, Delivery
from hub.ingest.commits import Commit, Commits
from hub.ingest.frames import Frame, Intake
from hub.ingest.push_checks import Verdict
from hub.ingest.push_meters import PushMeters
from hub.ingest.push_source import Source
from hub.settings import Push

AT_ONCE: Final = 16
"""Requests that wait for their commit: fewer than the web server has threads, so that pages go on."""
UNDER_WAY: Final = 256
"""Frames that may be on their way into the journal, those whose senders were told to come again included."""
_AGAIN_S: Final = 1
_UNKNOWN: Final = Answer(404, "not_found", "no such source")


class PushInlet:
    """Implements ``flows.pushing.Inlet``. ``take`` is called on the web server's worker threads and waits there."""

    def __init__(
        self, settings: Push, *, intake: Intake, clock: Clock, meters: PushMeters, at_once: int = AT_ONCE
    ) -> None:
        self._clock = clock
        self._meters = meters
        self._patience_s = settings.answer_within_ms / SECOND
        self._commits = Commits(intake, most=UNDER_WAY)
        self._turns = threading.BoundedSemaphore(at_once)
        self._deciding = threading.Lock()
        self._sources = {each.name: Source(each) for each in settings.sources}

    @property
    def lasts_ms(self) -> int:
        """How far back the journal's notes of signed pushes count; 0: nobody makes any."""
        return max((source.check.lasts_ms or 0 for source in self._sources.values()), default=0)

    def open(self, recent: Iterable[Frame]) -> None:
        """From now on something can come. ``recent``: frames of the journal; signed pushes, and notes of them, are known again."""
        by_connection = {source.connection: source for source in self._sources.values()}
        for source in self._sources.values():
            source.open(self._clock.now())
        for frame in recent:
            if frame.connection in by_connection:
                by_connection[frame.connection].recall(frame)

    # --- for the web ------------------------------------------------------------------------------------------

    def look(self, delivery: Delivery) -> Answer | None:
        source = self._sources.get(delivery.source)
        if source is None:
            self._meters.unknown.inc()
            return _UNKNOWN
        verdict = source.check.early(delivery)
        return self._refuse(source, verdict) if verdict.slug else None

    def greet(self, delivery: Delivery) -> Answer:
        source = self._sources.get(delivery.source)
        if source is None:
            self._meters.unknown.inc()
            return _UNKNOWN
        word = source.check.greet(delivery)
        if word is None:
            return Answer(405, "method_not_allowed", "push to this address with POST")
        if isinstance(word, Verdict):
            return self._refuse(source, word)
        self._count(source, "greeted")
        return Answer(200, text=word)

    def take(self, delivery: Delivery) -> Answer:
        source = self._sources.get(delivery.source)
        if source is None:
            return _UNKNOWN
        with self._meters.answer_seconds.time():
            return self._take(source, delivery)

    def declined(self, source: str, answer: Answer) -> None:
        found = self._sources.get(source)
        if found is None:
            return
        if answer.retry_after_s is None:
            self._count(found, "refused")
            found.refused(answer, self._clock.now())
        else:
            self._put_off(found, "turned_away")

    def health(self, now: int) -> Sequence[Health]:
        """One line a source."""
        return [source.health(now) for source in self._sources.values()]

    # --- inside -----------------------------------------------------------------------------------------------

    def _take(self, source: Source, delivery: Delivery) -> Answer:
        now = self._clock.now()
        verdict = source.check.judge(delivery, now)
        if verdict.slug:
            return self._refuse(source, verdict)
        wait = source.pace(now)
        if wait:
            self._put_off(source, "limited")
            return Answer(429, "too_many", "more than this source's rate_per_s", retry_after_s=-(-wait // SECOND))
        if not self._turns.acquire(blocking=False):
            return self._busy(source, "too many pushes wait for their commit")
        try:
            return self._journal(source, delivery, verdict.key, now)
        finally:
            self._turns.release()

    def _journal(self, source: Source, delivery: Delivery, key: bytes | None, now: int) -> Answer:
        content = key or hashlib.blake2b(delivery.body, digest_size=16).digest()
        with self._deciding:  # two equal ones at the same moment are one
            if key is not None and source.known(key):
                commit, outcome = source.under_way(key), "repeat"
            else:
                commit, outcome = source.return_of(content, now), "accepted"
                if commit is None:
                    commit = self._put(source, delivery, key, now)
                    if commit is None:
                        return self._busy(source, "the journal does not keep up")
                if key is not None:
                    source.signed(key, commit, now)
        if commit is not None and not commit.wait(self._patience_s):
            if key is None:
                source.leave(content, commit, now)
            return self._busy(source, "the journal does not commit just now")
        self._count(source, outcome)
        source.heard(self._clock.now(), again=outcome == "repeat")
        return Answer(200, text=source.thanks)

    def _put(self, source: Source, delivery: Delivery, key: bytes | None, now: int) -> Commit | None:
        return self._commits.put(
            source.connection,
            source.topic,
            delivery.body,
            received_at=now,
            content_type=delivery.content_type,
            beside=source.note(key, now),
        )

    def _refuse(self, source: Source, verdict: Verdict) -> Answer:
        answer = Answer(verdict.status, verdict.slug, verdict.detail)
        self._count(source, "refused")
        source.refused(answer, self._clock.now())
        return answer

    def _busy(self, source: Source, why: str) -> Answer:
        self._put_off(source, "turned_away")
        return Answer(503, "not_durable", f"{why}: nothing was acknowledged, send it again", retry_after_s=_AGAIN_S)

    def _put_off(self, source: Source, outcome: str) -> None:
        self._count(source, outcome)
        source.put_off(outcome)

    def _count(self, source: Source, outcome: str) -> None:
        self._meters.requests.labels(source.name, outcome).inc()
